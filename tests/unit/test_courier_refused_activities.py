"""What a server refuses of one activity, as Lemmy does: it says nothing of its inbox, and does not slow down what follows."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from hub.federation.delivery import TRIES, Scheme, State, Trouble
from hub.federation.parcel import Form
from hub.federation.posting import Reply
from schemas.agent import AgentSilent
from tests.fakes_courier import GROUP, Follower, Hand, Record, World, answer, inbox_of, record

PEER = "a.example"
INBOX, ACTOR = inbox_of(PEER), f"https://{PEER}/u"
NOT_FOUND, REFUSED = Reply(404), Reply(400)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world() -> World:
    world = World()
    world.follow(PEER)
    return world


def refuses(world: World, *offsets: int, reply: Reply) -> None:
    world.inboxes.says[INBOX] = lambda text, _: reply if text in {str(one) for one in offsets} else Reply(202)


@pytest.mark.parametrize("then", [NOT_FOUND, REFUSED], ids=["again", "a double"])
async def test_a_deletion_of_what_a_server_never_had_costs_it_no_follower_and_no_time(world: World, then: Reply) -> None:
    world.inboxes.shown = {ACTOR: {INBOX}}
    knocks = {
        "1": [NOT_FOUND],
        "2": [NOT_FOUND],
    }  # Lemmy: « Record not found », at an inbox that takes all else; the second time it knows the id
    world.inboxes.says[INBOX] = lambda text, _: (knocks[text].pop() if knocks[text] else then) if text in knocks else Reply(202)
    async with world.run():
        await world.say(record(0), record(1, forgets=True), record(2, form=Form.PLAIN, forgets=True), record(3))
        await world.rest()
        assert world.inboxes.took[INBOX] == ["0", "3"]
    assert [(one.offset, one.reason) for one in world.kept.refusals] == [(1, Trouble.OBJECT_UNKNOWN), (2, Trouble.OBJECT_UNKNOWN)]
    assert (len(world.following), world.kept.standings[PEER].state) == (1, State.CLOSED)


async def test_an_inbox_that_was_only_being_restarted_has_the_activity_all_the_same(world: World) -> None:
    world.inboxes.shown = {ACTOR: {INBOX}}
    answers = [NOT_FOUND, Reply(202)]  # its server is back between our question and the second knock
    world.inboxes.says[INBOX] = lambda *_: answers.pop(0) if answers else Reply(202)
    async with world.run():
        await world.say(record(0), record(1))
        await world.rest()
    assert (world.inboxes.took[INBOX], world.kept.refusals) == (["0", "1"], [])


@pytest.mark.parametrize("shown", [{}, {ACTOR: {f"https://{PEER}/another"}}])
async def test_an_inbox_that_no_actor_there_shows_any_more_is_waited_for(world: World, shown: dict[str, set[str]]) -> None:
    world.inboxes.shown = shown
    world.inboxes.says[INBOX] = lambda *_: NOT_FOUND
    async with world.run():
        await world.say(record(0))
        await world.goes_by(timedelta(hours=6))
    standing = world.kept.standings[PEER]
    assert (standing.state, standing.position, standing.reason) == (State.OPEN, 0, Trouble.INBOX_MISSING)
    assert (len(world.following), world.kept.refusals) == (1, [])


async def test_one_who_has_left_does_not_speak_for_those_who_share_her_inbox(world: World) -> None:
    world.following.append(Follower(f"https://{PEER}/v", PEER, f"https://{PEER}/v/inbox", INBOX))
    world.inboxes.shown = {f"https://{PEER}/v": {INBOX}}
    refuses(world, 0, reply=NOT_FOUND)
    async with world.run():
        await world.say(record(0, forgets=True), record(1))
        await world.rest()
    assert (len(world.following), world.inboxes.took[INBOX]) == (2, ["1"])


async def test_what_a_server_refuses_again_and_again_does_not_make_the_rest_wait_for_hours(world: World) -> None:
    refuses(world, *range(1, 9), reply=REFUSED)  # reactions by emoji, which Lemmy does not know
    async with world.run():
        await world.say(*(record(offset) for offset in range(10)))
        await world.goes_by(2 * MINUTE)
        assert world.inboxes.took[INBOX] == ["0", "9"]
    assert len(world.kept.refusals) == 8


async def test_who_has_never_taken_anything_is_asked_ever_more_rarely(world: World) -> None:
    world.inboxes.says[INBOX] = lambda *_: REFUSED
    async with world.run():
        await world.say(*(record(offset) for offset in range(10)))
        await world.goes_by(2 * MINUTE)
    assert len(world.kept.refusals) < 5


def passed_on(offset: int, actor: str) -> Record:
    """A peer's activity inside our Group's Announce."""
    body = json.dumps({"type": "Announce", "actor": GROUP, "object": {"type": "Create", "actor": actor}}).encode()
    made = record(offset)
    return Record(offset, made.key, body, made.headers)


@pytest.mark.parametrize(("author", "tries"), [(ACTOR, 1), ("https://b.example/u", TRIES)])
async def test_what_a_server_will_not_have_back_of_its_own_is_offered_once(world: World, author: str, tries: int) -> None:
    world.inboxes.says[INBOX] = lambda text, _: REFUSED if text.startswith("{") else Reply(202)
    async with world.run():
        await world.say(record(0), passed_on(1, author), record(2))
        await world.goes_by(MINUTE)
    assert len(world.inboxes.asked) == tries + 2
    assert (world.inboxes.took[INBOX], [one.reason for one in world.kept.refusals]) == (["0", "2"], [Trouble.REFUSED])


@pytest.mark.parametrize(("to_one", "named"), [(True, "https://hub.example/activities/f"), (False, "")])
async def test_what_was_refused_of_a_question_to_one_actor_is_named(world: World, to_one: bool, named: str) -> None:  # noqa: FBT001
    body = json.dumps({"id": "https://hub.example/activities/f", "type": "Follow", "actor": GROUP, "object": ACTOR}).encode()
    made = answer(0, ACTOR, INBOX) if to_one else record(0)
    world.inboxes.says[INBOX] = lambda *_: REFUSED
    async with world.run():
        await world.say(Record(0, made.key, body, made.headers))
        await world.goes_by(MINUTE)
    assert [(one.reason, one.activity) for one in world.kept.refusals] == [(Trouble.REFUSED, named)]


async def test_whoever_will_not_have_its_own_words_back_by_403_makes_nothing_wait_for_hours(world: World) -> None:
    world.inboxes.says[INBOX] = lambda text, _: Reply(403) if text.startswith("{") else Reply(202)
    async with world.run():
        await world.say(record(0), *(passed_on(offset, ACTOR) for offset in range(1, 12)), record(12))
        await world.goes_by(5 * MINUTE)
    assert world.inboxes.took[INBOX] == ["0", "12"]


def accepted(offset: int) -> Record:
    """The answer to its actor's Follow, which stands in it."""
    made = answer(offset, ACTOR, INBOX)
    body = json.dumps({"type": "Accept", "actor": GROUP, "object": {"type": "Follow", "actor": ACTOR}}).encode()
    return Record(offset, made.key, body, made.headers)


@pytest.mark.parametrize("made", [accepted(1), passed_on(1, ACTOR)], ids=["an answer", "its own words"])
@pytest.mark.parametrize("refusal", [Reply(403), Reply(401)])
async def test_a_server_that_does_not_believe_us_for_a_moment_is_told_again(world: World, made: Record, refusal: Reply) -> None:
    """Another Trait d'union reads its registry anew each second: who was just admitted there is refused until then."""
    believes = False
    world.inboxes.says[INBOX] = lambda text, _: Reply(202) if believes or not text.startswith("{") else refusal
    async with world.run():
        await world.say(record(0), made, record(2))
        await world.rest()
        assert world.kept.refusals == []
        believes = True
        await world.goes_by(MINUTE)
    assert (world.inboxes.took[INBOX], world.kept.refusals) == (["0", made.value.decode(), "2"], [])


async def test_an_answer_that_is_refused_is_offered_as_often_as_anything_else(world: World) -> None:
    world.inboxes.says[INBOX] = lambda text, _: REFUSED if text.startswith("{") else Reply(202)
    async with world.run():
        await world.say(record(0), accepted(1), record(2))
        await world.goes_by(MINUTE)
    assert len(world.inboxes.asked) == TRIES + 2


class Silent:
    """A pair whose agent does not sign."""

    def fields(self, scheme: Scheme, actor: str, url: str, content_type: str, body: bytes) -> dict[str, str]:
        del scheme, actor, url, content_type, body
        raise AgentSilent("/run/agent.sock")


@pytest.mark.parametrize(("status", "reason"), [(400, Trouble.REFUSED), (403, Trouble.SIGNATURE)])
async def test_a_former_pair_that_was_taken_out_of_its_agent_holds_nothing_up(world: World, status: int, reason: str) -> None:
    world.inboxes.own = [Hand(""), Silent()]
    refuses(world, 1, reply=Reply(status))
    async with world.run():
        await world.say(*(record(offset) for offset in range(3)))
        await world.goes_by(MINUTE)
    assert (world.inboxes.took[INBOX], [one.reason for one in world.kept.refusals]) == (["0", "2"], [reason])
