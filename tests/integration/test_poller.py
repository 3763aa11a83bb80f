"""A connector process that polls an eXo: real Kafka, real PostgreSQL, the twin of both API generations."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from pydantic import SecretStr

from adapters import poller
from adapters.platforms import platform
from schemas import topics
from schemas.envelope import object_id
from tests.fakes_adapters import PATIENCE, Rig, posted, said_by, until
from tests.fakes_exo import ALPHA3, API_KEY, SPACES, V1
from tests.fakes_exo_twin import Portal, portal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import timedelta
    from pathlib import Path

    from tests.servers import Kafka

SOON = 0.2  # seconds between looks in these tests


@dataclass
class World:
    """A process beside its RSE."""

    rig: Rig
    rse: Portal
    space: str

    async def told(self) -> list[dict[str, str]]:
        """What the hub was told, in order."""
        return [headers for headers, _ in await self.rig.all_of(topics.RSE_INBOUND.name)]

    async def heard(self) -> list[tuple[str, str]]:
        """The fact and the native id of each message, in order."""
        found = [(headers["ce_type"].split(".")[-2], headers["ce_nativeid"]) for headers in await self.told()]
        return [one for one in found if one[0] not in {"accepted", "joined", "left"}]

    async def hears(self, *expected: tuple[str, str]) -> None:
        """Wait until the hub has been told exactly this."""
        async with asyncio.timeout(PATIENCE):
            while (found := await self.heard()) != list(expected):
                assert len(found) <= len(expected), found

    async def looks(self) -> None:
        """Wait until the space has been looked at twice more."""
        await asyncio.sleep(6 * SOON)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta  # noqa: PLC0415 - at run time, for these two

    def often(name: str, value: timedelta) -> None:
        monkeypatch.setattr(poller, name, value)

    often("IDLE_EVERY", timedelta(seconds=SOON))
    often("CLAIM_EVERY", timedelta(seconds=1))


@asynccontextmanager
async def world_of(generation: str, kafka: Kafka, database_url: str, prefix: str, folder: Path) -> AsyncIterator[World]:
    async with portal(folder, generation) as rse:
        space = SPACES[generation][0]
        told: dict[str, Any] = {
            "platform": "exo", "url": rse.options.url, "api_secret": SecretStr(API_KEY), "webhook_secret": SecretStr(""),
            "spaces": frozenset(SPACES[generation]), "poll_seconds": 0.25, "options": dict(rse.instance.options),
        }  # fmt: skip
        rig = Rig(kafka.bootstrap, prefix, database_url, folder, instance=told, find=platform)
        await rig.prepare()
        async with rig.registry():
            yield World(rig, rse, space)


@pytest.fixture(params=[V1, ALPHA3])
async def world(
    request: pytest.FixtureRequest, kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    async with world_of(request.param, kafka, database_url, topic_prefix, tmp_path) as found:
        yield found


async def test_what_people_do_in_an_rse_that_sends_nothing_reaches_kafka_once(world: World) -> None:
    before = await world.rse.post("Entre nous, avant le rattachement")
    async with world.rig.running():
        await world.rig.tie(world.space)
        await until(lambda: world.rig.value("SELECT count(*) FROM adapters.sightings"), 1)
        root = await world.rse.post("Bonjour à tous")
        comment = await world.rse.comment(root, "Merci")
        await world.hears(("posted", root), ("posted", comment))
        await world.rse.edit(comment, "Merci bien")
        await world.hears(("posted", root), ("posted", comment), ("edited", comment))
    await world.rse.edit(root, "Bonsoir à tous")
    await world.rse.delete(comment)
    async with world.rig.running():
        await world.hears(("posted", root), ("posted", comment), ("edited", comment), ("edited", root), ("deleted", comment))
        await world.rse.edit(before, "Pour tous maintenant")
        await world.hears(
            ("posted", root), ("posted", comment), ("edited", comment), ("edited", root), ("deleted", comment), ("edited", before)
        )
    async with world.rig.running():
        await world.looks()
        assert len(await world.heard()) == 6


async def test_a_copy_comes_back_as_an_echo_and_an_answer_to_it_finds_its_parent(world: World) -> None:
    async with world.rig.running():
        await world.rig.tie(world.space)
        event = said_by(world.rig.hub.nodes["education"], posted("Bonjour d’ailleurs"), "post:1")
        number = world.rig.hub.numbered(event, world.rig.node, world.space)
        await world.rig.deliver(event, extra=[number])
        (receipt,) = [one for one in await world.rig.receipts(2) if one["verdict"] == "written"]
        await world.looks()
        answer = await world.rse.comment(receipt["native_id"], "Merci d’ici")
        await world.hears(("posted", answer))
        (headers,) = [told for told in await world.told() if told["ce_nativeid"] == answer]
        assert headers["ce_parent"] == object_id("education", "post:1")


@pytest.mark.long
async def test_nothing_is_lost_while_the_rse_fails_and_nothing_is_deleted(world: World) -> None:
    async with world.rig.running():
        await world.rig.tie(world.space)
        first = await world.rse.post("Un")
        await world.hears(("posted", first))
        await world.rse.fault(kind="status", status=503, methods=["GET"], count=3)
        second = await world.rse.post("Deux")
        await world.hears(("posted", first), ("posted", second))


async def test_a_space_that_is_not_tied_is_not_asked_for(world: World) -> None:
    async with world.rig.running():
        await world.rse.post("Un")
        await world.looks()
        assert await world.rig.value("SELECT count(*) FROM adapters.polls") == 0


async def test_the_webhook_door_of_a_polled_rse_says_that_it_is_polled(world: World) -> None:
    async with world.rig.running(), aiohttp.ClientSession() as session:
        response = await session.post(f"http://127.0.0.1:{world.rig.port}/webhooks/rse", json={"activities": []})
        assert response.status == 404
        assert (await response.json(content_type=None))["reason"] == "platform_polled"
