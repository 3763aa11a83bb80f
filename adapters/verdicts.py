"""What may become of a change that a person made in the RSE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.port import Nonsense

if TYPE_CHECKING:
    from adapters.memory import KnownObject
    from adapters.port import Incomplete
    from adapters.ties import Tie
    from schemas.facts.base import Fact


@dataclass(frozen=True, slots=True)
class Drop:
    """Nothing leaves this RSE; the reason is counted. `remembered` is what the ledger shall know of it all the same."""

    reason: str
    remembered: KnownObject | None = None


@dataclass(frozen=True, slots=True)
class Park:
    """Wait until a write that is under way has been answered."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """What was heard later may have been done earlier: the RSE is to be asked how the object stands now."""

    incomplete: Incomplete


@dataclass(frozen=True, slots=True)
class Publish:
    """Sign this fact and publish it; `remembered` is the object as the ledger shall know it from here on."""

    fact: Fact
    subject: str
    parent: str | None
    tie: Tie
    remembered: KnownObject
    marker: str | None = None
    """What tells this change from the object's others, where the platform says nothing that does."""
    wanted: str | None = None
    """The native id of what it answers, where a back-fill has still to bring that."""
    native_id: str | None = None
    """Under which the object is told, where the platform gives one name to several in a row."""


Decision = Drop | Park | Doubt | Publish | Nonsense
