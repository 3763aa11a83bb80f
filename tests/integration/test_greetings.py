"""The private notice to a first-time author, sent by a whole connector process: real Kafka, real PostgreSQL, a Discourse twin."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from adapters import greetings
from tests.fakes_adapters import until
from tests.fakes_tied_forum import World, world_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers import Kafka


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("ROUND_SECONDS", 0.1), ("APART_SECONDS", 0.01), ("FIRST_SECONDS", 0.2)):
        monkeypatch.setattr(greetings, name, seconds)


@pytest.fixture(params=[{}])
async def world(
    request: pytest.FixtureRequest, kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    request.getfixturevalue("hasty")
    async with world_of(kafka, database_url, topic_prefix, tmp_path, **request.param) as found:
        yield found


async def private(world: World) -> list[dict[str, Any]]:
    return [post for post in await world.rse.posts() if post["recipients"]]


async def greeted(world: World, count: int) -> list[dict[str, Any]]:
    await until(lambda: world.rig.value("SELECT count(*) FROM adapters.greetings WHERE state = 'told'"), count)
    return await private(world)


async def test_who_writes_for_the_first_time_is_told_once_in_private_who_reads_her(world: World) -> None:
    async with world.rig.running():
        await world.tie()
        first = await world.post("Bonjour à tous, voici de quoi lire.")
        (notice,) = await greeted(world, 1)
        assert notice["recipients"] == ["camille"]
        assert "est lu aussi par : Ministère" in notice["cooked"]
        assert "#interne" in notice["cooked"]
        assert f"/t/{first['topic_id']}/1" in notice["cooked"]
        await world.post("Et voici une suite, pour qui lit encore.")
        await world.post("Un mot de quelqu'un d'autre, pour la suite.", "leo")
        assert [one["recipients"] for one in await greeted(world, 2)] == [["camille"], ["leo"]]
    async with world.rig.running():
        await world.post("Une autre fois encore, après une nuit.")
        await asyncio.sleep(1)
        assert len(await private(world)) == 2
        await world.told(4)  # neither notice ever left the RSE
    assert await world.rig.value("SELECT count(*) FROM adapters.greetings WHERE native_id IS NOT NULL OR person !~ '^[0-9a-f]{32}$'") == 0


async def test_a_crash_before_the_answer_is_noted_sends_no_second_one(world: World) -> None:
    async with world.rig.running():
        await world.tie()
        post = await world.post("Bonjour à tous, voici de quoi lire.")
        await greeted(world, 1)
        await world.rig.value(
            "UPDATE adapters.greetings SET state = 'due', due_at = now(), native_id = $1 RETURNING 1", f"post:{post['id']}"
        )
        await until(lambda: world.rig.value("SELECT count(*) FROM adapters.greetings WHERE state = 'told' AND attempts = 2"), 1)
        assert len(await private(world)) == 1


async def test_a_message_that_is_kept_inside_greets_nobody(world: World) -> None:
    async with world.rig.running():
        await world.tie()
        await world.post("#interne Ceci reste entre nous, bien entendu.")
        await asyncio.sleep(1)
        assert await world.rig.value("SELECT count(*) FROM adapters.greetings") == 0


async def test_an_rse_that_takes_no_private_message_delays_no_public_one(world: World) -> None:
    async with world.rig.running():
        await world.tie()
        await world.says("est lu aussi par")
        await world.rse.fault(kind="status", status=503, count=1000)
        for number in range(3):
            await world.post(f"Bonjour à tous, voici de quoi lire, {number}.")
        await world.told(3)
        await until(lambda: world.rig.value("SELECT max(attempts) > 1 FROM adapters.greetings"), wanted=True)
        await world.rse.call("POST", "/twin/faults", kind="none")
        assert len(await greeted(world, 1)) == 1


@pytest.mark.parametrize("world", [{"private_notice": False}], indirect=True)
async def test_a_ministry_may_switch_it_off(world: World) -> None:
    async with world.rig.running():
        await world.tie()
        await world.post("Bonjour à tous, voici de quoi lire.")
        await asyncio.sleep(1)
        assert await world.rig.value("SELECT count(*) FROM adapters.greetings") == 0
