"""A list that comes in pages while people come and go: told whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.pages import MOVED, Portion, gathered
from adapters.people import TOO_MANY, Pieced
from adapters.port import Later, Never

PAGE: Final = 4
MOST: Final = 30
Change = Callable[[list[int]], None]


@dataclass
class Rse:
    """People in their order, told by pages; `between` is what happens after each answer."""

    people: list[int]
    between: list[Change] = field(default_factory=list)
    counted: int = 0
    """How many more it counts than it tells."""
    asked: int = 0

    async def ask(self, offset: int) -> Portion[int] | Later | Never:
        self.asked += 1
        told = Portion(self.people[offset : offset + PAGE], len(self.people) + self.counted)
        if self.between:
            self.between.pop(0)(self.people)
        return told

    async def read(self) -> tuple[int, ...] | Later | Never:
        return await gathered(self.ask, lambda one: one, MOST)


def still(people: list[int]) -> None:
    del people


def goes(one: int) -> Change:
    return lambda people: people.remove(one) if one in people else None


def comes(one: int, place: int) -> Change:
    return lambda people: people.insert(place, one)


@pytest.mark.parametrize("count", [0, 1, PAGE, PAGE + 1, 2 * PAGE, MOST])
async def test_all_are_told_and_whether_that_took_several_answers(count: int) -> None:
    found = await Rse([*range(count)]).read()
    assert (found, isinstance(found, Pieced)) == (tuple(range(count)), count > PAGE)


async def test_past_the_limit_one_question_says_so() -> None:
    rse = Rse([*range(MOST + 1)])
    assert (await rse.read(), rse.asked) == (Never(TOO_MANY), 1)


async def test_a_list_that_counts_more_than_it_tells_is_asked_for_again() -> None:
    assert await Rse([*range(PAGE + 2)], counted=1).read() == Later("list_incomplete")


@pytest.mark.parametrize("change", [goes(1), comes(99, 0)], ids=["somebody goes", "somebody comes"])
async def test_a_list_that_moved_is_read_once_more(change: Change) -> None:
    rse = Rse([*range(10)], [change])
    assert await rse.read() == tuple(rse.people)


async def test_a_list_that_never_stands_still_is_not_believed() -> None:
    assert await Rse([*range(10)], [goes(number) for number in range(4)]).read() == Never(MOVED)


CHANGES = st.one_of(st.just(still), st.integers(0, 15).map(goes), st.integers(0, 15).map(lambda place: comes(100 + place, min(place, 3))))


@given(st.lists(CHANGES, max_size=8))
async def test_who_stays_in_a_list_that_moves_once_between_two_answers_is_never_missing(changes: list[Change]) -> None:
    rse = Rse([*range(16)], changes)
    found = await rse.read()
    if isinstance(found, tuple):
        assert set(rse.people) & set(range(16)) <= set(found)
