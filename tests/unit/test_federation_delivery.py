"""What a peer's answer means, when it is tried again and by which signature."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.federation.delivery import (
    LONGEST_WAIT,
    LONGEST_WISH,
    REMEMBERED,
    SCHEMES,
    STEPS,
    Gone,
    Later,
    Never,
    Outcome,
    Patience,
    Scheme,
    Standing,
    State,
    Taken,
    Trouble,
    judge,
)
from hub.operations.drawing import drawn

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FRESH = Standing("a.example", 5)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Taken(Scheme.RSA)),
        (202, Taken(Scheme.RSA)),
        (301, Later(Trouble.REDIRECTED, 7.0)),
        (400, Never(Trouble.REFUSED)),
        (401, Later(Trouble.SIGNATURE, 7.0)),
        (403, Never(Trouble.SIGNATURE)),
        (404, Gone(Trouble.INBOX_MISSING)),
        (408, Later(Trouble.TOO_MANY, 7.0)),
        (410, Gone(Trouble.INBOX_GONE)),
        (413, Never(Trouble.TOO_LARGE)),
        (429, Later(Trouble.TOO_MANY, 7.0)),
        (500, Later(Trouble.SERVER_ERROR, 7.0)),
        (502, Later(Trouble.UNAVAILABLE, 7.0)),
        (503, Later(Trouble.UNAVAILABLE, 7.0)),
        (504, Later(Trouble.UNAVAILABLE, 7.0)),
        (507, Later(Trouble.SERVER_ERROR, 7.0)),
    ],
)
def test_an_answer_has_one_meaning(status: int, expected: Outcome) -> None:
    assert judge(status, 7.0, Scheme.RSA) == expected


def test_a_peer_that_fails_is_left_alone_ever_longer_and_never_for_ever() -> None:
    standing, waits = FRESH, []
    for _ in range(60):
        standing = standing.failed(Later("x"), 5, NOW, 0.999)
        assert standing.next_try is not None
        waits.append(standing.next_try - NOW)
    assert waits == sorted(waits)
    assert timedelta(seconds=1) < waits[0] < timedelta(seconds=3)
    assert LONGEST_WAIT * 0.99 < waits[-1] <= LONGEST_WAIT


@given(chance=st.floats(0, 1, exclude_max=True), failures=st.integers(0, 40))
def test_those_that_failed_together_come_back_apart(chance: float, failures: int) -> None:
    standing = Standing("a.example", 5, failures=failures).failed(Later("x"), 5, NOW, chance)
    assert standing.next_try is not None
    full = min(timedelta(seconds=2) * 2**failures, LONGEST_WAIT)
    assert full / 2 <= standing.next_try - NOW <= full


@pytest.mark.parametrize(
    ("wish", "least", "most"), [(90.0, 90, 90), (0.0, 1, 2), (9e9, LONGEST_WISH.total_seconds(), LONGEST_WISH.total_seconds())]
)
def test_what_a_peer_wishes_is_granted_within_bounds(wish: float, least: float, most: float) -> None:
    standing = FRESH.failed(Later(Trouble.TOO_MANY, wish), 5, NOW, 0.5)
    assert standing.next_try is not None
    assert least <= (standing.next_try - NOW).total_seconds() <= most


def test_a_success_closes_the_breaker_and_forgets_the_failures() -> None:
    failed = FRESH.failed(Later("x"), 5, NOW, 0.5).failed(Later("x"), 5, NOW, 0.5)
    well = failed.took(5, Scheme.RSA, NOW)
    assert (failed.state, failed.position, failed.behind) == (State.OPEN, 5, True)
    assert failed.failing_for(NOW + timedelta(hours=1)) == timedelta(hours=1)
    assert well.failing_for(NOW) == timedelta()
    assert (well.state, well.position, well.failures, well.next_try, well.last_success) == (State.CLOSED, 6, 0, None, NOW)


def test_only_what_is_refused_uses_up_its_tries() -> None:
    assert FRESH.failed(Later("x"), 5, NOW, 0).tries == 0
    refused = FRESH.failed(Never("x"), 5, NOW, 0)
    assert refused.tries == 1
    assert refused.passed(5).tries == 0


def test_the_best_signature_is_tried_first_and_the_one_that_was_taken_before_it() -> None:
    assert FRESH.ladder(NOW) == SCHEMES
    took = FRESH.took(5, Scheme.CAVAGE, NOW)
    assert took.ladder(NOW) == (Scheme.CAVAGE, Scheme.ED25519, Scheme.RSA)


def test_a_taken_signature_is_forgotten_after_a_while_however_often_it_was_taken_since() -> None:
    took = FRESH.took(5, Scheme.CAVAGE, NOW)
    later = NOW + REMEMBERED
    again = took.took(6, Scheme.CAVAGE, later)
    assert again.ladder(later)[0] is Scheme.CAVAGE
    assert again.ladder(later + timedelta(seconds=1)) == SCHEMES


def test_every_step_of_the_breaker_is_declared() -> None:
    assert set(STEPS) == set(State)
    with pytest.raises(ValueError, match="gone → open"):
        FRESH.left("x", NOW).failed(Later("x"), 5, NOW, 0)


def test_the_breaker_is_drawn_in_the_readme() -> None:
    readme = Path(__file__).parents[2] / "hub" / "README.md"
    assert drawn(STEPS, State.CLOSED) in readme.read_text(encoding="utf-8")


def test_an_operator_stops_and_starts_a_peer() -> None:
    paused = FRESH.failed(Later("x"), 5, NOW, 0.5).paused()
    assert (paused.state, paused.next_try, paused.behind) == (State.PAUSED, None, True)
    assert (paused.released(NOW).state, paused.released(NOW).next_try) == (State.CLOSED, NOW)


@pytest.mark.parametrize(
    ("reason", "hours", "weary"),
    [
        (Trouble.SERVER_ERROR, 23, False), (Trouble.SERVER_ERROR, 25, True),
        (Trouble.SIGNATURE, 25, False), (Trouble.SIGNATURE, 47, False), (Trouble.SIGNATURE, 49, True),
        (Trouble.UNAVAILABLE, 1000, False),
    ],
)  # fmt: skip
def test_whose_keys_of_ours_may_be_of_yesterday_is_waited_for_longer(reason: Trouble, hours: int, *, weary: bool) -> None:
    standing = replace(FRESH, errors=50, errors_since=NOW - timedelta(hours=hours))
    assert standing.weary(Later(reason), Patience(), NOW) is weary
