"""What becomes of a reaction or an acceptance: the decisions of admission, without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adapters.decisions import Desk
from adapters.memory import Coming, Kind, Known, KnownObject, OpenIntent
from adapters.port import Act, Change, Incomplete, Nonsense
from adapters.spool import pack_change, unpack_change
from adapters.threads import BEHIND
from adapters.ties import Tie, TieState
from adapters.verdicts import Doubt, Drop, Park, Publish
from schemas.envelope import object_id
from schemas.facts.answer import AnswerAccepted, AnswerWithdrawn
from schemas.facts.message import Author
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.words import Audience
from tests.fakes_plain import an_instance

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TIE = Tie("salon", "futurs", "Futurs", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.ACCEPTED, renewed_at=NOW)
COPY = KnownObject("copy:1", "s" * 32, "copy", None, ("v1",), "salon", "futurs")
OWN = KnownObject("post:1", object_id("wifip", "post:1"), "own", None, (), "salon", "futurs")
REACTION = KnownObject("$r", object_id("wifip", "$r"), "own", None, (), "salon", "futurs", kind=Kind.REACTION, about="post:1")
MARK = KnownObject("solution:7", "m" * 32, "copy", None, ("",), "salon", "futurs", kind=Kind.ANSWER, about="post:1")


def reacted(parent: str = "copy:1", **more: Any) -> Change:
    made = Change(Act.REACTED, "$r", "$r", "$r", "salon", "u1", NOW, Author(name="Ada", organisation="F"), parent=parent, emoji="👍")
    return replace(made, **more)


def answered(act: Act = Act.ACCEPTED, parent: str = "post:1", **more: Any) -> Change:
    return replace(Change(act, "solution:7", "", "", "salon", "system:solved", NOW, parent=parent), **more)


def redacted(native_id: str = "$r", **more: Any) -> Change:
    return replace(Change(Act.DELETED, native_id, "$d", "$d", "salon", "u1", NOW), **more)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(an_instance(tmp_path), {"salon": TIE, "autre": replace(TIE, space="autre", community="autre")}.get)


def known(*objects: KnownObject, intents: tuple[OpenIntent, ...] = ()) -> Known:
    found = Known(intents=list(intents))
    for one in objects:
        found.add(one)
    return found


def intent(act: str) -> OpenIntent:
    return OpenIntent("k", act, "salon", None, NOW - timedelta(seconds=1))


@pytest.mark.parametrize("message", [COPY, OWN])
def test_a_reaction_to_any_message_here_is_published_under_its_subject(desk: Desk, message: KnownObject) -> None:
    decision = desk.decide(reacted(message.native_id), known(COPY, OWN), NOW, NOW)
    assert isinstance(decision, Publish)
    assert decision.fact == ReactionAdded(space="salon", author=Author(name="Ada", organisation="F"), emoji="👍")
    assert (decision.subject, decision.parent) == (object_id("wifip", "$r"), message.subject)


def test_a_redaction_of_a_reaction_is_its_removal_and_of_a_message_its_deletion(desk: Desk) -> None:
    batch = known(OWN)
    desk.decide(reacted("post:1"), batch, NOW, NOW)
    removal, deletion = desk.decide(redacted(), batch, NOW, NOW), desk.decide(redacted("post:1"), batch, NOW, NOW)
    assert isinstance(removal, Publish)
    assert isinstance(deletion, Publish)
    assert (type(removal.fact), removal.subject) == (ReactionRemoved, object_id("wifip", "$r"))
    assert deletion.fact.event_type == "fr.gouv.rse.message.deleted.v1"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (reacted("post:99"), "unknown_object"),
        (reacted("solution:7", native_id="$q"), "unknown_object"),
        (reacted(by_us=True), "echo"),
        (reacted(space="ailleurs"), "not_tied"),
        (redacted("$never"), "unknown_object"),
        (redacted("solution:7"), "taken_off_here"),
        (redacted("solution:7", by_us=True), "echo"),
        (answered(parent="post:99"), "unknown_object"),
    ],
)
def test_what_must_not_leave_is_dropped_by_name(desk: Desk, change: Change, reason: str) -> None:
    assert desk.decide(change, known(COPY, OWN, MARK), NOW, NOW) == Drop(reason)


@pytest.mark.parametrize("gone", [replace(COPY, deleted=True), replace(COPY, withdrawn=True)])
def test_nobody_reacts_to_what_is_gone(desk: Desk, gone: KnownObject) -> None:
    assert desk.decide(reacted(), known(gone), NOW, NOW) == Drop("unknown_object")


def test_a_moderator_who_takes_off_another_ministrys_reaction_does_so_here_alone(desk: Desk) -> None:
    copy = replace(REACTION, origin="copy")
    assert desk.decide(redacted(), known(copy), NOW, NOW) == Drop("taken_off_here")


def test_a_reaction_without_its_emoji_is_nonsense(desk: Desk) -> None:
    assert desk.decide(reacted(emoji=None), known(COPY), NOW, NOW) == Nonsense("reaction_without_emoji")


def test_a_reaction_to_a_copy_whose_write_is_under_way_waits_for_it(desk: Desk) -> None:
    assert desk.decide(reacted(), known(intents=(intent("posted"),)), NOW, NOW) == Park()


def test_an_acceptance_is_counted_so_that_each_change_is_another_event_and_each_retry_the_same(desk: Desk) -> None:
    batch = known(OWN, COPY)
    story = [
        answered(), answered(), answered(parent="copy:1"), answered(Act.UNACCEPTED, "post:1"),
        answered(Act.UNACCEPTED, "copy:1"), answered(Act.UNACCEPTED, "copy:1"), answered(parent="copy:1"),
    ]  # fmt: skip
    decisions = [desk.decide(one, batch, NOW, NOW) for one in story]
    told = [(type(one.fact), one.parent, one.marker) if isinstance(one, Publish) else one for one in decisions]
    assert told == [
        (AnswerAccepted, OWN.subject, "accepted:1"),
        (AnswerAccepted, OWN.subject, "accepted:1"),
        (AnswerAccepted, COPY.subject, "accepted:2"),
        Drop("answer_replaced"),
        (AnswerWithdrawn, COPY.subject, "unaccepted:3"),
        (AnswerWithdrawn, COPY.subject, "unaccepted:3"),
        (AnswerAccepted, COPY.subject, "accepted:4"),
    ]


def test_an_acceptance_that_we_wrote_is_an_echo_and_another_choice_here_stays_here(desk: Desk) -> None:
    batch = known(OWN, COPY, MARK)
    assert desk.decide(answered(), batch, NOW, NOW) == Drop("echo")
    assert desk.decide(answered(parent="copy:1"), batch, NOW, NOW) == Drop("answer_kept_here")
    assert desk.decide(answered(Act.UNACCEPTED), batch, NOW, NOW) == Drop("answer_kept_here")
    assert desk.decide(answered(Act.UNACCEPTED), known(OWN, replace(MARK, deleted=True)), NOW, NOW) == Drop("echo")


def test_an_acceptance_waits_for_one_of_ours_that_is_under_way_and_for_nothing_else(desk: Desk) -> None:
    assert desk.decide(answered(), known(OWN, intents=(intent("accepted"),)), NOW, NOW) == Park()
    assert isinstance(desk.decide(answered(), known(OWN, intents=(intent("reacted"),)), NOW, NOW), Publish)


def test_a_withdrawal_of_an_answer_that_was_deleted_with_it_is_told(desk: Desk) -> None:
    own = replace(MARK, origin="own", subject=object_id("wifip", "solution:7"))
    decision = desk.decide(answered(Act.UNACCEPTED), known(replace(OWN, deleted=True), own), NOW, NOW)
    assert isinstance(decision, Publish)
    assert decision.fact == AnswerWithdrawn(space="salon")


def test_nothing_is_set_while_the_tie_is_suspended_but_a_reaction_is_still_taken_back(desk: Desk) -> None:
    suspended = replace(desk, tie_of={"salon": replace(TIE, state=TieState.SUSPENDED)}.get)
    for change in (reacted("post:1"), answered()):
        assert suspended.decide(change, known(OWN, REACTION), NOW, NOW) == Drop("tie_suspended")
    decision = suspended.decide(redacted(), known(OWN, REACTION), NOW, NOW)
    assert isinstance(decision, Publish)
    assert decision.fact == ReactionRemoved(space="salon")


def test_a_message_of_another_community_carries_no_reaction_out_of_its_own(desk: Desk) -> None:
    elsewhere = replace(COPY, space="autre", community="troisième")
    assert desk.decide(reacted(space="autre"), known(elsewhere), NOW, NOW) == Drop("not_tied")


def test_a_reaction_comes_out_of_the_spool_as_it_went_in() -> None:
    for change in (reacted(), reacted(recurs=True)):
        assert unpack_change(pack_change(change)) == change


# --- where one name is that of who reacts to what, for ever ----------------------------------------------------------


def liked(**more: Any) -> Change:
    return reacted("post:1", native_id="like:1/c0ffee", version="", marker="post_liked", recurs=True, **more)


def no_longer_liked(count: int, **more: Any) -> Change:
    return replace(liked(), act=Act.UNREACTED, version=str(count), marker="unreacted", actor="nobody", **more)


def names(decision: object) -> object:
    if not isinstance(decision, Publish):
        return decision
    return type(decision.fact), decision.subject, decision.native_id


def test_a_reaction_taken_back_and_set_anew_is_another_one_each_time_and_each_is_told_once(desk: Desk) -> None:
    batch = known(OWN)
    first, second, third = "like:1/c0ffee", "like:1/c0ffee/2", "like:1/c0ffee/3"
    anew = liked(asked="")
    story = [liked(), liked(), no_longer_liked(0), no_longer_liked(0), anew, liked(), no_longer_liked(0), no_longer_liked(1), anew]
    assert [names(desk.decide(one, batch, NOW, NOW)) for one in story] == [
        (ReactionAdded, object_id("wifip", first), first),
        (ReactionAdded, object_id("wifip", first), first),
        (ReactionRemoved, object_id("wifip", first), first),
        Drop("known_already"),
        (ReactionAdded, object_id("wifip", second), second),
        (ReactionAdded, object_id("wifip", second), second),
        Drop("known_already"),
        (ReactionRemoved, object_id("wifip", second), second),
        (ReactionAdded, object_id("wifip", third), third),
    ]


@pytest.mark.parametrize("late", [liked(), liked(asked=BEHIND)])
def test_whether_a_reaction_that_was_taken_back_stands_again_is_asked_of_the_rse(desk: Desk, late: Change) -> None:
    batch = known(OWN)
    for one in (liked(), no_longer_liked(0)):
        desk.decide(one, batch, NOW, NOW)
    assert desk.decide(late, batch, NOW, NOW) == Doubt(Incomplete("like:1/c0ffee", Act.REACTED))
    assert isinstance(desk.decide(liked(history=True), batch, NOW, NOW), Publish)  # it was just read


def test_a_reaction_that_nobody_was_told_of_is_not_taken_back(desk: Desk) -> None:
    assert desk.decide(no_longer_liked(0), known(OWN), NOW, NOW) == Drop("unknown_object")


@pytest.mark.parametrize("gesture", [reacted("post:77"), answered(parent="post:77")])
def test_a_gesture_on_what_a_back_fill_will_bring_comes_with_it(desk: Desk, gesture: Change) -> None:
    found = known()
    found.coming["post:77"] = Coming("post:77", "futurs", "salon")
    assert desk.decide(gesture, found, NOW, NOW) == Drop("still_to_come")


@pytest.mark.parametrize("gesture", [reacted("post:77"), answered(parent="post:77"), redacted("$unknown")])
def test_what_is_set_on_or_taken_off_a_message_that_is_just_being_told_waits_until_it_is(desk: Desk, gesture: Change) -> None:
    found = known()
    found.coming["post:77"] = Coming("post:77", "futurs", "salon", telling=True)
    assert desk.decide(gesture, found, NOW, NOW) == Park()
    assert not isinstance(desk.decide(replace(gesture, space="autre", parent="post:78"), found, NOW, NOW), Park)


@pytest.mark.parametrize("gesture", [reacted("post:77"), answered(parent="post:77")])
def test_what_was_set_on_a_message_of_before_the_tie_that_stayed_inside_stays_there_too(desk: Desk, gesture: Change) -> None:
    found = known()
    found.coming["post:77"] = Coming("post:77", "futurs", "salon", telling=True)
    assert desk.decide(replace(gesture, history=True), found, NOW, NOW) == Drop("unknown_object")
