"""What becomes of a change: the decisions of admission and the rules of echoes, without a server."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.decisions import Desk
from adapters.echoes import PATIENCE, awaited, is_echo
from adapters.memory import Coming, Known, KnownObject, OpenIntent
from adapters.port import Act, Change, Incomplete, Nonsense
from adapters.pseudonyms import pseudonym
from adapters.spool import pack_change, pack_incomplete, unpack_change, unpack_incomplete
from adapters.ties import Tie, TieState
from adapters.verdicts import Doubt, Drop, Park, Publish
from schemas.envelope import object_id
from schemas.facts.copy import CopyEdited, CopyWithdrawn
from schemas.facts.message import Attachment, Author, Content, MessageDeleted, MessageEdited, MessagePosted
from schemas.words import Audience
from tests.fakes_plain import an_instance

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TIE = Tie("salon", "futurs", "Futurs", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.ACCEPTED, renewed_at=NOW)
COPY = KnownObject("copy:1", "s" * 32, "copy", None, ("2026-03-01T11:00:00.000Z",), "salon", "futurs")
OWN = KnownObject("post:1", object_id("wifip", "post:1"), "own", "topic:7/1", (), "salon", "futurs")


def change(act: Act = Act.POSTED, native_id: str = "post:1", text: str = "Bonjour", **more: str) -> Change:
    made = Change(act, native_id, "1", "m", "salon", "u1", NOW, Author(name="Ada", organisation="F"), Content(html=text, text=text))
    return replace(made, **more)  # type: ignore[arg-type]  # field names given as text


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(an_instance(tmp_path), {"salon": TIE, "flou": replace(TIE, space="flou", audience=Audience.UNKNOWN)}.get)


def known(*objects: KnownObject, intents: tuple[OpenIntent, ...] = ()) -> Known:
    found = Known(intents=list(intents))
    for one in objects:
        found.add(one)
    return found


def intent(act: str = "posted", native_id: str | None = None, ago: float = 1.0) -> OpenIntent:
    return OpenIntent("k", act, "salon", native_id, NOW - timedelta(seconds=ago))


def test_a_message_of_a_tied_space_is_published_as_an_object_of_its_node(desk: Desk) -> None:
    decision = desk.decide(change(), known(), NOW, NOW)
    assert isinstance(decision, Publish)
    assert isinstance(decision.fact, MessagePosted)
    assert decision.subject == object_id("wifip", "post:1")


@pytest.mark.parametrize(
    ("given_change", "reason"),
    [
        (change(space="ailleurs"), "not_tied"),
        (change(space="flou"), "audience_unknown"),
        (change(text="  #interne secret"), "kept_internal"),
        (change(Act.DELETED), "unknown_object"),
    ],
)
def test_what_must_not_leave_is_dropped_by_name(desk: Desk, given_change: Change, reason: str) -> None:
    assert desk.decide(given_change, known(), NOW, NOW) == Drop(reason)


def test_a_deletion_of_an_own_object_follows_it_into_its_space(desk: Desk) -> None:
    decision = desk.decide(change(Act.DELETED, space="déplacé"), known(OWN), NOW, NOW)
    assert isinstance(decision, Publish)
    assert decision.fact == MessageDeleted(space="salon")
    assert decision.remembered.deleted


def test_an_edit_of_an_unknown_object_is_published_as_an_edit(desk: Desk) -> None:
    decision = desk.decide(change(Act.EDITED), known(), NOW, NOW)
    assert isinstance(decision, Publish)
    assert type(decision.fact) is MessageEdited


def test_news_of_another_title_tells_nothing_that_nobody_was_told(desk: Desk) -> None:
    retitled = replace(change(Act.EDITED), corrects=True)
    assert desk.decide(retitled, known(), NOW, NOW) == Drop("unknown_object")
    assert isinstance(desk.decide(retitled, known(OWN), NOW, NOW), Publish)
    assert unpack_change(pack_change(retitled)) == retitled


@pytest.mark.parametrize(("space", "reason"), [("salon", None), ("ailleurs", "not_tied"), ("flou", "audience_unknown"), ("", None)])
def test_an_rse_is_not_asked_for_what_would_not_leave_anyway(desk: Desk, space: str, reason: str | None) -> None:
    assert desk.shut(Incomplete("topic:7/1", Act.EDITED, space=space)) == (Drop(reason) if reason else None)
    assert desk.shut(Incomplete("post:1", Act.DELETED, space=space)) is None


def test_a_message_without_its_text_is_nonsense(desk: Desk) -> None:
    assert desk.decide(replace(change(), content=None), known(), NOW, NOW) == Nonsense("content_missing")


@pytest.mark.parametrize(
    ("parent", "locator", "subject"),
    [
        ("copy:1", None, COPY.subject),
        ("topic:7/1", "topic:7/2", OWN.subject),
        ("post:77", "topic:9/10", object_id("wifip", "post:77")),
        ("$event", None, object_id("wifip", "$event")),
    ],
)
def test_a_parent_is_found_by_either_address(desk: Desk, parent: str, locator: str | None, subject: str | None) -> None:
    reply = replace(change(native_id="post:2"), parent=parent, locator=locator)
    decision = desk.decide(reply, known(COPY, OWN), NOW, NOW)
    assert isinstance(decision, Publish)
    assert decision.parent == subject


@pytest.mark.parametrize(("parent", "locator"), [("topic:9/9", "topic:9/10"), ("post:77", "topic:9/10"), ("$event", None)])
def test_an_answer_to_what_a_back_fill_will_bring_names_it_and_has_it_brought_first(desk: Desk, parent: str, locator: str | None) -> None:
    reply = replace(change(native_id="post:2"), parent=parent, locator=locator)
    found = known()
    found.coming[parent] = Coming("post:77", "futurs", "salon")
    decision = desk.decide(reply, found, NOW, NOW)
    assert isinstance(decision, Publish)
    assert (decision.parent, decision.wanted) == (object_id("wifip", "post:77"), "post:77")


def test_what_another_community_s_back_fill_will_bring_is_no_parent_here(desk: Desk) -> None:
    found = known()
    found.coming["topic:9/9"] = Coming("post:77", "autre", "salon")
    decision = desk.decide(replace(change(native_id="post:2"), parent="topic:9/9", locator="topic:9/10"), found, NOW, NOW)
    assert isinstance(decision, Publish)
    assert (decision.parent, decision.wanted) == (None, None)


def test_what_was_told_already_need_not_be_brought_first(desk: Desk) -> None:
    found = known(OWN)
    found.coming["topic:7/1"] = Coming(OWN.native_id, "futurs", "salon")
    decision = desk.decide(replace(change(native_id="post:2"), parent="topic:7/1", locator="topic:7/2"), found, NOW, NOW)
    assert isinstance(decision, Publish)
    assert (decision.parent, decision.wanted) == (OWN.subject, None)


def test_a_reply_finds_the_parent_that_came_in_the_same_batch(desk: Desk) -> None:
    batch = known()
    desk.decide(replace(change(), locator="topic:7/1"), batch, NOW, NOW)
    decision = desk.decide(replace(change(native_id="post:2"), parent="topic:7/1", locator="topic:7/2"), batch, NOW, NOW)
    assert isinstance(decision, Publish)
    assert decision.parent == OWN.subject


def test_a_copy_in_the_version_that_we_wrote_is_an_echo(desk: Desk) -> None:
    assert desk.decide(change(Act.EDITED, "copy:1", version=COPY.versions[0]), known(COPY), NOW, NOW) == Drop("echo")


def test_a_later_version_of_a_copy_is_a_persons_act_under_the_originals_subject(desk: Desk) -> None:
    edited = desk.decide(change(Act.EDITED, "copy:1", version="2026-03-01T11:30:00Z"), known(COPY), NOW, NOW)
    gone = desk.decide(change(Act.DELETED, "copy:1", version="2026-03-01T11:30:00Z"), known(COPY), NOW, NOW)
    assert isinstance(edited, Publish)
    assert isinstance(gone, Publish)
    assert (edited.fact, gone.fact) == (CopyEdited(space="salon"), CopyWithdrawn(space="salon"))
    assert edited.subject == gone.subject == COPY.subject
    assert gone.remembered.withdrawn


def test_a_withdrawal_that_comes_again_is_published_again_since_the_first_may_have_been_kept_by_the_ledger_alone(desk: Desk) -> None:
    gone = change(Act.DELETED, "copy:1", version="2026-03-01T11:30:00Z")
    again = desk.decide(gone, known(replace(COPY, withdrawn=True)), NOW, NOW)
    assert isinstance(again, Publish)
    assert again.fact == CopyWithdrawn(space="salon")
    assert desk.decide(gone, known(replace(COPY, deleted=True)), NOW, NOW) == Drop("echo")
    assert desk.decide(gone, known(replace(COPY, deleted=True, withdrawn=True)), NOW, NOW) == Drop("echo")


def test_a_change_waits_for_a_creation_under_way_in_its_space(desk: Desk) -> None:
    assert desk.decide(change(), known(intents=(intent(),)), NOW, NOW) == Park()


def test_a_write_begun_after_a_change_came_cannot_be_its_cause() -> None:
    assert not awaited(change(), [intent(ago=-1)], NOW, NOW, known=False)


def test_nothing_waits_longer_than_thirty_seconds() -> None:
    assert not awaited(change(), [intent(ago=60)], NOW - PATIENCE, NOW, known=False)


def test_a_known_object_waits_for_writes_to_itself_alone() -> None:
    assert awaited(change(Act.EDITED, "copy:1"), [intent("edited", "copy:1")], NOW, NOW, known=True)
    assert not awaited(change(Act.EDITED, "copy:1"), [intent("edited", "copy:2"), intent()], NOW, NOW, known=True)


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_of_two_times_the_earlier_or_equal_one_is_an_echo(version: datetime, written: datetime) -> None:
    assert is_echo(version.isoformat(), [written.isoformat()]) == (version <= written)


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=5))
def test_opaque_versions_are_echoes_exactly_when_we_wrote_them(version: str, written: list[str]) -> None:
    opaque = [f"${one}" for one in written]
    assert is_echo(f"${version}", opaque) == (f"${version}" in opaque)


def test_a_pseudonym_is_stable_and_tells_instances_and_persons_apart() -> None:
    made = {pseudonym(b"s" * 32, "a", "bc"), pseudonym(b"s" * 32, "ab", "c"), pseudonym(b"t" * 32, "a", "bc")}
    assert len(made) == 3
    assert pseudonym(b"s" * 32, "a", "bc") in made


def test_who_reads_a_file_is_who_reads_its_space(desk: Desk) -> None:
    files = (
        Attachment(name="n", link="https://rse.example/f"),
        Attachment(name="p", link="https://rse.example/p", readers=Audience.PRIVATE),
    )
    published = desk.decide(replace(change(), attachments=files), known(), NOW, NOW)
    assert isinstance(published, Publish)
    assert isinstance(published.fact, MessagePosted)
    assert [file.readers for file in published.fact.attachments] == [TIE.audience, Audience.PRIVATE]


def test_a_change_comes_out_of_the_spool_as_it_went_in() -> None:
    full = replace(change(), title="T", parent="p", attachments=(Attachment(name="n", link="https://rse.example/f"),))
    assert unpack_change(pack_change(full)) == full
    assert unpack_change(pack_change(replace(change(Act.DELETED), author=None, content=None))).content is None


def test_an_incomplete_change_comes_out_of_the_spool_as_it_went_in() -> None:
    from adapters.port import Incomplete  # noqa: PLC0415 - beside its one use

    assert unpack_incomplete(pack_incomplete(Incomplete("post:1", Act.EDITED))) == Incomplete("post:1", Act.EDITED)
    assert unpack_incomplete(pack_incomplete(Incomplete("$1", Act.EDITED, space="!salon"))) == Incomplete("$1", Act.EDITED, space="!salon")


def at_home_in(desk: Desk, **ties: Tie) -> Desk:
    return replace(desk, tie_of={"salon": TIE, **ties}.get)


ELSEWHERE = replace(TIE, space="autre", community="autre")


def test_a_parent_of_another_community_is_not_named(desk: Desk) -> None:
    reply = replace(change(native_id="post:2"), parent="copy:9", locator=None)
    decision = desk.decide(reply, known(replace(COPY, native_id="copy:9", community="autre", space="autre")), NOW, NOW)
    assert isinstance(decision, Publish)
    assert decision.parent is None


@pytest.mark.parametrize("act", [Act.EDITED, Act.DELETED])
def test_what_moved_to_another_tied_space_speaks_under_the_tie_where_it_was_first_published(desk: Desk, act: Act) -> None:
    decision = at_home_in(desk, autre=ELSEWHERE).decide(change(act, space="autre"), known(OWN), NOW, NOW)
    assert isinstance(decision, Publish)
    assert (decision.tie, decision.fact.space) == (TIE, "salon")  # type: ignore[attr-defined]  # both acts name their space
    assert (decision.remembered.space, decision.remembered.community) == ("salon", "futurs")


def test_an_edit_of_what_moved_from_a_space_that_is_no_longer_tied_to_its_community_is_dropped(desk: Desk) -> None:
    gone, moved = replace(desk, tie_of={"autre": ELSEWHERE}.get), change(Act.EDITED, space="autre")
    retied = at_home_in(desk, autre=ELSEWHERE, salon=replace(TIE, community="troisième"))
    assert gone.decide(moved, known(OWN), NOW, NOW) == retied.decide(moved, known(OWN), NOW, NOW) == Drop("not_tied")


def test_what_is_written_after_a_move_into_a_space_that_is_not_tied_stays_there(desk: Desk) -> None:
    assert desk.decide(change(Act.EDITED, space="ailleurs"), known(OWN), NOW, NOW) == Drop("not_tied")


@pytest.mark.parametrize("state", list(TieState))
def test_what_was_published_is_taken_back_whatever_became_of_the_tie_since(desk: Desk, state: TieState) -> None:
    decision = at_home_in(desk, salon=replace(TIE, state=state, community="une autre")).decide(change(Act.DELETED), known(OWN), NOW, NOW)
    assert isinstance(decision, Publish)
    assert isinstance(decision.fact, MessageDeleted)
    assert (decision.subject, decision.tie.community) == (OWN.subject, OWN.community)


@pytest.mark.parametrize("act", [Act.POSTED, Act.EDITED, Act.DELETED])
def test_nothing_leaves_while_a_tie_is_suspended(desk: Desk, act: Act) -> None:
    suspended = at_home_in(desk, salon=replace(TIE, state=TieState.SUSPENDED))
    assert suspended.decide(change(act), known(), NOW, NOW) == Drop("tie_suspended")


@pytest.mark.parametrize("act", [Act.POSTED, Act.EDITED])
@pytest.mark.parametrize("here", [(), (OWN,)])
def test_the_connectors_own_account_never_speaks_for_a_person(desk: Desk, act: Act, here: tuple[KnownObject, ...]) -> None:
    assert desk.decide(replace(change(act), by_us=True), known(*here), NOW, NOW) == Drop("own_account")


def test_what_our_account_wrote_waits_for_the_open_write_however_long(desk: Desk) -> None:
    came, later = NOW, NOW + timedelta(days=1)
    ours = replace(change(native_id="copy:7"), by_us=True)
    assert desk.decide(ours, known(intents=(intent(),)), came, later) == Park()
    assert isinstance(desk.decide(change(native_id="post:7"), known(intents=(intent(),)), came, later), Publish)


def test_a_copy_that_a_moderator_deletes_is_withdrawn_though_our_account_wrote_it(desk: Desk) -> None:
    gone = replace(change(Act.DELETED, "copy:1", version="2026-03-01T11:30:00Z"), by_us=True)
    decision = desk.decide(gone, known(COPY), NOW, NOW)
    assert isinstance(decision, Publish)
    assert decision.fact == CopyWithdrawn(space="salon")


def test_whose_account_wrote_it_is_kept_in_the_spool_and_unknown_of_what_lay_there_before() -> None:
    ours = replace(change(), by_us=True)
    assert unpack_change(pack_change(ours)) == ours
    older = {name: said for name, said in json.loads(pack_change(ours)).items() if name != "by_us"}
    assert not unpack_change(json.dumps(older).encode()).by_us


# --- what comes in another order than it was done ---------------------------------------------------------------------

EARLY, LATE = "2026-03-01T11:00:00.000Z", "2026-03-01T11:00:05.000Z"
HEARD = replace(OWN, versions=(LATE,))


def timed(act: Act, version: str, **more: str) -> Change:
    return change(act, version=version, marker=f"m:{version}", **more)


@pytest.mark.parametrize("act", [Act.POSTED, Act.EDITED, Act.DELETED])
def test_what_comes_behind_a_later_change_is_asked_of_the_rse(desk: Desk, act: Act) -> None:
    assert desk.decide(timed(act, EARLY), known(HEARD), NOW, NOW) == Doubt(Incomplete("post:1", Act.EDITED))


def test_a_withdrawn_copy_that_may_be_back_is_asked_of_the_rse_and_then_follows_its_author_again(desk: Desk) -> None:
    away = replace(COPY, versions=(LATE,), withdrawn=True)
    assert desk.decide(timed(Act.EDITED, EARLY, native_id=away.native_id), known(away), NOW, NOW) == Doubt(
        Incomplete(away.native_id, Act.EDITED)
    )
    memory = known(away)
    back = desk.decide(timed(Act.EDITED, EARLY, native_id=away.native_id, asked=""), memory, NOW, NOW)
    assert back == Drop("copy_restored", replace(away, withdrawn=False))
    assert not memory.natives[away.native_id].withdrawn


def test_an_edit_of_the_moment_of_a_deletion_does_not_raise_the_dead(desk: Desk) -> None:
    gone = replace(HEARD, deleted=True)
    assert desk.decide(timed(Act.EDITED, LATE), known(gone), NOW, NOW) == Doubt(Incomplete("post:1", Act.EDITED))
    assert isinstance(desk.decide(timed(Act.DELETED, LATE), known(gone), NOW, NOW), Publish)  # its double: the hub knows it by its id


def test_a_creation_that_comes_behind_its_own_deletion_is_asked_of_the_rse(desk: Desk) -> None:
    memory = known()
    dropped = desk.decide(timed(Act.DELETED, LATE), memory, NOW, NOW)
    assert isinstance(dropped, Drop)
    assert dropped.remembered is not None
    assert dropped.remembered.deleted
    assert desk.decide(timed(Act.POSTED, EARLY), memory, NOW, NOW) == Doubt(Incomplete("post:1", Act.EDITED))


def test_what_the_rse_says_twice_counts_though_its_clock_went_back_and_is_told_from_what_was_said_then(desk: Desk) -> None:
    first = desk.decide(timed(Act.EDITED, EARLY, asked=""), known(HEARD), NOW, NOW)
    assert first == Doubt(Incomplete("post:1", Act.EDITED, EARLY))
    second = desk.decide(timed(Act.EDITED, EARLY, asked=EARLY), known(HEARD), NOW, NOW)
    assert isinstance(second, Publish)
    assert second.marker == f"m:{EARLY} after {LATE}"
    assert second.remembered.versions == (EARLY,)


def test_what_the_rse_says_once_and_something_newer_overtook_is_asked_again(desk: Desk) -> None:
    read = timed(Act.EDITED, EARLY, asked="2026-03-01T10:00:00.000Z")
    assert desk.decide(read, known(HEARD), NOW, NOW) == Doubt(Incomplete("post:1", Act.EDITED, EARLY))


def test_a_platform_whose_versions_are_no_times_tells_in_order_and_is_believed(desk: Desk) -> None:
    heard = replace(OWN, versions=("$later",))
    assert isinstance(desk.decide(timed(Act.EDITED, "$earlier"), known(heard), NOW, NOW), Publish)
    assert desk.decide(timed(Act.DELETED, "$redaction"), known(), NOW, NOW) == Drop("unknown_object")


def test_a_later_change_is_published_and_remembered(desk: Desk) -> None:
    decision = desk.decide(timed(Act.EDITED, LATE), known(replace(OWN, versions=(EARLY,))), NOW, NOW)
    assert isinstance(decision, Publish)
    assert (decision.marker, decision.remembered.versions) == (None, (LATE,))


def test_history_is_told_once_and_only_as_it_stands(desk: Desk) -> None:
    told = desk.decide(replace(change(), history=True), ledger := known(), NOW, NOW)
    assert isinstance(told, Publish)
    assert isinstance(told.fact, MessagePosted)
    assert desk.decide(replace(change(), history=True), ledger, NOW, NOW) == Drop("known_already")
    for act in (Act.EDITED, Act.DELETED):
        assert desk.decide(replace(change(act), history=True), known(), NOW, NOW) == Drop("not_standing")


def test_history_keeps_inside_what_is_internal_ours_or_another_s_copy(desk: Desk) -> None:
    assert desk.decide(replace(change(text="#interne Bonjour"), history=True), known(), NOW, NOW) == Drop("kept_internal")
    assert desk.decide(replace(change(), history=True, by_us=True), known(), NOW, NOW) == Drop("own_account")
    ours = replace(change(native_id=COPY.native_id), history=True, version="2026-03-02T00:00:00.000Z")
    assert desk.decide(ours, known(COPY), NOW, NOW) == Drop("echo")


def test_a_change_of_history_that_was_parked_is_still_one() -> None:
    assert unpack_change(pack_change(replace(change(), history=True))).history


def test_a_deletion_of_an_own_message_waits_however_long_while_we_take_it_away_by_a_moderators_word(desk: Desk) -> None:
    gone, under_way = change(Act.DELETED, version="2"), intent("deleted", "post:1", ago=3600)
    assert desk.decide(gone, known(OWN, intents=(under_way,)), NOW, NOW + timedelta(hours=1)) == Park()
    assert desk.decide(gone, known(replace(OWN, moderated=True)), NOW, NOW) == Drop("echo")
    hers = desk.decide(gone, known(OWN), NOW, NOW)
    assert isinstance(hers, Publish)
    assert hers.fact == MessageDeleted(space="salon")


EDITED_AT, TAKEN_AT = "2026-03-01T11:30:00.000Z", "2026-03-01T11:45:00.000Z"
BY_US = f"{EDITED_AT}/{TAKEN_AT}"
"""What our hand found, and what it made of it."""


@pytest.mark.parametrize("moderated", [True, False])
def test_an_edit_that_our_hand_found_is_its_authors_and_what_the_hand_did_is_an_echo(desk: Desk, moderated: bool) -> None:  # noqa: FBT001 - a parameter of the test
    own = replace(OWN, versions=("2026-03-01T11:00:00.000Z",), moderated=moderated, settled=(BY_US,))
    late = change(Act.EDITED, version=EDITED_AT)
    decision = desk.decide(late, known(own), NOW, NOW)
    asked = desk.decide(replace(late, asked=""), known(own), NOW, NOW)
    assert isinstance(decision, Publish if moderated else Doubt)  # once it stands again, the RSE says how
    assert isinstance(asked, Publish)
    assert (asked.remembered.moderated, asked.remembered.settled) == (moderated, (BY_US,))  # what comes next is judged alike
    for version in ("2026-03-01T11:40:00.000Z", TAKEN_AT):
        assert desk.decide(change(Act.EDITED, version=version), known(own), NOW, NOW) == Drop("echo")


def test_what_was_heard_before_and_is_undeleted_by_our_hand_is_no_edit(desk: Desk) -> None:
    own = replace(OWN, versions=(EDITED_AT,), settled=(BY_US, f"{EDITED_AT}/{EDITED_AT}"))
    assert desk.decide(change(Act.EDITED, version=EDITED_AT), known(own), NOW, NOW) == Drop("echo")


def test_a_deletion_after_our_hand_has_emptied_a_message_is_a_persons(desk: Desk) -> None:
    own = replace(OWN, versions=("2026-03-01T11:00:00.000Z",), moderated=True, settled=(BY_US,))
    assert desk.decide(change(Act.DELETED, version=TAKEN_AT), known(own), NOW, NOW) == Drop("echo")
    later = desk.decide(change(Act.DELETED, version="2026-03-01T11:50:00.000Z"), known(own), NOW, NOW)
    assert isinstance(later, Publish)
    assert isinstance(later.fact, MessageDeleted)


@pytest.mark.parametrize("ago", [1.0, 3600.0])
def test_a_copy_that_we_are_deleting_was_withdrawn_by_nobody(desk: Desk, ago: float) -> None:
    """However long our answer takes: the process may have died, and what it did be seen before it is told again."""
    gone = replace(change(Act.DELETED, "copy:1", version="2026-03-01T11:30:00.000Z"), content=None)
    decided = desk.decide(gone, known(COPY, intents=(intent("deleted", "copy:1", ago=3600),)), NOW - timedelta(seconds=ago), NOW)
    assert decided == Drop("echo")


def test_a_copy_of_which_we_write_something_else_may_be_withdrawn(desk: Desk) -> None:
    gone = replace(change(Act.DELETED, "copy:1", version="2026-03-01T11:30:00.000Z"), content=None)
    known_now = known(COPY, intents=(intent("edited", "copy:1", ago=3600),))
    decided = desk.decide(gone, known_now, NOW - timedelta(hours=1), NOW)
    assert isinstance(decided, Publish)
    assert decided.remembered.withdrawn


def test_history_that_the_ledger_knows_and_nobody_may_have_heard_is_told_again_as_the_same_event(desk: Desk) -> None:
    first = replace(change(), history=True)
    told = desk.decide(first, known(), NOW, NOW)
    assert isinstance(told, Publish)
    again = desk.decide(replace(first, asked=first.version), known(told.remembered), NOW, NOW)
    assert isinstance(again, Publish)
    assert (again.subject, again.marker, again.fact) == (told.subject, told.marker, told.fact)
    assert desk.decide(first, known(told.remembered), NOW, NOW) == Drop("known_already")
    edited = replace(told.remembered, versions=("2026-03-22T00:00:00.000Z",))
    assert desk.decide(replace(first, asked=first.version), known(edited), NOW, NOW) == Drop("known_already")
