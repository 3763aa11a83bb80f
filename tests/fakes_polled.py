"""A ledger in memory for pollers, and a poller without a clock that looks at one space again and again."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from adapters.looks import Looker, View
from adapters.sorting import Answer, NotStored, Stored
from adapters.watch import LeaseLost, Poll, Row, Watch
from tests.fakes_sink import Heard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from adapters.ledger import Ledger
    from adapters.port import Outcome, Polled

PAUSE_SECONDS = 0.03


class MemoryWatch(Watch):
    """What pollers remember, in memory; `lost` when another one took over."""

    def __init__(self) -> None:
        super().__init__(cast("Ledger", None), "rse", "me")
        self.kept: dict[str, tuple[str, Row]] = {}
        self.cursors: dict[str, str] = {}
        self.floors: dict[str, int] = {}
        self.refreshed: dict[str, datetime] = {}
        self.ours_deleted: set[str] = set()
        self.lost = False

    async def found(self, space: str, floor: int) -> None:
        self.floors[space] = floor

    async def rows(self, native_ids: Sequence[str]) -> dict[str, Row]:
        return {name: self.kept[name][1] for name in native_ids if name in self.kept}

    async def expect(self, space: str, rows: Sequence[Row], now: datetime) -> None:
        await self.keep(space, rows, now, None)

    async def keep(self, space: str, rows: Sequence[Row], now: datetime, cursor: str | None) -> None:
        del now
        if self.lost:
            raise LeaseLost(space)
        self.kept |= {row.native_id: (space, row) for row in rows}
        if cursor is not None:
            self.cursors[space] = cursor

    async def refresh(self, native_ids: Iterable[str], now: datetime) -> None:
        named = set(native_ids)
        self.refreshed |= dict.fromkeys([*named, *(row.native_id for _, row in self.kept.values() if row.thread in named)], now)

    async def settle(self, space: str, root: str, replies: str) -> None:
        self.kept[root] = (space, replace(self.kept[root][1], replies=replies))

    async def missing(
        self, space: str, since: datetime, seen: Iterable[str], whole: Iterable[str], now: datetime, most: int, departed: Iterable[str] = ()
    ) -> list[Row]:
        del now
        known, roots, left = set(seen), set(whole), set(departed)
        rows = [row for at, row in self.kept.values() if at == space and not row.gone and row.native_id not in known]
        wanted = [row for row in rows if row.thread in roots or (row.thread is None and row.created_at >= since) or row.native_id in left]
        return wanted[:most]

    async def under(self, root: str) -> list[Row]:
        return [row for _, row in self.kept.values() if row.thread == root and not row.gone]

    async def unkept(self, space: str) -> set[str]:
        perhaps = [row for at, row in self.kept.values() if at == space and (not row.revision or row.digest.startswith("?"))]
        return {row.thread for row in perhaps if row.thread is not None and not row.gone}

    async def taken_by_us(self, root: str) -> bool:
        return root in self.ours_deleted


@dataclass
class PolledSink(Heard):
    """Hears what looks tell; `refusing` answers for a Kafka and a spool that take nothing."""

    watch: MemoryWatch = field(default_factory=MemoryWatch)
    refusing: str = ""
    room: int = 1_000
    """How much it takes at once, or none of it."""
    most: int = 1_000
    """How much it takes in all."""
    together: int = 0
    admitted: list[str] = field(default_factory=list)

    async def admit(self, outcomes: Sequence[Outcome], body: bytes, correlation: str) -> Answer:
        """What admission is to a look."""
        del body
        self.together += 1
        await asyncio.sleep(0)  # all that are told at once have begun
        fits = self.together <= self.room
        await asyncio.sleep(0)
        self.together -= 1
        if self.refusing or not fits or len(self.admitted) >= self.most:
            return NotStored(self.refusing or "spool_full")
        self.admitted.append(correlation)
        await self.hear(outcomes)
        return Stored(())

    def looker(self, client: Polled) -> Looker:
        """A looker that tells this sink."""
        return Looker(client, self.watch, self.admit, lambda: self.room, lambda: datetime.now(UTC))

    @asynccontextmanager
    async def looking(self, client: Polled, space: str) -> AsyncIterator[None]:
        """Look again and again as long as the context; a look that fails fails the test."""
        looker, view = self.looker(client), view_of(space)

        async def look() -> None:
            while True:
                await looker.look(view)
                await asyncio.sleep(PAUSE_SECONDS)

        task = asyncio.create_task(look())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()


def view_of(space: str, cursor: str | None = None, *, since: datetime | None = None) -> View:
    """A space that was tied a minute ago."""
    return View(Poll(space, since or datetime.now(UTC) - timedelta(minutes=1), cursor, None), cursor)
