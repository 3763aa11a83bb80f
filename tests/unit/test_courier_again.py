"""What a peer did not take, brought to it again: the same bytes, to it alone, among all else and in order."""

from __future__ import annotations

import pytest

from hub.federation.delivery import TRIES, Trouble
from hub.federation.parcel import Form
from hub.federation.posting import Reply
from schemas.manifest import Grade
from tests.fakes_courier import COMMUNITY, Record, World, again, inbox_of, record


@pytest.fixture
def world() -> World:
    return World()


A, B = "a.example", "b.example"


async def test_what_is_brought_again_goes_to_that_peer_alone_as_it_was_told_and_after_what_came_before(world: World) -> None:
    world.follow(A, B)
    async with world.run():
        await world.say(record(0), record(1), record(2), again(3, 1, A), record(4))
    assert world.inboxes.took[inbox_of(A)] == ["0", "1", "2", "1", "4"]
    assert world.inboxes.took[inbox_of(B)] == ["0", "1", "2", "4"]
    told = world.kept.told[3]
    assert (told.event, told.form, told.peers, told.digest) == ("e1", "announced", (A,), world.kept.told[1].digest)


async def test_what_takes_back_is_brought_again_to_a_suspended_peer_and_nothing_else_is(world: World) -> None:
    world.follow(A, grade=Grade.SUSPENDED)
    async with world.run():
        await world.say(record(0), record(1, forgets=True), again(2, 0, A), again(3, 1, A))
    assert world.inboxes.took[inbox_of(A)] == ["1", "1"]


async def test_a_peer_that_is_behind_finds_it_in_its_place(world: World) -> None:
    world.follow(A)
    world.inboxes.says[inbox_of(A)] = lambda *_: Reply(503)
    async with world.run():
        await world.say(record(0), record(1), again(2, 0, A), again(3, 0, B), record(4))
        await world.rest()
        del world.inboxes.says[inbox_of(A)]
        await world.passes(5)
    assert world.inboxes.took[inbox_of(A)] == ["0", "1", "0", "4"]


async def test_what_fails_again_is_set_aside_again_and_can_be_sent_once_more(world: World) -> None:
    world.follow(A)
    world.inboxes.says[inbox_of(A)] = lambda text, _: Reply(422 if text == "0" else 202)
    async with world.run():
        await world.say(record(0, form=Form.PLAIN), record(1), again(2, 0, A))
        await world.rest()
        assert [(one.offset, one.reason) for one in world.kept.refusals] == [(0, Trouble.REFUSED), (2, Trouble.REFUSED)]
        world.inboxes.says.clear()
        await world.say(again(3, 2, A))
    assert world.inboxes.took[inbox_of(A)] == ["1", "0"]


@pytest.mark.parametrize("earlier", ["5", "7", "-1", "x", "10000000000000000000000"])
async def test_a_record_that_does_not_point_back_stops_nobody(world: World, earlier: str) -> None:
    world.follow(A)
    headers = [("peer_again", earlier.encode()), ("peer_only", A.encode())]
    async with world.run() as courier:
        await world.say(record(0), Record(5, COMMUNITY.encode(), b"{}", headers), record(6))
        await world.rest()
        assert courier.window.mark == 7
    assert world.inboxes.took[inbox_of(A)] == ["0", "6"]


async def test_what_the_topic_has_forgotten_is_passed_over(world: World) -> None:
    world.follow(A)
    async with world.run():
        await world.say(record(0), record(1))
        await world.rest()
        world.first_kept = 1
        await world.say(again(2, 0, A), record(3))
    assert world.inboxes.took[inbox_of(A)] == ["0", "1", "3"]


async def test_a_broker_that_is_slow_has_forgotten_nothing(world: World) -> None:
    world.follow(A)
    async with world.run():
        await world.say(record(0), record(1))
        world.slow_reads = 3
        await world.say(again(2, 0, A))
    assert (world.inboxes.took[inbox_of(A)], world.slow_reads) == (["0", "1", "0"], 0)


async def test_what_is_forgotten_while_a_peer_is_behind_is_set_aside_by_name(world: World) -> None:
    world.follow(A)
    async with world.run():
        await world.say(record(0))
        await world.rest()
        world.inboxes.says[inbox_of(A)] = lambda *_: Reply(503)
        await world.say(record(1), again(2, 0, A), again(3, 0, B))
        await world.rest()
        world.first_kept = 1
        world.inboxes.says.clear()
        await world.passes(5)
    assert world.inboxes.took[inbox_of(A)] == ["0", "1"]
    assert [(one.offset, one.reason) for one in world.kept.refusals] == [(2, Trouble.EXPIRED)]


async def test_a_refusal_counts_tries_of_its_own(world: World) -> None:
    world.follow(A)
    world.inboxes.says[inbox_of(A)] = lambda text, _: Reply(422 if text == "0" else 202)
    async with world.run():
        await world.say(record(0), record(1))
        for _ in range(TRIES):
            await world.passes(3600)
        await world.say(again(2, 0, A))
        for _ in range(TRIES):
            await world.passes(3600)
    assert [one.offset for one in world.kept.refusals] == [0, 2]
    assert len(world.inboxes.asked) == 1 + 2 * TRIES
