"""The oracle's verdict on reactions and accepted answers: silent where all is well, and each wrong mark is named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.chaos.book import Answer, Book, Entry, Reaction
from tests.chaos.marks import Answered, Reacted, Way, Ways, judge_marks
from tests.chaos.oracle import Change, Fault, Mark, Numbered, Replay, Shown, replay
from tests.chaos.people import Wish

if TYPE_CHECKING:
    from collections.abc import Mapping

FORUM, ROOM, WALL, HALL = "n00", "n01", "n02", "communaute-0"
WAYS = {FORUM: Ways(Way.ONE_LIKE, answers=True), ROOM: Ways(Way.EACH, answers=True), WALL: Ways(Way.ONE_LIKE, answers=False)}
HEART, THUMB, CLAP = "❤️", "👍", "👏"


def book() -> Book:
    """1 is a question of the forum, 2 its accepted answer, 3 another answer; the room and the wall reacted to 1, the forum to 3."""
    made = Book()
    for number, rse, parent in ((1, FORUM, None), (2, ROOM, 1), (3, WALL, 1)):
        made.entries[number] = Entry(rse, HALL, "x", parent)
        made.entries[number].done(Wish.POST, 1)
    for key in ((1, ROOM, 0), (1, WALL, 1), (3, FORUM, 0)):
        made.reactions[key] = Reaction()
        made.reactions[key].done(Wish.REACT, key[0])
    made.answers[1] = Answer(FORUM)
    made.answers[1].done(Wish.ACCEPT, 3)
    made.answers[1].done(Wish.ACCEPT, 2)
    return made


MARKS: tuple[Reacted | Answered, ...] = (
    Reacted(4, ROOM, "a", 1, 0, CLAP), Reacted(5, WALL, "b", 1, 1, THUMB), Reacted(6, FORUM, "c", 3, 0, HEART),
    Answered(7, 3, accepted=True), Answered(8, 2, accepted=True), Answered(9, 3, accepted=False),
)  # fmt: skip
SIGHTS = {
    FORUM: {1: Shown(1, 1, None, (Mark(None, HEART),)), 2: Shown(2, 1, 1, accepted=1), 3: Shown(3, 1, 1, (Mark(0, HEART),))},
    ROOM: {
        1: Shown(1, 1, None, (Mark(0, CLAP), Mark(None, THUMB))),
        2: Shown(2, 1, 1, accepted=1),
        3: Shown(3, 1, 1, (Mark(None, HEART),)),
    },
    WALL: {1: Shown(1, 1, None, (Mark(1, THUMB), Mark(None, THUMB))), 2: Shown(2, 1, 1), 3: Shown(3, 1, 1, (Mark(None, THUMB),))},
}


def the_replay(*more: Numbered) -> Replay:
    written = [Numbered(number, rse, number, Change.WRITTEN, 1) for number, rse in ((1, FORUM), (2, ROOM), (3, WALL))]
    return replay([*written, *more])


def judged(
    known: Book | None = None,
    marks: tuple[Reacted | Answered, ...] = MARKS,
    made: Replay | None = None,
    seen: Mapping[str, Shown] | None = None,
) -> list[tuple[Fault, str, int | None]]:
    """`seen`: under `n01_3`, what the room shows of message 3."""
    shown = {rse: dict(there) for rse, there in SIGHTS.items()}
    for place, one in (seen or {}).items():
        rse, _, number = place.partition("_")
        shown[rse][int(number)] = one
    sights = {(rse, HALL): list(there.values()) for rse, there in shown.items()}
    found = judge_marks(known or book(), marks, [made or the_replay()], sights, WAYS)
    return [(one.fault, one.where, one.message) for one in found]


def test_nothing_is_said_where_every_mark_is_as_the_numbers_define() -> None:
    assert judged() == []


@pytest.mark.parametrize(
    ("seen", "fault", "where", "message"),
    [
        ({"n01_1": replace(SIGHTS[ROOM][1], marks=(Mark(0, CLAP),))}, Fault.LOST, ROOM, 1),
        ({"n01_1": replace(SIGHTS[ROOM][1], marks=(Mark(0, CLAP), Mark(None, THUMB), Mark(None, THUMB)))}, Fault.DOUBLED, ROOM, 1),
        ({"n01_2": replace(SIGHTS[ROOM][2], marks=(Mark(None, THUMB),))}, Fault.RISEN, ROOM, 2),
        ({"n00_1": replace(SIGHTS[FORUM][1], marks=())}, Fault.LOST, FORUM, 1),
        ({"n00_2": replace(SIGHTS[FORUM][2], marks=(Mark(None, HEART),))}, Fault.RISEN, FORUM, 2),
        ({"n02_2": replace(SIGHTS[WALL][2], marks=(Mark(None, THUMB),))}, Fault.RISEN, WALL, 2),
        ({"n01_2": replace(SIGHTS[ROOM][2], accepted=0)}, Fault.LOST, ROOM, 2),
        ({"n01_2": replace(SIGHTS[ROOM][2], accepted=2)}, Fault.DOUBLED, ROOM, 2),
        ({"n01_3": replace(SIGHTS[ROOM][3], accepted=1)}, Fault.RISEN, ROOM, 3),
        ({"n02_1": replace(SIGHTS[WALL][1], marks=(Mark(None, THUMB),))}, Fault.SPOILT, WALL, 1),
    ],
)
def test_a_wrong_mark_is_named_where_it_stands(seen: dict[str, Shown], fault: Fault, where: str, message: int) -> None:
    assert judged(seen=seen) == [(fault, where, message)]


def test_a_reaction_that_never_reached_the_hub_is_lost_there_alone() -> None:
    without = tuple(mark for mark in MARKS if mark.sequence != 5)
    assert judged(marks=without, seen={"n01_1": replace(SIGHTS[ROOM][1], marks=(Mark(0, CLAP),))}) == [(Fault.LOST, "hub", 1)]


def test_a_reaction_taken_back_stands_nowhere() -> None:
    known = book()
    known.reactions[1, ROOM, 0].done(Wish.UNREACT, 1)
    seen = {"n01_1": replace(SIGHTS[ROOM][1], marks=(Mark(None, THUMB),)), "n02_1": replace(SIGHTS[WALL][1], marks=(Mark(1, THUMB),))}
    assert judged(known, (*MARKS, Reacted(10, ROOM, "a", None, None, None)), seen=seen) == []
    assert judged(known, seen={"n01_1": seen["n01_1"]}) == [(Fault.RISEN, "hub", 1)]


def test_a_reaction_without_an_answer_may_have_been_set_or_not_as_its_own_rse_shows() -> None:
    known = book()
    known.reactions[2, WALL, 0] = Reaction()
    known.reactions[2, WALL, 0].unsure(Wish.REACT, 2)
    assert judged(known) == []
    assert judged(known, seen={"n02_2": replace(SIGHTS[WALL][2], marks=(Mark(0, THUMB),))}) == [(Fault.LOST, "hub", 2)]


def test_an_answer_that_the_numbers_do_not_know_is_lost_in_the_hub() -> None:
    without = tuple(mark for mark in MARKS if mark.sequence < 8)
    assert (Fault.LOST, "hub", 1) in judged(marks=without)


def test_marks_on_what_was_ever_deleted_are_nobodys_business() -> None:
    deleted = the_replay(Numbered(9, ROOM, 2, Change.DELETED))
    assert judged(made=deleted, seen={"n01_2": replace(SIGHTS[ROOM][2], accepted=0, marks=(Mark(None, THUMB),))}) == []
