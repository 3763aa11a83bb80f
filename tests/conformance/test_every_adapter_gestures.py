"""Reactions and accepted answers, for every connector: what its capabilities promise is true, and what they deny has its reason."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.capabilities import Feature, No
from adapters.decisions import Desk
from adapters.memory import Kind, Known, KnownObject
from adapters.offers import Recalls, Recounted
from adapters.port import ENDINGS, UNSUPPORTED, Act, Change, Incomplete, Never, Order, Polled, Written
from adapters.ties import Tie, TieState
from adapters.verdicts import Drop, Publish
from schemas.envelope import object_id
from schemas.facts.message import Author, Content
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.words import Audience
from tests.rses.rse import Reacted, Rse

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEO = Author(name="Léo Martin", organisation="Éducation nationale")
EVE = Author(name="Ève Durand", organisation="Finances publiques")
NEWS = "Bonjour à tous, voici les nouvelles."


def can_read(rse: Rse, feature: Feature) -> None:
    """Skip what the platform cannot tell; the reason is the capability table's own."""
    ability = rse.platform().capabilities.features[feature].read
    if isinstance(ability, No):
        pytest.skip(ability.reason)


def can_write(rse: Rse, feature: Feature) -> None:
    """Skip what the platform cannot show; the reason is the capability table's own."""
    ability = rse.platform().capabilities.features[feature].write
    if isinstance(ability, No):
        pytest.skip(ability.reason)


def reaction(rse: Rse, target: str, author: Author = LEO, **changes: Any) -> Order:
    given = Order(
        act=Act.REACTED, key=secrets.token_hex(16), subject=secrets.token_hex(16), space=rse.space, author=author,
        occurred_at=NOON, emoji="❤️", target=target,
    )  # fmt: skip
    return replace(given, **changes)


def acceptance(rse: Rse, target: str, act: Act = Act.ACCEPTED, **changes: Any) -> Order:
    given = Order(act=act, key=secrets.token_hex(16), subject="a" * 32, space=rse.space, occurred_at=NOON, target=target)
    return replace(given, **changes)


async def written(rse: Rse, given: Order) -> Written:
    outcome = await rse.client.write(given)
    assert isinstance(outcome, Written), outcome
    return outcome


async def said(rse: Rse, act: Act, message: str) -> Change:
    """The first change of this act that is set on that message, completed as the gateway completes it."""

    def of(outcome: object) -> bool:
        if isinstance(outcome, Incomplete):
            return (outcome.act, outcome.native_id) == (act, message)
        return isinstance(outcome, Change) and (outcome.act, outcome.parent) == (act, message)

    await rse.sink.until(lambda outcomes: any(map(of, outcomes)))
    found: Any = next(filter(of, rse.sink.outcomes))
    if isinstance(found, Incomplete):
        found = await rse.client.complete(found)
    assert isinstance(found, Change), found
    return found


def desk(rse: Rse) -> Desk:
    tie = Tie(rse.space, "c", "C", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED, renewed_at=NOON)
    return Desk(rse.instance, {rse.space: tie}.get)


def knowing(rse: Rse, *messages: str) -> Known:
    known = Known()
    for native_id in messages:
        known.add(KnownObject(native_id, object_id(rse.instance.node, native_id), "own", None, (), rse.space, "c"))
    return known


# --- what people here do arrives -------------------------------------------------------------------------------------


async def test_a_reaction_arrives_with_its_message_its_emoji_and_who_reacted(rse: Rse) -> None:
    can_read(rse, Feature.REACTIONS)
    message = await rse.post(NEWS)
    await rse.react(message)
    change = await said(rse, Act.REACTED, message)
    assert (change.emoji, change.space, change.by_us) == (rse.heart, rse.space, False)
    assert change.native_id != message
    name = (change.author.name if change.author else "") or await rse.client.display_name(change.actor)
    assert name == rse.people[1]
    assert change.actor not in change.native_id


async def test_what_was_set_on_a_message_before_its_space_was_tied_is_told_with_it(rse: Rse) -> None:
    """As its own webhook told it; of a polled RSE, what was set on it by then stays there."""
    can_read(rse, Feature.REACTIONS)
    asked, bare = await rse.post(NEWS), await rse.post(f"{NEWS} Et la suite.")
    answer = await rse.reply(asked, "Merci beaucoup pour ces nouvelles !")
    await rse.react(asked)
    if not isinstance(rse.client, Polled):
        assert await set_on(rse, asked) == [when_unknown(await said(rse, Act.REACTED, asked))]
        assert isinstance(await rse.client.write(reaction(rse, asked)), Written)  # somebody elsewhere likes it too: an echo
        assert len(await set_on(rse, asked)) == 1
    if rse.platform().capabilities.reads(Feature.ANSWERS):
        await rse.accept(answer)
        assert await set_on(rse, answer) == [when_unknown(await said(rse, Act.ACCEPTED, answer))]
    assert await set_on(rse, bare) == []


async def set_on(rse: Rse, message: str) -> list[Change]:
    assert isinstance(rse.client, Recalls)
    told = await rse.client.recount(rse.space, message)
    assert isinstance(told, Recounted), told
    return [when_unknown(change) for change in told.set_on]


def when_unknown(change: Change) -> Change:
    """A Discourse does not say when it was done; nor does it matter by what question we learnt it."""
    return replace(change, occurred_at=NOON, asked=None)


async def test_a_reaction_is_published_as_an_object_of_its_own_on_the_message(rse: Rse) -> None:
    can_read(rse, Feature.REACTIONS)
    message = await rse.post(NEWS)
    await rse.react(message)
    decision = desk(rse).decide(await said(rse, Act.REACTED, message), knowing(rse, message), NOON, NOON)
    assert isinstance(decision, Publish)
    assert isinstance(decision.fact, ReactionAdded)
    assert decision.parent == object_id(rse.instance.node, message) != decision.subject


async def test_a_reaction_taken_back_is_a_removal_and_never_a_deletion_of_a_message(rse: Rse) -> None:
    can_read(rse, Feature.REACTIONS_REMOVED)
    message = await rse.post(NEWS)
    name = await rse.react(message)
    known, at = knowing(rse, message), desk(rse)
    at.decide(await said(rse, Act.REACTED, message), known, NOON, NOON)
    await rse.unreact(name)
    await rse.sink.until(lambda outcomes: any(isinstance(one, Change) and one.act in ENDINGS for one in outcomes))
    removal = next(one for one in rse.sink.outcomes if isinstance(one, Change) and one.act in ENDINGS)
    decision = at.decide(removal, known, NOON, NOON)
    assert isinstance(decision, Publish)
    assert isinstance(decision.fact, ReactionRemoved)
    assert decision.remembered.kind is Kind.REACTION


async def test_an_accepted_answer_and_its_withdrawal_arrive_on_their_message(rse: Rse) -> None:
    can_read(rse, Feature.ANSWERS)
    question = await rse.post(NEWS)
    answer = await rse.reply(question, "Merci beaucoup pour ces nouvelles !")
    await rse.accept(answer)
    accepted = await said(rse, Act.ACCEPTED, answer)
    await rse.unaccept(answer)
    withdrawn = await said(rse, Act.UNACCEPTED, answer)
    assert (accepted.act, withdrawn.act) == (Act.ACCEPTED, Act.UNACCEPTED)
    assert accepted.native_id == withdrawn.native_id
    assert accepted.space == rse.space


async def test_a_question_accepted_withdrawn_and_accepted_again_is_three_events_however_often_each_is_told(rse: Rse) -> None:
    can_read(rse, Feature.ANSWERS)
    question = await rse.post(NEWS)
    answer = await rse.reply(question, "Merci beaucoup pour ces nouvelles !")
    await rse.accept(answer)
    accepted = await said(rse, Act.ACCEPTED, answer)
    known, at = knowing(rse, question, answer), desk(rse)
    withdrawn = replace(accepted, act=Act.UNACCEPTED)
    decisions = [at.decide(one, known, NOON, NOON) for one in (accepted, accepted, withdrawn, withdrawn, accepted)]
    told = [(type(one.fact), one.marker) for one in decisions if isinstance(one, Publish)]
    assert len(told) == 5
    assert len(set(told)) == 3


# --- what others do is shown here ------------------------------------------------------------------------------------


async def test_a_reaction_from_elsewhere_is_shown_on_a_message_of_this_rse_and_goes_with_its_removal(rse: Rse) -> None:
    can_write(rse, Feature.REACTIONS)
    message = await rse.post(NEWS)
    given = reaction(rse, message)
    copy = await written(rse, given)
    (shown,) = await rse.reactions()
    assert (shown.message, shown.emoji) == (message, rse.heart)
    removal = replace(given, act=Act.UNREACTED, key="removal", native_id=copy.native_id)
    assert await rse.client.find(removal) is None
    await written(rse, removal)
    assert await rse.reactions() == []
    await written(rse, removal)  # gone is what was asked for


async def test_reactions_of_several_people_are_each_shown_or_share_a_like_until_the_last_is_gone(rse: Rse) -> None:
    can_write(rse, Feature.REACTIONS)
    message = await rse.post(NEWS)
    first, second = reaction(rse, message), reaction(rse, message, EVE, others=1)
    copies = [await written(rse, first), await written(rse, second)]
    assert len({copy.native_id for copy in copies}) == 2
    assert {shown.by for shown in await rse.reactions()} in (
        {"Léo Martin (Éducation nationale)", "Ève Durand (Finances publiques)"},
        {"traitdunion"},
    )
    await written(rse, replace(first, act=Act.UNREACTED, key="one", native_id=copies[0].native_id, others=1))
    assert len(await rse.reactions()) == 1
    await written(rse, replace(second, act=Act.UNREACTED, key="two", native_id=copies[1].native_id, others=0))
    assert await rse.reactions() == []


async def test_what_this_rse_cannot_show_is_unsupported_by_name_and_no_dead_letter(rse: Rse) -> None:
    can_write(rse, Feature.REACTIONS)
    message = await rse.post(NEWS)
    for emoji in ("👎", "🎉"):
        outcome = await rse.client.write(reaction(rse, message, emoji=emoji))
        assert isinstance(outcome, Written) or outcome == Never(UNSUPPORTED, "emoji_without_like")
    shown = {one.emoji for one in await rse.reactions()}
    assert shown in ({"👎", "🎉"}, set())


async def test_a_reaction_to_a_copy_is_shown_or_refused_by_the_platforms_own_rule(rse: Rse) -> None:
    can_write(rse, Feature.REACTIONS)
    text = "Voici le compte rendu de mars."
    order = Order(Act.POSTED, "k", "s" * 32, rse.space, author=EVE, content=Content(html=f"<p>{text}</p>", text=text))
    copy = await written(rse, order)
    outcome = await rse.client.write(reaction(rse, copy.native_id))
    if isinstance(outcome, Never):
        assert outcome == Never(UNSUPPORTED, "own_message")
        assert await rse.reactions() == []
    else:
        (shown,) = await rse.reactions()
        assert shown in [Reacted(copy.native_id, rse.heart, by) for by in ("Léo Martin (Éducation nationale)", "traitdunion")]


async def test_an_accepted_answer_is_marked_another_takes_its_place_and_its_withdrawal_takes_the_mark_away(rse: Rse) -> None:
    can_write(rse, Feature.ANSWERS)
    question = await rse.post(NEWS)
    answers = [await rse.reply(question, text) for text in ("Une première réponse possible.", "Une seconde réponse, bien meilleure.")]
    mark = await written(rse, acceptance(rse, answers[0]))
    assert await rse.accepted_answers() == [answers[0]]
    again = acceptance(rse, answers[1], native_id=mark.native_id)
    mark = await written(rse, again)
    assert await rse.accepted_answers() == [answers[1]]
    assert await rse.client.find(again) == mark
    await written(rse, acceptance(rse, answers[1], Act.UNACCEPTED, native_id=mark.native_id))
    assert await rse.accepted_answers() == []


async def test_a_gesture_whose_answer_was_lost_is_found_and_not_doubled(rse: Rse) -> None:
    can_write(rse, Feature.REACTIONS)
    question = await rse.post(NEWS)
    answer = await rse.reply(question, "Une première réponse possible.")
    accepts = rse.platform().capabilities.writes(Feature.ANSWERS)
    given = [reaction(rse, question), *([acceptance(rse, answer)] if accepts else [])]
    await rse.lose_answers()
    for one in given:
        await rse.client.write(one)
    await rse.heal()
    found = [await rse.client.find(one) for one in given]
    assert all(isinstance(one, Written) for one in found), found
    assert len(await rse.reactions()) == 1
    assert await rse.accepted_answers() == ([answer] if accepts else [])


# --- and nothing comes back as somebody's own ------------------------------------------------------------------------


async def test_what_we_set_on_a_message_comes_back_as_an_echo_and_never_as_an_event(rse: Rse) -> None:
    can_write(rse, Feature.REACTIONS)
    question = await rse.post(NEWS)
    answer = await rse.reply(question, "Une première réponse possible.")
    given = reaction(rse, question)
    copy = await written(rse, given)
    await rse.sink.until(lambda outcomes: any(isinstance(one, Change) and one.act is Act.REACTED for one in outcomes))
    accepts = rse.platform().capabilities.writes(Feature.ANSWERS)
    mark = await written(rse, acceptance(rse, answer)) if accepts else copy
    await written(rse, replace(given, act=Act.UNREACTED, key="removal", native_id=copy.native_id))
    last = await rse.post("Et voici les nouvelles de la semaine.")
    await rse.sink.change(Act.POSTED, last)
    known, at = knowing(rse, question, answer), desk(rse)
    for native, kind, about in ((mark.native_id, Kind.ANSWER, answer), (copy.native_id, Kind.REACTION, question)):
        known.add(KnownObject(native, "s" * 32, "copy", None, (), rse.space, "c", kind=kind, about=about))
    heard = [one for one in rse.sink.outcomes if isinstance(one, Incomplete) or (isinstance(one, Change) and _set_on(one, copy, mark))]
    assert heard
    for outcome in heard:
        change = await rse.client.complete(outcome) if isinstance(outcome, Incomplete) else outcome
        assert isinstance(change, Change)
        assert at.decide(change, known, NOON, NOON) == Drop("echo")


def _set_on(change: Change, copy: Written, mark: Written) -> bool:
    ours = {copy.native_id, mark.native_id}
    return change.act in {Act.REACTED, Act.ACCEPTED, Act.UNACCEPTED} or (change.act in ENDINGS and change.native_id in ours)


async def test_what_the_table_denies_is_answered_unsupported_and_changes_nothing(rse: Rse) -> None:
    features = rse.platform().capabilities.features
    message = await rse.post(NEWS)
    orders = {Feature.REACTIONS: reaction(rse, message), Feature.ANSWERS: acceptance(rse, message)}
    denied = [given for feature, given in orders.items() if isinstance(features[feature].write, No)]
    assert [await rse.client.write(given) for given in denied] == [Never(UNSUPPORTED)] * len(denied)
    assert [await rse.client.find(given) for given in denied] == [None] * len(denied)
    if denied:
        assert (await rse.reactions(), await rse.accepted_answers()) == ([], [])
