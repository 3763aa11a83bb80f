"""Order within a community, independence between them, and the mark up to which offsets may be committed."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from adapters.applied import Numbers
from adapters.lanes import Lanes, Mark


async def turns() -> None:
    """Let every task that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


@given(st.permutations(range(10, 20)))
def test_the_mark_stands_before_the_first_offset_that_is_not_done(order: list[int]) -> None:
    mark, done = Mark(), set[int]()
    for offset in range(10, 20):
        mark.begin(offset)
    for offset in order:
        mark.finish(offset)
        done.add(offset)
        first_open = next((n for n in range(10, 20) if n not in done), 20)
        assert (mark.next or 10) == first_open
    assert mark.under_way == 0


def test_offsets_with_holes_are_passed_over() -> None:
    mark = Mark()
    for offset in (3, 7, 9):
        mark.begin(offset)
    for offset in (3, 7, 9):
        mark.finish(offset)
    assert mark.next == 10


def test_the_mark_of_a_node_that_is_never_idle_remembers_no_more_than_what_is_under_way() -> None:
    mark = Mark()
    mark.begin(0)
    for offset in range(1_000):
        mark.begin(offset + 1)
        mark.finish(offset)
    assert (mark.next, len(mark._done)) == (1_000, 0)


def test_what_ends_after_a_rebalance_moves_nothing() -> None:
    mark = Mark()
    mark.begin(5)
    mark.forget()
    mark.finish(5)
    assert mark.next is None


async def test_each_lane_keeps_its_order_and_none_waits_for_another() -> None:
    blocked, handled = asyncio.Event(), []

    async def handle(item: tuple[str, int]) -> None:
        if item == ("slow", 0):
            await blocked.wait()
        handled.append(item)

    lanes = Lanes(handle, at_once=2)
    for number in range(3):
        lanes.put("slow", ("slow", number))
        lanes.put("fast", ("fast", number))
    await turns()
    assert handled == [("fast", 0), ("fast", 1), ("fast", 2)]
    blocked.set()
    await turns()
    assert handled[3:] == [("slow", 0), ("slow", 1), ("slow", 2)]


async def test_no_more_lanes_run_at_once_than_allowed() -> None:
    running, most, go = 0, 0, asyncio.Event()

    async def handle(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go.wait()
        running -= 1

    lanes = Lanes(handle, at_once=16)
    for number in range(40):
        lanes.put(str(number), number)
    await turns()
    go.set()
    await lanes.clear(5)
    assert most == 16


async def test_clearing_begins_nothing_more_and_cuts_off_what_does_not_end() -> None:
    begun: list[int] = []

    async def handle(item: int) -> None:
        begun.append(item)
        await asyncio.Event().wait()

    lanes = Lanes(handle, at_once=1)
    lanes.put("a", 1)
    lanes.put("a", 2)
    await asyncio.sleep(0)
    await lanes.clear(0.01)
    assert begun == [1]


@given(st.integers(1, 50), st.permutations(range(12)))
def test_numbers_applied_in_any_order_are_all_known_and_become_contiguous(base: int, order: list[int]) -> None:
    numbers = Numbers(base)
    for place in order:
        numbers = numbers.plus(base + 1 + place)
        assert numbers.has(base + 1 + place)
    assert numbers == Numbers(base + 12)


def test_a_number_past_a_gap_is_remembered_and_the_gap_is_not() -> None:
    numbers = Numbers(4).plus(7)
    assert numbers.skips_to(9)
    assert (numbers.applied, numbers.has(7), numbers.has(6)) == (4, True, False)


async def test_a_lane_that_is_filled_without_end_keeps_no_other_out() -> None:
    handled: list[str] = []

    async def handle(item: str) -> None:
        handled.append(item)
        await asyncio.sleep(0)
        if item == "busy" and len(handled) < 50:
            lanes.put("busy", "busy")

    lanes = Lanes(handle, at_once=1)
    for _ in range(3):
        lanes.put("busy", "busy")
    lanes.put("quiet", "taken back")
    await turns()
    await lanes.clear(5)
    assert handled.index("taken back") <= 2


async def test_a_lane_whose_handler_fails_goes_on_with_the_same_item_and_drops_none() -> None:
    handled, waits, failing = list[int](), list[float](), [RuntimeError("words of a person"), ZeroDivisionError()]

    async def handle(item: int) -> None:
        if item == 1 and failing:
            raise failing.pop()
        handled.append(item)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    lanes = Lanes(handle, 16, sleep)
    for number in range(4):
        lanes.put("a", number)
    await turns()
    assert (handled, len(waits)) == ([0, 1, 2, 3], 2)


async def test_a_lane_that_was_cleared_while_its_handler_failed_takes_up_nothing_again() -> None:
    handled, go = list[int](), asyncio.Event()

    async def handle(item: int) -> None:
        handled.append(item)
        await go.wait()
        raise RuntimeError

    lanes = Lanes(handle, 16, asyncio.sleep)
    lanes.put("a", 1)
    lanes.put("a", 2)
    await turns()
    go.set()
    await lanes.clear(5)
    assert handled == [1]
