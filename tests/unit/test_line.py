"""Batches in work: read ahead, carried out and acknowledged in their order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from hub.batches.line import Line, Progress
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
    fails: bool = False

    async def read(self, batch: Sequence[Record]) -> str:
        read = " ".join(str(record.offset) for record in batch)
        self.done.append(f"read {read}")
        return read

    async def carry_out(self, read: str) -> None:
        await self.gate.acquire()
        if self.fails:
            raise BrokerGone
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


async def take(line: Line, handler: Slow, offset: int) -> None:
    await line.take(batch(offset), acknowledging(handler, offset))


@pytest.fixture
def line(handler: Slow) -> Line:
    return Line(handler, Progress(), plainly, 2)


async def test_what_comes_while_a_batch_is_carried_out_is_gathered_into_the_next_one(handler: Slow, line: Line) -> None:
    await take(line, handler, 1)
    await take(line, handler, 2)
    await settled()
    assert handler.done == ["read 1"]
    handler.gate.release()
    await settled()
    assert handler.done == ["read 1", "carried out 1", "acknowledged 1", "read 2"]


async def test_a_full_batch_is_read_while_one_is_carried_out_and_waits_for_its_turn(handler: Slow, line: Line) -> None:
    await take(line, handler, 1)
    await take(line, handler, 2)
    third = asyncio.create_task(take(line, handler, 3))
    await settled()
    assert handler.done == ["read 1", "read 2 3"]
    assert not third.done()
    handler.gate.release()
    await third
    handler.gate.release()
    await settled()
    assert handler.done == ["read 1", "read 2 3", "carried out 1", "acknowledged 1", "carried out 2 3", "acknowledged 2", "acknowledged 3"]


async def test_no_batch_grows_past_the_limit(handler: Slow, line: Line) -> None:
    handler.gate = asyncio.Semaphore(9)
    await take(line, handler, 1)
    await line.take([*batch(2)], acknowledging(handler, 2))
    await line.take([*batch(3), *batch(4)], acknowledging(handler, 3))
    await settled()
    assert [done for done in handler.done if done.startswith("read")] == ["read 1", "read 2", "read 3 4"]


class BrokerGone(ConnectionError):
    """The broker does not answer."""


async def test_behind_a_batch_that_failed_nothing_is_carried_out_or_acknowledged(handler: Slow, line: Line) -> None:
    handler.fails = True
    await take(line, handler, 1)
    await take(line, handler, 2)
    third = asyncio.create_task(take(line, handler, 3))
    await settled()
    handler.gate.release()
    handler.gate.release()
    with pytest.raises(BrokerGone):
        await third
    await settled()
    assert handler.done == ["read 1", "read 2 3"]


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
