"""Organisations, nodes and ties: values, rules and lifecycles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from schemas.manifest import Grade
from schemas.words import Audience, fits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from schemas.manifest import KeyEntry


@dataclass(frozen=True, slots=True)
class Node:
    """A ministry's RSE as a node."""

    id: str
    organisation: str
    organisation_name: str
    platform: str
    grade: Grade
    applied_at: datetime
    approved_at: datetime | None = None
    quarantined_at: datetime | None = None
    keys: tuple[KeyEntry, ...] = ()
    expires: datetime | None = None
    """Until when its accepted manifest answers for it; None for who was admitted before manifests."""


GRADES: Final[Mapping[Grade, frozenset[Grade]]] = {
    Grade.CANDIDATE: frozenset({Grade.OBSERVER, Grade.FULL, Grade.GONE}),
    Grade.OBSERVER: frozenset({Grade.FULL, Grade.SUSPENDED, Grade.GONE}),
    Grade.FULL: frozenset({Grade.OBSERVER, Grade.SUSPENDED, Grade.GONE}),
    Grade.SUSPENDED: frozenset({Grade.OBSERVER, Grade.FULL, Grade.GONE}),
    Grade.GONE: frozenset(),
}
"""A node's lifecycle: from each grade, where it may go."""


class GradeRefused(ValueError):
    """A node's lifecycle knows no such step."""


def moved(grade: Grade, to: Grade) -> Grade:
    """The new grade, or GradeRefused."""
    if to not in GRADES[grade]:
        raise GradeRefused(f"{grade} → {to}")
    return to


def lowers(grade: Grade, to: Grade) -> bool:
    """Tell whether somebody who speaks will only read: a step among those who are admitted, and yet one that takes something away."""
    return grade is Grade.FULL and to is Grade.OBSERVER


class TieState(StrEnum):
    """A tie's life."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    REFUSED = "refused"
    SUSPENDED = "suspended"


TIE_STEPS: Final[Mapping[TieState, frozenset[TieState]]] = {
    TieState.PROPOSED: frozenset({TieState.ACTIVE, TieState.REFUSED}),
    TieState.ACTIVE: frozenset({TieState.ACTIVE, TieState.SUSPENDED, TieState.REFUSED}),
    TieState.SUSPENDED: frozenset({TieState.ACTIVE, TieState.SUSPENDED, TieState.REFUSED}),
    TieState.REFUSED: frozenset({TieState.PROPOSED}),
}
"""A tie's lifecycle: proposed by the hub, active by the node's attestation, suspended when the space widens."""
HAVE_CARRIED: Final = frozenset({TieState.ACTIVE, TieState.SUSPENDED, TieState.REFUSED})
"""States in which messages may have been written into the space before: what is deleted must be told there."""


class TieStepRefused(ValueError):
    """A tie's lifecycle knows no such step."""


@dataclass(frozen=True, slots=True)
class Tie:
    """A node's space joined to a community."""

    node: str
    community: str
    space: str
    state: TieState
    proposed_at: datetime
    space_name: str = ""
    audience: Audience | None = None
    reason: str | None = None
    attested_at: datetime | None = None

    def carries(self, now: datetime, life: timedelta) -> bool:
        """Tell whether messages pass: active, and attested not too long ago."""
        return self.state is TieState.ACTIVE and self.attested_at is not None and now - self.attested_at <= life

    def attested(self, audience: Audience, space_name: str, community: Audience, at: datetime) -> Tie:
        """The tie after the node's word on who can read the space: active, or refused where that is wider than the community."""
        if fits(audience, community):
            return replace(self._in(TieState.ACTIVE), audience=audience, space_name=space_name, reason=None, attested_at=at)
        state = TieState.REFUSED if self.state is TieState.PROPOSED else TieState.SUSPENDED
        return replace(self._in(state), audience=audience, space_name=space_name, reason="space_wider_than_community")

    def refused(self, reason: str) -> Tie:
        """The tie after the node's refusal."""
        return replace(self._in(TieState.REFUSED), reason=reason)

    def may_be_proposed_again(self) -> bool:
        """Tell whether the hub may ask anew; of a living tie it only asks for another attestation."""
        return TieState.PROPOSED in TIE_STEPS[self.state]

    def _in(self, state: TieState) -> Tie:
        if state not in TIE_STEPS[self.state]:
            raise TieStepRefused(f"{self.state} → {state}")
        return replace(self, state=state)
