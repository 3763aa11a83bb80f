"""From a signed POST of somebody elsewhere to the RSE of a ministry: real HTTP, Kafka, PostgreSQL and processes all the way."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest
import yaml
from sqlalchemy import text
from starlette.applications import Starlette

from hub.bootstrap import clock
from hub.door import server
from hub.federation.addresses import Addresses
from hub.federation.book import PeerBook
from hub.federation.reception import reception
from hub.registry.peer_repository import SqlPeers
from hub.registry.service import propose_tie
from schemas.content_digest import content_digest
from schemas.http_signature import UnverifiedHead, sign
from schemas.manifest import Registry
from schemas.wire.kafka import TopicNames
from tests import fakes_adapters
from tests.fakes_abroad import ACTIVITY_JSON, COMMUNITY, PUBLIC, FakeAbroad, Person, peer, written
from tests.fakes_adapters import Rig
from tests.fakes_plain import SPACE, an_instance
from tests.fakes_streams import Hub, becomes, delete_topics, headers_of, until
from tests.hub_world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from tests.servers import Kafka

ALICE = Person("https://social.example/users/alice")
FORUM = Person("https://forum.example/category/2", "Group", "Le forum")
STRANGER = Person("https://inconnu.example/users/x")
PROCESSES = ("inbound", "peers", "fanout", "relay")


@dataclass
class Elsewhere:
    """What a peer sees of this hub: an address that takes POSTs."""

    url: str
    abroad: FakeAbroad
    world: World
    hub: Hub
    rig: Rig

    @property
    def group(self) -> str:
        return Addresses(self.url).group(COMMUNITY)

    def note(self, actor: Person, path: str, words: str, **more: Any) -> dict[str, Any]:
        return {**actor.note(path, f"<p>{words}</p>", **more), "cc": [self.group], "published": clock().isoformat()}

    async def post(self, actor: Person, activity: Mapping[str, Any], **changes: str) -> tuple[int, dict[str, Any]]:
        """One delivery; `changes` are fields that somebody altered on the way."""
        body = written(activity)
        fields = {"content-type": ACTIVITY_JSON, "content-digest": content_digest(body)}
        head = UnverifiedHead("POST", f"{self.url}/inbox", list(fields.items()))
        said = {"created": int(clock().timestamp()), "keyid": actor.key.key_id}
        made = sign(head, ("@method", "@target-uri", "content-digest"), said, actor.key)
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/inbox", data=body, headers={**fields, **made, **changes}) as answer,
        ):
            return answer.status, json.loads(await answer.read() or b"{}")


@pytest.fixture
async def elsewhere(
    kafka: Kafka, postgres: str, template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Elsewhere]:
    name = f"t_{secrets.token_hex(6)}"
    url = urlsplit(postgres)._replace(path=f"/{name}").geturl()
    await _execute(postgres, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", f"{name}.")
    hub, world = Hub(kafka.bootstrap, url, f"{name}.", tmp_path), await World.make(url)
    world.rules = replace(world.rules, federation_anchor=world.hub_key.public.multibase)
    await world.work(lambda work: work.publish_registry())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        here = f"http://127.0.0.1:{listening.getsockname()[1]}"
        hub.environment |= {
            "TRAITDUNION_FEDERATION_URL": here, "TRAITDUNION_FEDERATION_ANCHOR": world.hub_key.public.multibase,
        }  # fmt: skip
        abroad = FakeAbroad()
        abroad.add(ALICE, FORUM, STRANGER)
        try:
            hub.prepare(world)
            await _admit(world)
            hub.up(*PROCESSES)
            rig = _connector(hub, world, tmp_path)
            async with _door(world, here, abroad, listening, hub), rig.registry(), rig.running():
                await _tie(world)
                await hub.ready(*PROCESSES)
                yield Elsewhere(here, abroad, world, hub, rig)
        finally:
            hub.discard()
            await world.close()
            delete_topics(kafka.bootstrap, hub.prefix)
            await _execute(postgres, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _admit(world: World) -> None:
    async with world.engine.begin() as connection:
        for one in (ALICE, FORUM):
            await SqlPeers(connection).add(peer(one.server))
        await connection.execute(text("UPDATE hub.communities SET audience = 'public'"))


async def _tie(world: World) -> None:
    """The connector is asked whether its space may join, and says so itself."""
    await world.work(lambda work: propose_tie("wifip", SPACE, COMMUNITY, work))
    await becomes(lambda: world.rows("SELECT state FROM hub.ties WHERE node = 'wifip'"), [{"state": "active"}])


def _connector(hub: Hub, world: World, folder: Path) -> Rig:
    """A ministry's connector over an RSE in memory, with the node's key that the hub's registry knows."""
    world.keys["wifip"].save(folder / "wifip.pem")
    instance = an_instance(folder, "wifip")
    told = {name: getattr(instance, name).get_secret_value() for name in ("webhook_secret", "api_secret")}
    (folder / "instances.yaml").write_text(yaml.safe_dump({"instances": {"rse": instance.model_dump(mode="json") | told}}))
    ministry = fakes_adapters.Hub(key=world.hub_key, nodes=world.keys)
    return Rig(hub.bootstrap, hub.prefix, hub.environment["TRAITDUNION_DATABASE_URL"], folder, hub=ministry)


def _door(world: World, here: str, abroad: FakeAbroad, listening: socket.socket, hub: Hub) -> Any:
    from contextlib import asynccontextmanager  # noqa: PLC0415 - the one use

    @asynccontextmanager
    async def serve() -> AsyncIterator[None]:
        book, names = PeerBook(world.engine, clock), TopicNames(topic_prefix=hub.prefix)
        async with reception(Addresses(here), book, abroad, world.hub_key, (hub.settings, names), clock) as parts:
            await until(lambda: parts.publisher.ready)
            serving = server(Starlette(routes=list(parts.inboxes)), "127.0.0.1", 0)
            task = asyncio.create_task(serving.serve(sockets=[listening]))
            try:
                yield
            finally:
                serving.should_exit = True
                await task

    return serve()


async def test_what_somebody_elsewhere_says_is_read_in_a_ministry_with_her_name_and_her_server(elsewhere: Elsewhere) -> None:
    first = elsewhere.note(ALICE, "notes/1", "Bonjour les ministères", name="Un sujet")
    reply = elsewhere.note(ALICE, "notes/2", "Encore un mot", inReplyTo=first["id"])
    assert (await elsewhere.post(ALICE, ALICE.does("Create", first, "acts/1", to=[PUBLIC])))[0] == 202
    assert (await elsewhere.post(ALICE, ALICE.does("Create", reply, "acts/2", to=[PUBLIC])))[0] == 202
    edited = {**first, "content": "<p>Bonjour à tous</p>", "updated": clock().isoformat()}
    assert (await elsewhere.post(ALICE, ALICE.does("Update", edited, "acts/3", to=[PUBLIC])))[0] == 202
    assert (await elsewhere.post(ALICE, ALICE.does("Delete", reply["id"], "acts/4")))[0] == 202
    rse = elsewhere.rig.rse
    await until(lambda: len(rse.written) >= 4)
    acts = [(order.act.value, order.content.text if order.content else None, order.title) for order in rse.written]
    assert acts[0][1:] == ("Bonjour les ministères", "Un sujet")
    assert acts[1][1] == "Encore un mot"
    assert acts[2][1] == "Bonjour à tous"
    author = rse.written[0].author
    assert author is not None
    assert (author.name, author.organisation) == ("Alice Martin", "social.example · externe")
    receipts = await elsewhere.hub.read("rse.receipts.v1", lambda found: len(found) >= 1)
    assert {headers_of(one)["ce_source"] for one in receipts} == {"wifip"}

    async with aiohttp.ClientSession() as session, session.get(f"{elsewhere.url}/.well-known/traitdunion/registry") as answer:
        known = Registry.open(await answer.read(), elsewhere.world.hub_key.public.multibase, clock())
    assert known.document.federation

    status, problem = await elsewhere.post(STRANGER, STRANGER.does("Create", elsewhere.note(STRANGER, "n/1", "Spam")))
    assert (status, problem["reason"]) == (403, "peer_not_admitted")
    status, problem = await elsewhere.post(ALICE, ALICE.does("Create", first, "acts/9"), **{"content-digest": content_digest(b"{}")})
    assert (status, problem["reason"]) == (401, "signature_invalid")
    status, problem = await elsewhere.post(ALICE, ALICE.does("Announce", first, "acts/10"))
    assert (status, problem["reason"]) == (403, "announce_by_non_group")
