"""What was said before its space was tied and comes after: a clock makes it suspect, the RSE's own order alone proves it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from adapters.far_clock import AGREES, SECOND, ZERO
from adapters.port import Act, Incomplete, Placed
from adapters.verdicts import Doubt, Drop

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from adapters.memory import KnownObject
    from adapters.port import Change, Standing
    from adapters.ties import Tie

SAID_BEFORE: Final = "said_before_tie"
PERHAPS_BEFORE: Final = "perhaps_before_tie"
"""Its RSE could not place it, as a Discourse never does an edit: its time, by our clock, is before the tie."""
MARGIN: Final = AGREES + SECOND
"""So near the beginning of a tie no clock tells on which side of it something was said."""


def _right() -> timedelta:
    return ZERO


@dataclass(frozen=True, slots=True)
class Beginnings:
    """Holds back what was said before its space's tie; `ahead` tells how far the RSE's clock is ahead of ours, as it last answered."""

    ahead: Callable[[], timedelta] = _right
    _passed: dict[str, datetime] = field(default_factory=dict)
    """Space → the beginning of the tie behind which a message of it was placed: an RSE that must be asked tells all in its order, so that what follows is behind too."""

    def judge(self, change: Change, here: KnownObject | None, tie: Tie, now: datetime) -> Drop | Doubt | None:
        """Why a message, or an edit, is not told now, if it is not. One that the ledger knows is asked about where edits have an order of their own."""
        if change.history or tie.behind is None:
            return None
        if change.placed is not None:
            return self._settled(change, change.placed, here, tie)
        known = here is not None and (change.act is Act.POSTED or change.number is not None)
        if known or not self._suspect(change, tie, now):
            return None
        if change.number is None:
            return self._ask(change, tie) if tie.behind else self._by_clock(change, tie)
        if tie.floor is None or (change.act is Act.EDITED and change.number <= tie.floor):
            return self._by_clock(change, tie)
        return Drop(SAID_BEFORE) if change.number <= tie.floor else None

    def _settled(self, change: Change, placed: Placed, here: KnownObject | None, tie: Tie) -> Drop | None:
        """What the RSE said when it was asked; what was deleted meanwhile, and told so, does not come back."""
        match placed:
            case Placed.BEFORE:
                return Drop(SAID_BEFORE)
            case Placed.SINCE | Placed.UNTOLD if here is not None and here.deleted:
                return Drop("not_standing")
            case Placed.SINCE:
                if change.act is Act.POSTED:  # an edit is placed as it stands: a later one may have taken its place
                    self._passed[tie.space] = tie.begun_at
                return None
            case Placed.UNTOLD:
                return self._by_clock(change, tie)

    def _by_clock(self, change: Change, tie: Tie) -> Drop | None:
        return Drop(PERHAPS_BEFORE) if change.occurred_at < tie.begun_at + self.ahead() else None

    def _suspect(self, change: Change, tie: Tie, now: datetime) -> bool:
        """Whether it may have been said before, whatever its time: a clock may have been set right, or wrong, since."""
        said, ahead = change.occurred_at, self.ahead()
        return said < tie.begun_at + MARGIN + max(ahead, ZERO) or said > now + MARGIN + ahead

    def _ask(self, change: Change, tie: Tie) -> Doubt | None:
        if self._passed.get(tie.space) == tie.begun_at:
            return None
        proved = replace(change, placed=Placed.UNTOLD, asked=None)
        return Doubt(
            Incomplete(change.native_id, change.act, change.asked or "", space=change.space, otherwise=proved, behind=tie.behind or "")
        )


def stands_since(standing: Standing, tie: Tie) -> bool:
    """Whether what stands somewhere was said since the tie, so that it leaves, or has left: by the same rule."""
    if standing.written_at is None:
        return False
    if standing.number is None or tie.floor is None:
        return standing.written_at >= tie.begun_at
    return standing.number > tie.floor or standing.written_at >= tie.begun_at + MARGIN
