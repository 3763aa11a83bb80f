"""Which events the hub signs as meant for peers too, and what it tells of what they bear on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, text, update

from hub import bootstrap
from hub.batches.group import Group
from hub.batches.inbound import InboundBatch
from hub.federation.addresses import Addresses
from hub.federation.reach import Bearing, bearing_of
from hub.federation.telling import Voice, parcels
from hub.ports import Record
from hub.storage.federation_tables import external_objects
from hub.storage.tables import communities
from schemas.envelope import object_id
from schemas.proof import timestamp
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


async def test_an_edit_tells_when_the_message_was_first_said(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    said = (await world.rows("SELECT occurred_at FROM hub.messages"))[0]["occurred_at"]
    await world.hear(world.edited("wifip", "post:1", "Bonsoir"))
    [found] = await targets(world, "message.edited")
    assert bearing_of(found) == Bearing(posted=timestamp(said))


async def test_a_reaction_taken_back_names_its_message_and_emoji(world: World) -> None:
    await world.hear(world.posted("wifip", "post:1"))
    await world.hear(world.reacted("education", "like:1", object_id("wifip", "post:1"), "👍"))
    await world.hear(world.unreacted("education", "like:1"))
    [found] = await targets(world, "reaction.removed")
    assert bearing_of(found) == Bearing(object_id("wifip", "post:1"), "👍")


async def carried(world: World) -> list[dict[str, Any]]:
    """What ministries did by reactions, as the courier carries it to a group's followers."""
    query = "SELECT o.* FROM hub.outbox o JOIN hub.events e ON e.id = o.event WHERE e.type LIKE '%reaction%' AND o.sequence IS NOT NULL ORDER BY o.id"
    async with world.engine.connect() as connection:
        rows: list[Any] = list(await connection.execute(text(query)))
    found = []
    for row in rows:
        headers = [*((name, said.encode()) for name, said in row.headers), ("hub_admitted", b"1795000000000")]
        record = Record("hub.facts.v1", 0, 0, world.clock(), COMMUNITY.encode(), bytes(row.value), tuple(headers))
        found += [json.loads(one.body)["object"] for one in parcels(record, row.targets, Voice(Addresses("https://hub.example"), "hub"))]
    return found


def likers(activities: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """As servers elsewhere keep them: who likes what, once; taken away by its id, or by who and what."""
    standing: dict[tuple[str, str], str] = {}
    for one in activities:
        like = one["object"] if one["type"] == "Undo" else one
        kind = like["type"] + like.get("content", "")
        place = (like["actor"].rpartition("/")[2], kind)
        if one["type"] != "Undo":
            standing.setdefault(place, like["id"])
        elif like["id"] in standing.values() or place in standing:
            standing = {where: name for where, name in standing.items() if name != like["id"] and where != place}
    return standing


ALICE, BOB, CLEO = "a" * 32, "b" * 32, "c" * 32


async def test_a_ministry_likes_elsewhere_as_long_as_one_of_its_agents_does(world: World) -> None:
    message = object_id("wifip", "post:1")
    await world.hear(world.posted("wifip", "post:1"))
    await world.hear(world.reacted("education", "like:1", message, "👍", ALICE), world.reacted("education", "like:2", message, "❤️", BOB))
    assert likers(told := await carried(world)).keys() == {("education", "Like")}
    assert len(told) == 1
    await world.hear(world.unreacted("education", "like:1"))
    assert likers(await carried(world)).keys() == {("education", "Like")}
    await world.hear(world.unreacted("education", "like:2"))
    *_, like, undo = await carried(world)
    assert (undo["type"], undo["object"]["id"]) == ("Undo", like["id"])
    assert likers(await carried(world)) == {}
    await world.hear(world.reacted("education", "like:3", message, "👍", BOB))
    assert likers(await carried(world)).keys() == {("education", "Like")}


async def test_likes_of_two_ministries_and_emojis_of_one_are_counted_apart(world: World) -> None:
    message = object_id("wifip", "post:1")
    await world.hear(world.posted("wifip", "post:1"))
    set_there = [
        ("education", "r:1", "👍", ALICE),
        ("education", "r:2", "🎉", ALICE),
        ("education", "r:3", "🎉", BOB),
        ("wifip", "r:4", "👍", CLEO),
    ]
    await world.hear(*(world.reacted(node, native, message, emoji, who) for node, native, emoji, who in set_there))
    await world.hear(world.unreacted("education", "r:1"), world.unreacted("education", "r:2"))
    assert likers(await carried(world)).keys() == {("education", "EmojiReact🎉"), ("wifip", "Like")}


async def test_what_is_decided_in_one_batch_counts_as_what_is_decided_in_several(world: World) -> None:
    message = object_id("wifip", "post:1")
    await world.hear(
        world.posted("wifip", "post:1"), world.reacted("education", "like:1", message, "👍", ALICE),
        world.reacted("education", "like:2", message, "👍", BOB), world.unreacted("education", "like:1"),
    )  # fmt: skip
    assert likers(await carried(world)).keys() == {("education", "Like")}
    await world.hear(world.unreacted("education", "like:2"))
    assert likers(await carried(world)) == {}


async def test_a_like_that_was_told_before_ministries_were_counted_is_taken_back_by_its_own_name(world: World) -> None:
    message = object_id("wifip", "post:1")
    await world.hear(world.posted("wifip", "post:1"), world.reacted("education", "like:1", message, "👍"))
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM hub.ministry_likes")
    await world.hear(world.unreacted("education", "like:1"))
    like, undo = await carried(world)
    assert undo["object"]["id"] == like["id"]


async def test_a_reaction_like_a_colleagues_is_not_for_peers_so_that_only_the_rest_tells_who_hears_the_community(world: World) -> None:
    message = object_id("wifip", "post:1")
    await world.hear(world.posted("wifip", "post:1"))
    await world.hear(world.reacted("education", "like:1", message, "👍", ALICE), world.reacted("education", "like:2", message, "👍", BOB))
    assert [PEERS in found for found in await targets(world, "reaction.added")] == [True, False]
    await world.hear(world.posted("education", "post:2", parent=message))
    assert all(PEERS in found for found in await targets(world, "message.posted"))
