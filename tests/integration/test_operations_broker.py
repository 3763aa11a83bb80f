"""Topics, lag, dead letters and replays on a real broker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.structs import OffsetAndMetadata
from nacl.public import PrivateKey, SealedBox

from hub.operations import dlq, provision, readmission, replay, streams, topics
from hub.operations.broker import BrokerUnreachable, administrator, reader
from hub.operations.topics import State
from hub.storage.engine import engine_for
from schemas.application import Kind
from schemas.keys import SigningKey
from schemas.topics import ADAPTERS_DLQ, HUB_FACTS, PEER_INBOUND, RSE_INBOUND, STATIC, of_node, outbound
from schemas.wire.kafka import KafkaSettings, TopicNames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Kafka

PARKED = RSE_INBOUND.dead_letters
PARKED_AS = "node_quarantined"
HUB_KEY = SigningKey.generate("hub")


@pytest.fixture
def settings(kafka: Kafka) -> KafkaSettings:
    return KafkaSettings(bootstrap=kafka.bootstrap)


@pytest.fixture
def names(topic_prefix: str) -> TopicNames:
    return TopicNames(topic_prefix=topic_prefix)


@pytest.fixture
def admin(settings: KafkaSettings) -> Iterator[KafkaAdminClient]:
    with administrator(settings) as client:
        yield client


@pytest.fixture
def producer(settings: KafkaSettings) -> Iterator[KafkaProducer]:
    client = KafkaProducer(**settings.options(), acks="all")
    yield client
    client.close()


def letter(producer: KafkaProducer, topic: str, value: bytes, key: bytes = b"wifip/espace", **said: str) -> None:
    producer.send(topic, value=value, key=key, headers=[(name, text.encode()) for name, text in said.items()]).get(timeout=60)


def test_topics_are_created_as_declared_and_the_second_time_left_alone(
    admin: KafkaAdminClient, settings: KafkaSettings, names: TopicNames
) -> None:
    assert {finding.state for finding in topics.check(admin, STATIC, names, settings)} == {State.MISSING}
    assert {finding.state for finding in topics.apply(admin, STATIC, names, settings)} == {State.CREATED}
    again = topics.apply(admin, STATIC, names, settings)
    assert [finding for finding in again if finding.state is not State.IN_ORDER] == []
    assert {finding.topic for finding in again} == {names.of(topic) for topic in STATIC}


def test_drift_is_reported_by_name_and_neither_config_nor_partitions_change(
    admin: KafkaAdminClient, settings: KafkaSettings, names: TopicNames
) -> None:
    name = names.of(HUB_FACTS)
    admin.create_topics({name: {"num_partitions": 2, "replication_factor": 1, "configs": {"retention.ms": "1000"}}}, wait_for_metadata=True)
    (finding,) = topics.apply(admin, [HUB_FACTS], names, settings)
    assert finding.state is State.DRIFTED
    assert ("partitions", "6", "2") in finding.differences
    assert ("retention.ms", str(21 * 86_400_000), "1000") in finding.differences
    (described,) = admin.describe_topics([name])
    assert len(described["partitions"]) == 2
    asked = [ConfigResource(ConfigResourceType.TOPIC, name)]
    assert admin.describe_configs(asked, config_filter="all")["topic"][name]["retention.ms"]["value"] == "1000"


def test_the_brokers_memory_of_silent_groups_is_long_enough(admin: KafkaAdminClient) -> None:
    kept = topics.offsets_retention(admin)
    assert kept
    assert all(minutes >= topics.OFFSETS_RETENTION_MINUTES for minutes in kept.values())


def test_a_node_gets_its_topics_and_no_rights_where_nobody_asks_who_is_there(
    admin: KafkaAdminClient, settings: KafkaSettings, names: TopicNames
) -> None:
    findings, rights = provision.provision(admin, "wifip", "wifip", names, settings)
    assert {finding.topic for finding in findings} == {names.of(topic) for topic in of_node("wifip")}
    assert rights == 0


def test_a_nodes_rights_are_its_own_topics_and_the_doors_of_ministries() -> None:
    rights = {
        (acl.resource_pattern.resource_name, acl.operation.name) for acl in provision.acls("fin", "User-fin", TopicNames(topic_prefix="p."))
    }
    written = {name for name, operation in rights if operation == "WRITE"}
    assert written == {"p.rse.inbound.v1", "p.rse.receipts.v1", "p.adapters.dlq.v1", "p.node.fin.outbound.v1.dlq.v1"}
    assert {name for name, operation in rights if operation == "READ"} == {"p.node.fin."}.union({"p.node.fin"})
    prefixed = [
        acl.resource_pattern.resource_name
        for acl in provision.acls("fin", "fin", TopicNames())
        if acl.resource_pattern.pattern_type.name == "PREFIXED"
    ]
    assert prefixed
    assert not any("node.finances.outbound.v1".startswith(prefix) for prefix in prefixed)


def test_lag_is_counted_from_what_a_group_committed_and_aged_by_its_first_unread_record(
    admin: KafkaAdminClient, settings: KafkaSettings, names: TopicNames, producer: KafkaProducer
) -> None:
    topics.apply(admin, [outbound("wifip"), outbound("education")], names, settings)
    topic = names.of(outbound("wifip"))
    for second in (1_000, 2_000, 3_000):
        producer.send(topic, value=b"x", timestamp_ms=second).get(timeout=60)
    place = TopicPartition(topic, 0)
    member = KafkaConsumer(**settings.options(), group_id=names.group("node.wifip"), enable_auto_commit=False)
    member.assign([place])
    member.commit({place: OffsetAndMetadata(1, "", -1)})
    member.close()
    found = streams.by_node(streams.lag(settings, names), names.topic_prefix)
    assert (found["wifip"].records, found["wifip"].oldest) == (2, datetime.fromtimestamp(2, UTC))
    assert (found["education"].records, found["education"].oldest) == (0, None)


def test_a_group_that_never_came_has_everything_before_it(
    admin: KafkaAdminClient, settings: KafkaSettings, names: TopicNames, producer: KafkaProducer
) -> None:
    topics.apply(admin, [RSE_INBOUND, HUB_FACTS, PEER_INBOUND], names, settings)
    other = KafkaConsumer(**settings.options(), group_id=names.group("other"), enable_auto_commit=False)
    other.commit(
        {TopicPartition(names.of(HUB_FACTS), 0): OffsetAndMetadata(0, "", -1)}
    )  # a new broker's first group waits for its coordinator
    other.close()
    for number in range(4):
        producer.send(names.of(RSE_INBOUND), value=b"x", partition=number % 2).get(timeout=60)
    producer.send(names.of(PEER_INBOUND), value=b"x", partition=0).get(timeout=60)
    lags = {lag.group: lag.records for lag in streams.lag(settings, names)}
    assert lags == {names.group("worker.inbound"): 4, names.group("worker.fanout"): 0, names.group("worker.peers"): 1}


async def test_a_broker_that_does_not_answer_is_unknown_and_not_nothing() -> None:
    asked = streams.KafkaStreams(KafkaSettings(bootstrap="127.0.0.1:1"), TopicNames())
    assert await asked.lag() is None
    assert await asked.dead_letters() is None
    with pytest.raises(BrokerUnreachable):
        streams.lag(KafkaSettings(bootstrap="127.0.0.1:1"), TopicNames())


def test_dead_letters_are_listed_newest_first_by_filter_and_counted(
    admin: KafkaAdminClient, settings: KafkaSettings, names: TopicNames, producer: KafkaProducer
) -> None:
    topics.apply(admin, [PARKED, ADAPTERS_DLQ], names, settings)
    for number in range(3):
        letter(producer, names.of(PARKED), b"%d" % number, dlq_reason="proof_invalid", ce_source="wifip")
    letter(producer, names.of(PARKED), b"4", dlq_reason="key_revoked", ce_source="education")
    letter(producer, names.of(ADAPTERS_DLQ), b"sealed", dlq_reason="json_malformed", node="education")
    newest = dlq.newest(settings, names, dlq.Wanted(reason="proof_invalid"), 2)
    assert [found.unverified_value for found in newest] == [b"2", b"1"]
    assert {found.reason for found in dlq.newest(settings, names, dlq.Wanted(node="education"), 10)} == {"key_revoked", "json_malformed"}
    assert {(heap.topic.removeprefix(names.topic_prefix), heap.reason, heap.letters) for heap in dlq.heaps(settings, names)} == {
        (PARKED.name, "proof_invalid", 3), (PARKED.name, "key_revoked", 1), (ADAPTERS_DLQ.name, "json_malformed", 1),
    }  # fmt: skip


def test_one_dead_letter_is_shown_and_an_empty_place_is_named(
    admin: KafkaAdminClient, settings: KafkaSettings, names: TopicNames, producer: KafkaProducer
) -> None:
    topics.apply(admin, [PARKED], names, settings)
    letter(producer, names.of(PARKED), b"octets \xff", dlq_reason="fact_malformed")
    assert dlq.at(settings, names.of(PARKED), 0, 0).unverified_value == b"octets \xff"
    for topic, partition, offset in ((names.of(PARKED), 0, 1), (names.of(PARKED), 7, 0), (names.of(HUB_FACTS), 0, 0)):
        with pytest.raises(dlq.LetterNotFound):
            dlq.at(settings, topic, partition, offset)


def test_a_sealed_body_opens_with_the_operators_key_alone(
    admin: KafkaAdminClient, settings: KafkaSettings, names: TopicNames, producer: KafkaProducer, tmp_path: Path
) -> None:
    topics.apply(admin, [ADAPTERS_DLQ], names, settings)
    key, other = PrivateKey.generate(), PrivateKey.generate()
    letter(producer, names.of(ADAPTERS_DLQ), SealedBox(key.public_key).encrypt(b"{corps"), dlq_reason="json_malformed")
    found = dlq.at(settings, names.of(ADAPTERS_DLQ), 0, 0)
    assert dlq.is_sealed(found)
    (tmp_path / "key").write_text(bytes(key).hex())
    (tmp_path / "other").write_text(bytes(other).hex())
    (tmp_path / "bad").write_text("zz")
    assert dlq.opened(found, tmp_path / "key") == b"{corps"
    for name in ("other", "bad", "absent"):
        with pytest.raises(dlq.SealNotOpened):
            dlq.opened(found, tmp_path / name)


async def test_a_released_nodes_parked_records_come_again_byte_for_byte_in_order_and_once(
    admin: KafkaAdminClient, settings: KafkaSettings, names: TopicNames, producer: KafkaProducer, database_url: str
) -> None:
    topics.apply(admin, [RSE_INBOUND, PARKED], names, settings)
    parked = names.of(PARKED)
    at = datetime(2026, 11, 20, 8, tzinfo=UTC)
    letter(producer, parked, b"un", dlq_reason=PARKED_AS, dlq_error="x", dlq_at=at.isoformat(), ce_source="wifip", salt="aa")
    letter(producer, parked, b"autre", dlq_reason=PARKED_AS, ce_source="education", key=b"education/espace")
    letter(producer, parked, b"entre", dlq_reason="manifest_expired", ce_source="wifip")
    letter(producer, parked, b"faux", dlq_reason="proof_invalid", ce_source="wifip")
    letter(producer, parked, b"deux", dlq_reason=PARKED_AS, ce_source="wifip")
    engine = engine_for(database_url)
    assert await released(engine_url=database_url, settings=settings, names=names, node="wifip") == 3
    letter(producer, parked, b"trois", dlq_reason=PARKED_AS, ce_source="wifip")
    assert await released(engine_url=database_url, settings=settings, names=names, node="wifip") == 1
    assert await released(engine_url=database_url, settings=settings, names=names, node="education") == 1
    with reader(settings) as client:
        come = list(dlq.read(client, names.of(RSE_INBOUND)))
    ours = sorted((one for one in come if one.key == b"wifip/espace"), key=lambda one: one.offset)
    assert [one.unverified_value for one in ours] == [b"un", b"entre", b"deux", b"trois"]
    own = (("ce_source", b"wifip"), ("salt", b"aa"))
    assert ours[0].headers == readmission.vouched(HUB_KEY, b"wifip/espace", b"un", own, at)
    assert ours[1].headers == (("ce_source", b"wifip"),)
    assert [one.unverified_value for one in come if one.key == b"education/espace"] == [b"autre"]
    await engine.dispose()


async def released(*, engine_url: str, settings: KafkaSettings, names: TopicNames, node: str) -> int:
    engine = engine_for(engine_url)
    async with engine.begin() as connection:
        done = replay.replay(settings, names, Kind.NODE, node, await replay.progress(connection, Kind.NODE, node, names), HUB_KEY)
        await replay.remember(connection, Kind.NODE, node, names, done.reached)
    await engine.dispose()
    return done.records
