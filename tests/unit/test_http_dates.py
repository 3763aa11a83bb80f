"""What other servers' fields and bodies say of time and waiting: read or not read, never an error that nobody named."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discourse.http import _wish as discourse_wish
from adapters.door import _places
from adapters.door_client import DoorClosed
from adapters.exo.http import _wish as exo_wish
from adapters.far_clock import ZERO, offset_of
from adapters.matrix.homeserver import _wait as matrix_wish
from schemas.wire.http_dates import LONGEST_WISH, date_of, wish_of
from tests.fakes_hub import NOW

FAR = "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"
HOSTILE = [
    FAR, "Mon, 01 Jan 2024 00:00:00 -99999999999999999999", "Fri, 31 Dec 9999 23:59:59 -2359",
    "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 99999999999 Jan 2024 00:00:00 GMT", "Mon, 01 Jan 2024 99:99:99 GMT",
    "Mon, 01 Jan 2024 00:00:00 +2400", "Mon, 01 Jan", ",,,", ", ", ":", " ", "\x00", "１２", "nan", "inf", "-1", "1e9", "0x10",
]  # fmt: skip
WORDS = st.sampled_from(
    ["Mon,", "01", "Jan", "2024", "9999", "0001", "00:00:00", "23:59:59", "GMT", "+2359", "-9999", "9" * 20, ":", ",", "-"]
)
FIELDS = st.sampled_from(HOSTILE) | st.text(max_size=40) | st.lists(WORDS, max_size=8).map(" ".join)
JSON: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=5) | st.just([])
)


@pytest.mark.parametrize("said", HOSTILE)
def test_a_wish_that_nobody_can_read_is_no_wish(said: str) -> None:
    assert wish_of(said, NOW) is None
    assert date_of(said) is None
    assert offset_of(said, NOW, NOW) == ZERO


def test_a_wish_is_of_seconds_or_of_a_date_and_a_day_at_most() -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert wish_of("120", noon) == 120.0
    assert wish_of("9" * 400, noon) == LONGEST_WISH
    assert wish_of("Sun, 22 Nov 2026 12:02:00 GMT", noon) == 120.0
    assert wish_of("Sun, 22 Nov 2026 14:02:00 +0200", noon) == 120.0
    assert wish_of("Sun, 22 Nov 2020 12:00:00 GMT", noon) == 0.0
    assert wish_of("Sun, 22 Nov 2099 12:00:00 GMT", noon) == LONGEST_WISH


@given(FIELDS)
def test_a_wish_to_wait_is_a_number_of_seconds_or_nothing(said: str) -> None:
    wished = wish_of(said, NOW)
    assert wished is None or 0 <= wished <= LONGEST_WISH


@given(FIELDS, JSON)
def test_no_rse_makes_a_connector_fail_by_how_long_it_wants_to_be_left_alone(said: str, given: Any) -> None:
    answer = cast("Any", SimpleNamespace(headers={"Retry-After": said}))
    for wished in (
        exo_wish(answer),
        discourse_wish(answer, {"extras": {"wait_seconds": given}}),
        matrix_wish(answer, {"retry_after_ms": given}),
    ):
        assert wished is None or 0 <= wished <= LONGEST_WISH


@pytest.mark.parametrize(
    "body", [b'{"accepted":[{"topic":"t","partition":0,"offset":1e999}]}', b"[" * 100_000, b"[]", b"null", b'{"accepted":3}']
)
def test_a_door_that_names_no_places_is_taken_for_closed(body: bytes) -> None:
    with pytest.raises(DoorClosed, match="answer_malformed"):
        _places(body, 1)
