"""The oracle of a chaos run: it holds its peace where all is well, and names each thing that is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.chaos.book import Entry, State
from tests.chaos.oracle import Change, Fault, Numbered, Shown, judge
from tests.chaos.people import Wish

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.chaos.oracle import Finding

HOME, AWAY, HALL = "n00", "n01", "communaute-0"
Sights = dict[tuple[str, str], list[Shown]]


def entry(*acts: tuple[Wish, int], rse: str = HOME, parent: int | None = None) -> Entry:
    made = Entry(rse, HALL, native_id="x", parent=parent)
    for wish, version in acts:
        made.done(wish, version)
    return made


POSTED, EDITED, DELETED = (Wish.POST, 1), (Wish.EDIT, 2), (Wish.DELETE, 2)


def entries() -> dict[int, Entry]:
    """1 was posted, 2 answers it and was edited, 3 was deleted, 4 was written elsewhere."""
    return {1: entry(POSTED), 2: entry(POSTED, EDITED, parent=1), 3: entry(POSTED, DELETED), 4: entry(POSTED, rse=AWAY)}


def numbers() -> list[Numbered]:
    return [
        Numbered(1, "hub", None, Change.WRITTEN),
        Numbered(2, HOME, 1, Change.WRITTEN, 1),
        Numbered(3, HOME, 2, Change.WRITTEN, 1),
        Numbered(4, HOME, 3, Change.WRITTEN, 1),
        Numbered(5, HOME, 2, Change.WRITTEN, 2),
        Numbered(6, HOME, 3, Change.DELETED),
        Numbered(7, AWAY, 4, Change.WRITTEN, 1),
    ]


def sights() -> Sights:
    return {(HOME, HALL): [Shown(1, 1), Shown(2, 2, 1), Shown(4, 1)], (AWAY, HALL): [Shown(1, 1), Shown(4, 1), Shown(2, 2, 1)]}


def judged(
    known: Mapping[int, Entry] | None = None, order: Sequence[Numbered] | None = None, seen: Sights | None = None
) -> list[tuple[Fault, str, int | None]]:
    found: list[Finding] = judge(known or entries(), {HALL: order if order is not None else numbers()}, seen or sights())
    return [(one.fault, one.where, one.message) for one in found]


def away(*shown: Shown) -> Sights:
    return {**sights(), (AWAY, HALL): list(shown)}


def test_nothing_is_said_where_every_rse_is_as_the_numbers_define() -> None:
    assert judged() == []


@pytest.mark.parametrize(
    ("shown", "fault", "message"),
    [
        ((Shown(4, 1), Shown(1, 1)), Fault.LOST, 2),
        ((Shown(1, 1), Shown(4, 1), Shown(2, 2, 1), Shown(1, 1)), Fault.DOUBLED, 1),
        ((Shown(2, 2, 1), Shown(1, 1), Shown(4, 1)), Fault.OUT_OF_ORDER, 1),
        ((Shown(1, 1), Shown(4, 1), Shown(2, 1, 1)), Fault.STALE, 2),
        ((Shown(1, 1), Shown(2, 2, 1), Shown(3, 1), Shown(4, 1)), Fault.RISEN, 3),
        ((Shown(1, 1), Shown(2, 2, 1), Shown(4, 1), Shown(None, None)), Fault.STRANGE, None),
        ((Shown(1, 1), Shown(2, 2), Shown(4, 1)), Fault.MISPLACED, 2),
    ],
)
def test_what_is_wrong_in_an_rse_is_named(shown: tuple[Shown, ...], fault: Fault, message: int | None) -> None:
    assert judged(seen=away(*shown)) == [(fault, AWAY, message)]


def test_a_message_that_never_reached_the_hub_is_lost_there() -> None:
    order = [one for one in numbers() if one.message != 4]
    seen = {**sights(), (HOME, HALL): [Shown(1, 1), Shown(2, 2, 1)]}
    assert judged(order=[replace(one, sequence=place) for place, one in enumerate(order, 1)], seen=seen) == [(Fault.LOST, "hub", 4)]


def test_an_older_text_numbered_after_a_newer_one_is_stale_in_the_hub_and_named_there_alone() -> None:
    order = [*numbers(), Numbered(8, HOME, 2, Change.WRITTEN, 1)]
    assert judged(order=order, seen=away(Shown(1, 1), Shown(2, 1, 1), Shown(4, 1))) == [(Fault.STALE, "hub", 2)]


def test_an_edit_numbered_after_its_deletion_raises_the_dead() -> None:
    order = [*numbers(), Numbered(8, HOME, 3, Change.WRITTEN, None)]
    assert (Fault.RISEN, "hub", 3) in judged(order=order)


def test_numbers_that_are_missing_or_given_twice_are_named() -> None:
    order = numbers()
    assert (Fault.NUMBERS, "hub", None) in judged(order=[*order[:4], *order[5:]])
    assert judged(order=[*order, replace(order[0], sequence=7)]) == [(Fault.NUMBERS, "hub", None)]


def test_an_act_without_an_answer_may_have_been_done_or_not_as_its_own_rse_shows() -> None:
    known = entries()
    known[4].unsure(Wish.EDIT, 2)
    assert known[4].may_be == {State(1, alive=True), State(2, alive=True)}
    assert judged(known) == []
    seen = {(HOME, HALL): [Shown(1, 1), Shown(2, 2, 1), Shown(4, 1)], (AWAY, HALL): [Shown(1, 1), Shown(4, 2), Shown(2, 2, 1)]}
    assert judged(known, seen=seen) == [(Fault.STALE, "hub", 4)]  # it was done there, and nobody was told


def test_an_edit_of_what_is_deleted_brings_nothing_back() -> None:
    assert entry(POSTED, DELETED, EDITED).may_be == {State(2, alive=False)}
    unsure = entry()
    unsure.unsure(*POSTED)
    unsure.done(*EDITED)
    assert unsure.may_be == {State(2, alive=True)}


def test_an_original_that_was_changed_by_nobody_of_its_own_is_named() -> None:
    assert judged(seen=away(Shown(1, 1), Shown(2, 2, 1))) == [(Fault.SPOILT, AWAY, 4)]


def test_a_deletion_that_was_taken_back_is_expected_with_the_text_before_it() -> None:
    known = entries()
    known[3].done(Wish.RESTORE, 2)
    assert known[3].may_be == {State(1, alive=True)}
    order = [*numbers(), Numbered(8, HOME, 3, Change.WRITTEN, 1)]
    home = {**sights(), (HOME, HALL): [Shown(1, 1), Shown(2, 2, 1), Shown(3, 1), Shown(4, 1)]}
    assert judged(known, order, {**home, (AWAY, HALL): [Shown(1, 1), Shown(4, 1), Shown(2, 2, 1), Shown(3, 1)]}) == []
    assert judged(known, order, home) == [(Fault.LOST, AWAY, 3)]


def test_what_a_person_was_refused_is_not_expected() -> None:
    known = {**entries(), 5: entry()}
    assert judged(known) == []
