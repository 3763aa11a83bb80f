"""Order without waiting for one another: a lane per community, few at once, and the mark up to which all is done."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

from schemas.wire.failures import told

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

AGAIN_SECONDS = 1.0
Item = TypeVar("Item")
log = structlog.get_logger()


class Mark:
    """The next offset to commit: everything below it is done, whatever is done beyond it waits."""

    def __init__(self) -> None:
        self._begun: deque[int] = deque()
        self._done: set[int] = set()
        self.next: int | None = None

    @property
    def under_way(self) -> int:
        """How many offsets lie between the mark and the last one begun."""
        return len(self._begun)

    @property
    def first(self) -> int | None:
        """The oldest offset that is not done."""
        return self._begun[0] if self._begun else None

    def begin(self, offset: int) -> None:
        """An offset was read; they come in order."""
        self._begun.append(offset)

    def finish(self, offset: int) -> None:
        """An offset is done, in any order; an offset of before a rebalance is no longer ours to count."""
        self._done.add(offset)
        while self._begun and self._begun[0] in self._done:
            first = self._begun.popleft()
            self._done.discard(first)  # of a node that is never idle, nothing else would ever leave it
            self.next = first + 1
        if not self._begun:
            self._done.clear()

    def forget(self) -> None:
        """The partition went to somebody else."""
        self._begun.clear()
        self._done.clear()
        self.next = None


class Lanes(Generic[Item]):
    """Runs one handler over items: in order within a lane, `at_once` lanes side by side. What made it fail is handled again: no lane ends before its items."""

    def __init__(
        self, handle: Callable[[Item], Awaitable[None]], at_once: int, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._handle, self._sleep = handle, sleep
        self._gate = asyncio.Semaphore(at_once)
        self._lanes: dict[str, deque[Item]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, lane: str, item: Item) -> None:
        """Append an item to its lane."""
        if lane in self._lanes:
            self._lanes[lane].append(item)
            return
        self._lanes[lane] = deque([item])
        task = asyncio.get_running_loop().create_task(self._run(lane))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, lane: str) -> None:
        items = self._lanes[lane]
        try:
            while items:
                async with self._gate:  # for one item: a lane that is filled without end takes its turns, and keeps no other out
                    seen = not items or await self._seen_through(items)
                if not seen:
                    await self._sleep(AGAIN_SECONDS)
        finally:
            del self._lanes[lane]

    async def _seen_through(self, items: deque[Item]) -> bool:
        """Handle the first item; one that made the handler fail stays the first, unless the lane was cleared meanwhile."""
        item = items[0]
        try:
            await self._handle(item)
        except Exception as error:  # noqa: BLE001 - a lane that ended would drop what waits in it, and nothing behind it would ever be committed
            log.error("lane_failed", **told(error))  # noqa: TRY400 - its text may hold content
            return False
        if items and items[0] is item:
            items.popleft()
        return True

    async def clear(self, seconds: float) -> None:
        """Begin nothing more; wait for what is under way, then cut it off: its intent stays open and is looked for later."""
        for items in self._lanes.values():
            items.clear()
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
