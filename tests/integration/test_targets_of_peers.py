"""Which events the hub signs as meant for peers too, and what it tells of what they bear on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, text, update

from hub import bootstrap
from hub.batches.group import Group
from hub.batches.inbound import InboundBatch
from hub.federation.reach import Bearing, bearing_of
from hub.storage.federation_tables import external_objects
from hub.storage.tables import communities
from schemas.envelope import object_id
from schemas.sequence import PEERS
from schemas.words import Audience
from tests.hub_world import COMMUNITY, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SERVER = "https://elsewhere.example"


async def world_of(url: str, audience: Audience, *, federates: bool) -> World:
    """A world whose community has these readers."""
    made = await World.make(url)
    async with made.engine.begin() as connection:
        await connection.execute(update(communities).values(audience=audience.value))
    rules = replace(made.rules, federates=federates)
    group = Group("inbound", bootstrap.begin(made.engine, rules), made.reader, made.dead_letters, made.clock, 100)  # type: ignore[arg-type]  # kept in memory
    made.inbound = InboundBatch(group, made.handlers)
    await made.tie()
    return made


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await world_of(database_url, Audience.PUBLIC, federates=True)
    yield made
    await made.close()


async def targets(world: World, kind: str) -> list[dict[str, str]]:
    """The targets of the numbered events of a kind, in order."""
    query = "SELECT o.targets FROM hub.outbox o JOIN hub.events e ON e.id = o.event WHERE e.type LIKE :kind AND o.sequence IS NOT NULL ORDER BY o.id"
    async with world.engine.connect() as connection:
        rows: list[Any] = list(await connection.execute(text(query), {"kind": f"%{kind}%"}))
    return [row.targets for row in rows]


async def test_every_number_of_a_public_community_is_for_peers_too(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    found = [*await targets(world, "tie.accepted"), *await targets(world, "message.posted")]
    assert len(found) == 4
    assert all(PEERS in one for one in found)


@pytest.mark.parametrize(("audience", "federates"), [(Audience.PUBLIC, False), (Audience.MEMBERS, True), (Audience.PRIVATE, True)])
async def test_no_other_community_is(database_url: str, audience: Audience, federates: bool) -> None:  # noqa: FBT001 - a test's parameter
    world = await world_of(database_url, audience, federates=federates)
    try:
        await world.hear(world.posted("wifip", "post:1"))
        assert not any(PEERS in found for found in await targets(world, ""))
    finally:
        await world.close()


async def test_an_answer_to_a_peers_message_names_it_where_it_stands(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    row = {"id": f"{SERVER}/n/1", "subject": object_id("wifip", "post:1"), "community": COMMUNITY, "owner": f"{SERVER}/u", "peer": SERVER}
    async with world.engine.begin() as connection:
        await connection.execute(insert(external_objects).values(**row, kind="message", at=world.clock()))
    await world.hear(world.posted("education", "post:2", parent=object_id("wifip", "post:1")))
    assert [bearing_of(found) for found in await targets(world, "message.posted")] == [Bearing(), Bearing(url=f"{SERVER}/n/1")]


async def test_a_reaction_taken_back_names_its_message_and_emoji(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    await world.hear(world.reacted("education", "like:1", object_id("wifip", "post:1"), "👍"))
    await world.hear(world.unreacted("education", "like:1"))
    [found] = await targets(world, "reaction.removed")
    assert bearing_of(found) == Bearing(object_id("wifip", "post:1"), "👍")
