"""Reactions and accepted answers: once each, whatever the order of arrival, and by whom it may be said."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.access import ACCEPTANCE, Accepter, Reach, reach_of_acceptance
from hub.communities.handlers import on_gesture, on_message
from hub.communities.model import REACTION_STEPS, Outcome, ReactionState, Tally, tallies
from hub.communities.service import take_held
from hub.ports import Admitted, RefusedError
from schemas.envelope import object_id
from schemas.facts.reaction import ReactionAdded
from tests.fakes_rooms import AUTHOR, FakeWork, accepted, deleted, posted, reacted, said, unreacted, withdrawn

QUESTION = object_id("wifip", "post:1")
ANSWER = object_id("education", "$1")
OTHER_ANSWER = object_id("diplomatie", "post:9")
HEART = object_id("education", "$r")


async def thread() -> FakeWork:
    """A question of the finances with two answers."""
    work = FakeWork()
    for event in (posted("wifip", "post:1"), posted("education", "$1", parent=QUESTION), posted("diplomatie", "post:9", parent=QUESTION)):
        await on_message(event, work)
    work.announced.clear()
    return work


async def _hear(work: FakeWork, *events: Admitted) -> list[Outcome]:
    return [await on_gesture(event, work) for event in events]


async def test_a_reaction_is_numbered_and_its_removal_too() -> None:
    work = await thread()
    assert await _hear(work, reacted("education", "$r", QUESTION), unreacted("education", "$r")) == [Outcome.SEQUENCED] * 2
    assert work.reactions.known[HEART].state is ReactionState.REMOVED
    assert len(work.announced) == 2


async def test_the_same_person_with_the_same_emoji_on_the_same_message_is_one() -> None:
    work = await thread()
    again = reacted("education", "$r2", QUESTION)
    other_emoji, other_person = reacted("education", "$r3", QUESTION, "👍"), reacted("education", "$r4", QUESTION, actor="b" * 32)
    outcomes = await _hear(work, reacted("education", "$r", QUESTION), again, other_emoji, other_person)
    assert outcomes == [Outcome.SEQUENCED, Outcome.SUPERSEDED, Outcome.SEQUENCED, Outcome.SEQUENCED]


async def test_who_took_her_reaction_back_may_react_again() -> None:
    work = await thread()
    events = reacted("education", "$r", QUESTION), unreacted("education", "$r"), reacted("education", "$r2", QUESTION)
    assert await _hear(work, *events) == [Outcome.SEQUENCED] * 3


async def test_a_removal_that_came_first_keeps_the_late_reaction_out() -> None:
    work = await thread()
    assert await _hear(work, unreacted("education", "$r"), reacted("education", "$r", QUESTION)) == [Outcome.NOTED, Outcome.SUPERSEDED]
    assert not work.announced


async def test_a_reaction_waits_for_its_message_and_its_removal_waits_behind_it() -> None:
    work = FakeWork()
    held = await _hear(work, reacted("education", "$r", QUESTION), unreacted("education", "$r"))
    await on_message(posted("wifip", "post:1"), work)
    assert held == [Outcome.HELD] * 2
    assert [event.subject for event in work.announced] == [QUESTION, HEART, HEART]
    assert work.reactions.known[HEART].state is ReactionState.REMOVED


async def test_a_reaction_whose_message_never_came_is_dropped_without_a_number() -> None:
    work = FakeWork()
    event = reacted("education", "$r", QUESTION)
    await _hear(work, event)
    work.held._take(list(work.held.waiting))
    await take_held(event, work)
    assert work.settled[event.id] is Outcome.ORPHANED
    assert not work.announced


async def test_a_reaction_to_a_deleted_message_is_dropped() -> None:
    work = await thread()
    await on_message(deleted("wifip", "post:1"), work)
    assert await _hear(work, reacted("education", "$r", QUESTION), accepted("wifip", "solution:1", QUESTION)) == [Outcome.ORPHANED] * 2


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (reacted("education", "$r", QUESTION), "not_tied"),
        (said("wifip", ReactionAdded(space="97", author=AUTHOR, emoji="👍"), "like:1"), "message_not_named"),
        (said("wifip", ReactionAdded(space="97", author=AUTHOR, emoji="👍"), "like:1", community="ailleurs"), "community_unknown"),
    ],
)
async def test_what_a_node_may_not_react_to_is_refused_by_name(event: Admitted, reason: str) -> None:
    work = await thread()
    work.untied.add("education")
    with pytest.raises(RefusedError) as refusal:
        await on_gesture(event, work)
    assert refusal.value.reason == reason


async def test_no_node_takes_another_nodes_reaction_back() -> None:
    work = await thread()
    theft = unreacted("diplomatie", "$r")
    object.__setattr__(theft.verified.event.envelope, "subject", HEART)
    await _hear(work, reacted("education", "$r", QUESTION))
    with pytest.raises(RefusedError, match="not_owner"):
        await on_gesture(theft, work)


async def test_a_reaction_is_taken_back_though_its_space_is_tied_no_more() -> None:
    work = await thread()
    await _hear(work, reacted("education", "$r", QUESTION))
    work.untied |= {"education"}
    with pytest.raises(RefusedError, match="not_tied"):
        await on_gesture(reacted("education", "$r2", QUESTION), work)
    assert await _hear(work, unreacted("education", "$r")) == [Outcome.SEQUENCED]
    with pytest.raises(RefusedError, match="not_tied"):
        await on_gesture(unreacted("education", "$never"), work)


async def test_a_question_has_one_accepted_answer_and_a_new_one_takes_its_place() -> None:
    work = await thread()
    events = accepted("wifip", "solution:1", ANSWER), accepted("wifip", "solution:1", OTHER_ANSWER, "2")
    assert await _hear(work, *events) == [Outcome.SEQUENCED] * 2
    assert work.answers.known[QUESTION].message == OTHER_ANSWER
    assert await _hear(work, withdrawn("wifip", "solution:1", ANSWER, "3")) == [Outcome.SUPERSEDED]
    assert await _hear(work, withdrawn("wifip", "solution:1", OTHER_ANSWER, "4")) == [Outcome.SEQUENCED]
    assert work.answers.known[QUESTION].message is None


async def test_the_same_answer_accepted_twice_is_told_once() -> None:
    work = await thread()
    events = accepted("wifip", "solution:1", ANSWER), accepted("wifip", "solution:1", ANSWER, "2")
    assert await _hear(work, *events) == [Outcome.SEQUENCED, Outcome.SUPERSEDED]


async def test_only_the_node_of_the_question_accepts_for_everybody() -> None:
    work = await thread()
    assert await _hear(work, accepted("diplomatie", "solution:7", ANSWER)) == [Outcome.NOTED]
    assert not work.answers.known
    await _hear(work, accepted("wifip", "solution:1", ANSWER))
    assert await _hear(work, withdrawn("diplomatie", "solution:7", ANSWER)) == [Outcome.NOTED]
    assert work.answers.known[QUESTION].message == ANSWER


async def test_a_question_is_not_its_own_answer() -> None:
    assert await _hear(await thread(), accepted("wifip", "solution:1", QUESTION)) == [Outcome.NOTED]


def test_every_accepter_has_a_reach_and_every_state_its_steps() -> None:
    assert set(ACCEPTANCE) == set(Accepter)
    assert reach_of_acceptance("wifip", "wifip") is Reach.EVERYWHERE
    assert reach_of_acceptance("education", "wifip") is Reach.HERE
    assert set(REACTION_STEPS) == set(ReactionState)


def test_hearts_count_as_one_emoji_however_their_platform_writes_them() -> None:
    counted = [("❤️", "Éducation", 1), ("❤", "Finances", 2), ("👍", "Éducation", 1)]
    assert tallies(counted) == (Tally("❤", 3, (("Finances", 2), ("Éducation", 1))), Tally("👍", 1, (("Éducation", 1),)))


STORY = (
    posted("wifip", "post:1"),
    posted("education", "$1", parent=QUESTION),
    reacted("education", "$r", QUESTION),
    unreacted("education", "$r"),
    reacted("diplomatie", "like:5", ANSWER),
    accepted("wifip", "solution:1", ANSWER),
)


@settings(max_examples=100)
@given(st.permutations(STORY), st.lists(st.sampled_from(STORY), max_size=4))
def test_any_order_and_any_doubles_end_in_the_same_reactions_and_answer(story: list[Admitted], doubles: list[Admitted]) -> None:
    work = FakeWork()
    asyncio.run(_once_each(work, [*story, *doubles]))
    standing = {reaction.id for reaction in work.reactions.known.values() if reaction.state is ReactionState.STANDING}
    assert standing == {object_id("diplomatie", "like:5")}
    assert work.answers.known[QUESTION].message == ANSWER
    assert not work.held.waiting


async def _once_each(work: FakeWork, events: list[Admitted]) -> None:
    seen: set[str] = set()
    for event in events:
        if event.id not in seen:
            seen.add(event.id)
            await (on_message if ".message." in event.verified.event.envelope.type else on_gesture)(event, work)
