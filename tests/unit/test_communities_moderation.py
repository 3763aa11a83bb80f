"""What a moderator takes away stays away, and comes back as its author left it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.access import CommunityRole, Reach, reach_of_withdrawal
from hub.communities import moderation
from hub.communities.handlers import on_copy_edited, on_copy_withdrawn, on_gesture, on_message, on_moderation
from hub.communities.model import BROUGHT_BACK, MESSAGE_STEPS, TAKEN_BACK, WRITTEN_ON, MessageState, Outcome
from hub.communities.moderators import Moderator
from hub.communities.reports import ReportKind
from hub.ports import RefusedError
from hub.registry.people import Person, Presence
from schemas import jcs
from schemas.envelope import object_id
from schemas.facts.copy import CopyEdited, CopyWithdrawn
from schemas.facts.moderation import CopyRestored, MessageModerated, MessageRestored
from schemas.facts.reaction import ReactionAdded
from schemas.words import Ground
from tests.fakes_rooms import AUTHOR, COMMUNITY, NOW, FakeWork, deleted, edited, posted, said

ROOT = object_id("wifip", "post:1")
ANIMATOR = Presence(Person("p1", "Inès Exemple", "DITP", "13001653800014", NOW), "hub:token", "acr", NOW)
MODERATOR = "b" * 32


async def _moderated() -> FakeWork:
    """A message that somebody of the federation has taken away."""
    work = FakeWork()
    await on_message(posted("wifip", "post:1"), work)
    assert await moderation.take_away(ROOT, Ground.OFF_TOPIC, "Voir la charte.", ANIMATOR, work)
    return work


async def _withdraw(work: FakeWork, actor: str) -> Outcome:
    event = said("education", CopyWithdrawn(space="!s"), "$copy", actor=actor)
    object.__setattr__(event.verified.event.envelope, "subject", ROOT)
    return await on_copy_withdrawn(event, work)


async def test_a_message_is_taken_away_once_with_the_reason_that_all_are_told() -> None:
    work = await _moderated()
    assert work.own_words == [("*", MessageModerated(ground=Ground.OFF_TOPIC, note="Voir la charte."))]
    assert work.messages.known[ROOT].state is MessageState.MODERATED
    assert not await moderation.take_away(ROOT, Ground.OFF_TOPIC, "", ANIMATOR, work)
    assert len(work.own_words) == 1


async def test_the_authors_edit_of_a_moderated_message_is_kept_and_told_to_nobody() -> None:
    work = await _moderated()
    assert await on_message(edited("wifip", "post:1", "corrigé"), work) is Outcome.WITHHELD
    assert len(work.announced) == 1
    assert (work.messages.known[ROOT].state, work.messages.known[ROOT].html) == (MessageState.MODERATED, "corrigé")


async def test_what_comes_back_is_what_its_author_said_last_under_her_ministrys_own_proof() -> None:
    work = await _moderated()
    edit = edited("wifip", "post:1", "corrigé")
    await on_message(edit, work)
    assert await moderation.bring_back(ROOT, work) is MessageState.VISIBLE
    (_, fact) = work.own_words[-1]
    assert isinstance(fact, MessageRestored)
    assert fact.said is not None
    assert fact.said.value.encode() == edit.verified.event.value
    assert jcs.parse(fact.said.attributes.encode()) == dict(edit.verified.event.attributes)
    assert work.messages.known[ROOT].state is MessageState.VISIBLE
    assert await moderation.bring_back(ROOT, work) is None


async def test_what_is_no_longer_kept_comes_back_in_the_hubs_words() -> None:
    work = await _moderated()
    assert await moderation.bring_back(ROOT, work)
    (_, fact) = work.own_words[-1]
    assert isinstance(fact, MessageRestored)
    assert fact.words is not None
    assert (fact.said, fact.words.content.html, fact.words.author) == (None, "Bonjour", AUTHOR)


async def test_an_author_who_deletes_and_edits_does_not_get_round_a_moderator() -> None:
    work = await _moderated()
    assert await on_message(deleted("wifip", "post:1"), work) is Outcome.SEQUENCED
    assert work.messages.known[ROOT].state is MessageState.RETRACTED
    assert await on_message(edited("wifip", "post:1", "de retour"), work) is Outcome.WITHHELD
    assert work.messages.known[ROOT].state is MessageState.MODERATED


async def test_what_its_author_took_back_meanwhile_stays_away_once_the_moderator_lets_go() -> None:
    work = await _moderated()
    await on_message(edited("wifip", "post:1", "corrigé"), work)
    await on_message(deleted("wifip", "post:1"), work)
    assert work.moderations.kept[ROOT] is None
    assert await moderation.bring_back(ROOT, work) is MessageState.DELETED
    assert work.messages.known[ROOT].state is MessageState.DELETED
    assert len(work.own_words) == 1
    assert await on_message(edited("wifip", "post:1", "de retour"), work) is Outcome.SEQUENCED


async def test_nobody_reacts_to_what_is_moderated_and_answers_still_come() -> None:
    work = await _moderated()
    reaction = said("education", ReactionAdded(space="!s", author=AUTHOR, emoji="👍"), "$r", parent=ROOT)
    assert await on_gesture(reaction, work) is Outcome.ORPHANED
    assert await on_message(posted("education", "$1", parent=ROOT), work) is Outcome.SEQUENCED


async def test_what_was_deleted_or_is_unknown_cannot_be_taken_away() -> None:
    work = FakeWork()
    await on_message(posted("wifip", "post:1"), work)
    await on_message(deleted("wifip", "post:1"), work)
    for message in (ROOT, "0" * 32):
        with pytest.raises(RefusedError):
            await moderation.take_away(message, Ground.INSULTING, "", ANIMATOR, work)
    assert not work.own_words


async def test_a_moderators_withdrawal_goes_everywhere_and_anybody_elses_is_reported() -> None:
    work = FakeWork()
    await on_message(posted("wifip", "post:1"), work)
    work.moderators.named[COMMUNITY, "education", MODERATOR] = Moderator(COMMUNITY, "education", MODERATOR, "Léa", NOW, "p1")
    assert await _withdraw(work, "c" * 32) is Outcome.NOTED
    assert work.reports.told == [(ROOT, "education", ReportKind.WITHDRAWN)]
    assert not work.own_words
    assert await _withdraw(work, MODERATOR) is Outcome.NOTED
    assert work.own_words == [("*", MessageModerated(ground=Ground.UNSTATED))]
    assert len(work.reports.told) == 1
    assert await moderation.bring_back(ROOT, work)
    (_, fact) = work.own_words[-1]
    assert isinstance(fact, MessageRestored)
    assert fact.withdrawn_in == "education"
    assert work.moderations.forgotten == [(ROOT, "education")]


async def test_a_moderator_of_one_node_is_nobody_under_the_same_pseudonym_of_another() -> None:
    work = FakeWork()
    await on_message(posted("wifip", "post:1"), work)
    work.moderators.named[COMMUNITY, "diplomatie", MODERATOR] = Moderator(COMMUNITY, "diplomatie", MODERATOR, "Léa", NOW, "p1")
    await _withdraw(work, MODERATOR)
    assert not work.own_words


async def test_an_edited_copy_is_reported_and_never_spread() -> None:
    work = FakeWork()
    await on_message(posted("wifip", "post:1"), work)
    event = said("education", CopyEdited(space="!s"), "$copy", actor=MODERATOR)
    object.__setattr__(event.verified.event.envelope, "subject", ROOT)
    assert await on_copy_edited(event, work) is Outcome.NOTED
    assert work.reports.told == [(ROOT, "education", ReportKind.EDITED)]
    assert len(work.announced) == 1


async def test_a_node_is_asked_for_its_copy_again_and_no_other_is() -> None:
    work = FakeWork()
    message = posted("wifip", "post:1")
    await on_message(message, work)
    work.moderations.kept[ROOT] = message
    await moderation.write_again(ROOT, "education", work)
    (node, fact) = work.own_words[-1]
    assert isinstance(fact, CopyRestored)
    assert (node, fact.node, fact.space, fact.said is not None) == ("education", "education", "!s", True)
    with pytest.raises(RefusedError):
        await moderation.write_again(ROOT, "wifip", work)
    work.untied.add("education")
    with pytest.raises(RefusedError, match="not_tied"):
        await moderation.write_again(ROOT, "education", work)


@pytest.mark.parametrize("fact", [MessageModerated(ground=Ground.ADVERTISING), MessageRestored()])
async def test_a_node_that_says_it_itself_is_refused_by_name(fact: MessageModerated | MessageRestored) -> None:
    with pytest.raises(RefusedError, match="word_of_the_hub"):
        await on_moderation(said("wifip", fact, "post:1"), FakeWork())


def test_a_withdrawal_without_a_role_stays_where_it_was_made() -> None:
    assert reach_of_withdrawal(None) is Reach.HERE
    assert reach_of_withdrawal(CommunityRole.MODERATOR) is Reach.EVERYWHERE


@given(st.lists(st.sampled_from(["edit", "delete", "take", "back"]), max_size=12))
async def test_whatever_an_author_does_nothing_is_shown_while_a_moderators_word_stands(story: list[str]) -> None:
    work = FakeWork()
    await on_message(posted("wifip", "post:1"), work)
    for number, step in enumerate(story):
        before = len(work.announced)
        match step:
            case "edit":
                await on_message(edited("wifip", "post:1", f"{number}"), work)
            case "delete":
                await on_message(deleted("wifip", "post:1"), work)
            case "take":
                if work.messages.known[ROOT].state is not MessageState.DELETED:
                    await moderation.take_away(ROOT, Ground.OFF_TOPIC, "", ANIMATOR, work)
            case _:
                await moderation.bring_back(ROOT, work)
        stands = ROOT in work.moderations.standing
        assert stands == work.messages.known[ROOT].withheld
        assert not (stands and step == "edit" and len(work.announced) > before)


def test_every_step_of_the_three_tables_is_one_of_the_lifecycle() -> None:
    for table in (WRITTEN_ON, TAKEN_BACK, BROUGHT_BACK):
        assert all(to in MESSAGE_STEPS[start] for start, to in table.items())
    assert set(WRITTEN_ON) == set(TAKEN_BACK) == set(MessageState)
