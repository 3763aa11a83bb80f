"""A reply whose parent the ledger does not know: when the RSE is asked, and what its answer makes of the thread."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from adapters import threads
from adapters.decisions import Desk
from adapters.gateway import answered
from adapters.memory import Coming, Known, KnownObject
from adapters.port import Act, Change, Incomplete, Standing
from adapters.spool import pack_change, pack_incomplete, unpack_change, unpack_incomplete
from adapters.threads import HOPE
from adapters.ties import Tie, TieState
from adapters.verdicts import Doubt, Drop, Publish
from schemas.envelope import object_id
from schemas.facts.message import Author, Content
from schemas.words import Audience
from tests.fakes_plain import an_instance

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.port import RseClient

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEGUN = NOW - timedelta(hours=1)
TIE = Tie(
    "salon",
    "futurs",
    "Futurs",
    Audience.MEMBERS,
    Audience.MEMBERS,
    externals=False,
    state=TieState.CONFIRMED,
    renewed_at=NOW,
    begun_at=BEGUN,
)
CONTENT = Content(html="Bonjour", text="Bonjour")
REPLY = Change(
    Act.POSTED,
    "post:2",
    "1",
    "m",
    "salon",
    "u1",
    NOW,
    Author(name="Ada", organisation="F"),
    CONTENT,
    parent="topic:9/1",
    locator="topic:9/2",
)
PARENT = KnownObject("post:1", object_id("wifip", "post:1"), "own", "topic:9/1", (), "salon", "futurs")
HERE = KnownObject("post:2", object_id("wifip", "post:2"), "own", "topic:9/2", ("1",), "salon", "futurs")
SINCE = Standing("post:1", NOW - timedelta(minutes=1))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(an_instance(tmp_path), {"salon": TIE}.get)


def known(*objects: KnownObject) -> Known:
    found = Known()
    for one in objects:
        found.add(one)
    return found


def told(desk: Desk, change: Change, *objects: KnownObject, after: timedelta = timedelta()) -> str | None:
    """Published, with this parent."""
    decision = desk.decide(change, known(*objects), NOW + after, NOW + after)
    assert isinstance(decision, Publish), decision
    return decision.parent


def completed(standing: Standing, **more: Any) -> Change:
    return replace(REPLY, asked="", answers=standing, **more)


@pytest.mark.parametrize("act", [Act.POSTED, Act.EDITED])
def test_the_rse_is_asked_what_stands_at_a_locator_that_nobody_knows(desk: Desk, act: Act) -> None:
    reply = replace(REPLY, act=act)
    doubt = desk.decide(reply, known(), NOW, NOW)
    assert isinstance(doubt, Doubt)
    assert doubt.incomplete == Incomplete("post:2", act, otherwise=replace(reply, answers=Standing()), parent="topic:9/1")


@pytest.mark.parametrize(
    ("reply", "objects"),
    [
        (REPLY, (PARENT,)),
        (replace(REPLY, history=True), ()),
        (replace(REPLY, parent="post:1"), ()),
        (replace(REPLY, locator=None, parent="$event"), ()),
        (replace(REPLY, parent=None), ()),
        (replace(REPLY, act=Act.EDITED), (HERE,)),
        (completed(Standing()), ()),
    ],
    ids=["known", "history", "native", "without locators", "a root", "an edit of what was told", "asked"],
)
def test_it_is_not_asked_in_vain_nor_twice(desk: Desk, reply: Change, objects: tuple[KnownObject, ...]) -> None:
    assert isinstance(desk.decide(reply, known(*objects), NOW, NOW), Publish)


def test_what_a_back_fill_brings_needs_no_question(desk: Desk) -> None:
    found = known()
    found.coming["topic:9/1"] = Coming("post:1", "futurs", "salon")
    assert isinstance(desk.decide(REPLY, found, NOW, NOW), Publish)


def test_an_answer_that_stays_inside_and_the_connector_s_own_are_not_asked_about(desk: Desk) -> None:
    inside = Content(html="#interne", text="#interne")
    assert desk.decide(replace(REPLY, content=inside), known(), NOW, NOW) == Drop("kept_internal")
    assert desk.decide(replace(REPLY, by_us=True), known(), NOW, NOW) == Drop("own_account")


def test_what_the_ledger_remembers_as_deleted_is_asked_about_when_it_comes_back(desk: Desk) -> None:
    back = replace(REPLY, act=Act.EDITED, version="2")
    assert isinstance(desk.decide(back, known(replace(HERE, deleted=True)), NOW, NOW), Doubt)


@pytest.mark.parametrize(
    ("standing", "parent"),
    [
        (SINCE, PARENT.subject),
        (Standing("post:1", BEGUN), PARENT.subject),
        (Standing("post:1", BEGUN - timedelta(seconds=1)), None),
        (Standing(), None),
    ],
)
def test_what_was_written_since_the_tie_is_named_and_nothing_that_never_comes(desk: Desk, standing: Standing, parent: str | None) -> None:
    assert told(desk, completed(standing)) == parent


def test_a_parent_that_the_ledger_knows_by_then_is_found_there(desk: Desk) -> None:
    assert told(desk, completed(Standing()), PARENT) == PARENT.subject
    assert told(desk, completed(SINCE), replace(PARENT, community="autre")) is None


def test_what_was_answered_once_is_not_asked_about_again(desk: Desk) -> None:
    told(desk, completed(SINCE))
    other = replace(REPLY, native_id="post:3", locator="topic:9/3")
    assert told(desk, other) == PARENT.subject
    assert told(desk, replace(other, history=True)) is None


def test_what_does_not_come_in_time_holds_up_nothing_any_more(desk: Desk) -> None:
    told(desk, completed(SINCE))
    other = replace(REPLY, native_id="post:3", locator="topic:9/3")
    assert told(desk, other, after=HOPE) == PARENT.subject
    assert told(desk, other, after=HOPE + timedelta(seconds=1)) is None
    assert told(desk, completed(SINCE), after=HOPE + timedelta(seconds=1)) is None


@pytest.mark.parametrize("kind", ["own", "copy"])
def test_what_was_moved_to_another_topic_is_answered_there_for_ever(desk: Desk, kind: str) -> None:
    moved = replace(PARENT, locator="topic:4/7", origin=kind)  # where the ledger saw it last: no webhook tells of a move
    answers = SINCE if kind == "own" else Standing("post:1")
    assert told(desk, completed(answers), moved) == PARENT.subject
    later = replace(REPLY, native_id="post:3", locator="topic:9/3")
    assert "post:1" in desk.references(later)  # which the ledger is asked for
    assert told(desk, later, moved, after=HOPE * 9) == PARENT.subject
    assert told(desk, later, replace(moved, community="autre"), after=HOPE * 9) is None


def test_what_is_told_for_want_of_an_answer_teaches_nothing(desk: Desk) -> None:
    doubt = desk.decide(REPLY, known(), NOW, NOW)
    assert isinstance(doubt, Doubt)
    assert doubt.incomplete.otherwise is not None
    assert told(desk, doubt.incomplete.otherwise) is None
    assert isinstance(desk.decide(replace(REPLY, native_id="post:3"), known(), NOW, NOW), Doubt)


def test_no_more_is_remembered_than_a_process_can_hold(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "REMEMBERED", 2)
    for number in range(1, 4):
        told(desk, completed(Standing(), parent=f"topic:{number}/1"))
    assert [f"topic:{number}/1" in desk.threads for number in range(1, 4)] == [False, True, True]


@pytest.mark.parametrize(
    ("wanted", "given", "standing"), [("topic:9/1", None, Standing()), ("topic:9/1", SINCE, SINCE), (None, None, None)]
)
async def test_whatever_an_adapter_answers_it_is_asked_once(wanted: str | None, given: Standing | None, standing: Standing | None) -> None:
    async def complete(_: Incomplete) -> Change:
        return replace(REPLY, answers=given)

    client = cast("RseClient", SimpleNamespace(complete=complete))
    found = await answered(client, Incomplete("post:2", Act.POSTED, parent=wanted))
    assert isinstance(found, Change)
    assert (found.asked, found.answers) == ("", standing)


def test_what_was_asked_and_answered_comes_out_of_the_spool_as_it_went_in() -> None:
    for standing in (SINCE, Standing(), Standing("post:1"), None):
        assert unpack_change(pack_change(replace(REPLY, answers=standing))).answers == standing
    wanted = Incomplete("post:2", Act.POSTED, otherwise=completed(Standing()), parent="topic:9/1")
    assert unpack_incomplete(pack_incomplete(wanted)) == wanted


FIRST = replace(REPLY, native_id="post:1", parent=None, locator="topic:9/1", quotes=("topic:8/1", "topic:8/3"))
QUOTED = KnownObject("post:7", object_id("wifip", "post:7"), "own", "topic:8/1", (), "salon", "futurs")


def test_an_rse_is_asked_about_what_a_message_quotes_and_nobody_was_told(desk: Desk) -> None:
    doubt = desk.decide(FIRST, known(QUOTED), NOW, NOW)
    assert doubt == Doubt(Incomplete("post:1", Act.POSTED))  # whatever becomes of the RSE, it is not told unasked
    assert unpack_change(pack_change(FIRST)) == FIRST
    assert isinstance(desk.decide(replace(FIRST, asked=""), known(), NOW, NOW), Publish)
    assert desk.decide(replace(FIRST, asked="", inside=True), known(), NOW, NOW) == Drop("kept_internal")


def test_what_is_asked_of_a_quoting_reply_is_asked_at_once(desk: Desk) -> None:
    doubt = desk.decide(replace(REPLY, quotes=("topic:8/1",)), known(), NOW, NOW)
    assert doubt == Doubt(Incomplete("post:2", Act.POSTED, parent="topic:9/1"))


def test_what_others_read_may_be_quoted_without_a_question(desk: Desk) -> None:
    assert isinstance(desk.decide(replace(FIRST, quotes=("topic:8/1",)), known(QUOTED), NOW, NOW), Publish)
