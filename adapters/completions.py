"""Asks an RSE again for what it could not tell when its webhook came; what it fails on is set behind the rest."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from adapters.gateway import answered, named
from adapters.port import Act, Change, Later, Standing
from adapters.rounds import outlived
from adapters.set_back import IN_A_ROW, SetBack, of_one
from adapters.sorting import Stored
from adapters.spool import Kind, unpack_incomplete
from adapters.threads import BEHIND
from schemas.wire.records import CORRELATION, new_correlation

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.admission import Admission
    from adapters.port import Incomplete, Outcome, RseClient
    from adapters.spool import Row, Spool

AGAIN_SECONDS = 2.0
AT_ONCE = 20
ENOUGH_TRIES: Final = 10
ENOUGH: Final = timedelta(hours=6)
"""So long an RSE may fail on one object; then what its webhook proved is told as it stands, where it proved anything."""
MESSAGE_WAITS: Final = Later("message_waits")
log = structlog.get_logger()


class Completions:
    """The incomplete changes of one instance."""

    def __init__(
        self,
        name: str,
        client: RseClient,
        spool: Spool,
        admission: Admission,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._name, self._client, self._spool, self._admission, self._clock = name, client, spool, admission, clock
        self._behind = SetBack(name, "completions", lambda: clock().timestamp())
        self._objects: dict[str, str] = {}
        self._seen = -1

    async def run(self) -> None:
        """Ask for ever, oldest first."""
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            await outlived("completions", self._name, self._round, AGAIN_SECONDS)

    async def _round(self) -> float:
        await self.ask()
        return AGAIN_SECONDS

    async def ask(self) -> None:
        """Ask for the oldest ones, then for those that were set back and are due; where the RSE fails on several in a row the round ends."""
        if not self._spool.waiting[Kind.INCOMPLETE]:
            self._behind.clear()
        try:
            await self._ask()
        finally:
            self._spool.set_back = len(self._behind)

    async def _ask(self) -> None:
        if not self._spool.waiting[Kind.INCOMPLETE]:
            return
        in_a_row = 0
        for row in [*await self._fresh(), *await self._due()]:
            refused = await self._settled(row)
            if refused is None or refused is MESSAGE_WAITS:
                in_a_row = 0
                continue
            in_a_row += 1
            if not of_one(refused) or in_a_row == IN_A_ROW:
                return

    async def _fresh(self) -> list[Row]:
        """The oldest that were not set back; what was stored out of its turn is found at the next reading from the beginning."""
        rows = await self._spool.first(Kind.INCOMPLETE, AT_ONCE, after=self._seen)
        fresh = [row for row in rows if str(row.position) not in self._behind]
        if rows:
            self._seen = fresh[0].position - 1 if fresh else rows[-1].position
        elif self._spool.waiting[Kind.INCOMPLETE] > len(self._behind):
            self._seen = -1
        return fresh

    async def _due(self) -> list[Row]:
        found: list[Row] = []
        for key in self._behind.due()[:AT_ONCE]:
            row = next(iter(await self._spool.first(Kind.INCOMPLETE, 1, after=int(key) - 1)), None)
            if row is not None and str(row.position) == key:
                found.append(row)
            else:
                self._behind.settled(key)  # another process has settled it
        return found

    async def _settled(self, row: Row) -> Later | None:
        async with self._admission.asking:
            return await self._asked(row)

    async def _asked(self, row: Row) -> Later | None:
        incomplete, key = unpack_incomplete(row.value), str(row.position)
        found = self._set_on(incomplete) or await answered(self._client, incomplete)
        if isinstance(found, Later) and of_one(found):
            self._behind.failed(key, found)
            self._objects = {one: name for one, name in self._objects.items() if one in self._behind} | {key: _said_of(incomplete)}
            found = await self._otherwise(row, incomplete) or found
        if isinstance(found, Later):
            return found
        correlation = dict(row.record.headers).get(CORRELATION, b"").decode() or new_correlation()
        answer = await self._admission.admit([await named(self._client, found)], row.value, correlation, leaving=True)
        if not isinstance(answer, Stored):
            return Later(answer.reason, 0.0)
        await self._spool.remove(Kind.INCOMPLETE, [row.position])
        self._behind.settled(key)
        return None

    def _set_on(self, incomplete: Incomplete) -> Change | Later | None:
        """What is set on a message and waits behind it: later, while the RSE fails on that one; of a reaction it needs no question."""
        if incomplete.said != BEHIND:
            return None
        change = incomplete.otherwise
        message = incomplete.native_id if change is None or change.act is Act.DELETED else change.parent
        if message in {self._objects[key] for key in self._behind}:
            return MESSAGE_WAITS
        return replace(change, asked=BEHIND) if change is not None else None

    async def _otherwise(self, row: Row, incomplete: Incomplete) -> Outcome | None:
        """What its webhook proved, where the RSE has failed on it for long; None where it proved nothing, or while there is hope.

        Where it fails on what a message answers, it is that message itself that is asked for, as it stands now.
        """
        if incomplete.said == BEHIND or self._behind.tries(str(row.position)) < ENOUGH_TRIES or self._clock() - row.stored_at < ENOUGH:
            return None
        if any(name == incomplete.native_id and int(key) > row.position for key, name in self._objects.items() if key in self._behind):
            return None  # something was said of it since: an old deletion must not be its last word
        log.error("rse_fails_on_object", instance=self._name, object=incomplete.native_id, told=incomplete.otherwise is not None)
        alone = await answered(self._client, replace(incomplete, parent=None)) if incomplete.parent is not None else None
        if isinstance(alone, Change):
            return replace(alone, answers=Standing())
        return incomplete.otherwise if alone is None or isinstance(alone, Later) else alone


def _said_of(incomplete: Incomplete) -> str:
    """The object of which something is to be told; nothing is told of a message by what waits behind it."""
    return incomplete.native_id if incomplete.said != BEHIND else ""
