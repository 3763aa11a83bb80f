"""Permission decisions, scanned as a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from hub.access import RIGHTS, PeerRight, Right, Role, Speech, node_lapsed, node_may, peer_lapsed, permit_operator, why_not_speak
from schemas.manifest import Grade

UNTIL = datetime(2026, 11, 22, tzinfo=UTC)


def test_every_grade_has_its_rights() -> None:
    assert set(RIGHTS) == set(Grade)


@pytest.mark.parametrize(("grade", "right"), list(product([None, Grade.CANDIDATE, Grade.GONE], Right)))
def test_who_is_not_admitted_may_nothing(grade: Grade | None, right: Right) -> None:
    assert not node_may(grade, right)


@pytest.mark.parametrize("right", list(Right))
def test_a_full_node_may_all_and_a_suspended_one_only_report_and_forget(right: Right) -> None:
    assert node_may(Grade.FULL, right)
    assert node_may(Grade.SUSPENDED, right) is (right in {Right.REPORT, Right.FORGET})


@pytest.mark.parametrize(
    ("speech", "reason"),
    [
        (Speech(Grade.FULL, tied=True, owner=True, subject_is_its_own=True), None),
        (Speech(Grade.SUSPENDED, tied=True, owner=True, subject_is_its_own=True), "node_not_admitted"),
        (Speech(None, tied=True, owner=True, subject_is_its_own=True), "node_not_admitted"),
        (Speech(Grade.OBSERVER, tied=True, owner=True, subject_is_its_own=True), "node_observes"),
        (Speech(Grade.OBSERVER, tied=False, owner=True, subject_is_its_own=True, takes_back=True), None),
        (Speech(Grade.SUSPENDED, tied=False, owner=True, subject_is_its_own=True, audience_known=False, takes_back=True), None),
        (Speech(Grade.SUSPENDED, tied=True, owner=False, subject_is_its_own=True, takes_back=True), "not_owner"),
        (Speech(Grade.FULL, tied=True, owner=True, subject_is_its_own=True, lapsed=True), "manifest_expired"),
        (Speech(Grade.FULL, tied=True, owner=True, subject_is_its_own=True, lapsed=True, takes_back=True), None),
        (Speech(Grade.SUSPENDED, tied=True, owner=True, subject_is_its_own=True, lapsed=True), "node_not_admitted"),
        (Speech(Grade.GONE, tied=True, owner=True, subject_is_its_own=True, takes_back=True), "node_not_admitted"),
        (Speech(Grade.FULL, tied=False, owner=True, subject_is_its_own=True), "not_tied"),
        (Speech(Grade.FULL, tied=True, owner=False, subject_is_its_own=True), "not_owner"),
        (Speech(Grade.FULL, tied=True, owner=True, subject_is_its_own=False), "subject_mismatch"),
    ],
)
def test_signed_is_not_permitted(speech: Speech, reason: str | None) -> None:
    assert why_not_speak(speech) == reason


def test_a_manifest_ends_at_its_moment_and_takes_away_what_an_observer_may_not() -> None:
    before, after = UNTIL - timedelta(microseconds=1), UNTIL
    assert {right for right in Right if node_lapsed(right, UNTIL, after)} == {Right.SPEAK}
    assert {right for right in PeerRight if peer_lapsed(right, UNTIL, after)} == {PeerRight.SPEAK}
    for right in Right:
        assert not node_lapsed(right, UNTIL, before)
        assert not node_lapsed(right, None, after)
    for peers_right in PeerRight:
        assert not peer_lapsed(peers_right, UNTIL, before)
        assert not peer_lapsed(peers_right, None, after)


@pytest.mark.parametrize(
    ("client", "said", "token", "opens"),
    [
        ("127.0.0.1", None, None, True),
        ("::1", None, None, True),
        ("10.1.2.3", None, None, False),
        ("10.1.2.3", "faux", "vrai", False),
        ("10.1.2.3", "vrai", "vrai", True),
        ("10.1.2.3", "", None, False),
        ("localhost.example", None, None, False),
        (None, None, "vrai", False),
    ],
)
def test_pages_open_to_loopback_and_to_the_operators_token(client: str | None, said: str | None, token: str | None, *, opens: bool) -> None:
    permit = permit_operator(client, said, token)
    assert (permit is not None and permit.role is Role.OPERATOR) is opens
