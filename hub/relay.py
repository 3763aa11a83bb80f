"""Outbox → Kafka, in order; the hub's only producer of its own facts, one at a time by an advisory lock."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from aiokafka.errors import KafkaError

from hub import bootstrap
from hub.communities.reports import open_reports
from hub.federation.acknowledged import forget_words
from hub.federation.owing import forget_owed
from hub.federation.repository import REPORTS_KEPT, forget_reports, forget_seen
from hub.operations import quarantine
from hub.operations.doubt import count_doubtful
from hub.registry.endings import manifests
from hub.resending import PAUSE_SECONDS, Resender
from hub.storage import outbox
from hub.storage.engine import alone
from hub.unit_of_work import never_followed, transaction
from schemas.sequence import Sequence as Place
from schemas.topics import HUB_FACTS
from schemas.wire import kafka, telemetry
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    import asyncpg
    from aiokafka import AIOKafkaProducer
    from aiokafka.structs import RecordMetadata
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from hub.ports import Outgoing
    from hub.settings import HubSettings
    from hub.unit_of_work import Rules
    from schemas.keys import KeyHolder
    from schemas.wire.kafka import TopicNames

    Follow = Callable[[AsyncConnection], Awaitable[None]]

log = structlog.get_logger()
SHARD = 0x74647500
BATCH = 500
POLL_SECONDS = 1.0
SWEEP_SECONDS = 3600.0
FORGET_SECONDS = 30.0
NOWHERE = -1


class Relay:
    """Publishes what transactions left in the outbox and marks it once the broker has it."""

    def __init__(
        self, database: AsyncEngine, producer: AIOKafkaProducer, names: TopicNames, key: KeyHolder, follow: Follow = never_followed
    ) -> None:
        self._database = database
        self._producer = producer
        self._names = names
        self._key, self._follow = key, follow
        self._missing: dict[str, float] = {}
        self._marked = False

    async def publish_waiting(self) -> int:
        """Publish the oldest rows in order; returns how many."""
        async with self._database.connect() as connection:
            await self._follow(connection)
            rows = await outbox.unpublished(connection, BATCH, self._still_missing())
            await self._show_oldest(connection, rows[0][1].admitted_at if rows else None)  # before it leaves: a broker may not take it
            if not rows:
                return 0
            if await self._look_for_topics({row.topic for _, row in rows}):
                return BATCH  # without what waits for its topic
            if not self._marked:
                await self._try_to_mark(connection, rows)
            acks = await self._produce([row for _, row in rows])
            done = [(name, ack.partition, ack.offset) for (name, _), ack in zip(rows, acks, strict=True)]
            await outbox.mark_published(connection, done, bootstrap.clock())
            await connection.commit()
        self._marked = True
        now = bootstrap.clock()
        for _, row in rows:
            Metric.hop.labels("published").observe(max(0.0, (now - row.admitted_at).total_seconds()))
        return len(rows)

    async def publish_all(self) -> None:
        """Publish until nothing waits."""
        while await self.publish_waiting() == BATCH:
            continue

    async def _show_oldest(self, connection: AsyncConnection, leaving: datetime | None) -> None:
        """The age of the oldest row of all: of those that are to leave now, and of what waits for a topic that is missing."""
        waits = await outbox.oldest_unpublished(connection) if self._missing else None
        oldest = min((at for at in (leaving, waits) if at is not None), default=None)
        Metric.oldest.labels("outbox").set((bootstrap.clock() - oldest).total_seconds() if oldest else 0)

    async def _try_to_mark(self, connection: AsyncConnection, rows: Sequence[tuple[int, Outgoing]]) -> None:
        """Once a process, before its first batch leaves: a database without room would have each of our starts publish the same rows once more."""
        await outbox.mark_published(connection, [(name, NOWHERE, NOWHERE) for name, _ in rows], bootstrap.clock())

    def _still_missing(self) -> list[str]:
        now = asyncio.get_running_loop().time()
        self._missing = {topic: since for topic, since in self._missing.items() if now - since < FORGET_SECONDS}
        return list(self._missing)

    async def _look_for_topics(self, topics: set[str]) -> int:
        """Set aside what the broker does not have, or one node's missing topic would hold up all the others; returns how many."""
        found = 0
        for topic in topics - {HUB_FACTS.name}:  # without that one there is nothing to go on with
            if not await kafka.has_topic(self._producer, self._names.topic_prefix + topic):
                found += 1
                self._missing[topic] = asyncio.get_running_loop().time()
                log.error("topic_missing", topic=topic)
        if found and not await kafka.has_topic(self._producer, self._names.of(HUB_FACTS)):
            raise KafkaError("no broker answers")
        return found

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
        return Place(row.digest, row.community, row.sequence, row.targets, row.admitted_at).signed(self._key.held())


async def run(settings: HubSettings, kafka_settings: kafka.KafkaSettings, names: TopicNames) -> None:
    """Run until cancelled; ends with an error when database or broker are gone, and its supervisor starts it again."""
    health = telemetry.Health()
    runner = await telemetry.serve(health, settings.metrics_host, settings.metrics_port)
    lock = await alone(settings.database_url, SHARD)
    woken, connected = asyncio.Event(), asyncio.Event()
    await lock.add_listener(outbox.CHANNEL, lambda *_: woken.set())
    health.checks |= {"lock": lambda: not lock.is_closed(), "kafka": connected.is_set}
    database, producer = bootstrap.engine(settings), kafka.producer(kafka_settings)
    await producer.start()
    connected.set()
    log.info("relay_started", metrics_at=telemetry.address(runner))
    rules = bootstrap.rules(settings)
    resender = Resender(database, producer, names, rules)
    try:
        await _loop(Relay(database, producer, names, rules.key, rules.follow), resender, rules, database, lock, woken, settings)
    finally:
        await producer.stop()
        await database.dispose()
        await runner.cleanup()


async def _loop(
    relay: Relay,
    resender: Resender,
    rules: Rules,
    database: AsyncEngine,
    lock: asyncpg.Connection,
    woken: asyncio.Event,
    settings: HubSettings,
) -> None:
    swept = resent = float("-inf")  # a loop's clock begins with the machine: one that has just been started would wait for an hour
    more, anchor = False, ""
    clock = asyncio.get_running_loop().time
    while not lock.is_closed():
        woken.clear()
        if await relay.publish_waiting() == BATCH:
            continue
        if clock() - swept > SWEEP_SECONDS:
            swept = clock()
            await sweep(database, rules, settings)
        if anchor != (signing := rules.key.held().public.multibase):
            await _sign_anew(database, rules)
            anchor = signing
        if clock() - resent > (PAUSE_SECONDS if more else POLL_SECONDS):
            more, resent = await resender.send_some(relay.publish_all), clock()
        try:
            async with asyncio.timeout(PAUSE_SECONDS if more else POLL_SECONDS):
                await woken.wait()
        except TimeoutError:
            continue
    raise ConnectionError("the advisory lock's connection is gone")


async def show_manifests(connection: AsyncConnection, now: datetime) -> None:
    """Show by the metric whose manifest ends when; of who left, nothing is shown any more."""
    Metric.manifest_expires.clear()
    for one in await manifests(connection, now):
        Metric.manifest_expires.labels(one.subject).set((one.until - now) / timedelta(days=1))


async def show_reports(connection: AsyncConnection) -> None:
    """Show by the metric where animators have something to look at."""
    Metric.open_reports.clear()
    for community, count in (await open_reports(connection)).items():
        Metric.open_reports.labels(community).set(count)


async def _sign_anew(database: AsyncEngine, rules: Rules) -> None:
    """Publish the registry under the key that has just followed another: readers leave the old one with that version."""
    async with transaction(database, rules) as work:
        if await work.sign_anew():
            await work.commit()
            log.warning("registry_signed_anew", anchor=work.hub_key)


async def sweep(database: AsyncEngine, rules: Rules, settings: HubSettings) -> None:
    """Forget what is over, and renew what must not end."""
    async with database.connect() as connection:
        before = bootstrap.clock() - timedelta(days=settings.outbox_days)
        count = await outbox.forget_published(connection, before)
        await quarantine.forget(connection, before)
        await forget_seen(connection, before)
        await forget_reports(connection, bootstrap.clock() - REPORTS_KEPT)
        await show_manifests(connection, bootstrap.clock())
        await show_reports(connection)
        Metric.doubtful.set(await count_doubtful(connection))
        await forget_owed(connection, before)
        await forget_words(connection, before)
        await connection.commit()
    async with transaction(database, rules) as work:
        renewed = await work.renew_registry()
        await work.commit()
    log.info("swept", outbox_rows=count, registry_renewed=renewed)
