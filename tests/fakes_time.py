"""Time that passes only when everybody waits: ten thousand calls against a minute's limit take seconds."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

SETTLES = 8
"""Turns of the loop after which whoever can go on has done so."""


@dataclass
class VirtualTime:
    """A clock in seconds, and a sleep on it."""

    now: float = 0.0
    _sleepers: list[tuple[float, int, asyncio.Future[None]]] = field(default_factory=list)
    _count: int = 0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self._count += 1
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + max(seconds, 0.0), self._count, woken))
        await woken

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """See the work through."""
        task = asyncio.get_running_loop().create_task(work)
        while not task.done():
            for _ in range(SETTLES):
                await asyncio.sleep(0)
            if self._sleepers and not task.done():
                until, _, woken = heapq.heappop(self._sleepers)
                self.now = max(self.now, until)
                if not woken.done():
                    woken.set_result(None)
        await task
