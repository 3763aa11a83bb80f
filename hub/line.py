"""Batches in work, one behind the other: while one is carried out the next is read, and each is acknowledged in its turn."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from hub.group import Handler
    from hub.ports import Record


class Line:
    """Two batches in work at most. `guard` awaits a batch's work and answers its errors, so that no later one is acknowledged."""

    def __init__(self, handler: Handler[Any], progress: Progress, guard: Callable[[Awaitable[None]], Awaitable[None]]) -> None:
        self._handler, self._progress, self._guard = handler, progress, guard
        self._last: asyncio.Task[None] | None = None

    async def take(self, batch: Sequence[Record], acknowledge: Callable[[], Awaitable[None]]) -> None:
        """Take a batch in work; returns when the one before is acknowledged."""
        before = self._last
        self._last = asyncio.create_task(self._guarded(batch, acknowledge, before))
        if before is not None:
            await before

    async def _guarded(
        self, batch: Sequence[Record], acknowledge: Callable[[], Awaitable[None]], before: asyncio.Task[None] | None
    ) -> None:
        await self._guard(self._see_through(batch, acknowledge, before))

    async def _see_through(
        self, batch: Sequence[Record], acknowledge: Callable[[], Awaitable[None]], before: asyncio.Task[None] | None
    ) -> None:
        self._progress.begin(batch)
        read = await self._handler.read(batch)
        if before is not None:
            await before
        await self._handler.carry_out(read)
        await acknowledge()
        self._progress.end(batch)


class Progress:
    """How far a stream has come: next offsets by partition, and the moment of the oldest record in each batch in work."""

    def __init__(self) -> None:
        self._next: dict[tuple[str, int], int] = {}
        self._since: deque[datetime] = deque()

    def begin(self, batch: Sequence[Record]) -> None:
        """A batch is taken in work."""
        self._since.append(min(record.timestamp for record in batch))

    def end(self, batch: Sequence[Record]) -> None:
        """The batch that was begun first is done."""
        self._since.popleft()
        for record in batch:
            place = (record.topic, record.partition)
            self._next[place] = max(self._next.get(place, 0), record.offset + 1)

    def lag(self, consumer: Any) -> int:
        """Records of the assigned partitions that were not handled yet, as far as the broker has told their ends."""
        behind = 0
        for place in consumer.assignment():
            end, done = consumer.highwater(place), self._next.get((place.topic, place.partition))
            behind += max(0, end - done) if end is not None and done is not None else 0
        return behind

    def oldest(self, now: datetime) -> float:
        """Age in seconds of the oldest record in work, 0 when there is none."""
        return max(0.0, (now - min(self._since)).total_seconds()) if self._since else 0.0
