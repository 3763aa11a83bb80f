"""Outbox → Kafka, in order; the hub's only producer of its own facts, one at a time by an advisory lock."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import structlog

from hub import bootstrap
from hub.storage import outbox
from schemas.sequence import Sequence as Place
from schemas.wire import kafka, telemetry
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaProducer
    from aiokafka.structs import RecordMetadata
    from sqlalchemy.ext.asyncio import AsyncEngine

    from hub.ports import Outgoing
    from hub.settings import HubSettings
    from schemas.keys import SigningKey
    from schemas.wire.kafka import TopicNames

log = structlog.get_logger()
SHARD = 0x74647500
BATCH = 500
POLL_SECONDS = 1.0
SWEEP_SECONDS = 3600.0


class Relay:
    """Publishes what transactions left in the outbox and marks it once the broker has it."""

    def __init__(self, database: AsyncEngine, producer: AIOKafkaProducer, names: TopicNames, key: SigningKey) -> None:
        self._database = database
        self._producer = producer
        self._names = names
        self._key = key

    async def publish_waiting(self) -> int:
        """Publish the oldest rows in order; returns how many."""
        async with self._database.connect() as connection:
            rows = await outbox.unpublished(connection, BATCH)
            if not rows:
                Metric.oldest.labels("outbox").set(0)
                return 0
            acks = await self._produce([row for _, row in rows])
            done = [(name, ack.partition, ack.offset) for (name, _), ack in zip(rows, acks, strict=True)]
            await outbox.mark_published(connection, done, bootstrap.clock())
            await connection.commit()
        now = bootstrap.clock()
        Metric.oldest.labels("outbox").set((now - rows[0][1].admitted_at).total_seconds())
        for _, row in rows:
            Metric.hop.labels("published").observe(max(0.0, (now - row.admitted_at).total_seconds()))
        return len(rows)

    async def _produce(self, rows: Sequence[Outgoing]) -> Sequence[RecordMetadata]:
        pending = []
        for row in rows:
            topic = self._names.topic_prefix + row.topic
            headers = [*row.headers, *((name, said.encode()) for name, said in self._place(row).items())]
            pending.append(await self._producer.send(topic, value=row.value, key=row.key.encode(), headers=headers))
        return await asyncio.gather(*pending)

    def _place(self, row: Outgoing) -> dict[str, str]:
        if row.community is None or row.sequence is None:
            return {}
        return Place(row.digest, row.community, row.sequence, row.targets, row.admitted_at).signed(self._key)


async def run(settings: HubSettings, kafka_settings: kafka.KafkaSettings, names: TopicNames) -> None:
    """Run until cancelled; ends with an error when database or broker are gone, and its supervisor starts it again."""
    health = telemetry.Health()
    runner = await telemetry.serve(health, settings.metrics_host, settings.metrics_port)
    lock = await asyncpg.connect(settings.database_url)
    await lock.execute("SELECT pg_advisory_lock($1)", SHARD)
    woken = asyncio.Event()
    await lock.add_listener(outbox.CHANNEL, lambda *_: woken.set())
    health.checks["lock"] = lambda: not lock.is_closed()
    database, producer = bootstrap.engine(settings), kafka.producer(kafka_settings)
    await producer.start()
    log.info("relay_started")
    try:
        await _loop(Relay(database, producer, names, bootstrap.signing_key(settings)), database, lock, woken, settings)
    finally:
        await producer.stop()
        await database.dispose()
        await runner.cleanup()


async def _loop(relay: Relay, database: AsyncEngine, lock: asyncpg.Connection, woken: asyncio.Event, settings: HubSettings) -> None:
    swept = 0.0
    clock = asyncio.get_running_loop().time
    while not lock.is_closed():
        woken.clear()
        if await relay.publish_waiting() == BATCH:
            continue
        if clock() - swept > SWEEP_SECONDS:
            swept = clock()
            await _sweep(database, settings)
        try:
            await asyncio.wait_for(woken.wait(), POLL_SECONDS)
        except TimeoutError:
            continue
    raise ConnectionError("the advisory lock's connection is gone")


async def _sweep(database: AsyncEngine, settings: HubSettings) -> None:
    async with database.connect() as connection:
        count = await outbox.forget_published(connection, bootstrap.clock() - timedelta(days=settings.outbox_days))
        await connection.commit()
    log.info("outbox_swept", rows=count)
