"""Records onto Kafka, in order and acknowledged, or quickly not: the one producer of connectors and of the door."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog
from aiokafka.errors import KafkaError

from schemas.wire import kafka

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiokafka import AIOKafkaProducer

    from schemas.wire.kafka import KafkaSettings, TopicNames
    from schemas.wire.records import Headers

ACK_SECONDS = 3.0
CLOSE_SECONDS = 1.0
RETRY_SECONDS = 0.5
DOOR_LINGER_MS = 2
"""At a door each request brings one record, and one request to the broker costs as much as ten records in it."""
log = structlog.get_logger()


class NotAcknowledged(ConnectionError):
    """Nobody said in time that the records are kept: each of them is in doubt."""


class TopicMissing(NotAcknowledged):
    """The broker has no such topic: nothing was sent, and others' records go on."""


class SpeechRefused(NotAcknowledged):
    """The hub lets this node take back what it said, and say nothing new; `taken` are those of the records, by number, that it has all the same."""

    def __init__(self, reason: str, taken: Mapping[int, Place] | None = None) -> None:
        super().__init__(reason)
        self.taken = taken or {}


class Sendable(Protocol):
    """A record that is ready to go; `topic` without the deployment's prefix."""

    @property
    def topic(self) -> str:
        """Where to."""
        ...

    @property
    def key(self) -> bytes:
        """What keeps its order."""
        ...

    @property
    def value(self) -> bytes:
        """Its bytes."""
        ...

    @property
    def headers(self) -> Headers:
        """Its headers, in order."""
        ...


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
    """What makes records durable at the hub, or says quickly that it cannot."""

    @property
    def ready(self) -> bool:
        """Whether it is worth trying."""
        ...

    async def publish(self, records: Sequence[Sendable]) -> list[Place]:
        """Publish in order and wait for every acknowledgement; raises NotAcknowledged, after which each record is in doubt."""
        ...


class KafkaPublisher:
    """An idempotent producer that is given up when the broker stays silent, and made anew when it answers again.

    A record in doubt may still arrive by the old producer and come a second time by the new one: both bear the same event id.
    """

    def __init__(self, settings: KafkaSettings, names: TopicNames, *, ack_seconds: float = ACK_SECONDS, linger_ms: int = 0) -> None:
        """`linger_ms` is how long a record waits for others to travel with it."""
        self._settings, self._names, self._ack_seconds, self._linger_ms = settings, names, ack_seconds, linger_ms
        self._producer: AIOKafkaProducer | None = None
        self._lost = asyncio.Event()
        self._lost.set()
        self._leaving: set[asyncio.Task[None]] = set()
        self._there: set[str] = set()

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
            producer = kafka.producer(self._settings, linger_ms=self._linger_ms)
            try:
                await kafka.begin(producer, self._ack_seconds)
            except (KafkaError, OSError, TimeoutError):
                await _give_up(producer)
                await asyncio.sleep(RETRY_SECONDS)
            except asyncio.CancelledError:
                await _give_up(producer)
                raise
            else:
                self._producer, self._there = producer, set()
                self._lost.clear()
                log.info("kafka_connected")

    async def publish(self, records: Sequence[Sendable]) -> list[Place]:
        """Send all, then wait for all; in doubt after NotAcknowledged, but for TopicMissing."""
        producer = self._producer
        if producer is None:
            raise NotAcknowledged("not connected")
        try:
            async with asyncio.timeout(self._ack_seconds):
                await self._look_for(producer, {self._names.topic_prefix + record.topic for record in records})
                return await self._send(producer, records)
        except TopicMissing:
            raise
        except (KafkaError, OSError, TimeoutError) as error:
            self._abandon(producer)
            log.warning("kafka_unavailable", error=type(error).__name__)
            raise NotAcknowledged(type(error).__name__) from error

    async def _look_for(self, producer: AIOKafkaProducer, topics: set[str]) -> None:
        """The producer itself would wait for a missing topic until everybody's patience is at its end."""
        unknown = topics - self._there
        if not unknown:
            return
        found = unknown & (await producer.client.fetch_all_metadata()).topics()
        self._there |= found
        if missing := unknown - found:
            log.error("topic_missing", topics=sorted(missing))
            raise TopicMissing(", ".join(sorted(missing)))

    async def _send(self, producer: AIOKafkaProducer, records: Sequence[Sendable]) -> list[Place]:
        pending = []
        for record in records:
            future = await producer.send(self._names.topic_prefix + record.topic, record.value, record.key, headers=record.headers)
            future.add_done_callback(_consume)
            pending.append(future)
        acks = [await pending[0]] if len(pending) == 1 else await asyncio.gather(*pending)
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
    if not await kafka.closed(producer.stop(), CLOSE_SECONDS):
        sender = producer._sender  # noqa: SLF001 - nothing public ends the sender without flushing first
        producer._message_accumulator.fail_all(KafkaError("given up"))  # noqa: SLF001 - as above
        if sender is not None and sender.sender_task is not None:
            await kafka.closed(sender.close(), CLOSE_SECONDS)
    await kafka.hang_up(producer.client)
