"""The hub's processes through the faults of their servers: database stopped or restored, broker restarted, topics missing."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from prometheus_client import REGISTRY
from sqlalchemy.exc import DBAPIError

from hub import relay
from hub.batches import fanout
from hub.bootstrap import clock
from hub.operations import topics as declared
from hub.operations.dead_letters import KafkaDeadLetters
from hub.operations.groups import GroupInUse, rewind
from hub.ports import Record
from hub.process import LOST
from hub.registry import anchor_service
from hub.registry.hub_keys import HubFiles
from hub.registry.key_service import Plan
from hub.registry.repository import newest_document
from hub.storage.engine import connection_lost, migrate
from schemas import topics
from schemas.manifest import Registry
from schemas.wire import kafka as wire
from tests import fakes_federation, full_disk
from tests.fakes_streams import Hub, becomes, headers_of, until, way_of
from tests.hub_world import NODES, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiokafka import AIOKafkaProducer

    from deploy.local.kafka import LocalKafka
    from deploy.local.postgres import LocalPostgres
    from hub.unit_of_work import UnitOfWork
    from tests.servers import Kafka

INBOUND, GROUP = topics.RSE_INBOUND.name, "worker.inbound"
PROCESSES = ("inbound", "fanout", "relay")


def id_of(record: Record) -> str:
    return dict(record.headers)["ce_id"].decode()


@pytest.fixture
async def hub(kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Hub]:
    made = Hub(kafka.bootstrap, database_url, topic_prefix, tmp_path)
    yield made
    made.discard()


@pytest.mark.long
async def test_no_outage_of_the_database_or_of_the_broker_loses_an_event(
    private_kafka: LocalKafka, private_postgres: LocalPostgres, tmp_path: Path
) -> None:
    hub = Hub(private_kafka.bootstrap, private_postgres.url, "", tmp_path)
    await migrate(private_postgres.url)
    world = await World.make(private_postgres.url)
    try:
        hub.prepare(world)
        hub.up(*PROCESSES)
        await world.tie()
        await hub.ready(*PROCESSES)
        posts = [world.posted("wifip", f"post:{number}") for number in range(8)]
        await _through_a_stopped_database(hub, world, private_postgres, posts[:2])
        await _through_a_restarted_broker(hub, private_kafka, posts[2:])
        await way_of(hub, world, [id_of(post) for post in posts])
    finally:
        hub.discard()
        await world.close()


async def _through_a_stopped_database(hub: Hub, world: World, postgres: LocalPostgres, posts: list[Record]) -> None:
    await hub.publish(posts[0], partition=0)
    await becomes(lambda: hub.committed(GROUP, INBOUND), 1)
    await world.engine.dispose()
    await asyncio.to_thread(postgres.stop)
    await hub.publish(posts[1], partition=0)
    await until(lambda: [line for line in hub.supervisor.said("process_ended") if line["name"] == "inbound"])
    assert {line["code"] for line in hub.supervisor.said("process_ended")} == {LOST}
    assert await hub.committed(GROUP, INBOUND) == 1
    await asyncio.to_thread(postgres.start)
    await way_of(hub, world, [id_of(post) for post in posts])


async def _through_a_restarted_broker(hub: Hub, broker: LocalKafka, posts: list[Record]) -> None:
    restarting = asyncio.create_task(asyncio.to_thread(broker.restart))
    for post in posts:
        await _insist(hub, post)
    await restarting
    await _insist(hub, posts[-1])


async def _insist(hub: Hub, post: Record) -> None:
    """Publish as a connector does, again and again; what comes twice has its effect once."""
    while True:
        try:
            await hub.publish(post, partition=0)
        except KafkaError:
            await asyncio.sleep(0.5)
        else:
            return


@pytest.mark.long
async def test_a_restored_database_takes_again_what_the_broker_counts_as_done(hub: Hub, world: World) -> None:
    hub.prepare(world)
    before, after = [[world.posted("wifip", f"post:{number}") for number in numbers] for numbers in ((1, 2), (3, 4))]
    first = hub.start("first", "-m", "hub", "worker", "inbound")
    await hub.publish(*before, partition=0)
    await becomes(lambda: _messages(world), 2)
    assert await first.stop() == 0
    await hub.publish(*after, partition=0)  # handled by a database that is lost: only the broker remembers
    place = TopicPartition(hub.prefix + INBOUND, 0)
    async with wire.consumer(hub.settings, group=hub.prefix + GROUP) as reader:
        reader.assign([place])
        await reader.commit({place: OffsetAndMetadata(4, "")})
    second = hub.start("second", "-m", "hub", "worker", "inbound")
    await becomes(lambda: _messages(world), 4)
    assert [line["moved"] for line in second.said("offsets_checked")] == [1]
    assert await second.stop() == 0


async def test_a_group_whose_members_are_alive_is_not_left_ahead_of_its_database_in_silence(hub: Hub, world: World) -> None:
    hub.prepare(world)
    place = TopicPartition(hub.prefix + INBOUND, 0)

    async def stored() -> dict[tuple[str, int], int]:
        return {(place.topic, place.partition): 1}

    async with wire.consumer(hub.settings, place.topic, group=hub.prefix + GROUP, auto_offset_reset="earliest") as member:
        await member.getmany(timeout_ms=100)
        await member.commit({place: OffsetAndMetadata(3, "")})
        with pytest.raises(GroupInUse):
            await rewind(hub.settings, hub.prefix + GROUP, stored, patience=0.1)
    assert await rewind(hub.settings, hub.prefix + GROUP, stored) == 1
    assert await hub.committed(GROUP, INBOUND) == 1
    assert await rewind(hub.settings, hub.prefix + GROUP, stored) == 0


async def test_a_process_that_finds_no_database_says_so_and_ends(hub: Hub, world: World) -> None:
    hub.prepare(world)
    nowhere = {"TRAITDUNION_DATABASE_URL": "postgresql://127.0.0.1:1/nowhere"}
    worker = hub.start("worker", "-m", "hub", "worker", "receipts", **nowhere)
    publisher = hub.start("relay", "-m", "hub", "relay", **nowhere)
    assert [await worker.ended(), await publisher.ended()] == [LOST, LOST]
    assert worker.said("start_refused")
    assert publisher.said("relay_ends")


@pytest.mark.long
async def test_a_second_relay_waits_and_takes_over_when_the_first_is_killed(hub: Hub, world: World) -> None:
    hub.prepare(world)
    relays = [hub.start(name, "-m", "hub", "relay") for name in ("one", "two")]
    first = await until(lambda: next((one for one in relays if one.said("relay_started")), None))
    second = next(one for one in relays if one is not first)
    await hub.read("node.education.outbound.v1", bool)
    assert not second.said("relay_started")
    first.send(signal.SIGKILL)
    await until(lambda: second.said("relay_started"))
    record = world.posted("wifip", "post:1")
    await world.hear(record)
    facts = await hub.read("hub.facts.v1", lambda found: id_of(record) in {headers_of(one)["ce_id"] for one in found})
    numbers = [int(headers_of(one)["hub_sequence"]) for one in facts if "hub_sequence" in headers_of(one)]
    assert list(dict.fromkeys(numbers)) == sorted(set(numbers))


async def test_a_node_without_its_topic_holds_up_no_other_and_gets_what_waited_once_it_has_one(
    hub: Hub, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = wire.TopicNames(topic_prefix=hub.prefix)
    await asyncio.to_thread(_create, hub, [*topics.STATIC, *topics.of_node("education")])
    async with hub.producer() as sender:
        await _find(sender, names, topics.HUB_FACTS, topics.outbound("education"))
        monkeypatch.setattr(wire, "LOOK_SECONDS", 0.3)
        publisher = relay.Relay(world.engine, sender, names, world.hub_key)
        while await publisher.publish_waiting():
            continue
        waiting = {row["topic"] for row in await world.rows("SELECT topic FROM hub.outbox WHERE published_at IS NULL")}
        assert waiting == {topics.outbound(node).name for node in NODES if node != "education"}
        assert await publisher.publish_waiting() == 0
        assert _age_of_the_outbox() > 0
        assert await hub.read("node.education.outbound.v1", bool)
        await asyncio.to_thread(_create, hub, [topic for node in NODES for topic in topics.of_node(node)])
        await _find(sender, names, *map(topics.outbound, NODES))
        monkeypatch.setattr(relay, "FORGET_SECONDS", 0.0)
        while await publisher.publish_waiting():
            continue
        assert await publisher.publish_waiting() == 0
        assert _age_of_the_outbox() == 0
    assert not await world.rows("SELECT topic FROM hub.outbox WHERE published_at IS NULL")
    assert await hub.read("node.diplomatie.outbound.v1", bool)


def _age_of_the_outbox() -> float:
    return REGISTRY.get_sample_value("traitdunion_oldest_unprocessed_seconds", {"stage": "outbox"}) or 0.0


async def test_fan_out_to_a_node_without_its_topic_is_a_dead_letter_and_reaches_the_others(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = wire.TopicNames(topic_prefix=hub.prefix)
    await asyncio.to_thread(_create, hub, [*topics.STATIC, *topics.of_node("education")])
    headers = (("hub_targets", b'{"education":"a","wifip":"b"}'),)
    unread = (("hub_targets", b"{"),)
    records = [Record(hub.prefix + topics.HUB_FACTS.name, 0, place, clock(), b"k", b"v%d" % place, said) for place, said in enumerate((headers, unread, headers))]  # fmt: skip
    async with hub.producer() as sender:
        await _find(sender, names, topics.HUB_FACTS.dead_letters, topics.outbound("education"))
        monkeypatch.setattr(wire, "LOOK_SECONDS", 0.3)
        copy = fanout.FanoutBatch(sender, names, KafkaDeadLetters(sender), clock)
        await copy.carry_out(await copy.read(records))
    arrived = await hub.read("node.education.outbound.v1", lambda found: len(found) >= 2)
    assert [one.value for one in arrived] == [b"v0", b"v2"]
    letters = await hub.read("hub.facts.v1.dlq.v1", lambda found: len(found) >= 3)
    assert [dict(one.headers)["dlq_reason"] for one in letters] == [b"topic_missing", b"targets_malformed", b"topic_missing"]


@pytest.mark.long
async def test_receipts_of_a_whole_outage_are_kept_in_one_batch(world: World) -> None:
    record = world.posted("wifip", "post:1")
    await world.hear(record)
    reports = [world.report("education", f"{number:032x}") for number in range(5)]
    many = [world.reports("education", [f"{batch:08x}{number:024x}" for number in range(500)]) for batch in range(70)]
    await world.receipts([*reports, *many, world.report("education", id_of(record))])
    rows = await world.rows("SELECT event FROM hub.deliveries")
    assert [row["event"] for row in rows] == [id_of(record)]


async def _messages(world: World) -> int:
    return len(await world.rows("SELECT id FROM hub.messages"))


async def _find(sender: AIOKafkaProducer, names: wire.TopicNames, *there: topics.Topic) -> None:
    """Let a client know the topics that there are, however long a busy broker takes: what it then looks for in vain is missing."""
    for topic in there:
        assert await sender.partitions_for(names.of(topic))


def _create(hub: Hub, wanted: list[topics.Topic]) -> None:
    from hub.operations.broker import administrator  # noqa: PLC0415 - one test's need

    with administrator(hub.settings) as admin:
        declared.apply(admin, wanted, wire.TopicNames(topic_prefix=hub.prefix), hub.settings)


@pytest.mark.long
async def test_the_relay_signs_the_registry_anew_once_another_key_follows(hub: Hub, world: World) -> None:
    hub.prepare(world)
    new = HubFiles("hub", hub.folder / "hub.pem").following()
    publisher = hub.start("relay", "-m", "hub", "relay")
    await until(lambda: publisher.said("relay_started"))
    for person in ("anne", "bakary"):

        async def use(work: UnitOfWork, person: str = person) -> None:
            presence = await fakes_federation.present(work, person)
            await anchor_service.rotate(world.hub_key, new, Plan(timedelta(0), timedelta(days=1)), presence, work)

        await world.work(use)
    await until(lambda: publisher.said("registry_signed_anew"))
    async with world.engine.connect() as connection:
        newest = await newest_document(connection)
    assert newest is not None
    assert Registry.open(newest[1], world.hub_key.public.multibase, clock()).anchor == new.public.multibase


async def test_a_database_without_room_has_no_start_of_the_relay_publish_the_same_again(hub: Hub, world: World, database_url: str) -> None:
    hub.prepare(world)
    await full_disk.install(database_url, "hub")
    names = wire.TopicNames(topic_prefix=hub.prefix)
    waiting = len(await world.rows("SELECT id FROM hub.outbox WHERE published_at IS NULL"))
    async with hub.producer() as sender:
        await _find(sender, names, topics.HUB_FACTS, *map(topics.outbound, NODES))
        async with full_disk.full(database_url):
            for _ in range(3):
                with pytest.raises(DBAPIError) as said:
                    await relay.Relay(world.engine, sender, names, world.hub_key).publish_waiting()
                assert connection_lost(said.value)
        assert await relay.Relay(world.engine, sender, names, world.hub_key).publish_waiting() == waiting
    education = [row["event"] for row in await world.rows("SELECT event FROM hub.outbox WHERE topic = 'node.education.outbound.v1'")]
    assert len(await hub.read("node.education.outbound.v1", lambda found: len(found) >= len(education))) == len(education)
