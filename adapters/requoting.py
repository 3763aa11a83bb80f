"""Answers that repeat a copy which people of this RSE took away: they repeat it no longer here, and go on as they are everywhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from adapters.applied import CLOSE_INTENT
from adapters.ledger import LedgerUnavailable
from adapters.memory import OBJECT_COLUMNS, VERSIONS_KEPT, object_of
from adapters.port import WITHDRAWN, Act, Never, Order, Written
from adapters.quotations import KEPT, Attempt
from adapters.together import Together

if TYPE_CHECKING:
    from adapters.bench import Bench
    from adapters.ledger import Ledger
    from adapters.memory import KnownObject
    from adapters.quotations import Quotes

LOOK_SECONDS: Final = 5.0
"""As often as eXo, the one RSE whose answers repeat words, is looked at: what was taken away is seen no sooner."""
STALE: Final = f"""
    SELECT {", ".join(f"quoting.{name}" for name in OBJECT_COLUMNS.split(", "))},
        (SELECT copy.native_id FROM objects copy WHERE copy.instance = $1 AND copy.subject = quoting.quoted AND copy.kind = 'message'
            AND NOT copy.deleted AND NOT copy.withdrawn LIMIT 1) AS answered
    FROM objects quoting WHERE quoting.instance = $1 AND quoting.stale AND NOT quoting.deleted AND NOT quoting.withdrawn
    ORDER BY quoting.native_id
"""  # noqa: S608 - constants
FRESH: Final = f"""
    UPDATE objects SET stale = false, versions = CASE WHEN $3::text IS NULL THEN versions
        ELSE (array_append(versions, $3))[greatest(1, cardinality(versions) + 2 - {VERSIONS_KEPT}):] END
    WHERE instance = $1 AND native_id = $2 RETURNING native_id
"""  # noqa: S608 - constants
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stale:
    """A copy that repeats words of what is no longer as it was here; `answered` is that object, None where nobody reads it here now."""

    copy: KnownObject
    answered: str | None


class Requoting:
    """The hub is not asked: a local withdrawal is this RSE's own. The ledger tells what is to be rewritten, so that no end of a process forgets it."""

    def __init__(self, bench: Bench, client: Quotes, ledger: Ledger) -> None:
        self._bench, self._client, self._ledger = bench, client, ledger

    async def run(self) -> None:
        """Rewrite for ever what is stale."""
        while True:
            try:
                await self._renew()
            except LedgerUnavailable as error:
                log.warning("requoting_waits", instance=self._bench.name, error=type(error).__name__)
            await self._bench.sleep(LOOK_SECONDS)

    async def _renew(self) -> None:
        for stale in await self._stale():
            attempt = Attempt(self._bench, self._client, _order(stale), stale.answered)
            match await self._bench.pause.through(attempt):
                case Written(version=version):
                    await self._keep(attempt.order.key, stale.copy.native_id, version)
                case Never(reason=reason):
                    if reason != WITHDRAWN:
                        log.error(KEPT, instance=self._bench.name, object=stale.copy.native_id, reason=reason)
                    await self._keep(attempt.order.key, stale.copy.native_id, None)

    async def _stale(self) -> list[Stale]:
        async with self._ledger.connection() as connection:
            rows = await connection.fetch(STALE, self._bench.name)
        return [Stale(object_of(row), row["answered"]) for row in rows]

    async def _keep(self, key: str, native_id: str, version: str | None) -> None:
        """It is as it is to be, in the version that we wrote; None where it could not be rewritten."""
        kept = Together()
        kept.add(CLOSE_INTENT, self._bench.name, key, native_id)
        async with self._ledger.connection() as connection:
            await kept.fetchval(connection, FRESH, self._bench.name, native_id, version)


def _order(stale: Stale) -> Order:
    copy = stale.copy
    return Order(Act.EDITED, f"requote.{copy.native_id}", copy.subject, copy.space, native_id=copy.native_id)
