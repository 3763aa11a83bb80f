"""A signed request is taken once, by whichever door, before and after a restart."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import asyncpg
import pytest
from yarl import URL

from hub.node_door import witness as room
from hub.node_door.answers import TurnedAway
from hub.node_door.witness import SharedWitness
from schemas import node_door, topics
from schemas.envelope import CONTENT_TYPE
from schemas.http_signature import SignedHead, signed_fields
from schemas.keys import SigningKey
from schemas.node_door import to_http
from schemas.wire.records import new_correlation, to_headers
from tests.fakes_adapters import Hub, posted, said_by
from tests.fakes_door import door_at_work
from tests.fakes_streams import create_topics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.servers import Kafka

KEY = "wifip#z6MkExample"
PUBLIC = "https://porte.example"
NODE = "wifip"


def a_head(nonce: str, seconds: float = 60) -> SignedHead:
    return SignedHead(KEY, None, nonce, (datetime.now(UTC) + timedelta(seconds=seconds)).timestamp())


@asynccontextmanager
async def at_work(url: str) -> AsyncIterator[SharedWitness]:
    witness = SharedWitness(url)
    running = asyncio.create_task(witness.run())
    try:
        await is_ready(witness)
        yield witness
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def is_ready(witness: SharedWitness) -> None:
    async with asyncio.timeout(90):
        while not witness.ready:  # noqa: ASYNC110 - it tells nobody when it is connected
            await asyncio.sleep(0.02)


async def verdict(asked: Awaitable[None]) -> str:
    try:
        await asked
    except TurnedAway as refused:
        return refused.reason
    return "taken"


async def test_what_one_door_has_taken_no_other_takes(database_url: str) -> None:
    async with at_work(database_url) as one, at_work(database_url) as other:
        assert await verdict(one.take(a_head("n1"))) == "taken"
        assert await verdict(other.take(a_head("n1"))) == "signature_replayed"
        assert await verdict(other.take(a_head("n2"))) == "taken"


async def test_a_door_that_was_restarted_knows_what_it_took_before(database_url: str) -> None:
    async with at_work(database_url) as before:
        await before.take(a_head("n1"))
    async with at_work(database_url) as after:
        assert await verdict(after.take(a_head("n1"))) == "signature_replayed"


async def test_of_two_doors_that_are_asked_at_once_exactly_one_takes_each(database_url: str) -> None:
    async with at_work(database_url) as one, at_work(database_url) as other:
        heads = [a_head(f"n{number}") for number in range(200)]
        said = await asyncio.gather(*(verdict(door.take(head)) for head in heads for door in (one, other)))
    assert [sorted(said[n : n + 2]) for n in range(0, 400, 2)] == [["signature_replayed", "taken"]] * 200


async def test_without_its_database_a_door_takes_nothing_and_works_again_when_it_is_back(database_url: str) -> None:
    nowhere = SharedWitness("postgresql://127.0.0.1:1/nowhere")
    assert not nowhere.ready
    assert await verdict(nowhere.take(a_head("n1"))) == "witness_unavailable"
    async with at_work(database_url) as witness:
        connection = await asyncpg.connect(database_url)
        ended = await connection.fetch(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
            " WHERE application_name = 'traitdunion-door' AND datname = current_database()"
        )  # it returns once they have ended; other tests may have doors on this server
        assert [tuple(row) for row in ended] == [(True,)]
        await connection.close()
        assert await verdict(witness.take(a_head("n1"))) == "witness_unavailable"
        await is_ready(witness)
        assert await verdict(witness.take(a_head("n2"))) == "taken"


async def test_what_could_be_used_no_more_is_forgotten(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "TIDY_SECONDS", 0.05)
    async with at_work(database_url) as witness:
        await witness.take(a_head("old", -61))
        await witness.take(a_head("fresh"))
        connection = await asyncpg.connect(database_url)
        try:
            async with asyncio.timeout(90):
                while await connection.fetchval("SELECT count(*) FROM hub.signatures_seen") > 1:  # noqa: ASYNC110 - the database tells nobody
                    await asyncio.sleep(0.05)
            assert await connection.fetchval("SELECT nonce FROM hub.signatures_seen") == "fresh"
        finally:
            await connection.close()


Knock = tuple[str, str, dict[str, str], bytes]


def a_post(hub: Hub) -> Knock:
    event = said_by(hub.nodes[NODE], posted("Bonjour"), "post:1")
    path = node_door.EVENTS.format(node=NODE)
    fields = signed_fields(hub.nodes[NODE], "POST", PUBLIC + path, datetime.now(UTC), CONTENT_TYPE, event.value)
    return "POST", path, to_http(to_headers(event, new_correlation())) | fields, event.value


def a_poll(hub: Hub) -> Knock:
    path = node_door.OUTBOUND.format(node=NODE) + "?after=0:0&wait=0"
    return "GET", path, signed_fields(hub.nodes[NODE], "GET", PUBLIC + path, datetime.now(UTC)), b""


async def answered(url: str, knock: Knock) -> tuple[int, str]:
    """The status, and the reason of a refusal."""
    method, path, fields, body = knock
    sent = io.BytesIO(body) if body else None
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, URL(url + path, encoded=True), data=sent, headers=fields) as said,
    ):
        return said.status, json.loads(await said.read()).get("reason", "")


@pytest.mark.parametrize(("make", "status"), [(a_post, 202), (a_poll, 200)])
async def test_a_request_that_one_door_has_taken_is_refused_at_another_and_after_a_restart(
    kafka: Kafka, topic_prefix: str, database_url: str, make: Callable[[Hub], Knock], status: int
) -> None:
    hub = Hub(nodes={NODE: SigningKey.generate(NODE)})
    await asyncio.to_thread(create_topics, kafka.bootstrap, *(topic_prefix + t.name for t in (topics.RSE_INBOUND, *topics.of_node(NODE))))

    @asynccontextmanager
    async def a_door() -> AsyncIterator[str]:
        witness, anchor = SharedWitness(database_url), hub.key.public.multibase
        async with door_at_work(kafka.bootstrap, topic_prefix, hub.registry, anchor, PUBLIC, witness) as (url, _):
            await is_ready(witness)
            yield url

    knock = make(hub)
    async with a_door() as one, a_door() as other:
        assert await answered(one, knock) == (status, "")
        assert await answered(other, knock) == (401, "signature_replayed")
        assert await answered(other, make(hub)) == (status, "")
    async with a_door() as again:
        assert await answered(again, knock) == (401, "signature_replayed")
