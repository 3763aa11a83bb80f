"""The table of forged events proves something: switch any single check of a ministry's event off, and a forgery passes."""

from __future__ import annotations

from typing import Final

import pytest

from schemas import facts, proof
from schemas.proof import Reason, VerifiedEvent, verify_event
from tests.fakes_schemas import NOW, registry
from tests.forgeries.checks import Check, checks_of, switched_off
from tests.forgeries.events import TABLE

CHECKS: Final = [check for check in checks_of(proof) if check.where == "verify_event"]
"""The one that every reader of ours judges an event by; what this room signs itself is nobody's forgery."""
BEHIND: Final = {
    "proof.verify_event: key": "a reason verifies nothing",
    "proof.verify_event: Reason.MAJOR_UNKNOWN": "no fact of such a major is read",
}
"""Checks behind which another one stands: off, they let nothing through."""
PROVED: Final = [check for check in CHECKS if check.name not in BEHIND]


def passes() -> Reason | None:
    """What the first forgery that is believed should have been refused by."""
    for make, reason in TABLE:
        try:
            verdict = verify_event(make(), registry(), NOW)
        except (AttributeError, facts.MajorUnknown):
            continue
        if isinstance(verdict, VerifiedEvent):
            return reason
    return None


def test_no_forgery_passes_while_every_check_stands() -> None:
    assert passes() is None


@pytest.mark.parametrize("check", PROVED, ids=lambda check: check.name)
def test_with_this_check_off_a_forgery_passes(check: Check) -> None:
    with switched_off(check):
        assert passes() is not None


@pytest.mark.parametrize("check", [check for check in CHECKS if check.name in BEHIND], ids=lambda check: check.name)
def test_behind_this_check_stands_another(check: Check) -> None:
    with switched_off(check):
        assert passes() is None


def test_the_lists_of_exceptions_name_what_there_is() -> None:
    assert BEHIND.keys() <= {check.name for check in CHECKS}
