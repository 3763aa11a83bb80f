"""Who leaves a community and comes back under the same names, is brought again, or out of order: heard as often as she asks."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from hub.federation.repository import SqlFollowers
from tests.fakes_abroad import GROUP, HERE
from tests.fakes_peer_town import ALICE, BOB, Town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.federation.followers import Follower
    from hub.ports import Record
    from tests.fakes_abroad import Person

FOLLOW = ALICE.does("Follow", GROUP, "users/alice/follows/17")
"""Named by the two actors, as PeerTube and Pixelfed do: the next one bears the same name."""
UNDO = ALICE.does("Undo", FOLLOW, "users/alice/follows/17/undo")
BY_ADDRESS = ALICE.does("Undo", FOLLOW["id"], "users/alice/follows/17/undo")
SHAPES = pytest.mark.parametrize("undo", [UNDO, BY_ADDRESS], ids=["as it was", "by its address"])


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    made = await Town.make(database_url)
    yield made
    await made.world.close()


async def followers(town: Town) -> list[Follower]:
    async with town.world.engine.connect() as connection:
        return list(await SqlFollowers(connection).all())


async def answers(town: Town) -> list[Any]:
    return [json.loads(row["value"]) for row in await town.outgoing()]


async def brought(town: Town, *acts: tuple[Person, dict[str, Any]]) -> list[Record]:
    """Each signed anew, a second after the other: the door takes no signature twice."""
    found: list[Record] = []
    for one in acts:
        town.world.clock.moved += timedelta(seconds=1)
        found += await town.records(one)
    return found


async def does(town: Town, *acts: dict[str, Any]) -> int:
    """She does this, one after the other; how many follow then."""
    for act in acts:
        await town.take(await brought(town, (ALICE, act)))
    return len(await followers(town))


async def do_at_once(town: Town, *acts: tuple[Person, dict[str, Any]]) -> list[str]:
    """All this comes in one batch; who follows then."""
    await town.take(await brought(town, *acts))
    return [one.actor for one in await followers(town)]


@SHAPES
async def test_who_comes_back_under_the_same_name_is_told_yes_and_may_leave_again(town: Town, undo: Any) -> None:
    assert [await does(town, act) for act in (FOLLOW, undo, FOLLOW, undo)] == [1, 0, 1, 0]
    first, second = await answers(town)
    assert (first["type"], first["object"]["id"]) == ("Accept", FOLLOW["id"])
    assert first["id"] != second["id"]  # a server that knows the first by its id (Lemmy) would leave the second unread
    assert {**first, "id": second["id"]} == second
    assert town.reasons == []


async def test_she_may_in_one_batch(town: Town) -> None:
    assert await do_at_once(town, (ALICE, FOLLOW), (ALICE, UNDO), (ALICE, FOLLOW)) == [ALICE.id]
    assert await do_at_once(town, (ALICE, UNDO), (ALICE, FOLLOW), (ALICE, UNDO)) == []


async def test_who_did_not_hear_the_answer_is_answered_again_and_follows_once_since_the_first_time(town: Town) -> None:
    await does(town, FOLLOW)
    (before,) = await followers(town)
    assert await does(town, FOLLOW) == 1
    assert await followers(town) == [before]
    first, second = await answers(town)
    assert first["id"] != second["id"]


@SHAPES
async def test_records_that_kafka_brings_again_leave_her_where_she_was(town: Town, undo: Any) -> None:
    records = await town.records((ALICE, FOLLOW), (ALICE, undo))
    await town.take(records)
    await town.take(records)
    first, second = await answers(town)
    assert (first, await followers(town)) == (second, [])
    assert await does(town, FOLLOW) == 1
    assert town.reasons == []


@SHAPES
async def test_a_follow_that_comes_after_its_undo_is_over(town: Town, undo: Any) -> None:
    assert await does(town, undo, FOLLOW) == 0
    assert await answers(town) == []
    assert await does(town, FOLLOW) == 1  # by now it is another one


@SHAPES
async def test_it_is_in_one_batch_and_for_nobody_else(town: Town, undo: Any) -> None:
    other = BOB.does("Follow", GROUP, "users/alice/follows/17")
    assert await do_at_once(town, (ALICE, undo), (BOB, other), (ALICE, FOLLOW)) == [BOB.id]


@SHAPES
async def test_an_undo_that_is_brought_twice_keeps_nobody_from_coming_back(town: Town, undo: Any) -> None:
    assert await does(town, FOLLOW, undo, undo, FOLLOW) == 1


async def test_an_undo_of_what_was_not_granted_keeps_nobody_from_asking_again(town: Town) -> None:
    asked = {**FOLLOW, "object": HERE.group("absente")}
    assert await does(town, asked, {**UNDO, "object": asked}, FOLLOW) == 1


async def test_what_is_no_follow_is_still_heard_once(town: Town) -> None:
    like = ALICE.does("Like", ALICE.note()["id"], "acts/l")
    undo = ALICE.does("Undo", {**like, "id": "https://social.example/acts/of-its-own"}, "acts/u")
    await does(town, ALICE.creates(), like, undo, {**like, "id": "https://social.example/acts/l2"}, undo)
    assert [row["state"] for row in await town.world.rows("SELECT state FROM hub.reactions ORDER BY state")] == ["removed", "standing"]
