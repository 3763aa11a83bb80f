"""What may be said in a community, and how threads end up the same whatever the order of arrival."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.communities.handlers import on_message
from hub.communities.model import MESSAGE_STEPS, MessageState, Outcome
from hub.communities.reports import ReportKind
from hub.communities.service import CommunityKnownError, note_copy, open_community, take_held
from hub.ports import RefusedError
from schemas.envelope import object_id
from schemas.facts.copy import CopyWithdrawn
from schemas.facts.message import MessageDeleted
from schemas.words import Audience
from tests.fakes_rooms import COMMUNITY, FakeWork, brought, deleted, edited, posted, said

if TYPE_CHECKING:
    from hub.ports import Admitted

ROOT = object_id("wifip", "post:1")
REPLY = object_id("education", "$1")
NESTED = object_id("diplomatie", "post:9")

STORY = (
    posted("wifip", "post:1"),
    posted("education", "$1", parent=ROOT),
    posted("diplomatie", "post:9", parent=REPLY),
    edited("wifip", "post:1", "corrigé"),
    deleted("diplomatie", "post:9"),
)


async def _hear(work: FakeWork, *events: Admitted) -> list[Outcome]:
    return [await on_message(event, work) for event in events]


async def test_a_message_is_numbered_and_remembered() -> None:
    work = FakeWork()
    assert await _hear(work, posted("wifip", "post:1")) == [Outcome.SEQUENCED]
    assert work.messages.known[ROOT].author == "Camille Roux"


async def test_history_is_numbered_like_the_rest_marked_and_waits_for_no_parent() -> None:
    work = FakeWork()
    alone = brought("education", "$1", parent=object_id("education", "$gone"))
    under = brought("education", "$2", parent=object_id("education", "$1"))
    assert await _hear(work, alone, under, posted("wifip", "post:1")) == [Outcome.SEQUENCED] * 3
    assert [one.history for one in work.messages.known.values() if one is not None] == [True, True, False]
    assert work.messages.known[object_id("education", "$1")].parent is None
    assert work.messages.known[object_id("education", "$2")].parent == object_id("education", "$1")


async def test_history_of_what_was_told_already_changes_nothing() -> None:
    work = FakeWork()
    await _hear(work, edited("wifip", "post:1", "corrigé"))
    assert await _hear(work, brought("wifip", "post:1")) == [Outcome.SUPERSEDED]
    assert work.messages.known[ROOT].html == "corrigé"


async def test_a_chain_of_replies_that_came_backwards_is_released_from_its_root() -> None:
    work = FakeWork()
    outcomes = await _hear(work, STORY[2], STORY[1], STORY[0])
    assert outcomes == [Outcome.HELD, Outcome.HELD, Outcome.SEQUENCED]
    assert [event.subject for event in work.announced] == [ROOT, REPLY, NESTED]
    assert not work.held.waiting
    assert set(work.settled.values()) == {Outcome.SEQUENCED}


async def test_a_reply_that_stands_alone_keeps_its_own_thread_and_frees_what_was_behind_it() -> None:
    work = FakeWork()
    await _hear(work, STORY[1], STORY[2])
    waiting = work.held._take([work.held.waiting[0]])[0]
    await take_held(waiting, work)
    assert work.messages.known[REPLY].parent is None
    assert work.messages.known[NESTED].parent == REPLY


async def test_a_reply_to_a_message_of_another_community_stands_alone_there() -> None:
    work = FakeWork()
    await _hear(work, posted("wifip", "post:1"))
    work.messages.known[ROOT] = work.messages.known[ROOT].__class__(
        **{name: getattr(work.messages.known[ROOT], name) for name in work.messages.known[ROOT].__slots__} | {"community": "autre"}
    )
    await _hear(work, posted("education", "$1", parent=ROOT))
    assert work.messages.known[REPLY].parent is None


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (said("wifip", MessageDeleted(space="97"), "post:1", community="ailleurs"), "community_unknown"),
        (posted("education", "$1"), "not_tied"),
    ],
)
async def test_what_a_node_may_not_say_is_refused_by_name(event: Admitted, reason: str) -> None:
    work = FakeWork(untied={"education"})
    with pytest.raises(RefusedError) as refusal:
        await on_message(event, work)
    assert refusal.value.reason == reason
    assert not work.announced


async def test_a_withdrawn_copy_is_noted_and_never_spread() -> None:
    work = FakeWork()
    await _hear(work, posted("wifip", "post:1"))
    copy = said("education", CopyWithdrawn(space="!s"), "$copy")
    object.__setattr__(copy.verified.event.envelope, "subject", ROOT)
    assert await note_copy(ReportKind.WITHDRAWN, "!s", copy, work) is Outcome.NOTED
    assert work.copies.notes == {(ROOT, "education"): "withdrawn"}
    assert len(work.announced) == 1


async def test_a_copy_of_nothing_is_refused_by_name() -> None:
    with pytest.raises(RefusedError, match="copy_unknown"):
        await note_copy(ReportKind.WITHDRAWN, "!s", said("education", CopyWithdrawn(space="!s"), "$copy"), FakeWork())


async def test_a_community_opens_once() -> None:
    work = FakeWork()
    (known,) = work.communities.known.values()
    assert await open_community(COMMUNITY, known.title, known.audience, work) is False
    for title, audience in (("Autre titre", known.audience), (known.title, Audience.PUBLIC)):
        with pytest.raises(CommunityKnownError):
            await open_community(COMMUNITY, title, audience, work)


@settings(max_examples=100)
@given(st.permutations(STORY), st.lists(st.sampled_from(STORY), max_size=4))
def test_any_order_and_any_doubles_end_in_the_same_thread(story: list[Admitted], doubles: list[Admitted]) -> None:
    work = FakeWork()
    asyncio.run(_once_each(work, [*story, *doubles]))
    known = work.messages.known
    assert known[ROOT].html == "corrigé"
    assert known[REPLY].parent == ROOT
    assert known[NESTED].state is MessageState.DELETED
    assert not work.held.waiting
    order = [event.subject for event in work.announced]
    assert order.index(ROOT) < order.index(REPLY)


async def _once_each(work: FakeWork, events: list[Admitted]) -> None:
    """The events table lets each id through once, as the worker does."""
    seen: set[str] = set()
    for event in events:
        if event.id not in seen:
            seen.add(event.id)
            await on_message(event, work)


def test_every_state_of_a_message_has_its_steps() -> None:
    assert set(MESSAGE_STEPS) == set(MessageState)


async def test_an_author_takes_her_message_back_though_her_space_is_tied_no_more() -> None:
    work = FakeWork()
    await _hear(work, posted("wifip", "post:1"), posted("education", "$1", parent=object_id("wifip", "post:404")))
    work.untied |= {"wifip", "education"}
    with pytest.raises(RefusedError, match="not_tied"):
        await on_message(edited("wifip", "post:1", "corrigé"), work)
    assert await _hear(work, deleted("wifip", "post:1"), deleted("education", "$1")) == [Outcome.SEQUENCED, Outcome.HELD]
    assert work.messages.known[ROOT].state is MessageState.DELETED


async def test_nobody_takes_back_what_was_never_said_here() -> None:
    work = FakeWork(untied={"wifip"})
    with pytest.raises(RefusedError, match="not_tied"):
        await on_message(deleted("wifip", "post:1"), work)
