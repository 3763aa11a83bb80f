"""Reactions and accepted answers through the worker's batch, on a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hub.access import permit_command_line
from hub.communities.model import Tally
from hub.communities.reactions import accepted_of, tallies_of
from schemas.envelope import object_id
from schemas.facts.answer import AnswerAccepted, AnswerWithdrawn
from tests.hub_world import NODES, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.ports import Record

QUESTION = object_id("wifip", "post:1")
ANSWER = object_id("education", "$1")


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await World.make(database_url)
    await made.tie()
    await made.hear(made.posted("wifip", "post:1"), made.posted("education", "$1", parent=QUESTION))
    yield made
    await made.close()


def answered(world: World, node: str, message: str, marker: str = "1") -> Record:
    return world.record(node, AnswerAccepted(space=NODES[node]), "solution:1", marker=marker, parent=message)


async def tallies(world: World, message: str) -> tuple[Tally, ...]:
    async with world.engine.connect() as connection:
        return (await tallies_of(connection, permit_command_line(), [message])).get(message, ())


async def accepted(world: World) -> frozenset[str]:
    async with world.engine.connect() as connection:
        return await accepted_of(connection, permit_command_line(), [QUESTION, ANSWER])


async def outcomes(world: World, *kinds: str) -> list[Any]:
    rows = await world.rows("SELECT type, outcome FROM hub.events ORDER BY handled_at, sequence")
    return [row["outcome"] for row in rows if row["type"].split(".")[3] in kinds]


async def test_reactions_go_to_every_tied_node_byte_for_byte_and_are_counted_by_ministry(world: World) -> None:
    record = world.reacted("diplomatie", "like:1", QUESTION)
    await world.hear(record, world.reacted("education", "$r", QUESTION, "❤"), world.reacted("education", "$s", QUESTION, actor="b" * 32))
    sent = (await world.rows("SELECT * FROM hub.outbox ORDER BY id DESC LIMIT 3"))[-1]
    assert bytes(sent["value"]) == record.value
    assert set(sent["targets"]) == set(NODES)
    assert await tallies(world, QUESTION) == (Tally("❤", 3, (("education", 2), ("diplomatie", 1))),)


async def test_the_same_reaction_is_one_in_one_batch_and_in_the_next(world: World) -> None:
    first, second = world.reacted("education", "$r", QUESTION), world.reacted("education", "$r2", QUESTION)
    await world.hear(first, second)
    await world.hear(world.reacted("education", "$r3", QUESTION), first)
    assert sorted(await outcomes(world, "reaction")) == ["sequenced", "superseded", "superseded"]
    assert (await tallies(world, QUESTION))[0].count == 1


async def test_a_reaction_taken_back_is_counted_no_more_and_may_be_made_again(world: World) -> None:
    await world.hear(world.reacted("education", "$r", QUESTION))
    await world.hear(world.unreacted("education", "$r"), world.reacted("education", "$r2", QUESTION, "👍"))
    await world.hear(world.reacted("education", "$r3", QUESTION))
    assert [(tally.emoji, tally.count) for tally in await tallies(world, QUESTION)] == [("❤", 1), ("👍", 1)]


async def test_a_removal_that_came_in_an_earlier_batch_keeps_the_late_reaction_out(world: World) -> None:
    await world.hear(world.unreacted("education", "$r"))
    await world.hear(world.reacted("education", "$r", QUESTION))
    assert await outcomes(world, "reaction") == ["noted", "superseded"]
    assert await tallies(world, QUESTION) == ()


async def test_a_reaction_that_waited_is_revived_and_counted(world: World) -> None:
    late = object_id("wifip", "post:9")
    await world.hear(world.reacted("education", "$r", late))
    await world.hear(world.posted("wifip", "post:9"))
    assert (await tallies(world, late))[0].count == 1
    assert await outcomes(world, "reaction") == ["sequenced"]


async def test_one_answer_is_accepted_and_another_takes_its_place(world: World) -> None:
    second = object_id("diplomatie", "post:5")
    await world.hear(world.posted("diplomatie", "post:5", parent=QUESTION), answered(world, "wifip", ANSWER))
    assert await accepted(world) == {ANSWER}
    await world.hear(answered(world, "wifip", second, "2"))
    assert await accepted(world) == frozenset()
    await world.hear(world.record("wifip", AnswerWithdrawn(space=NODES["wifip"]), "solution:1", marker="3", parent=second))
    rows = await world.rows("SELECT question, message FROM hub.answers")
    assert [dict(row) for row in rows] == [{"question": QUESTION, "message": None}]


async def test_an_acceptance_elsewhere_is_noted_and_goes_nowhere(world: World) -> None:
    before = await world.rows("SELECT count(*) AS n FROM hub.outbox")
    await world.hear(answered(world, "diplomatie", ANSWER))
    assert await outcomes(world, "answer") == ["noted"]
    assert await world.rows("SELECT count(*) AS n FROM hub.outbox") == before
    assert world.dead_letters.reasons == []
