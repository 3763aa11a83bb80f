"""The hub's workers as whole processes on real servers: what arrives, what is refused, and what survives `kill -9` and rebalances."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest

from hub.bootstrap import clock
from schemas.proof import VerifiedEvent, verify_event
from schemas.sequence import verify_sequence
from schemas.topics import RSE_INBOUND, RSE_RECEIPTS
from schemas.wire.records import unverified_event
from tests.fakes_streams import PATIENCE, Hub, becomes, delete_topics, headers_of, until, way_of
from tests.hub_world import COMMUNITY, NODES, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from hub.ports import Record
    from tests.servers import Kafka

PROCESSES = ("inbound", "fanout", "receipts", "relay")


@dataclass
class Rig:
    """A hub that runs, and the world it runs in."""

    hub: Hub
    world: World
    count: int = 0

    def posts(self, count: int, node: str = "wifip") -> list[Record]:
        """New messages of a ministry."""
        self.count += count
        return [self.world.posted(node, f"post:{self.count - count + number}") for number in range(count)]


def id_of(record: Record) -> str:
    return dict(record.headers)["ce_id"].decode()


@pytest.fixture(scope="module")
def running(kafka: Kafka, postgres: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One hub for all these tests: starting it costs more than any of them."""
    folder, name = tmp_path_factory.mktemp("hub"), f"t_{secrets.token_hex(6)}"
    url = urlsplit(postgres)._replace(path=f"/{name}").geturl()
    hub = Hub(kafka.bootstrap, url, f"{name}.", folder)
    try:
        yield Rig(hub, asyncio.run(_begin(hub, postgres, template, name)))
    finally:
        hub.discard()
        delete_topics(kafka.bootstrap, hub.prefix)
        asyncio.run(_execute(postgres, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
async def rig(running: Rig) -> AsyncIterator[Rig]:
    yield running
    await running.world.engine.dispose()


async def _begin(hub: Hub, postgres: str, template: str, name: str) -> World:
    await _execute(postgres, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    world = await World.make(hub.environment["TRAITDUNION_DATABASE_URL"])
    try:
        hub.prepare(world)
        hub.up(*PROCESSES)
        await world.tie()
        await hub.ready(*PROCESSES)
    finally:
        await world.engine.dispose()
    return world


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def test_what_a_ministry_publishes_arrives_at_every_node_untouched_under_the_hubs_proved_number(rig: Rig) -> None:
    posts = rig.posts(3)
    await rig.hub.publish(*posts)
    registry = await rig.world.reader()
    for node in NODES:
        arrived = {headers_of(one)["ce_id"]: one for one in await way_of(rig.hub, rig.world, [id_of(post) for post in posts], node)}
        for post in posts:
            record = arrived[id_of(post)]
            assert record.value == post.value
            assert set(post.headers) <= set(record.headers)
            texts = headers_of(record)
            verified = verify_event(unverified_event(texts, record.value), registry, clock())
            assert isinstance(verified, VerifiedEvent)
            place = verify_sequence(
                texts, event_digest=verified.event.digest, community=COMMUNITY, hub="hub", registry=registry, at=clock()
            )
            assert dict(place.targets) == NODES


async def test_what_is_forged_or_makes_no_sense_is_a_dead_letter_by_name_with_its_bytes_untouched(rig: Rig) -> None:
    post, good = rig.posts(2)
    altered = replace(post, value=(post.value or b"").replace(b"Bonjour", b"Bonsoir"))
    stolen = replace(post, headers=tuple((name, rig.world.keys["education"].key_id.encode() if name == "ce_keyid" else raw) for name, raw in post.headers))  # fmt: skip
    nonsense = replace(post, value=b"\xff\xfe\x00", headers=(("ce_id", b"\xff"),), key=None)
    empty = replace(post, value=None, headers=(), key=b"wifip/97")
    await rig.hub.publish(altered, stolen, nonsense, empty, good)
    letters = await rig.hub.read("rse.inbound.v1.dlq.v1", lambda found: len(found) >= 4)
    by_reason = {dict(one.headers)["dlq_reason"].decode(): one for one in letters}
    assert set(by_reason) == {"digest_mismatch", "key_of_another_node", "envelope_malformed"}
    letter = by_reason["digest_mismatch"]
    assert (letter.value, letter.key) == (altered.value, altered.key)
    assert [header for header in letter.headers if not header[0].startswith("dlq_")] == list(altered.headers)
    assert dict(letter.headers)["dlq_topic"].decode() == f"{rig.hub.prefix}rse.inbound.v1"
    assert nonsense.value in {one.value for one in letters}
    arrived = await way_of(rig.hub, rig.world, [id_of(good)])
    assert altered.value not in {one.value for one in arrived}


async def test_a_nodes_receipt_is_kept_and_one_in_anothers_name_is_not(rig: Rig) -> None:
    (post,) = rig.posts(1)
    await rig.hub.publish(post)
    await way_of(rig.hub, rig.world, [id_of(post)])
    forged = replace(rig.world.report("diplomatie", id_of(post)), key=b"education")
    await rig.hub.publish(rig.world.report("education", id_of(post)), forged, topic=RSE_RECEIPTS)
    letters = await rig.hub.read("rse.receipts.v1.dlq.v1", bool)
    assert dict(letters[0].headers)["dlq_reason"] == b"record_key_mismatch"

    async def kept() -> list[dict[str, str]]:
        rows = await rig.world.rows(f"SELECT node, verdict FROM hub.deliveries WHERE event = '{id_of(post)}'")  # noqa: S608 - our own id
        return [dict(row) for row in rows]

    await becomes(kept, [{"node": "education", "verdict": "written"}])  # a dead letter is sent before the batch is committed


async def _answers(rig: Rig, client: aiohttp.ClientSession, name: str, page: str) -> None:
    """Wait for a page of a process where it last said it is: one that another test killed may still be coming back."""
    async with asyncio.timeout(PATIENCE):
        while True:
            line = (rig.hub.lines(name, "relay_started") or rig.hub.lines(name, "worker_ready"))[-1]
            try:
                async with client.get(f"http://{line['metrics_at']}/{page}") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.2)


async def test_every_process_tells_where_it_can_be_asked_how_it_is(rig: Rig) -> None:
    async with aiohttp.ClientSession() as client:
        for name in PROCESSES:
            for page in ("healthz", "readyz", "metrics"):
                await _answers(rig, client, name, page)


@pytest.mark.long
async def test_nothing_is_lost_nor_done_twice_by_processes_killed_before_they_commit_mark_or_acknowledge(rig: Rig) -> None:
    steps = ("inbound.before_commit", "relay.before_mark", "fanout.before_ack")
    rig.hub.kill_at(*steps)
    posts = rig.posts(20)
    await rig.hub.publish(*posts)
    await rig.hub.died(*steps)
    await way_of(rig.hub, rig.world, [id_of(post) for post in posts])
    await rig.hub.read("node.education.outbound.v1", lambda found: len(found) > len({one.value for one in found}))  # some come twice, later
    await way_of(rig.hub, rig.world, [id_of(post) for post in posts])  # under the same number


@pytest.mark.long
async def test_what_was_committed_before_a_worker_died_unacknowledged_has_its_effect_once(rig: Rig) -> None:
    rig.hub.kill_at("inbound.before_ack")
    posts = rig.posts(20)
    await rig.hub.publish(*posts)
    await rig.hub.died("inbound.before_ack")
    later = rig.posts(1)
    await rig.hub.publish(*later)  # arrives behind those that were taken again
    await way_of(rig.hub, rig.world, [id_of(post) for post in [*posts, *later]])


@pytest.mark.long
async def test_a_worker_that_joins_and_leaves_while_events_come_loses_and_doubles_none_and_keeps_each_spaces_order(rig: Rig) -> None:
    sent: dict[str, list[Record]] = {node: [] for node in NODES}
    enough = asyncio.Event()

    async def publish() -> None:
        async with rig.hub.producer() as sender:
            while not (enough.is_set() and sum(map(len, sent.values())) >= 300):
                for node, posts in sent.items():
                    posts.extend(rig.posts(1, node))
                    await rig.hub._send(sender, posts[-1], topic=RSE_INBOUND, partition=None)
                await asyncio.sleep(0.02)
            await sender.flush()

    publishing = asyncio.create_task(publish())
    second = rig.hub.start("second", "-m", "hub", "worker", "inbound")
    await until(lambda: second.said("worker_ready"))
    assert await second.stop() == 0
    enough.set()
    await publishing
    events = {node: [id_of(post) for post in posts] for node, posts in sent.items()}
    arrived = await way_of(rig.hub, rig.world, [name for names in events.values() for name in names])
    order = list(dict.fromkeys(headers_of(one)["ce_id"] for one in arrived))
    for names in events.values():
        known = set(names)
        assert [name for name in order if name in known] == names
