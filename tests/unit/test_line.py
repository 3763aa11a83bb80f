"""Batches in work: read ahead, carried out and acknowledged in their order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from hub.line import Line, Progress
from hub.ports import Record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def batch(offset: int, age: float = 0.0) -> list[Record]:
    return [Record("rse.inbound.v1", 0, offset, NOW - timedelta(seconds=age), b"k", b"v", ())]


@dataclass
class Slow:
    """A handler that notes what it does and carries out only when it is let."""

    done: list[str] = field(default_factory=list)
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def read(self, batch: Sequence[Record]) -> int:
        self.done.append(f"read {batch[0].offset}")
        return batch[0].offset

    async def carry_out(self, read: int) -> None:
        await self.gate.acquire()
        self.done.append(f"carried out {read}")


async def plainly(work: Awaitable[None]) -> None:
    await work


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def handler() -> Slow:
    return Slow()


def acknowledging(handler: Slow, offset: int) -> Callable[[], Awaitable[None]]:
    async def acknowledge() -> None:
        handler.done.append(f"acknowledged {offset}")

    return acknowledge


async def test_the_next_batch_is_read_while_one_is_carried_out_and_waits_for_its_turn(handler: Slow) -> None:
    line = Line(handler, Progress(), plainly)
    await line.take(batch(1), acknowledging(handler, 1))
    second = asyncio.create_task(line.take(batch(2), acknowledging(handler, 2)))
    await settled()
    assert handler.done == ["read 1", "read 2"]
    assert not second.done()
    handler.gate.release()
    await second
    handler.gate.release()
    await settled()
    assert handler.done == ["read 1", "read 2", "carried out 1", "acknowledged 1", "carried out 2", "acknowledged 2"]


async def test_nothing_is_carried_out_or_acknowledged_behind_a_batch_that_was_given_up(handler: Slow) -> None:
    line = Line(handler, Progress(), plainly)
    await line.take(batch(1), acknowledging(handler, 1))
    second = asyncio.create_task(line.take(batch(2), acknowledging(handler, 2)))
    await settled()
    second.cancel()  # as Faust does when it stops: whoever waits for a batch takes it with him
    handler.gate.release()
    handler.gate.release()
    await settled()
    assert handler.done == ["read 1", "read 2"]


def test_the_age_shown_is_that_of_the_oldest_record_of_all_batches_in_work() -> None:
    progress = Progress()
    assert progress.oldest(NOW) == 0
    progress.begin(batch(1, age=9))
    progress.begin(batch(2, age=3))
    assert progress.oldest(NOW) == 9
    progress.end(batch(1))
    assert progress.oldest(NOW) == 3
    progress.end(batch(2))
    assert progress.oldest(NOW) == 0
