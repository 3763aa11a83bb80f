"""« Not found » may be a server that is being restarted: nobody is forgotten for it before a day, nor waited for where one address alone is meant."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.federation.delivery import BRIEFLY, TRIES, Patience, State, Trouble
from hub.federation.posting import Reply
from tests.fakes_courier import Follower, World, answer, inbox_of, record

PEER, OTHER = "a.example", "b.example"
INBOX = inbox_of(PEER)
ONE, TWO, THREE = (f"https://{PEER}/{name}/inbox" for name in "uvw")
DAY = timedelta(days=1)


@pytest.fixture
def world() -> World:
    return World()


def single_inboxes(world: World) -> None:
    """A server without a shared inbox, three of whose people follow."""
    world.follow(PEER, shared=False)
    world.following += [Follower(f"https://{PEER}/{name}", PEER, f"https://{PEER}/{name}/inbox") for name in "vw"]


async def test_a_server_that_is_restarted_behind_a_proxy_which_says_404_loses_no_follower_and_misses_nothing(world: World) -> None:
    world.follow(PEER, OTHER)
    async with world.run() as courier:
        await world.say(record(0))
        await world.rest()
        world.inboxes.says[INBOX] = lambda *_: Reply(404)
        await world.say(record(1), record(2))
        await world.goes_by(timedelta(hours=6))
        assert (len(world.following), world.kept.refusals, courier.window.mark) == (2, [], 3)
        standing = world.kept.standings[PEER]
        assert (standing.state, standing.position, standing.reason) == (State.OPEN, 1, Trouble.INBOX_MISSING)
        assert world.inboxes.took[inbox_of(OTHER)] == ["0", "1", "2"]
        world.inboxes.says.clear()
        await world.goes_by(timedelta(hours=7))
    assert world.inboxes.took[INBOX] == ["0", "1", "2"]


async def test_not_found_is_believed_once_it_was_said_often_and_over_a_day(world: World) -> None:
    world.follow(PEER)
    world.inboxes.says[INBOX] = lambda *_: Reply(404)
    async with world.run():
        await world.say(record(0))
        await world.rest()
        await world.goes_by(DAY)
        assert (len(world.following), world.kept.refusals) == (1, [])
        await world.goes_by(2 * DAY)
        assert (world.following, world.kept.standings[PEER].state) == ([], State.GONE)
    assert len(world.inboxes.asked) >= Patience().attempts
    assert [(one.offset, one.reason) for one in world.kept.refusals] == [(0, Trouble.INBOX_MISSING)]


async def test_not_found_twenty_times_within_a_day_forgets_nobody(world: World) -> None:
    world.follow(PEER)
    world.inboxes.says[INBOX] = lambda *_: Reply(404)
    async with world.run() as courier:
        await world.say(record(0))
        await world.rest()
        lane = courier.lanes.get(PEER)
        assert lane is not None
        for _ in range(40):  # an operator who asks for it again and again
            await courier.lanes.retry(lane)
            await world.rest()
        assert (len(world.following), lane.standing.state) == (1, State.OPEN)


async def test_what_else_a_server_fails_by_is_not_counted_as_not_found(world: World) -> None:
    world.follow(PEER)
    world.inboxes.says[INBOX] = lambda *_: Reply(500)
    async with world.run():
        await world.say(record(0))
        await world.rest()
        for _ in range(15):
            await world.passes(7 * 3600)
        world.inboxes.says[INBOX] = lambda *_: Reply(404)
        for _ in range(10):
            await world.passes(7 * 3600)
    assert len(world.following) == 1


@pytest.mark.parametrize("missing", [[ONE], [TWO], [THREE], [ONE, TWO], [ONE, THREE], [TWO, THREE]])
async def test_inboxes_whose_neighbours_take_the_same_are_believed_to_be_gone_within_minutes(world: World, missing: list[str]) -> None:
    single_inboxes(world)
    world.inboxes.says |= {inbox: lambda *_: Reply(404) for inbox in missing}
    async with world.run():
        await world.say(record(0), record(1))
        await world.rest()
        await world.goes_by(BRIEFLY / 2)
        assert len(world.following) == 3
        await world.goes_by(3 * BRIEFLY)
    there = {ONE, TWO, THREE} - set(missing)
    assert {one.inbox for one in world.following} == there
    assert all(sorted(set(world.inboxes.took[inbox])) == ["0", "1"] and world.inboxes.took[inbox][-1] == "1" for inbox in there)
    assert world.kept.standings[PEER].state is State.CLOSED


async def test_a_server_all_of_whose_inboxes_are_not_found_is_waited_for_as_one(world: World) -> None:
    single_inboxes(world)
    world.inboxes.says |= {inbox: lambda *_: Reply(404) for inbox in (ONE, TWO, THREE)}
    async with world.run():
        await world.say(record(0))
        await world.rest()
        await world.goes_by(timedelta(hours=6))
        assert len(world.following) == 3
        world.inboxes.says.clear()
        await world.goes_by(timedelta(hours=7))
    assert all(world.inboxes.took[inbox] == ["0"] for inbox in (ONE, TWO, THREE))


@pytest.mark.parametrize(("status", "reason"), [(404, Trouble.INBOX_MISSING), (410, Trouble.INBOX_GONE)])
async def test_an_answer_for_one_who_is_not_found_is_set_aside_within_minutes_and_nobody_is_forgotten(
    world: World, status: int, reason: Trouble
) -> None:
    world.follow(PEER)
    world.inboxes.says[ONE] = lambda *_: Reply(status)
    async with world.run():
        await world.say(answer(0, f"https://{PEER}/u", ONE), record(1))
        await world.rest()
        await world.goes_by(3 * BRIEFLY)
    assert [(one.peer, one.offset, one.reason) for one in world.kept.refusals] == [(PEER, 0, reason)]
    assert sum(url == ONE for url, _ in world.inboxes.asked) >= (TRIES if status == 404 else 1)
    assert (len(world.following), world.inboxes.took[INBOX]) == (1, ["1"])


async def test_an_inbox_that_is_gone_leaves_what_is_for_another_of_that_server_its_turn(world: World) -> None:
    world.known = {}
    world.follow(PEER)
    world.following.clear()
    world.inboxes.says[ONE] = lambda *_: Reply(410)
    async with world.run():
        await world.say(answer(0, f"https://{PEER}/u", ONE), answer(1, f"https://{PEER}/v", TWO))
    assert len(world.inboxes.took[TWO]) == 1
