"""A ministry that may not speak takes its agents' words back through the door, before all that waits in its connector's spool."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adapters import outgoing as room
from adapters.door import DoorPublisher
from adapters.door_client import DoorClient
from adapters.ledger import Ledger
from adapters.outgoing import Outgoing
from adapters.spool import Kind, Record, Spool
from schemas import topics
from schemas.facts.message import MessageDeleted, MessageEdited
from schemas.keys import SigningKey
from schemas.proof import timestamp
from schemas.wire import kafka as wire
from schemas.wire.kafka import KafkaSettings
from schemas.wire.publisher import SpeechRefused
from schemas.wire.records import new_correlation, to_headers
from tests.fakes_adapters import PATIENCE, Hub, posted, said_by, until
from tests.fakes_door import door_at_work
from tests.fakes_streams import create_topics

if TYPE_CHECKING:
    from schemas.facts.base import Fact
    from tests.servers import Kafka

NODE = "wifip"
PASSED = timestamp(datetime.now(UTC) - timedelta(days=1))


def record(hub: Hub, fact: Fact, native: str) -> Record:
    event = said_by(hub.nodes[NODE], fact, native)
    return Record(topics.RSE_INBOUND.name, f"{NODE}/ailleurs".encode(), event.value, to_headers(event, new_correlation()))


def edited(text: str) -> MessageEdited:
    return MessageEdited(**posted(text).model_dump())


async def heard(kafka: Kafka, prefix: str, count: int) -> list[str]:
    found: list[str] = []
    topic = prefix + topics.RSE_INBOUND.name
    async with (
        wire.consumer(KafkaSettings(bootstrap=kafka.bootstrap), topic, group=None, auto_offset_reset="earliest") as reader,
        asyncio.timeout(PATIENCE),
    ):
        while len(found) < count:
            for records in (await reader.getmany(timeout_ms=100)).values():
                found += [
                    f"{said['ce_type'].decode().split('.')[4]} {said['ce_nativeid'].decode()}"
                    for said in (dict(one.headers) for one in records)
                ]
    return found


@pytest.mark.parametrize(
    "entry", [{"grade": "observer"}, {"grade": "suspended"}, {"manifestExpires": PASSED}], ids=["observer", "suspended", "lapsed"]
)
async def test_deletions_leave_a_silenced_spool_and_the_rest_leaves_in_order_once_it_may(
    kafka: Kafka, topic_prefix: str, database_url: str, entry: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SILENT_FOR", timedelta(0))
    hub = Hub(nodes={NODE: SigningKey.generate(NODE)}, entries={NODE: entry})
    ledger = await Ledger.open(database_url)
    spool = Spool(ledger, NODE, 100)
    await asyncio.to_thread(create_topics, kafka.bootstrap, topic_prefix + topics.RSE_INBOUND.name)
    async with door_at_work(kafka.bootstrap, topic_prefix, hub.registry, hub.key.public.multibase) as (url, _):
        client = DoorClient(url, hub.nodes[NODE], lambda: datetime.now(UTC))
        publisher = DoorPublisher(client)
        out = Outgoing(publisher, spool, NODE, lambda: datetime.now(UTC))
        knocking = asyncio.create_task(publisher.run())
        try:
            await out.put([record(hub, posted(), "nouveau"), record(hub, edited("autre"), "ancien")])
            await out.put(
                [record(hub, MessageDeleted(space="ailleurs"), "nouveau"), record(hub, MessageDeleted(space="ailleurs"), "ancien")]
            )
            assert spool.waiting[Kind.RECORD] == 4
            await until(_drained(out, spool), 2)
            assert await heard(kafka, topic_prefix, 1) == ["deleted ancien"]
            hub.entries = {}
            await until(_drained(out, spool), 0)
            assert await heard(kafka, topic_prefix, 3) == ["deleted ancien", "posted nouveau", "deleted nouveau"]
        finally:
            knocking.cancel()
            await asyncio.gather(knocking, return_exceptions=True)
            await client.close()
            await ledger.close()


async def test_of_a_batch_that_is_taken_in_part_the_door_says_what_it_has(kafka: Kafka, topic_prefix: str) -> None:
    hub = Hub(nodes={NODE: SigningKey.generate(NODE)}, entries={NODE: {"grade": "observer"}})
    await asyncio.to_thread(create_topics, kafka.bootstrap, topic_prefix + topics.RSE_INBOUND.name)
    async with door_at_work(kafka.bootstrap, topic_prefix, hub.registry, hub.key.public.multibase) as (url, _):
        client = DoorClient(url, hub.nodes[NODE], lambda: datetime.now(UTC))
        publisher = DoorPublisher(client)
        knocking = asyncio.create_task(publisher.run())
        try:
            async with asyncio.timeout(PATIENCE):
                while not publisher.ready:  # noqa: ASYNC110 - the door tells nobody when it opens
                    await asyncio.sleep(0.02)
            with pytest.raises(SpeechRefused) as refused:
                await publisher.publish([record(hub, posted(), "nouveau"), record(hub, MessageDeleted(space="ailleurs"), "ancien")])
            assert list(refused.value.taken) == [1]
            assert refused.value.taken[1].topic.endswith(topics.RSE_INBOUND.name)
        finally:
            knocking.cancel()
            await asyncio.gather(knocking, return_exceptions=True)
            await client.close()


def _drained(out: Outgoing, spool: Spool) -> Any:
    async def look() -> int:
        await out.drain()
        return spool.waiting[Kind.RECORD]

    return look
