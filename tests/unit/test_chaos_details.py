"""The closer look of a chaos run's oracle: it holds its peace where all is well, and names each thing that is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.chaos.book import Entry
from tests.chaos.details import Closely, judge_details
from tests.chaos.oracle import Change, Fault, Nature, Numbered, Shown, judge, replay
from tests.chaos.people import Wish
from tests.chaos.rse import _whole
from tests.chaos.words import sentences_of, text_of, word_of, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOM, WALL, HALL = "n01", "n02", "communaute-0"
LONG = tuple((1, 1, sentence) for sentence in range(3))


def entries() -> dict[int, Entry]:
    """The room said 1, which is long, 2 that answers it, 3 that answers 2; and 4, which it took back."""
    made = {number: Entry(ROOM, HALL, "x", parent) for number, parent in ((1, None), (2, 1), (3, 2), (4, None))}
    for one in made.values():
        one.done(Wish.POST, 1)
    made[4].done(Wish.DELETE, 1)
    made[1].lengths = {1: 3}
    return made


NUMBERS = [*(Numbered(number, ROOM, number, Change.WRITTEN, 1) for number in (1, 2, 3, 4)), Numbered(5, ROOM, 4, Change.DELETED)]
SHOWN = [Shown(1, 1, sentences=LONG), Shown(2, 1, 1), Shown(3, 1, 2, quotes=(2, 1))]


def details(
    shown: Sequence[Shown] = SHOWN, traces: Sequence[str] = (), there: Sequence[str] | None = ("Ada",), counted: Sequence[str] = ("Ada",)
) -> list[tuple[Fault, int | None]]:
    found = judge_details(
        entries(), {HALL: replay(NUMBERS)}, {(WALL, HALL): shown}, {(WALL, HALL): Closely(traces, there)}, {HALL: {WALL: counted}}
    )
    return [(one.fault, one.message) for one in found]


def changed(place: int, **changes: object) -> list[Shown]:
    return [replace(one, **changes) if number == place else one for number, one in enumerate(SHOWN)]  # type: ignore[arg-type]


def test_where_all_is_well_nothing_is_found() -> None:
    assert details(traces=[text_of(1, 1, 3), text_of(2, 1)]) == []


@pytest.mark.parametrize("sentences", [(), LONG[:2], LONG[::-1], (*LONG, LONG[0]), tuple((1, 2, one) for one in range(3))])
def test_a_long_text_that_is_cut_disordered_doubled_or_of_another_version_is_named(sentences: tuple[tuple[int, int, int], ...]) -> None:
    assert details(changed(0, sentences=sentences)) == [(Fault.CUT, 1)]


@pytest.mark.parametrize("quotes", [(2, 2), (1, 1), (None, None)])
def test_a_quotation_of_other_words_than_stand_is_named(quotes: tuple[int | None, int | None]) -> None:
    assert details(changed(2, quotes=quotes)) == [(Fault.QUOTED, 3)]


@pytest.mark.parametrize("left", [text_of(4, 1), "Titre : parole000004v01", "suite000004v01s002"])
def test_a_word_of_what_was_taken_back_is_named_wherever_it_stands(left: str) -> None:
    assert details(traces=["rien", left]) == [(Fault.LEFT, 4)]


def test_who_is_counted_and_not_there_or_there_and_not_counted_is_named() -> None:
    assert details(there=("Ada", "Zoé")) == [(Fault.MEMBERS, None)]
    assert details(there=None) == [(Fault.MEMBERS, None)]
    assert details(there=None, counted=()) == []


def test_parts_of_a_long_message_are_one_message() -> None:
    first, second = text_of(1, 1, 3).split(" Et voici suite000001v01s001")
    parts = [Shown(*word_of(text), sentences=sentences_of(text)) for text in (first, f"suite000001v01s001{second}")]
    assert _whole([parts[0], Shown(2, 1), parts[1]]) == [Shown(1, 1, sentences=LONG), Shown(2, 1)]
    assert _whole([parts[1]]) == [parts[1]]
    assert words_of(first) == {1}


def natured(nature: Nature, shown: Sequence[Shown], order: Sequence[Numbered] = NUMBERS) -> list[tuple[Fault, int | None]]:
    known = entries()
    room = [Shown(number, 1, known[number].parent) for number in (1, 2, 3)]
    found = judge(known, {HALL: order}, {(ROOM, HALL): room, (WALL, HALL): shown}, {WALL: nature})
    return [(one.fault, one.message) for one in found if one.where == WALL]


def test_history_is_missed_only_where_it_is_written() -> None:
    past = [replace(NUMBERS[0], history=True), *NUMBERS[1:]]
    assert natured(Nature(history=False), SHOWN[1:], past) == []
    assert natured(Nature(), SHOWN[1:], past) == [(Fault.LOST, 1)]
    assert natured(Nature(history=False), SHOWN[1:]) == [(Fault.LOST, 1)]


def test_a_copy_that_cannot_be_changed_may_say_what_it_said_once_and_nothing_else() -> None:
    edited = [*NUMBERS, Numbered(6, ROOM, 3, Change.WRITTEN, 2)]
    assert (Fault.STALE, 3) in natured(Nature(), SHOWN, edited)
    assert (Fault.STALE, 3) not in natured(Nature(), changed(2, fixed=True), edited)
    assert (Fault.STALE, 3) in natured(Nature(), changed(2, fixed=True, version=7), edited)


def test_what_stood_below_a_deletion_may_be_gone_where_it_is_taken_with_it() -> None:
    order = [*NUMBERS, Numbered(6, ROOM, 1, Change.DELETED), Numbered(7, ROOM, 1, Change.WRITTEN, 1)]
    assert natured(Nature(sweeps=True), SHOWN[:1], order) == []
    assert natured(Nature(), SHOWN[:1], order) == [(Fault.LOST, 2), (Fault.LOST, 3)]
    assert natured(Nature(sweeps=True), SHOWN[:1]) == [(Fault.LOST, 2), (Fault.LOST, 3)]
