"""Reads a node's own topic: one consumer, lanes per community, offsets committed at the contiguous mark."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiokafka import ConsumerRebalanceListener
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from adapters.lanes import Lanes, Mark
from adapters.last_door import UnverifiedRecord
from adapters.ledger import LedgerUnavailable
from adapters.patience import delay
from adapters.resyncs import Lost
from adapters.state_log import StateLog
from adapters.tenure import Overtaken
from schemas import topics
from schemas.wire import kafka
from schemas.wire.endings import to_its_end
from schemas.wire.failures import told
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, TopicPartition
    from aiokafka.structs import ConsumerRecord

    from adapters.applied import Applied
    from adapters.writer import Writer
    from schemas.wire.kafka import KafkaSettings, TopicNames

AT_ONCE = 16
UNDER_WAY = 1_000
COMMIT_SECONDS = 0.2
CLEAR_SECONDS = 8.0  # at a rebalance: a write that ends is better than one to be looked for
LEAVE_SECONDS = 2.0  # at the end of the process: what is cut off is looked for at the next start
RETRY_SECONDS = 0.5
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Given:
    record: UnverifiedRecord
    mark: Mark


class Intake(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """The consumer of one node."""

    def __init__(self, name: str, node: str, settings: KafkaSettings, names: TopicNames, writer: Writer, applied: Applied) -> None:
        self._name, self._node, self._settings, self._names = name, node, settings, names
        self._writer, self._applied = writer, applied
        self._topic = names.of(topics.outbound(node))
        self._group = names.group(f"node.{node}")
        self._lanes = Lanes(self._see_through, AT_ONCE)
        self._marks: dict[TopicPartition, Mark] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._times: dict[int, float] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._ours, self._known, self._turn = False, False, 0
        self._chance = random.random
        self._log, self._failures = StateLog("consumer_joined", "consumer_lost", instance=name), 0

    async def run(self) -> None:
        """Consume for ever; a broker that goes away is waited for, ever longer: one that is just starting has enough to do."""
        while True:
            try:
                await self._consume()
            except (KafkaError, OSError, TimeoutError) as error:
                self._log.closed(type(error).__name__)
                self._failures += 1
                await asyncio.sleep(delay(self._failures, None, self._chance()))

    async def _consume(self) -> None:
        consumer = kafka.consumer(self._settings, group=self._group)
        self._consumer = consumer
        committer: asyncio.Task[None] | None = None
        try:
            await kafka.begin(consumer)
            consumer.subscribe([self._topic], listener=self)
            self._log.opened()
            self._failures = 0
            committer = asyncio.get_running_loop().create_task(self._commit_for_ever(consumer))
            while True:
                await self._read(consumer)
        finally:
            await to_its_end(self._leave(consumer, committer))

    async def _leave(self, consumer: AIOKafkaConsumer, committer: asyncio.Task[None] | None) -> None:
        if committer is not None:
            committer.cancel()
            await asyncio.wait([committer])
        await self._lanes.clear(LEAVE_SECONDS)
        try:
            if not await kafka.closed(self._commit(consumer), LEAVE_SECONDS):
                log.warning("consumer_left_without_commit", instance=self._name)
            if not await kafka.closed(consumer.stop(), LEAVE_SECONDS):
                log.warning("consumer_cut_off", instance=self._name)
        finally:
            await kafka.hang_up(consumer._client)  # noqa: SLF001 - `stop` waits for a broker that is gone before it closes anything
        self._forget()

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        if (
            self._known and self._applied.overtaken
        ):  # whose the partition is, Kafka alone can tell: we take our place among its readers anew
            self._known = False
            raise Overtaken(self._name)
        if sum(mark.under_way for mark in self._marks.values()) >= UNDER_WAY:
            await asyncio.sleep(COMMIT_SECONDS)
            return
        try:
            found = await consumer.getmany(timeout_ms=200, max_records=200)
        except (NoOffsetForPartitionError, OffsetOutOfRangeError) as error:
            await self._find_place(consumer, error)
            return
        if found and not await self._may_hand_on():
            return
        for partition, records in found.items():
            mark = self._marks.setdefault(partition, Mark())
            for record in records:
                mark.begin(record.offset)
                self._times.setdefault(record.offset, record.timestamp / 1000)
                self._lanes.put((record.key or b"").decode(errors="replace"), _Given(_unverified(record, self._topic), mark))
        self._show(consumer)

    async def _may_hand_on(self) -> bool:
        """Tell whether what was just read is ours still, once we know what the process that had the partition before has done."""
        turn = self._turn
        while self._ours and self._turn == turn and not self._known:
            try:
                await self._writer.recall()
            except LedgerUnavailable:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._known = self._turn == turn
        return self._ours and self._turn == turn

    async def _find_place(self, consumer: AIOKafkaConsumer, error: KafkaError) -> None:
        """The broker has no place for us: the ledger knows better, else the beginning. Sequences make a second reading harmless.

        What lay between the two and is gone, the hub is asked for.
        """
        if not await self._may_hand_on():
            return
        for partition in consumer.assignment():
            kept = await self._kept(partition)
            first = (await consumer.beginning_offsets([partition]))[partition]
            end = (await consumer.end_offsets([partition]))[partition]
            start = kept if kept is not None and first <= kept <= end else first
            log.warning("offset_from_ledger", instance=self._name, error=type(error).__name__, kept=kept, first=first, end=end)
            if start > (kept or 0):
                await self._writer.missed(Lost.EXPIRED)
            elif kept is not None and start < kept:
                await self._writer.missed(Lost.REPLACED)
                await self._begin_anew(partition, start)
            consumer.seek(partition, start)

    async def _begin_anew(self, partition: TopicPartition, start: int) -> None:
        while True:
            try:
                return await self._applied.begin_anew(partition.topic, partition.partition, start)
            except LedgerUnavailable:
                await asyncio.sleep(RETRY_SECONDS)

    async def _kept(self, partition: TopicPartition) -> int | None:
        while True:
            try:
                return await self._applied.next_offset(partition.topic, partition.partition)
            except LedgerUnavailable:
                await asyncio.sleep(RETRY_SECONDS)

    async def _see_through(self, given: _Given) -> None:
        await self._writer.handle(given.record, lambda: self._finish(given))

    def _finish(self, given: _Given) -> None:
        given.mark.finish(given.record.offset)
        self._times.pop(given.record.offset, None)

    async def _commit_for_ever(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            await self._try_to_commit(consumer)

    async def _try_to_commit(self, consumer: AIOKafkaConsumer) -> None:
        """Whatever fails: the next attempt commits the same, and a loop that ended would commit nothing ever after."""
        try:
            await self._commit(consumer)
        except KafkaError as error:
            log.warning("offsets_not_committed", instance=self._name, error=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - as above
            log.error("offsets_not_committed", instance=self._name, **told(error))  # noqa: TRY400 - its text may hold content

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        """Commit what is done below the mark; after a rebalance it is somebody else's, and the sequences know it."""
        moved = {p: m.next for p, m in self._marks.items() if m.next is not None and m.next != self._committed.get(p)}
        if not moved:
            return
        try:
            await consumer.commit(moved)
        except (CommitFailedError, IllegalStateError):
            log.warning("offsets_of_another", instance=self._name)
            return
        self._committed |= moved
        try:
            for partition, offset in moved.items():
                await self._applied.keep_offset(partition.topic, partition.partition, offset)
        except LedgerUnavailable:
            log.warning("offset_not_kept", instance=self._name)

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Another process takes over: finish what is under way, so that it never writes beside us."""
        self._ours, self._known, self._turn = False, False, self._turn + 1
        await self._lanes.clear(CLEAR_SECONDS)
        if revoked and self._consumer is not None:
            await self._try_to_commit(self._consumer)
        self._forget()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Ours to read."""
        self._ours = True
        log.info("partitions_assigned", instance=self._name, partitions=len(assigned))

    def _forget(self) -> None:
        for mark in self._marks.values():
            mark.forget()
        self._marks, self._committed, self._times = {}, {}, {}

    def _show(self, consumer: AIOKafkaConsumer) -> None:
        oldest = min(self._times.values(), default=None)
        Metric.oldest.labels(f"writer.{self._name}").set(max(0.0, time.time() - oldest) if oldest is not None else 0.0)
        for partition in consumer.assignment():
            end, mark = consumer.highwater(partition), self._marks.get(partition)
            if end is not None and mark is not None and (mark.next is not None or mark.first is not None):
                Metric.lag.labels(self._group, self._topic).set(max(0, end - (mark.first if mark.first is not None else mark.next or 0)))


def _unverified(record: ConsumerRecord, topic: str) -> UnverifiedRecord:
    return UnverifiedRecord(topic, record.partition, record.offset, record.timestamp, record.key, record.value, tuple(record.headers))
