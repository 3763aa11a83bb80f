"""What Kafka took and the ledger could not keep: held in memory, so that what takes it back, or likes it, still finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from adapters.ledger import Unstorable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from adapters.memory import KnownObject

log = structlog.get_logger()


class Owed:
    """Objects of one instance that the ledger is still to be told, of the batches that were on their way; a restart forgets them."""

    def __init__(self) -> None:
        self._objects: dict[str, KnownObject] = {}

    def owe(self, objects: Iterable[KnownObject]) -> None:
        """Hold what Kafka has; the last one of each native id counts."""
        self._objects |= {one.native_id: one for one in objects}

    def among(self, references: Iterable[str]) -> list[KnownObject]:
        """Those that these native ids or locators name."""
        asked = set(references) if self._objects else set()
        return [one for one in self._objects.values() if one.native_id in asked or one.locator in asked]

    async def pay(self, remember: Callable[[Sequence[KnownObject]], Awaitable[None]]) -> None:
        """Tell the ledger all of it; what it can never hold is let go. Raises LedgerUnavailable."""
        owed = list(self._objects.values())
        if not owed:
            return
        try:
            await remember(owed)
        except Unstorable:
            for one in owed:
                await _alone(one, remember)
        for one in owed:
            if self._objects.get(one.native_id) is one:
                del self._objects[one.native_id]


async def _alone(one: KnownObject, remember: Callable[[Sequence[KnownObject]], Awaitable[None]]) -> None:
    try:
        await remember([one])
    except Unstorable as error:
        log.error("owed_object_unfit", error=str(error))  # noqa: TRY400 - its text may hold content
