"""Which numbers of a community were applied, and how long a gap is remembered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.applied import GAP_KEPT, Numbers


def after(numbers: Numbers, *more: int) -> Numbers:
    for number in more:
        numbers = numbers.plus(number)
    return numbers


def test_a_gap_is_told_once_and_again_only_for_the_next_gap() -> None:
    assert Numbers(3).skips_to(5)
    assert not after(Numbers(3), 5).skips_to(6)
    assert after(Numbers(3), 5).skips_to(7)
    assert not Numbers(3).skips_to(4)


def test_a_gap_that_is_filled_late_leaves_one_contiguous_part() -> None:
    assert after(Numbers(3), 5, 6, 4) == Numbers(6)


def test_a_gap_is_closed_once_when_too_many_lie_beyond_it() -> None:
    full = after(Numbers(3), *range(5, 5 + GAP_KEPT))
    last = 5 + GAP_KEPT
    assert (full.applied, len(full.later)) == (3, GAP_KEPT)
    assert full.plus(last) == Numbers(last)


def test_filling_the_gap_at_its_limit_does_not_give_anything_up() -> None:
    full = after(Numbers(3), *range(5, 5 + GAP_KEPT))
    assert full.plus(4) == Numbers(4 + GAP_KEPT)


def test_what_an_earlier_version_remembered_without_end_is_closed_at_the_next_record() -> None:
    assert Numbers(3, frozenset(range(10, 9_000))).plus(9_000) == Numbers(9_000)


def test_what_is_sent_again_closes_every_gap_below_it_and_forgets_nothing_above() -> None:
    assert after(Numbers(3), 7, 9).reaching(8) == Numbers(8, frozenset({9}))
    assert Numbers(9).reaching(4) == Numbers(9)


@given(st.lists(st.integers(1, 400), max_size=300))
def test_what_was_applied_is_never_forgotten_and_never_grows(numbers: list[int]) -> None:
    kept = after(Numbers(0), *numbers)
    assert all(kept.has(number) for number in numbers)
    assert len(kept.later) <= GAP_KEPT
