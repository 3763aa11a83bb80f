"""Batches in work, one behind the other: while one is carried out the next is read, and each is acknowledged in its turn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.batches.group import Handler
    from hub.ports import Record

Acknowledge = Callable[[], Awaitable[None]]
Guard = Callable[[Awaitable[None]], Awaitable[None]]


AT_ONCE = 2


class Line:
    """Two batches in work at most; what comes meanwhile is gathered into the next one, so that batches grow with the load.

    `guard` awaits a batch's work and answers its errors; behind one that failed nothing is carried out or acknowledged.
    """

    def __init__(self, handler: Handler[Any], progress: Progress, guard: Guard, limit: int) -> None:
        self._handler, self._progress, self._guard, self._limit = handler, progress, guard, limit
        self._gathered = _Gathered()
        self._work: deque[asyncio.Task[None]] = deque()

    async def take(self, batch: Sequence[Record], acknowledge: Acknowledge) -> None:
        """Take records in work, at once where nothing else is; returns when more may be taken. No batch grows past the limit."""
        if self._gathered.records and len(self._gathered.records) + len(batch) > self._limit:
            self._begin()
            await self._room()
        self._gathered.add(batch, acknowledge)
        if not self._work or len(self._gathered.records) >= self._limit:
            self._begin()
        await self._room()

    def _begin(self) -> None:
        gathered, self._gathered = self._gathered, _Gathered()
        task = asyncio.create_task(self._guarded(gathered, self._work[-1] if self._work else None))
        self._work.append(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is not None:
            return  # it stays where it is: whoever comes next learns of it
        self._work.popleft()
        if self._gathered.records and not self._work:
            self._begin()

    async def _room(self) -> None:
        while len(self._work) == AT_ONCE:
            oldest = self._work[0]
            await asyncio.wait({oldest})
            oldest.result()

    async def _guarded(self, gathered: _Gathered, before: asyncio.Task[None] | None) -> None:
        await self._guard(self._see_through(gathered, before))

    async def _see_through(self, gathered: _Gathered, before: asyncio.Task[None] | None) -> None:
        self._progress.begin(gathered.records)
        read = await self._handler.read(gathered.records)
        if before is not None:
            await before
        await self._handler.carry_out(read)
        for acknowledge in gathered.acknowledge:
            await acknowledge()
        self._progress.end(gathered.records)


@dataclass
class _Gathered:
    """Records that will be one batch, and how each part of them is acknowledged."""

    records: list[Record] = field(default_factory=list)
    acknowledge: list[Acknowledge] = field(default_factory=list)

    def add(self, batch: Sequence[Record], acknowledge: Acknowledge) -> None:
        self.records += batch
        self.acknowledge.append(acknowledge)


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
