"""An eXo's clock beside ours: what an answer's Date tells of it, and how far a stream counts as read by either."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.exo.clock import Reached
from adapters.far_clock import AGREES, SECOND, ZERO, offset_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAYS = st.integers(-200_000, 200_000)


def dated(moment: datetime) -> str:
    return format_datetime(moment.replace(microsecond=0), usegmt=True)


@pytest.mark.parametrize("said", [None, "", "hier", "Mon, 02 Mar 2026 25:00:00 GMT", "\x00"])
def test_an_answer_without_a_time_tells_of_a_clock_like_ours(said: str | None) -> None:
    assert offset_of(said, NOON, NOON) == ZERO


@pytest.mark.parametrize("year", ["1601", "9999", "99999999999999999999"])
def test_a_clock_that_is_lifetimes_away_is_a_mistake_and_breaks_nothing(year: str) -> None:
    for said in (f"Fri, 31 Dec {year} 23:59:59 GMT", f"Sat, 01 Jan {year} 00:00:00 -2359"):
        assert offset_of(said, NOON, NOON) == ZERO


def test_a_slow_answer_and_a_second_cut_off_are_no_difference() -> None:
    assert offset_of(dated(NOON), NOON - timedelta(seconds=20), NOON + timedelta(seconds=0.9)) == ZERO


@given(ahead=DAYS, took=st.floats(0, 20), into=st.floats(0, 1), second=st.floats(0, 0.999))
def test_it_is_known_to_within_the_answers_time_and_never_made_greater_than_it_is(
    ahead: int, took: float, into: float, second: float
) -> None:
    sent = NOON + timedelta(seconds=second)
    received = sent + timedelta(seconds=took)
    answered = sent + (received - sent) * into
    found = offset_of(dated(answered + timedelta(seconds=ahead)), sent, received)
    assert abs(found) <= abs(timedelta(seconds=ahead))
    assert abs(found - timedelta(seconds=ahead)) <= (received - sent) + SECOND * 2 + AGREES


@given(then=DAYS, now=DAYS, after=st.integers(0, 100_000))
def test_nothing_that_came_since_stands_below_the_limit_under_either_clock(then: int, now: int, after: int) -> None:
    reached = Reached(NOON, timedelta(seconds=then))
    came = NOON + timedelta(seconds=after)
    for ahead in (then, now):
        assert came + timedelta(seconds=ahead) >= reached.limit(timedelta(seconds=now))


@given(newest=DAYS, ahead=DAYS)
def test_a_stream_never_counts_as_read_into_our_future(newest: int, ahead: int) -> None:
    assert Reached.until(NOON + timedelta(seconds=newest), timedelta(seconds=ahead), NOON).at < NOON


@given(ahead=DAYS)
def test_a_cursor_says_where_and_by_which_clock(ahead: int) -> None:
    reached = Reached(NOON, timedelta(seconds=ahead))
    assert Reached.read(str(reached)) == reached
