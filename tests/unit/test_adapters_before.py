"""What was said before its space was tied and comes after: a clock makes it suspect, the RSE's own order alone holds it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from adapters.before import MARGIN, PERHAPS_BEFORE, SAID_BEFORE, Beginnings, stands_since
from adapters.decisions import Desk
from adapters.gateway import answered
from adapters.memory import Known, KnownObject
from adapters.port import Act, Change, Incomplete, Placed, Standing
from adapters.spool import pack_change, pack_incomplete, unpack_change, unpack_incomplete
from adapters.threads import BEHIND
from adapters.ties import Tie, TieState
from adapters.verdicts import Doubt, Drop, Publish
from schemas.envelope import object_id
from schemas.facts.message import Author, Content
from schemas.words import Audience
from tests.fakes_plain import an_instance

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.port import RseClient
    from adapters.verdicts import Decision

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEGUN = NOW - timedelta(hours=1)
HOUR = timedelta(hours=1)
NUMBERED = Tie(
    "salon", "futurs", "Futurs", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED, renewed_at=NOW,
    begun_at=BEGUN, behind="40",
)  # fmt: skip
TOKENS = replace(NUMBERED, space="salle", behind="t10-11_0")
UNTOLD = replace(NUMBERED, space="muet", behind="")
OLD = replace(NUMBERED, space="ancien", behind=None)
TIES = {tie.space: tie for tie in (NUMBERED, TOKENS, UNTOLD, OLD)}
SAID = Change(
    Act.POSTED, "post:40", "2026-03-01T10:00:00Z", "m", "salon", "u1", BEGUN - HOUR, Author(name="Ada", organisation="F"),
    Content(html="Bonjour", text="Bonjour"), locator="topic:9/1", number=40,
)  # fmt: skip
EVENT = replace(SAID, native_id="$1", version="$1", marker="$1", space="salle", locator=None, number=None)
HELD, PERHAPS = Drop(SAID_BEFORE), Drop(PERHAPS_BEFORE)


@pytest.fixture
def clock() -> dict[str, timedelta]:
    return {"ahead": timedelta()}


@pytest.fixture
def desk(tmp_path: Path, clock: dict[str, timedelta]) -> Desk:
    return Desk(an_instance(tmp_path), TIES.get, beginnings=Beginnings(lambda: clock["ahead"]))


def known(*changes: Change) -> Known:
    """A ledger that knows these as told."""
    found = Known()
    for one in changes:
        subject = object_id("wifip", one.native_id)
        found.add(KnownObject(one.native_id, subject, "own", one.locator, ("2026-03-01T09:00:00Z",), one.space, "futurs"))
    return found


def decided(desk: Desk, change: Change, *ledger: Change) -> Decision:
    return desk.decide(change, known(*ledger), NOW, NOW)


def at(moment: datetime, change: Change = SAID, **more: Any) -> Change:
    return replace(change, occurred_at=moment, **more)


# --- an RSE that numbers its messages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 40])
def test_what_stood_there_when_the_tie_began_and_comes_late_stays_inside(desk: Desk, number: int) -> None:
    assert decided(desk, replace(SAID, number=number)) == HELD


def test_an_edit_bears_no_number_of_its_own_so_that_its_time_decides_where_its_message_was_said_before(
    desk: Desk, clock: dict[str, timedelta]
) -> None:
    edit = replace(SAID, act=Act.EDITED)
    assert decided(desk, edit) == PERHAPS
    assert isinstance(decided(desk, replace(edit, number=41)), Publish)
    assert isinstance(decided(desk, at(BEGUN, edit)), Publish)
    clock["ahead"] = -2 * HOUR
    assert isinstance(decided(desk, edit), Publish)


def test_what_bears_a_greater_number_was_said_since_whatever_the_clock_said(desk: Desk) -> None:
    for moment in (BEGUN - HOUR, datetime(1970, 1, 1, tzinfo=UTC), NOW + HOUR):
        assert isinstance(decided(desk, at(moment, number=41)), Publish)


def test_numbers_that_began_anew_lose_nothing_that_is_said_now(desk: Desk) -> None:
    """A forum that was set back to a copy of before the tie gives the same numbers again."""
    assert isinstance(decided(desk, at(NOW, number=12)), Publish)
    assert isinstance(decided(desk, at(BEGUN + MARGIN, number=12)), Publish)


@pytest.mark.parametrize("moment", [BEGUN, BEGUN + MARGIN / 2, NOW + MARGIN + timedelta(seconds=1)])
def test_near_the_beginning_and_in_the_future_no_clock_is_believed(desk: Desk, moment: datetime) -> None:
    assert decided(desk, at(moment)) == HELD


def test_a_clock_that_is_ahead_hides_nothing(desk: Desk, clock: dict[str, timedelta]) -> None:
    assert isinstance(decided(desk, at(BEGUN + HOUR / 2)), Publish)
    clock["ahead"] = HOUR
    assert decided(desk, at(BEGUN + HOUR / 2)) == HELD


@pytest.mark.parametrize("ahead", [-timedelta(days=365 * 79), timedelta(days=365 * 79)])
def test_no_time_that_a_homeserver_may_tell_is_too_far(desk: Desk, clock: dict[str, timedelta], ahead: timedelta) -> None:
    clock["ahead"] = ahead
    for moment in (datetime.fromtimestamp(0, UTC), datetime(9999, 12, 31, tzinfo=UTC)):
        assert decided(desk, at(moment)) == HELD


def test_an_edit_made_since_of_a_message_that_was_not_told_brings_it_as_ever(desk: Desk) -> None:
    assert isinstance(decided(desk, at(NOW, act=Act.EDITED)), Publish)


def test_an_edit_of_what_was_told_is_never_held_back_by_its_message_s_number(desk: Desk) -> None:
    assert isinstance(decided(desk, replace(SAID, act=Act.EDITED), SAID), Publish)


def test_a_back_fill_brings_it_and_nothing_is_remembered_of_it_before(desk: Desk) -> None:
    ledger = Known()
    assert desk.decide(SAID, ledger, NOW, NOW) == HELD
    assert ledger.natives == {}
    assert isinstance(desk.decide(replace(SAID, history=True), ledger, NOW, NOW), Publish)


def test_what_is_set_on_it_is_dropped_as_of_anything_that_was_not_told(desk: Desk) -> None:
    like = Change(Act.REACTED, "like:1", "", "liked", "salon", "u2", NOW, parent="post:40", emoji="❤️", author=SAID.author)
    decided(desk, SAID)
    assert decided(desk, like) == Drop("unknown_object")


def test_what_stays_inside_for_another_reason_is_told_so(desk: Desk) -> None:
    assert decided(desk, replace(SAID, by_us=True)) == Drop("own_account")
    assert decided(desk, replace(SAID, inside=True)) == Drop("kept_internal")


def test_a_tie_of_which_nothing_was_asked_holds_nothing_back(desk: Desk) -> None:
    assert isinstance(decided(desk, replace(SAID, space="ancien")), Publish)


# --- an RSE that could not say where its space ended ------------------------------------------------------------------------


@pytest.mark.parametrize("change", [SAID, EVENT], ids=["numbered", "tokens"])
def test_where_the_rse_could_not_say_the_time_by_our_clock_decides_and_what_stays_is_named_apart(
    desk: Desk, clock: dict[str, timedelta], change: Change
) -> None:
    said = replace(change, space="muet")
    assert decided(desk, said) == PERHAPS
    assert isinstance(decided(desk, at(BEGUN, said)), Publish)
    clock["ahead"] = -2 * HOUR
    assert isinstance(decided(desk, said), Publish)


# --- an RSE that must be asked -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", [Act.POSTED, Act.EDITED])
def test_the_rse_is_asked_where_its_clock_makes_a_message_suspect(desk: Desk, act: Act) -> None:
    change = replace(EVENT, act=act)
    doubt = decided(desk, change)
    assert doubt == Doubt(Incomplete("$1", act, space="salle", otherwise=replace(change, placed=Placed.UNTOLD), behind="t10-11_0"))
    assert isinstance(decided(desk, at(NOW, change)), Publish)


@pytest.mark.parametrize(
    ("placed", "moment", "expected"),
    [
        (Placed.BEFORE, BEGUN - HOUR, HELD),
        (Placed.SINCE, BEGUN - HOUR, Publish),
        (Placed.UNTOLD, BEGUN - HOUR, PERHAPS),
        (Placed.UNTOLD, BEGUN + timedelta(seconds=1), Publish),
    ],
)
def test_its_order_decides_and_where_it_tells_none_the_clock(desk: Desk, placed: Placed, moment: datetime, expected: object) -> None:
    decision = decided(desk, at(moment, EVENT, placed=placed))
    assert decision == expected or (expected is Publish and isinstance(decision, Publish))


def test_what_was_placed_before_stays_though_an_edit_brought_the_message_meanwhile(desk: Desk) -> None:
    assert decided(desk, replace(EVENT, placed=Placed.BEFORE), EVENT) == HELD


def test_once_a_message_was_placed_behind_the_rse_is_asked_no_more_in_that_space(desk: Desk) -> None:
    other = replace(EVENT, native_id="$2", version="$2")
    decided(desk, replace(EVENT, act=Act.EDITED, placed=Placed.SINCE))
    assert isinstance(decided(desk, other), Doubt)  # a later edit may have been placed, and not the one that came
    decided(desk, replace(EVENT, placed=Placed.SINCE))
    assert isinstance(decided(desk, other), Publish)
    TIES["salle"] = replace(TOKENS, begun_at=NOW)
    try:
        assert isinstance(decided(desk, other), Doubt)  # suspended, and begun anew
    finally:
        TIES["salle"] = TOKENS


def test_what_its_author_takes_back_while_the_rse_is_asked_is_taken_back_behind_it(desk: Desk) -> None:
    deletion = replace(EVENT, act=Act.DELETED, version="$3", marker="$3", content=None)
    assert decided(desk, deletion) == Drop("unknown_object")
    decided(desk, EVENT)
    assert decided(desk, deletion) == Doubt(Incomplete("$1", Act.DELETED, BEHIND, otherwise=deletion))
    assert decided(desk, replace(deletion, asked=BEHIND)) == Drop("unknown_object")
    assert isinstance(decided(desk, replace(deletion, asked=BEHIND), EVENT), Publish)


@pytest.mark.parametrize("act", [Act.POSTED, Act.EDITED])
def test_what_was_deleted_while_the_rse_was_asked_does_not_come_back(desk: Desk, act: Act) -> None:
    ledger = known(EVENT)
    ledger.add(replace(ledger.natives["$1"], deleted=True))
    assert desk.decide(replace(EVENT, act=act, version="$4", placed=Placed.SINCE), ledger, NOW, NOW) == Drop("not_standing")


def test_an_edit_of_what_was_told_is_asked_about_where_edits_have_an_order(desk: Desk) -> None:
    """Made while the tie was suspended, perhaps."""
    assert isinstance(decided(desk, replace(EVENT, act=Act.EDITED, version="$4"), EVENT), Doubt)


@pytest.mark.parametrize(("given", "placed"), [(None, Placed.UNTOLD), (Placed.SINCE, Placed.SINCE)])
async def test_whatever_an_adapter_answers_it_is_asked_once(given: Placed | None, placed: Placed) -> None:
    async def complete(_: Incomplete) -> Change:
        return replace(EVENT, placed=given)

    found = await answered(cast("RseClient", SimpleNamespace(complete=complete)), Incomplete("$1", Act.POSTED, space="salle", behind="t"))
    assert isinstance(found, Change)
    assert (found.placed, found.asked) == (placed, "")


def test_what_waits_for_that_comes_out_of_the_spool_as_it_went_in() -> None:
    for placed in (*Placed, None):
        change = replace(SAID, placed=placed, answers=Standing("post:1", NOW, 7))
        assert unpack_change(pack_change(change)) == change
    incomplete = Incomplete("$1", Act.POSTED, space="salle", otherwise=EVENT, behind="t10-11_0")
    assert unpack_incomplete(pack_incomplete(incomplete)) == incomplete


# --- what others answer ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written_at", "number", "tie", "since"),
    [
        (BEGUN, 40, NUMBERED, False),
        (BEGUN - HOUR, 41, NUMBERED, True),
        (BEGUN + MARGIN, 40, NUMBERED, True),
        (BEGUN, None, NUMBERED, True),
        (BEGUN, 40, OLD, True),
        (BEGUN - HOUR, 41, UNTOLD, False),
        (None, 41, NUMBERED, False),
    ],
)
def test_an_answer_names_what_it_answers_by_the_same_rule(written_at: datetime | None, number: int | None, tie: Tie, since: bool) -> None:  # noqa: FBT001 - a table's column
    assert stands_since(Standing("post:1", written_at, number), tie) is since
