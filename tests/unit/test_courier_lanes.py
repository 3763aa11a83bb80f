"""The courier: in order for each peer, none waits for another, nothing is lost, and what fell behind catches up."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hub import courier as process
from hub.federation import window
from hub.federation.delivery import TRIES, Scheme, State
from hub.federation.laggards import NO_LONGER
from hub.federation.parcel import Form
from hub.federation.posting import Reply
from hub.registry.peers import PeerKind
from schemas.manifest import Grade
from tests.fakes_courier import Follower, World, answer, inbox_of, record


@pytest.fixture
def world() -> World:
    return World()


def texts(first: int, end: int) -> list[str]:
    return [str(offset) for offset in range(first, end)]


async def test_every_follower_gets_everything_in_order_and_once(world: World) -> None:
    world.follow("a.example", "b.example", "c.example")
    async with world.run() as courier:
        await world.say(*(record(offset) for offset in range(50)))
        await world.rest()
        assert courier.window.mark == 50
    assert all(world.inboxes.took[inbox_of(peer)] == texts(0, 50) for peer in world.known)
    assert world.inboxes.most == 1
    assert {one.position for one in world.kept.standings.values()} == {50}


async def test_a_shared_inbox_gets_an_activity_once_and_single_ones_each_their_own(world: World) -> None:
    world.follow("a.example")
    world.following.append(Follower("https://a.example/v", "a.example", "https://a.example/v/inbox", inbox_of("a.example")))
    world.follow("b.example", shared=False)
    world.following.append(Follower("https://b.example/v", "b.example", "https://b.example/v/inbox"))
    async with world.run():
        await world.say(record(0))
    assert dict(world.inboxes.took) == {
        inbox_of("a.example"): ["0"],
        "https://b.example/u/inbox": ["0"],
        "https://b.example/v/inbox": ["0"],
    }


async def test_a_peer_that_does_not_answer_delays_nobody_and_misses_nothing(world: World) -> None:
    world.follow("a.example", "b.example")
    world.inboxes.says[inbox_of("a.example")] = lambda *_: Reply(500)
    async with world.run() as courier:
        await world.say(*(record(offset) for offset in range(30)))
        await world.rest()
        assert courier.window.mark == 30
        assert world.inboxes.took[inbox_of("b.example")] == texts(0, 30)
        assert world.kept.standings["a.example"].state is State.OPEN
        del world.inboxes.says[inbox_of("a.example")]
        await world.passes(3)
        await world.say(*(record(offset) for offset in range(30, 40)))
    assert world.inboxes.took[inbox_of("a.example")] == texts(0, 40)
    assert not world.kept.standings["a.example"].behind


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_peer_that_still_knows_our_former_pair_alone_misses_nothing_while_that_is_believed(world: World, status: int) -> None:
    world.follow("a.example")
    world.inboxes.says[inbox_of("a.example")] = lambda _, scheme: Reply(202 if scheme == "cavage" else status)
    async with world.run():
        await world.say(record(0))
        await world.rest()
        world.inboxes.pairs, world.inboxes.asked = ("new ", ""), []
        await world.say(record(1))
        await world.rest()
        assert world.inboxes.asked[-1] == (inbox_of("a.example"), "cavage")
        world.inboxes.says[inbox_of("a.example")] = lambda _, scheme: Reply(202 if scheme == "new cavage" else status)
        await world.say(record(2))
        await world.rest()
        assert world.inboxes.asked[-1] == (inbox_of("a.example"), "new cavage")
    assert world.inboxes.took[inbox_of("a.example")] == texts(0, 3)


async def test_nothing_of_a_backlog_is_held_in_memory(world: World) -> None:
    world.follow("a.example", "b.example")
    world.inboxes.says[inbox_of("a.example")] = lambda *_: Reply(503)
    async with world.run() as courier:
        await world.say(*(record(offset) for offset in range(3 * window.MOST_ENTRIES)))
        for _ in range(10):
            await world.rest()
        lane = courier.lanes.get("a.example")
        assert lane is not None
        assert not lane.waiting
        assert courier.window.oldest is None


async def test_a_peer_is_tried_once_each_time_and_not_before_its_time(world: World) -> None:
    world.follow("a.example")
    world.inboxes.says[inbox_of("a.example")] = lambda *_: Reply(429, 60)
    async with world.run():
        await world.say(record(0), record(1))
        await world.rest()
        await world.passes(59)
        assert len(world.inboxes.asked) == 1
        await world.passes(2)
        assert len(world.inboxes.asked) == 2


async def test_the_breaker_outlives_its_process(world: World) -> None:
    world.follow("a.example")
    world.inboxes.says[inbox_of("a.example")] = lambda *_: Reply(429, 600)
    async with world.run():
        await world.say(record(0))
    async with world.run(mark=1):
        await world.say(record(1))
        await world.passes(300)
        assert len(world.inboxes.asked) == 1
        del world.inboxes.says[inbox_of("a.example")]
        await world.passes(301)
    assert world.inboxes.took[inbox_of("a.example")] == ["0", "1"]


async def test_a_new_life_goes_on_where_each_peer_was(world: World) -> None:
    world.follow("a.example", "b.example")
    world.inboxes.held[inbox_of("b.example")] = asyncio.Event()
    async with world.run() as courier:
        await world.say(*(record(offset) for offset in range(5)))
        await world.rest()
        mark = courier.window.mark
    world.inboxes.held.clear()
    assert mark == 0
    async with world.run(mark) as courier:
        for one in world.topic[mark:]:
            await courier.take(one)
    assert world.inboxes.took[inbox_of("a.example")] == texts(0, 5)
    assert world.inboxes.took[inbox_of("b.example")] == texts(0, 5)


async def test_who_is_slower_than_all_can_wait_goes_on_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "MOST_ENTRIES", 10)
    monkeypatch.setattr(process, "PATIENCE", 0.01)
    world.follow("a.example", "b.example")
    world.inboxes.held[inbox_of("a.example")] = asyncio.Event()
    async with world.run() as courier:
        await world.say(*(record(offset) for offset in range(25)))
        await world.rest()
        assert world.inboxes.took[inbox_of("b.example")] == texts(0, 25)
        assert courier.window.mark == 25
        assert world.kept.standings["a.example"].behind
        world.inboxes.held.pop(inbox_of("a.example")).set()
        await world.rest()
    assert world.inboxes.took[inbox_of("a.example")] == texts(0, 25)
    assert world.inboxes.most == 1


async def test_when_all_are_slow_it_is_not_they_that_are_left_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "MOST_ENTRIES", 10)
    monkeypatch.setattr(process, "PATIENCE", 0.01)
    world.follow("a.example", "b.example", "c.example")
    gate = asyncio.Event()
    world.inboxes.held = {inbox_of(peer): gate for peer in ("a.example", "b.example")}
    async with world.run() as courier:
        saying = asyncio.ensure_future(world.say(*(record(offset) for offset in range(15))))
        await asyncio.sleep(0.05)
        assert not any(lane.standing.behind for lane in courier.lanes)
        gate.set()
        await saying
    assert world.inboxes.took[inbox_of("a.example")] == texts(0, 15)
    assert world.read_by_laggards == 0


async def test_who_was_just_accepted_misses_nothing_of_what_comes_after_the_answer(world: World) -> None:
    world.follow("a.example")
    async with world.run():
        await world.say(record(0))
        world.follow("b.example")
        await world.passes(0)
        world.courier._parts.readership._peers = (world.courier._parts.readership._peers[0], world.known)  # admitted long ago
        await world.say(answer(1, "https://b.example/u", inbox_of("b.example")), record(2))
    assert [text[:1] for text in world.inboxes.took[inbox_of("b.example")]] == ["{", "2"]


async def test_a_signature_that_was_taken_is_used_from_then_on(world: World) -> None:
    world.follow("a.example")
    world.inboxes.says[inbox_of("a.example")] = lambda _, scheme: Reply(202 if scheme == "cavage" else 401)
    async with world.run():
        await world.say(record(0), record(1))
    assert [scheme for _, scheme in world.inboxes.asked] == ["ed25519", "rsa-v1_5-sha256", "cavage", "cavage"]
    assert world.kept.standings["a.example"].scheme is Scheme.CAVAGE


async def test_a_server_that_fails_over_a_signature_it_cannot_read_is_asked_by_others_until_it_has_taken_one(world: World) -> None:
    world.follow("a.example")
    inbox = inbox_of("a.example")
    world.inboxes.says[inbox] = lambda _, scheme: Reply(202 if scheme == "cavage" else 500)
    async with world.run():
        await world.say(record(0))
        await world.rest()
        world.inboxes.says[inbox] = lambda *_: Reply(500)
        await world.say(record(1))
        await world.rest()
    assert [scheme for _, scheme in world.inboxes.asked] == ["ed25519", "rsa-v1_5-sha256", "cavage", "cavage"]
    assert world.kept.standings["a.example"].reason == "peer_server_error"


async def test_a_peer_that_wants_another_signature_again_is_heard(world: World) -> None:
    world.follow("a.example")
    inbox = inbox_of("a.example")
    world.inboxes.says[inbox] = lambda _, scheme: Reply(202 if scheme == "cavage" else 401)
    async with world.run():
        await world.say(record(0))
        await world.rest()
        world.inboxes.says[inbox] = lambda _, scheme: Reply(202 if scheme == "ed25519" else 401)
        await world.say(record(1))
    assert world.inboxes.took[inbox] == ["0", "1"]
    assert world.kept.standings["a.example"].scheme is Scheme.ED25519


async def test_what_a_peer_refuses_is_tried_a_few_times_then_passed_over_and_said(world: World) -> None:
    world.follow("a.example")
    inbox = inbox_of("a.example")
    world.inboxes.says[inbox] = lambda text, _: Reply(422 if text == "1" else 202)
    async with world.run():
        await world.say(record(0), record(1), record(2))
        for _ in range(TRIES):
            await world.passes(3600)
    assert world.inboxes.took[inbox] == ["0", "2"]
    assert sum(1 for url, _ in world.inboxes.asked if url == inbox) == 2 + TRIES
    assert [(one.peer, one.offset, one.reason) for one in world.kept.refusals] == [("a.example", 1, "peer_refuses_activity")]


async def test_the_plain_form_that_a_peer_does_not_want_costs_one_try(world: World) -> None:
    world.follow("a.example")
    world.inboxes.says[inbox_of("a.example")] = lambda text, _: Reply(422 if text == "1" else 202)
    async with world.run():
        await world.say(record(0), record(1, form=Form.PLAIN), record(2))
    assert world.inboxes.took[inbox_of("a.example")] == ["0", "2"]
    assert world.kept.standings["a.example"].state is State.CLOSED


async def test_another_trait_dunion_is_told_once(world: World) -> None:
    world.follow("a.example", kind=PeerKind.TRAITDUNION)
    async with world.run():
        await world.say(record(0), record(1, form=Form.PLAIN))
    assert world.inboxes.took[inbox_of("a.example")] == ["0"]


async def test_an_inbox_that_is_gone_is_dropped_and_the_others_go_on(world: World) -> None:
    world.follow("a.example", shared=False)
    world.following.append(Follower("https://a.example/v", "a.example", "https://a.example/v/inbox"))
    world.inboxes.says["https://a.example/u/inbox"] = lambda *_: Reply(410)
    async with world.run():
        await world.say(record(0), record(1))
    assert [one.actor for one in world.following] == ["https://a.example/v"]
    assert world.inboxes.took["https://a.example/v/inbox"] == ["0", "1"]


async def test_a_peer_whose_inboxes_are_all_gone_has_left_until_it_follows_again(world: World) -> None:
    world.follow("a.example")
    world.inboxes.says[inbox_of("a.example")] = lambda *_: Reply(410)
    async with world.run():
        await world.say(record(0), record(1))
        await world.rest()
        assert world.following == []
        assert world.kept.standings["a.example"].state is State.GONE
        world.inboxes.says.clear()
        world.follow("a.example")
        await world.say(answer(2, "https://a.example/u", inbox_of("a.example")), record(3))
    assert [text[:1] for text in world.inboxes.took[inbox_of("a.example")]] == ["{", "3"]


@pytest.mark.parametrize(
    ("grade", "expected"),
    [(Grade.FULL, ["0", "1"]), (Grade.OBSERVER, ["0", "1"]), (Grade.SUSPENDED, ["1"]), (Grade.CANDIDATE, []), (Grade.GONE, [])],
)
async def test_a_suspended_peer_is_told_what_it_must_forget_and_nothing_else(world: World, grade: Grade, expected: list[str]) -> None:
    world.follow("a.example", grade=grade)
    async with world.run():
        await world.say(record(0), record(1, forgets=True))
    assert world.inboxes.took[inbox_of("a.example")] == expected


async def test_what_was_for_a_peer_that_follows_no_longer_is_not_called_transmitted(world: World) -> None:
    world.follow("a.example")
    world.inboxes.says[inbox_of("a.example")] = lambda *_: Reply(500)
    async with world.run():
        await world.say(record(0), record(1))
        await world.rest()
        world.following.clear()
        world.courier._parts.readership._readers.clear()  # two seconds, passed
        await world.passes(5)
    assert {(one.offset, one.reason) for one in world.kept.refusals} == {(0, NO_LONGER), (1, NO_LONGER)}
    assert world.inboxes.took == {}
    standing = world.kept.standings["a.example"]
    assert (standing.state, standing.behind, standing.reason) == (State.CLOSED, False, NO_LONGER)
    assert standing.failing_for(world.now + timedelta(days=2)) == timedelta()  # nothing waits for it: nobody is called


async def test_a_server_that_refused_the_last_word_still_counts_as_failing(world: World) -> None:
    world.follow("a.example")
    world.inboxes.says[inbox_of("a.example")] = lambda *_: Reply(400)
    async with world.run():
        await world.say(record(0))
        await world.rest()
        for _ in range(4):
            await world.passes(25 * HOURS)
    standing = world.kept.standings["a.example"]
    assert (standing.state, standing.behind) == (State.OPEN, False)
    assert standing.failing_for(world.now) > timedelta(days=1)


async def test_what_the_topic_no_longer_keeps_is_lost_and_said(world: World) -> None:
    world.follow("a.example")
    world.inboxes.says[inbox_of("a.example")] = lambda *_: Reply(500)
    async with world.run():
        await world.say(*(record(offset) for offset in range(6)))
        await world.rest()
        world.first_kept = 4
        world.inboxes.says.clear()
        await world.passes(5)
    assert world.inboxes.took[inbox_of("a.example")] == ["4", "5"]
    assert world.kept.standings["a.example"].reason == "peer_backlog_expired"


async def test_an_operator_pauses_a_peer_and_nothing_is_lost_meanwhile(world: World) -> None:
    world.follow("a.example")
    async with world.run() as courier:
        await world.say(record(0))
        await world.rest()
        lane = courier.lanes.get("a.example")
        assert lane is not None
        await courier.lanes.pause(lane)
        await world.say(record(1), record(2))
        await world.passes(86_400)
        assert world.inboxes.took[inbox_of("a.example")] == ["0"]
        await courier.lanes.retry(lane)
        await world.rest()
    assert world.inboxes.took[inbox_of("a.example")] == ["0", "1", "2"]


async def test_a_pause_in_the_middle_of_a_delivery_repeats_nothing(world: World) -> None:
    world.follow("a.example")
    held = world.inboxes.held[inbox_of("a.example")] = asyncio.Event()
    async with world.run() as courier:
        await world.say(record(0), record(1))
        await world.rest()
        lane = courier.lanes.get("a.example")
        assert lane is not None
        await courier.lanes.pause(lane)
        held.set()
        await world.rest()
        assert world.inboxes.took[inbox_of("a.example")] == ["0"]
        await courier.lanes.retry(lane)
        await world.rest()
    assert world.inboxes.took[inbox_of("a.example")] == ["0", "1"]


async def test_an_answer_finds_the_inbox_that_nobody_told(world: World) -> None:
    world.follow("a.example")
    async with world.run():
        await world.say(answer(0, "https://a.example/u"))
    assert list(world.inboxes.took) == ["https://a.example/u/inbox"]


async def test_a_record_that_makes_no_sense_stops_nobody(world: World) -> None:
    world.follow("a.example")
    async with world.run():
        broken = record(0)
        await world.say(type(broken)(0, b"x", b"{}", [("peer_form", b"?")]), record(1))
    assert world.inboxes.took[inbox_of("a.example")] == ["1"]


async def test_what_a_peer_took_back_is_told_to_all_but_that_peer(world: World) -> None:
    world.follow("a.example", "b.example")
    async with world.run() as courier:
        await world.say(record(0), record(1, forgets=True, source="a.example"), record(2))
        await world.rest()
        assert courier.window.mark == 3
    assert world.inboxes.took[inbox_of("a.example")] == ["0", "2"]
    assert world.inboxes.took[inbox_of("b.example")] == texts(0, 3)


async def test_who_catches_up_is_not_told_what_she_took_back_either(world: World) -> None:
    world.follow("a.example")
    world.inboxes.says[inbox_of("a.example")] = lambda *_: Reply(503)
    async with world.run():
        await world.say(record(0), record(1, forgets=True, source="a.example"), record(2))
        await world.rest()
        del world.inboxes.says[inbox_of("a.example")]
        await world.passes(3)
        await world.rest()
    assert world.inboxes.took[inbox_of("a.example")] == ["0", "2"]


HOURS = 3600.0


async def test_an_activity_on_which_a_server_fails_for_days_is_set_aside_by_name_and_the_next_go_on(world: World) -> None:
    world.follow("a.example", "b.example")
    world.inboxes.says[inbox_of("a.example")] = lambda text, _: Reply(500 if text == "1" else 202)
    async with world.run():
        await world.say(record(0), record(1), record(2))
        await world.rest()
        for _ in range(18):
            await world.passes(7 * HOURS)
        assert world.kept.refusals == []
        assert world.inboxes.took[inbox_of("a.example")] == ["0"]
        for _ in range(4):
            await world.passes(7 * HOURS)
    assert [(one.peer, one.offset, one.reason) for one in world.kept.refusals] == [("a.example", 1, "peer_fails_on_activity")]
    assert world.inboxes.took[inbox_of("a.example")] == ["0", "2"]
    assert world.inboxes.took[inbox_of("b.example")] == texts(0, 3)
    assert (world.kept.standings["a.example"].errors, world.kept.standings["a.example"].state) == (0, State.CLOSED)


async def test_twenty_failures_within_a_day_set_nothing_aside(world: World) -> None:
    world.follow("a.example")
    world.inboxes.says[inbox_of("a.example")] = lambda *_: Reply(500)
    async with world.run() as courier:
        await world.say(record(0))
        await world.rest()
        lane = courier.lanes.get("a.example")
        assert lane is not None
        for _ in range(40):  # an operator who asks for it again and again
            await courier.lanes.retry(lane)
            await world.rest()
        assert lane.standing.errors > 20
        assert world.kept.refusals == []


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_server_that_is_away_for_weeks_or_asks_to_wait_is_caught_up_in_order(world: World, status: int) -> None:
    world.follow("a.example")
    world.inboxes.says[inbox_of("a.example")] = lambda *_: Reply(status)
    async with world.run():
        await world.say(record(0), record(1))
        await world.rest()
        for _ in range(40):
            await world.passes(25 * HOURS)
        world.inboxes.says.clear()
        await world.passes(25 * HOURS)
    assert world.kept.refusals == []
    assert world.inboxes.took[inbox_of("a.example")] == ["0", "1"]


async def test_what_was_counted_against_an_activity_outlives_the_process(world: World) -> None:
    world.follow("a.example")
    world.inboxes.says[inbox_of("a.example")] = lambda text, _: Reply(500 if text == "0" else 202)
    async with world.run():
        await world.say(record(0), record(1))
        await world.rest()
        for _ in range(18):
            await world.passes(7 * HOURS)
        assert world.kept.refusals == []
    async with world.run(mark=2):
        for _ in range(3):
            await world.passes(7 * HOURS)
    assert [(one.offset, one.reason) for one in world.kept.refusals] == [(0, "peer_fails_on_activity")]
    assert world.inboxes.took[inbox_of("a.example")] == ["1"]
