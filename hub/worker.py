"""Topic → handler tables; the only importer of faust; groups: inbound | peers | fanout | receipts."""

from __future__ import annotations

import asyncio
import os
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faust
import structlog
from faust.tables import TableManager
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer

from hub.batches.fanout import FanoutBatch
from hub.batches.line import Line, Progress
from hub.communities import handlers as communities
from hub.federation.addresses import Addresses
from hub.federation.telling import Voice
from hub.operations.dead_letters import KafkaDeadLetters
from hub.ports import Record
from hub.registry import handlers as registry
from schemas import topics
from schemas.wire import kafka, telemetry
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from hub.acknowledging import Acknowledger
    from hub.batches.group import Handler
    from hub.batches.inbound import InboundBatch
    from hub.settings import HubSettings
    from schemas.wire.kafka import KafkaSettings, TopicNames

log = structlog.get_logger()
FETCH_WAIT_MS = 100
LOST = 70  # exit code of a worker whose work is in doubt: its supervisor starts it again

PEERS_SAY = frozenset(("message.posted", "message.edited", "message.deleted", "reaction.added", "reaction.removed"))
INBOUND: dict[str, Callable[[Any, Any], Awaitable[str | None]]] = {
    "fr.gouv.rse.message.posted.v1": communities.on_message,
    "fr.gouv.rse.message.edited.v1": communities.on_message,
    "fr.gouv.rse.message.deleted.v1": communities.on_message,
    "fr.gouv.rse.copy.withdrawn.v1": communities.on_copy_withdrawn,
    "fr.gouv.rse.copy.edited.v1": communities.on_copy_edited,
    "fr.gouv.rse.message.moderated.v1": communities.on_moderation,
    "fr.gouv.rse.message.restored.v1": communities.on_moderation,
    "fr.gouv.rse.copy.restored.v1": communities.on_moderation,
    "fr.gouv.rse.reaction.added.v1": communities.on_gesture,
    "fr.gouv.rse.reaction.removed.v1": communities.on_gesture,
    "fr.gouv.rse.answer.accepted.v1": communities.on_gesture,
    "fr.gouv.rse.answer.withdrawn.v1": communities.on_gesture,
    "fr.gouv.rse.membership.joined.v1": communities.on_membership,
    "fr.gouv.rse.membership.left.v1": communities.on_membership,
    "fr.gouv.rse.resync.requested.v1": communities.on_resync_requested,
    "fr.gouv.rse.tie.accepted.v1": registry.on_tie_accepted,
    "fr.gouv.rse.tie.refused.v1": registry.on_tie_refused,
}
ABROAD = {name: handler for name, handler in INBOUND.items() if name.rpartition(".v")[0].rpartition("rse.")[2] in PEERS_SAY}
"""What is said for people elsewhere: they post and react, and have neither spaces nor copies here."""
SOURCES = {"inbound": topics.RSE_INBOUND, "peers": topics.PEER_INBOUND, "fanout": topics.HUB_FACTS, "receipts": topics.RSE_RECEIPTS}


class NoTables(TableManager):
    """Faust waits a second for tables to be declared; we declare none."""

    async def sleep(self, n: Any, *, loop: Any = None) -> None:
        """Wait for nothing."""
        del n, loop
        await asyncio.sleep(0)


class ImpatientThread(AIOKafkaConsumerThread):
    """Asks the broker anew soon where Faust lets it keep silent for a second and a half.

    While records of a partition wait in memory for more than 0.1 s, aiokafka asks for the other partitions alone, and asks for nothing else
    until that is answered: what comes meanwhile on the one that speaks would lie there until the silence of the others ends.
    """

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - Faust has no setting for what aiokafka takes as an option
        return consumer


class ImpatientConsumer(Consumer):
    """Faust's consumer over such a thread."""

    def _new_consumer_thread(self) -> ImpatientThread:
        return ImpatientThread(self, loop=self.loop, beacon=self.beacon)


def application(group: str, settings: HubSettings, kafka_settings: KafkaSettings, names: TopicNames) -> faust.App:
    """One Faust app of one group: a failing group stops no other. Its stream keeps the safe pattern of `consume`."""
    app = faust.App(
        names.group(f"worker.{group}"),
        broker=[f"kafka://{address}" for address in kafka_settings.bootstrap.split(",")],
        broker_credentials=_credentials(kafka_settings),
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=topics.RECORD_LIMIT,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        broker_session_timeout=10,
        broker_heartbeat_interval=3,
        web_enabled=False,
        TableManager=NoTables,
        datadir=Path(tempfile.gettempdir()) / "traitdunion-faust",  # no tables: nothing is kept there
    )
    transport: Any = app.transport
    transport.Consumer = ImpatientConsumer
    source = app.topic(names.of(SOURCES[group]), key_serializer="raw", value_serializer="raw", key_type=bytes, value_type=bytes)
    parts = _Parts(group, settings, kafka_settings, names)

    @app.agent(source, concurrency=1, name=f"{group}-agent")
    async def consume(stream: Any) -> None:
        await parts.ready.wait()
        line = Line(parts.handler, parts.progress, ended_by_errors, settings.batch)
        async for batch in stream.noack_take(settings.batch, within=settings.within):
            await line.take([record_of(event.message) for event in batch], partial(acknowledge, stream, batch))

    @app.task  # type: ignore[untyped-decorator]  # Faust's own
    async def prepare() -> None:
        await ended_by_errors(parts.start(lambda: not app.rebalancing))

    @app.timer(interval=1.0)  # type: ignore[untyped-decorator]  # Faust's own
    async def every_second() -> None:
        if parts.ready.is_set():
            await ended_by_errors(parts.every_second(app.consumer))

    return app


def run(app: faust.App, loop: asyncio.AbstractEventLoop) -> None:
    """Run the app as this process's whole work until it is told to stop."""
    process = faust.Worker(app, loglevel="WARNING", loop=loop, override_logging=False, redirect_stdouts=False, quiet=True)
    process.spinner = None  # it writes to the terminal in the middle of a log line
    process.execute_from_commandline()


async def acknowledge(stream: Any, events: Sequence[Any]) -> None:
    """Let the broker know that these are handled, in their order."""
    for event in events:
        await stream.ack(event)


async def ended_by_errors(work: Awaitable[Any]) -> None:
    """Await, and end the process on any error: nothing is acknowledged by one that does not know what happened.

    No exception may reach Faust, which would acknowledge the batch that raised it: at least once in, effects once.
    """
    try:
        await work
    except Exception as error:  # noqa: BLE001 - the one place where every error has the same answer
        log.error("worker_ends", error=type(error).__name__)  # noqa: TRY400 - no content in traces
        os._exit(LOST)


def record_of(message: Any) -> Record:
    """A Faust message as our own plain record."""
    return Record(
        message.topic, message.partition, message.offset, datetime.fromtimestamp(message.timestamp, UTC),
        message.key, message.value, tuple(message.headers or ()),
    )  # fmt: skip


class _Parts:
    """What one group's stream needs, made when its loop runs."""

    def __init__(self, group: str, settings: HubSettings, kafka_settings: KafkaSettings, names: TopicNames) -> None:
        self.ready = asyncio.Event()
        self._group = group
        self._settings = settings
        self._kafka = kafka_settings
        self._names = names
        self._inbound: InboundBatch | None = None
        self._acknowledger: Acknowledger | None = None
        self._show_parked: tuple[AsyncEngine, Callable[[AsyncConnection], Awaitable[None]]] | None = None
        self.progress = Progress()

    async def start(self, settled: Callable[[], bool]) -> None:
        """Make the parts; Faust calls this once the group is joined. `settled` tells whether no rebalance is under way."""
        health = telemetry.Health({"stream": self.ready.is_set, "group": settled})
        runner = await telemetry.serve(health, self._settings.metrics_host, self._settings.metrics_port)
        producer = kafka.producer(self._kafka)
        await producer.start()
        dead_letters = KafkaDeadLetters(producer)
        if self._group == "fanout":
            self.handler: Handler[Any] = FanoutBatch(producer, self._names, dead_letters, _clock, self._voice())
        else:
            self.handler = self._with_database(dead_letters)
        self.ready.set()
        log.info("worker_ready", group=self._group, metrics_at=telemetry.address(runner))

    def _voice(self) -> Voice | None:
        return Voice(Addresses(self._settings.federation_url), self._settings.hub_id) if self._settings.federation_url else None

    def _with_database(self, dead_letters: KafkaDeadLetters) -> Handler[Any]:
        from hub import bootstrap  # noqa: PLC0415 - the fan-out pays neither time nor memory for a database it does not ask
        from hub.batches.group import Group  # noqa: PLC0415 - as above
        from hub.batches.inbound import InboundBatch  # noqa: PLC0415 - as above
        from hub.operations import quarantine  # noqa: PLC0415 - as above

        rules = bootstrap.rules(self._settings)
        database = bootstrap.engine(self._settings)
        reader = bootstrap.RegistryReader(database, rules.key.held().public.multibase)
        begin = bootstrap.begin(database, rules)
        group = Group(self._group, begin, reader, dead_letters, bootstrap.clock, self._settings.quarantine_after)
        if self._group == "receipts":
            from hub.batches.receipts import ReceiptBatch  # noqa: PLC0415 - as above

            return ReceiptBatch(group)
        if self._group == "peers":
            from hub.acknowledging import Acknowledger  # noqa: PLC0415 - as above
            from hub.batches.peers import PeerBatch  # noqa: PLC0415 - as above

            self._show_parked = database, quarantine.show_peers
            self._acknowledger = Acknowledger(begin, bootstrap.addresses(self._settings), rules.key, bootstrap.clock)
            return PeerBatch(group, ABROAD, bootstrap.addresses(self._settings), bootstrap.first_door_key(self._settings))
        self._show_parked = database, quarantine.show_nodes
        self._inbound = InboundBatch(group, INBOUND)
        return self._inbound

    async def every_second(self, consumer: Any) -> None:
        if self._inbound is not None:
            await self._inbound.release_due()
        if self._acknowledger is not None:
            await self._acknowledger.send_due()
            await self._acknowledger.watch()
        await self.show_quarantine()
        Metric.lag.labels(self._group, SOURCES[self._group].name).set(self.progress.lag(consumer))
        Metric.oldest.labels(self._group).set(self.progress.oldest(_clock()))

    async def show_quarantine(self) -> None:
        """Who is set aside, told from the database: a batch may not come for hours, nor know what was before it."""
        if self._show_parked is not None:
            database, show = self._show_parked
            async with database.connect() as connection:
                await show(connection)


def _clock() -> datetime:
    return datetime.now(UTC)


def _credentials(settings: KafkaSettings) -> Any:
    if settings.security_protocol == "PLAINTEXT":
        return None
    context = settings.ssl_context() if settings.security_protocol.endswith("SSL") else None
    if settings.security_protocol == "SSL":
        return faust.SSLCredentials(context=context)
    return faust.SASLCredentials(
        mechanism=settings.sasl_mechanism, username=settings.sasl_username, password=settings.password(), ssl_context=context
    )
