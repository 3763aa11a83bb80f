"""Every forgery of the tables against the peers' door at work, over HTTP: refused by its name, in the answer, the metrics and the log; nothing on Kafka."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import create_async_engine
from structlog.testing import capture_logs

from hub.door import server
from hub.federation.actors import Actors
from hub.federation.addresses import Addresses
from hub.federation.book import PeerBook
from hub.federation.doorway import application
from hub.federation.keyring import Keys
from hub.federation.published import ActorKeys, ShownKey
from hub.federation.reception import reception
from hub.federation.repository import KeptVersions
from hub.federation.serving import Here, Pages
from hub.federation.signed_fetch import SignedFetching
from hub.peer_reading import SqlPublished
from hub.registry.peer_repository import SqlPeers
from hub.registry.peers import admitted
from schemas.keys import SigningKey
from schemas.topics import PEER_INBOUND
from schemas.wire.egress import EgressSettings
from schemas.wire.fetching import DevelopmentRules, GuardedClient
from schemas.wire.kafka import KafkaSettings, TopicNames
from tests.fakes_strangers import NamesInBook, publish, stranger
from tests.fakes_streams import create_topics, until
from tests.forgeries import inbox, older, plays
from tests.forgeries.abroad import INWARD, RSA_OF_NOBODY, SERVERS, World
from tests.forgeries.drafts import signed
from tests.forgeries.post import send
from tests.forgeries.said import MEMORY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.fakes_strangers import Stranger
    from tests.servers import Kafka

AT_LEAST = 700
NOBODY = ("inconnu", "candidat", "parti")
"""Servers that nobody has admitted, or that have left: whatever others say of them, nothing is ever asked there."""


def clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Place:
    """A door at work, who is in its registry, and the topic behind it."""

    world: World
    port: int
    bootstrap: str
    topic: str
    servers: dict[str, Stranger]

    async def kept(self) -> int:
        """How many activities Kafka holds."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap)
        await consumer.start()
        try:
            return int((await consumer.end_offsets([TopicPartition(self.topic, 0)]))[TopicPartition(self.topic, 0)])
        finally:
            await consumer.stop()


@pytest.fixture
async def place(kafka: Kafka, topic_prefix: str, database_url: str) -> AsyncIterator[Place]:
    topic = topic_prefix + PEER_INBOUND.name
    await asyncio.to_thread(create_topics, kafka.bootstrap, topic)
    database = create_async_engine(database_url.replace("postgresql://", "postgresql+asyncpg://"))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.dispose)
        servers = {name: await stack.enter_async_context(stranger()) for name in SERVERS}
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listening.getsockname()[1]
        world = World(f"http://127.0.0.1:{port}", {name: one.url for name, one in servers.items()})
        publish(world.documents, servers.values())
        await _admit(world, database)
        await stack.enter_async_context(
            _door(world, database, listening, (KafkaSettings(bootstrap=kafka.bootstrap), TopicNames(topic_prefix=topic_prefix)))
        )
        yield Place(world, port, kafka.bootstrap, topic, servers)


async def _admit(world: World, database: AsyncEngine) -> None:
    async with database.begin() as connection:
        for peer in world.peers().values():
            await SqlPeers(connection).add(peer)
    for seen in world.versions_seen.values():
        await KeptVersions(database).keep(seen.peer, seen.anchor, seen.version, clock())


@asynccontextmanager
async def _door(
    world: World, database: AsyncEngine, listening: socket.socket, kafka: tuple[KafkaSettings, TopicNames]
) -> AsyncIterator[None]:
    """All parts of the process, put together as it does."""
    here, key, book = world.here, SigningKey.generate(world.here.host_actor), PeerBook(database, clock)
    shown = SqlPublished(database, "hub", Addresses(here.base), clock)
    pages = Pages(Here(here, lambda: ActorKeys((ShownKey(key.public.multibase),), RSA_OF_NOBODY.public_pem), shown, clock, "0"))
    async with GuardedClient(EgressSettings(), DevelopmentRules(), "traitdunion/test", clock, NamesInBook(INWARD)) as client:
        asked = admitted(book)
        abroad = Actors(
            SignedFetching(client, lambda: [Keys(key, RSA_OF_NOBODY)], asked), clock, lambda authority: asked(authority) is not None
        )
        async with reception(here, book, abroad, key, kafka, clock) as parts:
            await until(lambda: parts.publisher.ready)
            serving = server(application(pages, parts.inboxes, list), "127.0.0.1", 0)
            task = asyncio.create_task(serving.serve(sockets=[listening]))
            try:
                yield
            finally:
                serving.should_exit = True
                await task


def counted() -> Counter[str]:
    """Requests that the inboxes have counted, by outcome; whom a refused one names is proved by nothing, and counted as nobody."""
    found: Counter[str] = Counter()
    for metric in REGISTRY.collect():
        if metric.name == "traitdunion_inbox_requests":
            for one in metric.samples:
                if one.name.endswith("_total") and one.labels["outcome"] != "accepted":
                    assert (one.labels["peer"], one.labels["type"]) == ("?", "?")
                    found[one.labels["outcome"]] += int(one.value)
    return found


async def test_what_is_forged_was_valid_before_and_stands_on_kafka(place: Place) -> None:
    made = plays.valid(place.world)
    for play in made:
        got = await send(place.port, play.make())
        assert (play.name, got.status, got.reason) == (play.name, 202, "")
    assert await place.kept() == len(made)


async def test_every_forgery_is_refused_by_its_name_in_the_answer_the_metrics_and_the_log(place: Place) -> None:
    made = [play for play in plays.forged(place.world) if not play.needs & MEMORY]
    before, wrong, expected = counted(), [], Counter[str]()
    with capture_logs() as logged:
        for play in made:
            got = await send(place.port, play.make())
            expected[got.reason] += 1
            if got.reason != play.reason or got.status < 400:
                wrong.append(f"{play.name}: {got.status} {got.reason}, not {play.reason}")
    assert not wrong, "\n".join(wrong)
    assert len({play.name for play in made}) == len(made) >= AT_LEAST
    assert counted() - before == expected
    assert Counter(line["reason"] for line in logged if line["event"] == "activity_refused") == expected
    assert await place.kept() == 0
    assert [(name, one.target) for name in NOBODY for one in place.servers[name].asked] == []


async def test_nothing_is_taken_twice_however_its_signature_is_written_again(place: Place) -> None:
    for play in plays.valid(place.world):
        wire = play.make()
        assert (await send(place.port, wire)).status == 202
        assert (play.name, (await send(place.port, wire)).reason) == (play.name, "signature_replayed")
    for name, wire, again in plays.rewritten(place.world):
        assert (name, (await send(place.port, wire)).status) == (name, 202)
        assert (name, (await send(place.port, again)).reason) == (name, "signature_replayed")


async def test_what_was_taken_at_one_inbox_is_not_taken_at_another(place: Place) -> None:
    world = place.world
    said = world.creates(world.alice, path=inbox.path())
    for wire in (signed(inbox.signed_by(world, world.alice, said)), older.signed(inbox.older_base(world))):
        assert (await send(place.port, wire)).status == 202
        for target in (f"/groups/{world.group.rpartition('/')[2]}/inbox", "/nodes/wifip/inbox", "/inbox?again=1", "/%69nbox"):
            assert (target, (await send(place.port, replace(wire, target=target))).reason) == (target, "signature_invalid")
