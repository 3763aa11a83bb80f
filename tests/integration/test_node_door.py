"""The node door over a real Kafka: what goes in stands there as a connector's producer writes it, what comes out is byte for byte."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiokafka import TopicPartition

from adapters.door import DoorPublisher, DoorTransport
from adapters.door_client import DoorClient, DoorClosed
from adapters.settings import AdapterSettings
from adapters.spool import Record
from hub.node_door import outbound as rooms
from schemas import topics
from schemas.envelope import CONTENT_TYPE
from schemas.keys import SigningKey
from schemas.node_door import BATCH, DEAD_LETTERS, EVENTS, OUTBOUND, Carried, Cursor, Page, read_page, to_http, written_batch
from schemas.wire import kafka as wire
from schemas.wire.kafka import KafkaSettings
from schemas.wire.publisher import KafkaPublisher, NotAcknowledged
from schemas.wire.records import new_correlation, to_headers
from tests.fakes_adapters import COMMUNITY, PATIENCE, Hub, posted, said_by, until
from tests.fakes_door import door_at_work
from tests.fakes_streams import committed, create_topics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.node_door.parts import Parts
    from tests.servers import Kafka

NODE, OTHER = "wifip", "education"
STRANGE = [("ce_id", "é à l’œuvre".encode()), ("z", b"\xff\x00raw"), ("a", b""), ("ce_id", b"twice")]
"""Headers that nothing on our way would write, and that must come through as they are."""


class Place:
    """A running door with two nodes, and a look behind it."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap, self.prefix = bootstrap, prefix
        self.hub = Hub(nodes={name: SigningKey.generate(name) for name in (NODE, OTHER)})
        self.url = ""
        self.parts: Parts

    @property
    def topic(self) -> str:
        return self.prefix + topics.outbound(NODE).name

    def client(self, node: str = NODE) -> DoorClient:
        return DoorClient(self.url, self.hub.nodes[node], lambda: datetime.now(UTC))

    async def poll(self, query: str) -> Page:
        """A page; the very first group of a broker has no coordinator for a moment, and is told to come again."""
        client = self.client()
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    try:
                        return read_page(await client.get(OUTBOUND, query, PATIENCE))
                    except DoorClosed as closed:
                        if closed.reason != "kafka_unavailable":
                            raise
                        await asyncio.sleep(0.2)
        finally:
            await client.close()

    async def put(self, *values: bytes, headers: list[tuple[str, bytes]] | None = None) -> None:
        async with wire.producer(KafkaSettings(bootstrap=self.bootstrap)) as sender:
            for value in values:
                await sender.send_and_wait(self.topic, value, COMMUNITY.encode(), headers=headers or [])

    async def read(self, topic: str, count: int) -> list[Any]:
        found: list[Any] = []
        settings = KafkaSettings(bootstrap=self.bootstrap)
        async with (
            wire.consumer(settings, self.prefix + topic, group=None, auto_offset_reset="earliest") as reader,
            asyncio.timeout(PATIENCE),
        ):
            while len(found) < count:
                for records in (await reader.getmany(timeout_ms=100)).values():
                    found += records
        return found


@pytest.fixture
async def place(kafka: Kafka, topic_prefix: str) -> AsyncIterator[Place]:
    async with _placed(kafka.bootstrap, topic_prefix) as place:
        yield place


@asynccontextmanager
async def _placed(bootstrap: str, prefix: str) -> AsyncIterator[Place]:
    place = Place(bootstrap, prefix)
    wanted = (topics.RSE_INBOUND, topics.RSE_RECEIPTS, topics.ADAPTERS_DLQ, *topics.of_node(NODE))
    await asyncio.to_thread(create_topics, bootstrap, *(prefix + topic.name for topic in wanted))
    async with door_at_work(bootstrap, prefix, place.hub.registry, place.hub.key.public.multibase) as (url, parts):
        place.url, place.parts = url, parts
        yield place


def event_of(place: Place, native: str, node: str = NODE) -> Record:
    event = said_by(place.hub.nodes[node], posted(f"Voilà « {native} »"), native)
    return Record(topics.RSE_INBOUND.name, f"{node}/ailleurs".encode(), event.value, to_headers(event, new_correlation()))


async def test_one_event_and_many_stand_on_kafka_as_a_connectors_own_producer_writes_them(place: Place) -> None:
    records = [event_of(place, f'évènement {number} 100 % + "guillemets"') for number in range(4)]
    key = place.hub.nodes[NODE]
    sealed = Record(topics.ADAPTERS_DLQ.name, NODE.encode(), b"\x00sealed\xff", [("node", NODE.encode()), ("dlq_reason", b"x")])
    letter = Record(topics.outbound(NODE).dead_letters.name, COMMUNITY.encode(), b"\xfe", [*STRANGE, ("dlq_reason", b"refused")])
    client = DoorClient(place.url, key, lambda: datetime.now(UTC))
    publisher = DoorPublisher(client)
    knocking = asyncio.create_task(publisher.run())
    try:
        await until(_open(publisher), "open")
        first = await publisher.publish(records[:1])
        places = await publisher.publish([*records[1:], sealed, letter])
    finally:
        knocking.cancel()
        await client.close()
    sent = {record.topic: [one for one in (*records, sealed, letter) if one.topic == record.topic] for record in (*records, sealed, letter)}
    for topic, expected in sent.items():
        found = await place.read(topic, len(expected))
        assert [(one.key, one.value, list(one.headers)) for one in found] == [(r.key, r.value, list(r.headers)) for r in expected]
    assert [str(one) for one in (*first, *places)][:4] == [f"{place.prefix}{topics.RSE_INBOUND.name}-0-{n}" for n in range(4)]


def _open(publisher: DoorPublisher) -> Any:
    async def look() -> str:
        return "open" if publisher.ready else "closed"

    return look


async def test_a_nodes_topic_comes_out_byte_for_byte(place: Place) -> None:
    values = [b"\x00\xff not JSON", '{"text": "é"}'.encode(), b""]
    await place.put(*values, headers=STRANGE)
    page = await place.poll("wait=20")
    there = await place.read(topics.outbound(NODE).name, 3)
    assert [(one.value, list(one.headers), one.key, one.offset, one.timestamp_ms) for one in page.records] == [
        (one.value, list(one.headers), one.key, one.offset, one.timestamp) for one in there
    ]
    assert (page.topic, page.next) == (place.topic, Cursor(0, 3))


async def test_a_poll_waits_for_what_is_not_there_yet_and_ends_empty_when_nothing_comes(place: Place) -> None:
    await place.put(b"first")
    waiting = asyncio.create_task(place.poll("after=0:1&wait=20"))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await place.put(b"second")
    page = await waiting
    assert [one.value for one in page.records] == [b"second"]
    empty = await place.poll("after=0:2&wait=0")
    assert (list(empty.records), empty.next) == ([], Cursor(0, 2))


async def test_what_is_done_is_the_groups_position_and_where_a_reader_without_a_cursor_goes_on(place: Place) -> None:
    await place.put(b"a", b"b", b"c", b"d")
    await place.poll("after=0:3&done=0:2&wait=0")
    await until(lambda: committed(place.bootstrap, f"{place.prefix}node.{NODE}", place.topic), 2)
    page = await place.poll("wait=20&limit=1")
    assert [one.value for one in page.records] == [b"c"]


async def test_cursors_beyond_either_end_are_refused_with_the_first_that_is_kept(place: Place) -> None:
    await place.put(b"a")
    with pytest.raises(DoorClosed) as ahead:
        await place.poll("after=0:9&wait=0")
    assert (ahead.value.reason, ahead.value.said["first"]) == ("cursor_ahead", "0:0")
    from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete  # noqa: PLC0415 - this test alone

    await place.put(b"b")
    admin = AIOKafkaAdminClient(bootstrap_servers=place.bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(place.topic, 0): RecordsToDelete(before_offset=1)})
    finally:
        await admin.close()
    with pytest.raises(DoorClosed) as expired:
        await place.poll("after=0:0&wait=20")
    assert (expired.value.reason, expired.value.said["first"], expired.value.said["status"]) == ("cursor_expired", "0:1", 410)


async def test_a_node_that_polls_too_often_at_once_is_told_to_wait_and_leaving_frees_its_place(place: Place) -> None:
    polls = [asyncio.create_task(place.poll("after=0:0&wait=20")) for _ in range(rooms.POLLS_OF_A_NODE)]
    await until(_polls(place), rooms.POLLS_OF_A_NODE)
    with pytest.raises(DoorClosed) as refused:
        await place.poll("after=0:0&wait=0")
    assert (refused.value.reason, refused.value.said["status"]) == ("too_many_requests", 429)
    for poll in polls:
        poll.cancel()
    await asyncio.gather(*polls, return_exceptions=True)
    await until(_polls(place), 0)


def _polls(place: Place) -> Any:
    async def look() -> int:
        return place.parts.outbound._polls[NODE]

    return look


async def test_a_node_without_a_topic_is_told_so_and_holds_up_nobody(place: Place) -> None:
    waiting = asyncio.create_task(place.poll("after=0:0&wait=20"))
    client = place.client(OTHER)
    try:
        with pytest.raises(DoorClosed) as missing:
            await client.get(OUTBOUND, "wait=0", PATIENCE)
    finally:
        await client.close()
    assert missing.value.reason == "outbound_missing"
    await place.put(b"still")
    assert [one.value for one in (await waiting).records] == [b"still"]


async def test_several_nodes_of_one_process_each_sign_for_themselves(place: Place) -> None:
    transport = DoorTransport(place.url, lambda: datetime.now(UTC))
    publishers = {name: transport.publisher(place.hub.nodes[name]) for name in (NODE, OTHER)}
    running = asyncio.create_task(transport.run())
    try:
        for name, publisher in publishers.items():
            await until(_open(publisher), "open")
            await publisher.publish([event_of(place, f"de {name}", name)])
        with pytest.raises(NotAcknowledged, match="source_of_another_node"):
            await publishers[NODE].publish([event_of(place, "emprunté", OTHER)])
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    found = await place.read(topics.RSE_INBOUND.name, 2)
    assert [dict(one.headers)["ce_source"].decode() for one in found] == [NODE, OTHER]


async def test_a_revoked_key_is_refused_as_soon_as_the_registry_says_so(place: Place) -> None:
    client, key = place.client(), place.hub.nodes[NODE]
    try:
        record = event_of(place, "avant")
        await client.post(EVENTS, "application/json", record.value, _http(record))
        place.hub.nodes[NODE] = SigningKey.generate(NODE)
        place.hub.version += 1

        async def answered() -> str:
            try:
                await client.post(EVENTS, "application/json", record.value, _http(record))
            except DoorClosed as refused:
                return refused.reason
            return "taken"

        await until(answered, "key_unknown")
    finally:
        await client.close()
    assert key.owner == NODE


def _http(record: Record) -> dict[str, str]:
    from schemas.node_door import to_http  # noqa: PLC0415 - this test alone

    return to_http(record.headers)


async def test_while_kafka_is_away_the_door_says_so_and_takes_nothing(place: Place) -> None:
    silent = KafkaPublisher(KafkaSettings(bootstrap="127.0.0.1:1"), wire.TopicNames())
    place.parts.publisher.publish = silent.publish  # type: ignore[method-assign]  # the fault
    record = event_of(place, "perdu ?")
    async with aiohttp.ClientSession() as session:
        from schemas.http_signature import signed_fields  # noqa: PLC0415 - this test alone

        url = place.url + EVENTS.format(node=NODE)
        fields = signed_fields(place.hub.nodes[NODE], "POST", url, datetime.now(UTC), "application/json", record.value)
        async with session.post(url, data=record.value, headers={**_http(record), **fields}) as answer:
            assert (answer.status, json.loads(await answer.read())["reason"]) == (503, "kafka_unavailable")
            assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("url", "well"),
    [
        ("https://porte.example", True), ("https://porte.example:8443/", True), ("http://127.0.0.1:8401", True), ("http://localhost:1", True),
        ("http://porte.example", False), ("https://porte.example/chemin", False), ("ftp://porte.example", False), ("porte.example", False),
        ("http://127.0.0.1.example", False), ("https://a@porte.example", False),
    ],
)  # fmt: skip
def test_the_door_is_reached_over_tls_or_on_this_machine_alone(url: str, well: bool) -> None:  # noqa: FBT001 - a table's cell
    try:
        AdapterSettings(door=url)
    except ValueError:
        assert not well
    else:
        assert well


async def test_a_node_without_topics_is_told_so_and_holds_up_nobody_elses_records(place: Place) -> None:
    producer = place.parts.publisher._producer
    letter = Record(topics.outbound(OTHER).dead_letters.name, b"k", b"v", [("dlq_reason", b"refused")])
    client = place.client(OTHER)
    with pytest.raises(DoorClosed) as closed:
        await client.post(DEAD_LETTERS, BATCH, written_batch([Carried(letter.value, letter.headers, letter.key)]), {})
    await client.close()
    assert closed.value.reason == "outbound_missing"
    assert place.parts.publisher._producer is producer
    event, client = event_of(place, "post:1"), place.client()
    await client.post(EVENTS, CONTENT_TYPE, event.value, to_http(event.headers))
    await client.close()
    assert place.parts.publisher._producer is producer
