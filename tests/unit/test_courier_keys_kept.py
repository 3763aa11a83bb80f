"""Servers that keep our keys for a day, when a pair was replaced without its former one's word: they are waited for, and miss nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hub.federation.delivery import TRIES, State
from hub.federation.parcel import Form
from hub.federation.posting import Reply
from tests.fakes_courier import World, inbox_of, record

if TYPE_CHECKING:
    from collections.abc import Callable

PEER = "a.example"
INBOX = inbox_of(PEER)
HOUR = 3600.0


@pytest.fixture
def world() -> World:
    made = World()
    made.follow(PEER)
    return made


def refusing(status: int) -> Callable[[str, str], Reply]:
    """It still looks at the keys of before."""
    return lambda _, scheme: Reply(202 if not scheme.startswith("new ") else status)


async def replaced(world: World) -> None:
    """It has taken something by our first pair; another stands in its place now, which nobody announced."""
    await world.say(record(0))
    await world.rest()
    world.inboxes.pairs, world.inboxes.new = ("new ",), True


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_server_that_keeps_keys_for_a_day_is_waited_for_and_misses_nothing(world: World, status: int) -> None:
    world.inboxes.says[INBOX] = refusing(status)
    async with world.run():
        await replaced(world)
        await world.say(record(1), record(2, form=Form.PLAIN), record(3))
        for _ in range(13):
            await world.passes(2 * HOUR)
        assert (world.inboxes.took[INBOX], world.kept.refusals) == (["0"], [])
        standing = world.kept.standings[PEER]
        assert (standing.state, standing.position, standing.reason) == (State.OPEN, 1, "peer_refuses_signature")
        assert standing.next_try is not None
        assert standing.next_try > world.now + timedelta(hours=1)  # ever more rarely
        world.inboxes.says.clear()
        await world.passes(7 * HOUR)
    assert (world.inboxes.took[INBOX], world.kept.refusals) == (["0", "1", "2", "3"], [])


async def test_an_operator_need_not_wait_once_it_has_read_our_keys(world: World) -> None:
    world.inboxes.says[INBOX] = refusing(401)
    async with world.run() as courier:
        await replaced(world)
        await world.say(record(1), record(2))
        for _ in range(12):
            await world.passes(HOUR)
        world.inboxes.says.clear()
        await world.rest()
        assert world.inboxes.took[INBOX] == ["0"]
        lane = courier.lanes.get(PEER)
        assert lane is not None
        await courier.lanes.retry(lane)
        await world.rest()
    assert world.inboxes.took[INBOX] == ["0", "1", "2"]


async def test_whose_signatures_are_not_believed_over_days_has_one_activity_set_aside_by_name_and_the_next_is_tried(world: World) -> None:
    world.inboxes.says[INBOX] = lambda text, _: Reply(401 if text == "1" else 202)
    async with world.run():
        await world.say(record(0), record(1), record(2))
        await world.rest()
        for _ in range(18):
            await world.passes(7 * HOUR)
        assert (world.inboxes.took[INBOX], world.kept.refusals) == (["0"], [])
        for _ in range(4):
            await world.passes(7 * HOUR)
    assert [(one.offset, one.reason) for one in world.kept.refusals] == [(1, "peer_refuses_signature")]
    assert world.inboxes.took[INBOX] == ["0", "2"]
    assert world.kept.standings[PEER].state is State.CLOSED


@pytest.mark.parametrize("status", [400, 403])
async def test_while_our_keys_are_as_they_were_a_refusal_is_one_of_what_was_brought(world: World, status: int) -> None:
    world.inboxes.says[INBOX] = lambda text, _: Reply(status if text == "1" else 202)
    async with world.run():
        await world.say(record(0), record(1), record(2))
        for _ in range(TRIES):
            await world.passes(HOUR)
    assert [one.offset for one in world.kept.refusals] == [1]
    assert world.inboxes.took[INBOX] == ["0", "2"]


async def test_who_never_took_anything_of_ours_keeps_no_key_of_before(world: World) -> None:
    world.inboxes.pairs, world.inboxes.new = ("new ",), True
    world.inboxes.says[INBOX] = refusing(403)
    async with world.run():
        await world.say(record(0))
        for _ in range(TRIES):
            await world.passes(HOUR)
    assert [(one.offset, one.reason) for one in world.kept.refusals] == [(0, "peer_refuses_signature")]
