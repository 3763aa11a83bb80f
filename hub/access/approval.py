"""Who may change how far a node or a peer is admitted, and how many people it takes; data, and one decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from schemas.manifest import Grade

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

APPROVALS: Final[Mapping[Grade, int]] = {
    Grade.OBSERVER: 2,
    Grade.FULL: 2,
    Grade.SUSPENDED: 1,
    Grade.GONE: 2,
}
"""How many different people it takes to bring somebody to a grade. One is enough to stop somebody; what lets in, or cannot be undone, takes two."""


ANCHOR_APPROVALS: Final = 2
"""Whoever changes the key by which everybody is believed changes everything."""


@dataclass(frozen=True, slots=True)
class Approver:
    """Somebody of the federation: her id, and the legal unit (SIREN) for which she works."""

    person: str
    siren: str


def why_not_approve(grade: Grade, approver: Approver, before: Sequence[Approver], applicant: str) -> str | None:
    """Why this person's approval does not count, or None where it does; `before` approved the same, `applicant` is a SIREN.

    Nobody counts twice, and an organisation does not let itself in.
    """
    if approver.person in {one.person for one in before}:
        return "already_approved"
    everybody = [*before, approver]
    completes = len(everybody) >= APPROVALS[grade]
    if completes and grade is not Grade.SUSPENDED and all(one.siren == applicant for one in everybody):
        return "own_organisation_alone"
    return None


def why_not_what_waits(read: str | None, waiting: str | None) -> str | None:
    """Why somebody has not read the application that waits, or None where she has; both are digests, None for none.

    Without this an applicant who comes with another manifest, once people have one before their eyes, gets their approval for what they never saw.
    """
    if read == waiting:
        return None
    return "application_unread" if read is None else "application_changed"


def why_not_second(approver: Approver, before: Sequence[Approver]) -> str | None:
    """Why this person's approval of a change of the anchor does not count, or None where it does: two people, of two organisations."""
    if approver.person in {one.person for one in before}:
        return "already_approved"
    return "own_organisation_alone" if approver.siren in {one.siren for one in before} else None


def suffices(grade: Grade, approvals: int) -> bool:
    """Tell whether so many different people's approval brings somebody to this grade."""
    return grade in APPROVALS and approvals >= APPROVALS[grade]
