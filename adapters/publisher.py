"""Signs nothing twice and publishes in order: the adapters' only producer, and the spool behind it when Kafka is down."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog
from aiokafka.errors import KafkaError

from adapters.spool import Kind
from schemas.wire import kafka
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from aiokafka import AIOKafkaProducer

    from adapters.spool import Record, Spool
    from schemas.wire.kafka import KafkaSettings, TopicNames

ACK_SECONDS = 3.0
CLOSE_SECONDS = 1.0
RETRY_SECONDS = 0.5
CHUNK = 200
log = structlog.get_logger()


class KafkaUnavailable(ConnectionError):
    """The broker did not acknowledge in time."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record is: a topic's partition and offset."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """As people read it."""
        return f"{self.topic}-{self.partition}-{self.offset}"


class Publisher(Protocol):
    """What puts records on Kafka, or says quickly that it cannot."""

    @property
    def ready(self) -> bool:
        """Whether it is worth trying."""
        ...

    async def publish(self, records: Sequence[Record]) -> list[Place]:
        """Publish in order and wait for every acknowledgement; raises KafkaUnavailable, after which each record is in doubt."""
        ...


class KafkaPublisher:
    """An idempotent producer that is given up when the broker stays silent, and made anew when it answers again.

    A record in doubt may still arrive by the old producer and come a second time by the new one: both bear the same event id.
    """

    def __init__(self, settings: KafkaSettings, names: TopicNames, *, ack_seconds: float = ACK_SECONDS) -> None:
        self._settings, self._names, self._ack_seconds = settings, names, ack_seconds
        self._producer: AIOKafkaProducer | None = None
        self._lost = asyncio.Event()
        self._lost.set()
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def ready(self) -> bool:
        """Whether a producer is connected and has not failed since."""
        return self._producer is not None

    async def run(self) -> None:
        """Keep a producer connected, until cancelled; then close it."""
        try:
            while True:
                await self._lost.wait()
                await self.connect()
        finally:
            await self.close()

    async def connect(self) -> None:
        """Connect, however long the broker takes to come back."""
        while self._producer is None:
            producer = kafka.producer(self._settings)
            try:
                await asyncio.wait_for(producer.start(), self._ack_seconds)
            except (KafkaError, OSError, TimeoutError):
                await _give_up(producer)
                await asyncio.sleep(RETRY_SECONDS)
            except asyncio.CancelledError:
                await _give_up(producer)
                raise
            else:
                self._producer = producer
                self._lost.clear()
                log.info("kafka_connected")

    async def publish(self, records: Sequence[Record]) -> list[Place]:
        """Send all, then wait for all; in doubt after KafkaUnavailable."""
        producer = self._producer
        if producer is None:
            raise KafkaUnavailable("not connected")
        try:
            async with asyncio.timeout(self._ack_seconds):
                return await self._send(producer, records)
        except (KafkaError, OSError, TimeoutError) as error:
            self._abandon(producer)
            log.warning("kafka_unavailable", error=type(error).__name__)
            raise KafkaUnavailable(type(error).__name__) from error

    async def _send(self, producer: AIOKafkaProducer, records: Sequence[Record]) -> list[Place]:
        pending = []
        for record in records:
            future = await producer.send(self._names.topic_prefix + record.topic, record.value, record.key, headers=record.headers)
            future.add_done_callback(_consume)
            pending.append(future)
        acks = await asyncio.gather(*pending)
        return [Place(ack.topic, ack.partition, ack.offset) for ack in acks]

    def _abandon(self, producer: AIOKafkaProducer) -> None:
        if self._producer is not producer:
            return
        self._producer = None
        self._lost.set()
        task = asyncio.get_running_loop().create_task(_give_up(producer))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Close the producer; what it could not send is in doubt."""
        if self._producer is not None:
            self._abandon(self._producer)
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=CLOSE_SECONDS * 3)


def _consume(future: asyncio.Future[object]) -> None:
    if not future.cancelled():
        future.exception()


async def _give_up(producer: AIOKafkaProducer) -> None:
    """Stop a producer whose broker may never answer: its own `stop` waits for every batch, so it is cut short."""
    try:
        await asyncio.wait_for(producer.stop(), CLOSE_SECONDS)
    except (TimeoutError, KafkaError, OSError):
        sender = producer._sender  # noqa: SLF001 - nothing public ends the sender without flushing first
        producer._message_accumulator.fail_all(KafkaError("given up"))  # noqa: SLF001 - as above
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            if sender is not None and sender.sender_task is not None:
                await asyncio.wait_for(sender.close(), CLOSE_SECONDS)
            await asyncio.wait_for(producer.client.close(), CLOSE_SECONDS)


class Outgoing:
    """The one way out of an instance: Kafka while it answers, else its spool, and never past what waits there already."""

    def __init__(self, publisher: Publisher, spool: Spool, instance: str, clock: Callable[[], datetime]) -> None:
        self._publisher, self._spool, self._instance, self._clock = publisher, spool, instance, clock
        self._alone = asyncio.Lock()

    @property
    def ready(self) -> bool:
        """Whether Kafka is worth trying."""
        return self._publisher.ready

    async def put(self, records: Sequence[Record]) -> list[Place | None]:
        """Make records durable, in order: their places, or None where the spool holds them. Raises SpoolFull, LedgerUnavailable."""
        if not records:
            return []
        async with self._alone:
            places = None if self._spool.waiting[Kind.RECORD] else await self._published(records)
            return places or await self._stored(records)

    async def put_ahead(self, records: Sequence[Record]) -> list[Place | None]:
        """As `put`, but before what waits in the spool: for what would be as true after it, and without which it may be refused."""
        async with self._alone:
            return await self._published(records) or await self._stored(records)

    async def _published(self, records: Sequence[Record]) -> list[Place | None] | None:
        if not self._publisher.ready:
            return None
        try:
            places = await self._publisher.publish(records)
        except KafkaUnavailable:
            return None
        self._count(records)
        return [*places]

    async def _stored(self, records: Sequence[Record]) -> list[Place | None]:
        await self._spool.store(Kind.RECORD, records, self._clock(), "kafka_unavailable")
        return [None] * len(records)

    async def drain(self) -> None:
        """Publish what waits, oldest first, as far as Kafka takes it. Raises LedgerUnavailable."""
        while self._spool.waiting[Kind.RECORD] and self._publisher.ready:
            async with self._alone:
                rows = await self._spool.first(Kind.RECORD, CHUNK)
                if not rows:
                    return await self._spool.count()
                try:
                    await self._publisher.publish([row.record for row in rows])
                except KafkaUnavailable:
                    return None
                await self._spool.remove(Kind.RECORD, [row.position for row in rows])
                self._count([row.record for row in rows])
                log.info("spool_drained", instance=self._instance, records=len(rows))
        return None

    def _count(self, records: Sequence[Record]) -> None:
        for event_type, number in Counter(record.event_type or record.topic for record in records).items():
            Metric.published.labels(self._instance, event_type).inc(number)
