"""The peers' door as a process of its own: its keys, its refusals to start, and what it answers over HTTP."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import aiohttp
import pytest

from deploy.local.ports import free_port
from hub.federation.remote import RemoteActor, read_actor
from hub.process import LOST
from schemas.actor_keys import ActorKey
from tests.fakes_streams import Hub, until
from tests.hub_world import COMMUNITY, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.servers import Kafka

AS = {"Accept": "application/activity+json"}


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await World.make(database_url)
    async with made.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE hub.communities SET audience = 'public'")
    yield made
    await made.close()


@pytest.fixture
def hub(kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Hub]:
    made = Hub(kafka.bootstrap, database_url, topic_prefix, tmp_path)
    yield made
    made.discard()


@pytest.mark.usefixtures("world")
async def test_it_refuses_to_start_without_its_keys_or_its_address_and_says_which(hub: Hub) -> None:
    for number, (environment, missing) in enumerate(
        [({}, "TRAITDUNION_FEDERATION_URL"), ({"TRAITDUNION_FEDERATION_URL": "https://hub.example"}, "TRAITDUNION_FEDERATION_KEY")]
    ):
        door = hub.start(f"door-{number}", "-m", "hub", "peer-door", **environment)
        assert await door.ended() == LOST
        assert [line["missing"] for line in door.said("start_refused")] == [missing]


async def answers(here: str) -> bool:
    """Whether the door is open."""
    try:
        async with aiohttp.ClientSession() as session, session.get(here + "/healthz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def test_it_shows_public_communities_under_keys_that_the_command_line_made(world: World, hub: Hub) -> None:
    port = free_port()
    here = f"http://127.0.0.1:{port}"
    environment = {
        "TRAITDUNION_FEDERATION_URL": here,
        "TRAITDUNION_FEDERATION_PORT": str(port),
        "TRAITDUNION_FEDERATION_KEY": str(hub.folder / "federation.pem"),
        "TRAITDUNION_FEDERATION_RSA_KEY": str(hub.folder / "federation-rsa.pem"),
        "TRAITDUNION_FEDERATION_PASSPHRASE": "une phrase",
    }
    for kind in ("federation", "federation-rsa"):
        made = hub.start(kind, "-m", "hub", "keys", "generate", kind, str(hub.folder / f"{kind}.pem"), **environment)
        assert await made.ended() == 0
        assert b"ENCRYPTED" in (hub.folder / f"{kind}.pem").read_bytes()
    door = hub.start("peer-door", "-m", "hub", "peer-door", **environment)
    await until(functools.partial(door.said, "peer_door_started"))
    assert await answers(here)  # what it says, holds: connections are taken from that line on
    async with aiohttp.ClientSession(base_url=here) as session:
        for path in ("/actor", f"/groups/{COMMUNITY}"):
            async with session.get(path, headers=AS) as answer:
                actor = read_actor(await answer.json(content_type=None), world.clock())
            assert isinstance(actor, RemoteActor)
            assert {type(key) for key in actor.keys.values()} == {ActorKey}
        async with session.head(f"/groups/{COMMUNITY}", headers={"Accept": "text/html"}) as answer:
            assert (answer.status, await answer.read(), answer.content_type) == (200, b"", "text/html")
        async with session.post("/inbox", data=b"{}", headers={"Content-Type": AS["Accept"]}) as answer:
            assert answer.status == 401
    assert await door.stop() == 0
