"""GoToSocial, NodeBB and WordPress as they were seen on the wire, against the whole of ours: followed, answered, heard, passed on."""

from __future__ import annotations

import functools
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from hub.federation.addresses import Addresses
from hub.registry import declaring
from hub.registry.declarations import Declaration, DeclaredOrganisation
from schemas.keys import SigningKey
from schemas.rsa_keys import RsaSigningKey
from tests import fakes_federation
from tests.fakes_fediverse import PUBLIC, STREAMS, Elsewhere, gotosocial, nodebb, serving, wordpress
from tests.fakes_streams import Hub, becomes, delete_topics, until
from tests.hub_world import COMMUNITY, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from hub.unit_of_work import UnitOfWork
    from tests.servers import Kafka

OURS = "127.0.21.1"
HERE = Addresses(f"http://{OURS}")
GROUP = HERE.group(COMMUNITY)
PROCESSES = ("peers", "fanout", "relay")
SLOW = 150.0
"""A machine under load starts six processes in minutes."""


@dataclass
class Fediverse:
    """Ours, whole, and three servers of others on addresses of their own."""

    world: World
    hub: Hub
    gotosocial: Elsewhere
    nodebb: Elsewhere
    wordpress: Elsewhere

    async def messages(self) -> list[tuple[str, str, str]]:
        """What stands in the community: who, of where, under which title."""
        rows = await self.world.rows("SELECT author, organisation, title FROM hub.messages ORDER BY first_sequence")
        return [(row["author"], row["organisation"], row["title"]) for row in rows]

    async def text(self, author: str) -> str:
        rows = await self.world.rows(f"SELECT html FROM hub.messages WHERE author = '{author}'")  # noqa: S608 - the test's own words
        return str(rows[0]["html"])


async def admit(world: World, *servers: Elsewhere) -> None:
    """Software that signs no manifest: declared, then approved by two people."""

    async def use(work: UnitOfWork, host: str) -> None:
        said = Declaration(authority=host, organisation=DeclaredOrganisation(name="OPSI"), cavage=True, issued=world.clock())
        await declaring.declare(said, "Ce logiciel ne signe pas de manifeste.", await fakes_federation.present(work), work)
        await fakes_federation.approve(f"peer/{host}", work)

    for server in servers:
        await world.work(functools.partial(use, host=server.host))


def federating(hub: Hub, folder: Path) -> str:
    """Give the processes the federation's keys and address; the door's public key."""
    key, rsa = SigningKey.generate(HERE.host_actor), RsaSigningKey.generate(HERE.host_actor)
    key.save(folder / "federation.pem")
    rsa.save(folder / "federation-rsa.pem")
    hub.environment |= {
        "TRAITDUNION_FEDERATION_URL": HERE.base, "TRAITDUNION_FEDERATION_HOST": OURS, "TRAITDUNION_FEDERATION_PORT": "80",
        "TRAITDUNION_FEDERATION_KEY": str(folder / "federation.pem"), "TRAITDUNION_FEDERATION_RSA_KEY": str(folder / "federation-rsa.pem"),
        "TRAITDUNION_FEDERATION_ANCHOR": key.public.multibase, "TRAITDUNION_FEDERATION_LOOPBACK": "true",
    }  # fmt: skip
    return key.public.multibase


@asynccontextmanager
async def ours(
    kafka: Kafka, database_url: str, prefix: str, folder: Path, servers: tuple[Elsewhere, ...]
) -> AsyncIterator[tuple[World, Hub]]:
    """Every process of ours that federation takes, over a world that has admitted these servers."""
    hub, world = Hub(kafka.bootstrap, database_url, prefix, folder), await World.make(database_url)
    try:
        world.rules = replace(world.rules, federation_anchor=federating(hub, folder))
        async with world.engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE hub.communities SET audience = 'public'")
        await admit(world, *servers)
        hub.prepare(world)
        hub.up(*PROCESSES)
        door, courier = hub.start("peer-door", "-m", "hub", "peer-door"), hub.start("courier", "-m", "hub", "courier")
        await until(functools.partial(door.said, "peer_door_started"), SLOW)
        await until(functools.partial(courier.said, "courier_started"), SLOW)
        for name in PROCESSES:
            await until(functools.partial(hub.lines, name, "relay_started" if name == "relay" else "worker_ready"), SLOW)
        yield world, hub
    finally:
        hub.discard()
        await world.close()
        delete_topics(kafka.bootstrap, prefix)


@pytest.fixture
async def fediverse(kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Fediverse]:
    servers = gotosocial("127.0.21.2"), nodebb("127.0.21.3"), wordpress("127.0.21.4")
    try:
        async with serving(Elsewhere(OURS, servers[0].habits)):
            pass
    except OSError as error:
        pytest.skip(f"this machine gives us no address of its own with port 80, as these servers need: {error}")
    async with serving(*servers), ours(kafka, database_url, topic_prefix, tmp_path, servers) as (world, hub):
        yield Fediverse(world, hub, *servers)


def follow(server: Elsewhere, actor: str) -> dict[str, Any]:
    return {"@context": STREAMS, "id": f"{server.base}/follow/1", "type": "Follow", "actor": actor, "object": GROUP, "to": GROUP}


def accepted(server: Elsewhere, kind: str = "Accept") -> list[dict[str, Any]]:
    return [one for one in server.took if one["type"] == kind]


@pytest.mark.long
async def test_gotosocial_which_reads_and_is_read_by_signed_requests_follows_and_speaks(fediverse: Fediverse) -> None:
    server, world = fediverse.gotosocial, fediverse.world
    alice, key = f"{server.base}/users/alice", f"{server.base}/users/alice/main-key"
    assert await server.send(f"{GROUP}/inbox", follow(server, alice), key) == (202, "")
    await until(lambda: accepted(server), SLOW)
    (answer,) = accepted(server)
    assert (answer["actor"], answer["object"]["id"]) == (GROUP, f"{server.base}/follow/1")
    assert f"{HERE.host_actor}#main-key" in server.asked_unsigned  # it read our key before it let us read its actor
    assert "GET" in server.refused  # and was first asked in ways that it does not know
    note = {
        "id": f"{alice}/statuses/01M8", "type": "Note", "attributedTo": alice, "to": PUBLIC, "cc": [f"{alice}/followers", GROUP],
        "content": "<p>Bonjour <b>à tous</b></p>", "contentMap": {"fr": "<p>Bonjour <b>à tous</b></p>"}, "attachment": [],
        "published": world.clock().isoformat(), "sensitive": False,
    }  # fmt: skip
    create = {
        "@context": [STREAMS, {"sensitive": "as:sensitive"}],
        "id": f"{note['id']}/activity#Create",
        "type": "Create",
        "actor": alice,
        "to": PUBLIC,
        "cc": note["cc"],
        "object": note,
        "published": note["published"],
    }
    assert await server.send(f"{HERE.base}/inbox", create, key) == (202, "")
    await becomes(fediverse.messages, [("Alice", f"{server.host} · externe", None)], SLOW)
    assert "Bonjour" in await fediverse.text("Alice")


@pytest.mark.long
async def test_a_topic_of_nodebb_that_comes_three_ways_is_one_message(fediverse: Fediverse) -> None:
    server, world = fediverse.nodebb, fediverse.world
    category, bruno = f"{server.base}/category/2", f"{server.base}/uid/1"
    asked = fediverse.hub.start("follow", "-m", "hub", "communities", "follow", COMMUNITY, category)
    assert await asked.ended(SLOW) == 0
    await until(lambda: accepted(server, "Follow"), SLOW)
    (request,) = accepted(server, "Follow")
    reply = {"@context": STREAMS, "id": f"{category}#activity/accept:follow/1", "type": "Accept", "actor": category}
    said = {"id": request["id"], "type": "Follow", "actor": request["actor"], "object": category}
    assert await server.send(f"{GROUP}/inbox", {**reply, "object": said}, f"{category}#key") == (202, "")

    async def follows() -> list[str]:
        return [row["state"] for row in await world.rows("SELECT state FROM hub.follows")]

    await becomes(follows, ["accepted"], SLOW)
    public = [PUBLIC, category]
    note = {
        "id": f"{server.base}/post/6", "type": "Note", "to": public, "cc": [f"{bruno}/followers"], "name": "Un sujet",
        "published": world.clock().isoformat(), "attributedTo": bruno, "context": f"{server.base}/topic/6", "audience": category,
        "content": "<p>Bonjour du forum</p>\n", "source": {"content": "Bonjour du forum", "mediaType": "text/markdown"},
    }  # fmt: skip
    create = {"id": f"{note['id']}#activity/create/1", "type": "Create", "actor": bruno, "to": public, "cc": note["cc"], "object": note}

    def announce(number: int, what: dict[str, Any]) -> dict[str, Any]:
        to = {"to": [f"{category}/followers"], "cc": [bruno, PUBLIC]}
        return {
            "@context": STREAMS,
            "id": f"{note['id']}#activity/announce/{number}",
            "type": "Announce",
            "actor": category,
            **to,
            "object": what,
        }

    assert await server.send(f"{GROUP}/inbox", announce(1, note), f"{category}#key") == (202, "")
    assert await server.send(f"{GROUP}/inbox", announce(2, create), f"{category}#key") == (202, "")
    direct = {"@context": STREAMS, **create}
    assert await server.send(f"{GROUP}/inbox", direct, f"{bruno}#key") == (403, "not_addressed_here")  # it calls nobody here
    named = {**direct, "cc": [*direct["cc"], GROUP]}
    assert await server.send(f"{GROUP}/inbox", named, f"{bruno}#key") == (202, "")
    last = {**announce(3, {**note, "id": f"{server.base}/post/7", "name": "Un autre"})}
    assert await server.send(f"{GROUP}/inbox", last, f"{category}#key") == (202, "")
    where = f"{server.host} · externe"
    await becomes(fediverse.messages, [("Bruno", where, "Un sujet"), ("Bruno", where, "Un autre")], SLOW)


@pytest.mark.long
async def test_wordpress_with_queries_in_its_ids_follows_and_what_it_says_is_passed_on_as_it_came(fediverse: Fediverse) -> None:
    server, reader, world = fediverse.wordpress, fediverse.gotosocial, fediverse.world
    author, key = f"{server.base}/?author=1", f"{server.base}/?author=1#main-key"
    assert await server.send(f"{GROUP}/inbox", follow(server, author), key) == (202, "")
    alice = f"{reader.base}/users/alice"
    assert await reader.send(f"{GROUP}/inbox", follow(reader, alice), f"{alice}/main-key") == (202, "")
    await until(lambda: accepted(server) and accepted(reader), SLOW)
    boxes = f"{server.base}/wp-json/activitypub/1.0/actors/1"
    html = "<h2>Une page de blog</h2><p>Bonjour</p>"
    note = {
        "id": f"{server.base}/?p=12", "type": "Note", "attributedTo": author, "audience": f"{server.base}/?author=0", "content": html,
        "contentMap": {"fr": html}, "published": world.clock().isoformat(), "to": [PUBLIC], "cc": [f"{boxes}/followers", GROUP],
    }  # fmt: skip
    create = {
        "@context": [STREAMS, {"Hashtag": "as:Hashtag"}],
        "id": f"{note['id']}#activity-create-1",
        "type": "Create",
        "actor": author,
        "audience": note["audience"],
        "published": note["published"],
        "to": [PUBLIC],
        "cc": note["cc"],
        "object": note,
    }
    assert await server.send(f"{GROUP}/inbox", create, key) == (202, "")
    await becomes(fediverse.messages, [("Chloe", f"{server.host} · externe", "Une page de blog")], SLOW)
    assert "Bonjour" in await fediverse.text("Chloe")  # its title stood at the head of the text
    await until(lambda: accepted(reader, "Announce"), SLOW)
    told = json.dumps(accepted(reader, "Announce")[0]["object"], ensure_ascii=False)
    assert json.loads(told) == create
