"""Reads a node's own topic through the hub's door: long polls, lanes per community, a position that only what is done moves."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from adapters.door_client import DoorClosed
from adapters.lanes import Lanes, Mark
from adapters.last_door import UnverifiedRecord
from adapters.ledger import LedgerUnavailable
from adapters.resyncs import Lost
from adapters.state_log import StateLog
from schemas import node_door
from schemas.node_door import BatchMalformed, Carried, Cursor, Page, read_page
from schemas.wire.endings import to_its_end
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from adapters.applied import Applied
    from adapters.door_client import DoorClient
    from adapters.writer import Writer

AT_ONCE: Final = 16
UNDER_WAY: Final = 1_000
WAIT_SECONDS: Final = 25
SOON_SECONDS: Final = 1  # while something is in work: its end is told to the hub with the next poll
PATIENCE: Final = 10.0  # beyond the wait, for the answer to come
LEAVE_SECONDS: Final = 2.0
RETRY_SECONDS: Final = 0.5
LOST: Final = {"cursor_expired": Lost.EXPIRED, "cursor_ahead": Lost.REPLACED}
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Given:
    record: UnverifiedRecord
    mark: Mark


class DoorIntake:
    """The reading of one node. Of two processes of one instance one reads; the other waits for its turn, as a spare."""

    def __init__(self, instance: str, client: DoorClient, writer: Writer, applied: Applied) -> None:
        self._name, self._client, self._writer, self._applied = instance, client, writer, applied
        self._lanes = Lanes(self._see_through, AT_ONCE)
        self._log = StateLog("poll_taken", "poll_refused", instance=instance)
        self._mark = Mark()
        self._topic = ""
        self._after: Cursor | None = None
        self._done: Cursor | None = None
        self._times: dict[int, float] = {}

    async def run(self) -> None:
        """Read for ever, whenever it is our turn: the hub hands the same records to whoever asks."""
        while True:
            async with self._applied.turn() as over:
                await self._read_until(over)

    async def _read_until(self, over: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        reading, ending = loop.create_task(self._read()), loop.create_task(over.wait())
        try:
            await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
        finally:
            await to_its_end(self._leave(reading, ending))

    async def _leave(self, *tasks: asyncio.Task[Any]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await self._lanes.clear(LEAVE_SECONDS)
        self._mark, self._times, self._after, self._done = Mark(), {}, None, None

    async def _read(self) -> None:
        """Poll until another process is found to carry out what is ours; a door that closes is waited for."""
        await self._recalled()
        while not self._applied.overtaken:
            try:
                await self._turn()
            except DoorClosed as error:
                self._log.closed(error.reason)
                await self._find_place(error)
                await asyncio.sleep(error.after)
            except BatchMalformed as error:
                log.warning("page_malformed", instance=self._name, place=str(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def _recalled(self) -> None:
        """What the process before this one has done, first of all."""
        while True:
            try:
                return await self._writer.recall()
            except LedgerUnavailable:
                await asyncio.sleep(RETRY_SECONDS)

    async def _turn(self) -> None:
        if self._mark.under_way >= UNDER_WAY:
            await asyncio.sleep(RETRY_SECONDS)
            return
        if self._after is None:
            await self._begin()
            return
        page = await self._poll(SOON_SECONDS if self._mark.under_way or self._told() else WAIT_SECONDS)
        self._hand_on(page)
        self._after = page.next
        await self._keep(page.topic)

    async def _begin(self) -> None:
        """Where to begin: where the ledger knows that we were, else where the hub says so. If that is gone, the next poll tells."""
        page = read_page(await self._client.get(node_door.OUTBOUND, "wait=0&limit=1", PATIENCE))
        start = page.records[0].offset if page.records else page.next.offset
        kept = await self._kept(page.topic, page.next.partition)
        self._topic = page.topic
        if kept is None and start > 0 and self._applied.began:  # it ended before it could note how far it had read
            await self._writer.missed(Lost.EXPIRED)
        self._after = self._done = Cursor(page.next.partition, start if kept is None else kept)
        log.info("outbound_resumed", instance=self._name, offset=self._after.offset)

    async def _kept(self, topic: str, partition: int) -> int | None:
        while True:
            try:
                return await self._applied.next_offset(topic, partition)
            except LedgerUnavailable:
                await asyncio.sleep(RETRY_SECONDS)

    async def _poll(self, seconds: int) -> Page:
        query = f"after={self._after}&done={self._done}&wait={seconds}"
        page = read_page(await self._client.get(node_door.OUTBOUND, query, seconds + PATIENCE))
        self._log.opened()
        return page

    def _hand_on(self, page: Page) -> None:
        for one in page.records:
            self._mark.begin(one.offset)
            self._times.setdefault(one.offset, one.timestamp_ms / 1000)
            record = _unverified(one, page.topic)
            self._lanes.put(record.lane, _Given(record, self._mark))
        oldest = min(self._times.values(), default=None)
        Metric.oldest.labels(f"writer.{self._name}").set(max(0.0, time.time() - oldest) if oldest is not None else 0.0)

    async def _see_through(self, given: _Given) -> None:
        await self._writer.handle(given.record, lambda: self._finish(given))

    def _finish(self, given: _Given) -> None:
        given.mark.finish(given.record.offset)
        self._times.pop(given.record.offset, None)

    def _told(self) -> bool:
        """Whether more is done than the hub was told."""
        return self._done is not None and self._mark.next is not None and self._mark.next != self._done.offset

    async def _keep(self, topic: str) -> None:
        if not self._told() or self._mark.next is None or self._after is None:
            return
        self._done = Cursor(self._after.partition, self._mark.next)
        try:
            await self._applied.keep_offset(topic, self._done.partition, self._done.offset)
        except LedgerUnavailable:
            log.warning("offset_not_kept", instance=self._name)

    async def _find_place(self, error: DoorClosed) -> None:
        """The hub does not have what we ask for: on from the first that it has, and what is gone it is asked for."""
        if error.reason not in LOST:
            return
        try:
            first = Cursor.read(str(error.said.get("first", "")))
        except ValueError:
            return
        await self._writer.missed(LOST[error.reason])
        await self._begin_anew(first)
        self._after = self._done = first
        self._mark = Mark()

    async def _begin_anew(self, first: Cursor) -> None:
        while True:
            try:
                return await self._applied.begin_anew(self._topic, first.partition, first.offset)
            except LedgerUnavailable:
                await asyncio.sleep(RETRY_SECONDS)


def _unverified(one: Carried, topic: str) -> UnverifiedRecord:
    return UnverifiedRecord(topic, one.partition, one.offset, one.timestamp_ms, one.key, one.value, tuple(one.headers))
