"""A load generator that is not the bottleneck: raw HTTP/1.1 over kept connections, one request under way on each."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from tests.bench.report import percentile

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

CONNECTIONS = 64
LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
OUTCOME = re.compile(rb"\r\nx-traitdunion-outcome: *([a-z_=]+)", re.IGNORECASE)
PLACED = re.compile(rb"\r\nx-traitdunion-outcome: *event=[0-9a-f]+@(spool)?", re.IGNORECASE)


@dataclass
class Answers:
    """What came back: seconds of each request, and how many of each kind."""

    began: float
    ended: float = 0.0
    latencies: list[float] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        return len(self.latencies) / (self.ended - self.began)

    def milliseconds(self, share: float) -> float:
        return percentile(self.latencies, share) * 1000


class Connection(asyncio.Protocol):
    """One kept connection."""

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        length = LENGTH.search(head) if found else None
        if length is not None and len(rest) >= int(length[1]) and self._answer is not None and not self._answer.done():
            self._received = b""
            self._answer.set_result(head)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the server closed a kept connection"))

    async def ask(self, request: bytes) -> bytes:
        """Send one request; the head of its answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def as_fast_as_it_goes(port: int, requests: Iterator[bytes], seconds: float, connections: int = CONNECTIONS) -> Answers:
    """Each connection sends its next request when it has the answer to its last."""
    answers = Answers(time.perf_counter())
    end = answers.began + seconds

    async def keep_asking(connection: Connection) -> None:
        while (asked := time.perf_counter()) < end:
            _note(answers, asked, await connection.ask(next(requests)))

    await _on_all(port, keep_asking, connections)
    answers.ended = time.perf_counter()
    return answers


async def at_rate(port: int, requests: Iterator[bytes], rate: float, seconds: float, connections: int = CONNECTIONS) -> Answers:
    """Requests fall due at a steady rate, answered or not; a late one's wait counts (no coordinated omission)."""
    answers = Answers(time.perf_counter())
    slots = count()

    async def keep_time(connection: Connection) -> None:
        while (due := answers.began + next(slots) / rate) < answers.began + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            _note(answers, due, await connection.ask(next(requests)))

    await _on_all(port, keep_time, connections)
    answers.ended = time.perf_counter()
    return answers


async def _on_all(port: int, use: Callable[[Connection], Coroutine[Any, Any, None]], connections: int) -> None:
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(Connection, "127.0.0.1", port) for _ in range(connections)]
    try:
        async with asyncio.TaskGroup() as group:
            for _, connection in made:
                group.create_task(use(connection))
    finally:
        for _, connection in made:
            connection.close()


def _note(answers: Answers, since: float, head: bytes) -> None:
    answers.latencies.append(time.perf_counter() - since)
    answers.kinds[_kind(head)] += 1


def _kind(head: bytes) -> str:
    """The status, and where the connector put it: on Kafka, in its spool, nowhere."""
    status = head[9:12].decode()
    placed = PLACED.search(head)
    if placed is not None:
        return f"{status} {'spool' if placed[1] else 'kafka'}"
    said = OUTCOME.search(head)
    return f"{status} {said[1].decode()}" if said else status
