"""The notice in a tied space, kept by a whole connector process: real Kafka, real PostgreSQL, a Discourse twin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from schemas.facts.tie import TieRefused
from tests.fakes_adapters import posted, said_by, until
from tests.fakes_tied_forum import SPACE, World, world_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers import Kafka


@pytest.fixture
async def world(
    kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    async with world_of(kafka, database_url, topic_prefix, tmp_path) as found:
        yield found


async def test_a_tied_space_tells_who_reads_it_and_tells_it_in_place_when_that_changes_or_ends(world: World) -> None:
    async with world.rig.running():
        await world.tie()
        first = await world.says("est lu aussi par : Ministère")
        assert "#interne" in first["cooked"]
        event = said_by(world.rig.hub.nodes["education"], posted("Au revoir à tous les autres"), "post:1")
        await world.number(event)  # a number that nobody else hears: the others have left
        alone = await world.says("Aucun autre ministère")
        assert alone["id"] == first["id"]
        refused = TieRefused(node=world.rig.node, space=SPACE, reason="retired")
        await world.rig.deliver(said_by(world.rig.hub.key, refused, f"tie:{SPACE}"))
        ended = await world.says("plus relié")
        assert ended["id"] == first["id"]


async def test_a_process_that_lost_its_memory_of_the_notice_finds_it_again(world: World) -> None:
    async with world.rig.running():
        await world.tie()
        await world.says("est lu aussi par")
        await until(lambda: world.rig.value("SELECT count(*) FROM adapters.notices WHERE native_id IS NOT NULL"), 1)
    await world.rig.value("UPDATE adapters.notices SET native_id = NULL, shown = '' RETURNING 1")
    async with world.rig.running():
        await until(lambda: world.rig.value("SELECT count(*) FROM adapters.notices WHERE native_id IS NOT NULL"), 1)
    assert len(await world.notices()) == 1
