"""The notice in a tied space, kept by a whole connector process: real Kafka, real PostgreSQL, a Discourse twin."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from adapters.platforms import platform
from schemas import topics
from schemas.envelope import CanonicalEvent, Envelope, event_digest
from schemas.facts.tie import TieRefused
from schemas.sequence import Sequence as Numbered
from tests.fakes_adapters import COMMUNITY, Rig, event_in, posted, said_by, until
from tests.fakes_discourse import API_KEY, SECRET
from tests.fakes_discourse_twin import Forum, forum

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers import Kafka

SPACE = "97"


@dataclass
class World:
    """A process beside its RSE, and the hub's voice."""

    rig: Rig
    rse: Forum

    async def tie(self) -> None:
        """The whole handshake: proposed, accepted, and the acceptance come back with its number."""
        await self.rig.tie(SPACE)
        headers, value = (await self.rig.read(topics.RSE_INBOUND.name, 1))[0]
        said = event_in(headers, value)
        await self.number(CanonicalEvent(said.attributes, said.value, said.salt, Envelope.tolerant(said.attributes)), "education")

    async def number(self, event: CanonicalEvent, *others: str) -> None:
        """Have the node hear an event that these others hear too."""
        self.rig.hub.number += 1
        targets = {self.rig.node: SPACE, **dict.fromkeys(others, "ailleurs")}
        place = Numbered(event_digest(event.attributes), COMMUNITY, self.rig.hub.number, targets, datetime.now(UTC))
        await self.rig.deliver(event, extra=[place.signed(self.rig.hub.key)])

    async def notices(self) -> list[dict[str, Any]]:
        return [post for post in await self.rse.posts() if "relié" in post["title"]]

    async def says(self, words: str) -> dict[str, Any]:
        """The one notice, as soon as it says this."""
        async with asyncio.timeout(20):
            while not ((found := await self.notices()) and words in found[0]["cooked"]):  # noqa: ASYNC110 - the twin tells nobody
                await asyncio.sleep(0.05)
        (notice,) = found
        return notice


@asynccontextmanager
async def world_of(kafka: Kafka, database_url: str, prefix: str, folder: Path) -> AsyncIterator[World]:
    async with forum(folder) as rse:
        told = {
            "platform": "discourse", "url": rse.options.url, "api_secret": SecretStr(API_KEY), "webhook_secret": SecretStr(SECRET),
            "spaces": frozenset({SPACE}), "options": dict(rse.instance.options),
        }  # fmt: skip
        rig = Rig(kafka.bootstrap, prefix, database_url, folder, instance=told, find=platform)
        await rig.prepare()
        async with rig.registry():
            yield World(rig, rse)


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
