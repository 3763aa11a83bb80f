"""A connector that polls a closed door: it goes on asking, and the log is told of the door's state, not of each asking."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from structlog.testing import capture_logs

from adapters.door_client import DoorClosed
from adapters.door_intake import DoorIntake
from schemas.node_door import Cursor, Page, written_page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from structlog.typing import EventDict

EMPTY = written_page(Page("node.wifip.outbound.v1", (), Cursor(0, 0)))


class Door:
    """Answers each poll as it was told, and then nobody any more."""

    node = "wifip"

    def __init__(self, *answers: bytes | str) -> None:
        self._answers = list(answers)
        self.over = asyncio.Event()

    async def get(self, path: str, query: str, seconds: float) -> bytes:
        del path, query, seconds
        await asyncio.sleep(0)
        if not self._answers:
            self.over.set()
            await asyncio.Event().wait()
        match self._answers.pop(0):
            case str() as reason:
                raise DoorClosed(reason, 0.0)
            case page:
                return page


class Ledger:
    """Of a node that never read anything."""

    began = False
    overtaken = False

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[asyncio.Event]:
        yield asyncio.Event()

    async def next_offset(self, topic: str, partition: int) -> None:
        del topic, partition


class Writer:
    """Has nothing to write."""

    async def recall(self) -> None:
        return None


async def told(*answers: bytes | str) -> Sequence[EventDict]:
    door: Any = Door(*answers)
    writer: Any = Writer()
    ledger: Any = Ledger()
    with capture_logs() as lines:
        reading = asyncio.create_task(DoorIntake("wifip", door, writer, ledger).run())
        await door.over.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return [line for line in lines if line["event"].startswith("poll")]


async def test_a_door_that_stays_closed_is_told_once_however_often_it_is_asked() -> None:
    lines = await told(*["ClientConnectorError"] * 500)
    assert [(line["event"], line["reason"]) for line in lines] == [("poll_refused", "ClientConnectorError")]


async def test_that_it_opened_again_is_told() -> None:
    lines = await told(*["kafka_unavailable"] * 20, EMPTY, EMPTY, EMPTY)
    assert [line["event"] for line in lines] == ["poll_refused", "poll_taken"]
