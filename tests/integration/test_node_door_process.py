"""The node door as a process of its own: what it may hold of the hub's keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.compose.healthy import is_well
from deploy.local.ports import LOOPBACK, free_port
from hub.process import LOST
from tests.fakes_streams import Hub, until
from tests.hub_world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.servers import Kafka


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await World.make(database_url)
    yield made
    await made.close()


@pytest.fixture
def hub(kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Hub]:
    made = Hub(kafka.bootstrap, database_url, topic_prefix, tmp_path)
    yield made
    made.discard()


async def test_the_door_works_with_the_hubs_public_key_where_there_is_no_private_one(world: World, hub: Hub) -> None:
    port = free_port()
    environment = {"TRAITDUNION_DOOR_PORT": str(port), "TRAITDUNION_REGISTRY_ANCHOR": world.hub_key.public.multibase}
    assert not (hub.folder / "hub.pem").exists()
    door = hub.start("door", "-m", "hub", "door", **environment)
    await until(lambda: door.said("kafka_connected"))
    await until(lambda: door.said("door_started"))
    await until(lambda: is_well(f"http://{LOOPBACK}:{port}/readyz"))  # from then on it hears signals
    assert not door.said("registry_not_read")
    assert await door.stop() == 0


async def test_a_door_without_the_anchor_refuses_to_start_though_the_private_key_lies_there(world: World, hub: Hub) -> None:
    world.hub_key.save(hub.folder / "hub.pem")
    door = hub.start("door", "-m", "hub", "door", TRAITDUNION_DOOR_PORT=str(free_port()))
    assert await door.ended() == LOST
    assert [line["missing"] for line in door.said("start_refused")] == ["TRAITDUNION_REGISTRY_ANCHOR"]
