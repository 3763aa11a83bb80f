"""How far the slow re-reading of a polled space has come: what lies beyond the window, a page or a thread at a time, round and round."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MOST_STEPS: Final = 20
"""Questions of one look."""
REST: Final = timedelta(seconds=30)
"""Between two looks, from which on a space is a calm one."""
TRUSTED_FOR: Final = timedelta(days=1)
"""How long a page whose bytes are the same is not read: what the ledger remembers of it must be refreshed from time to time."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page as it was read: its mark, where the next one begins, its objects, and what announces a change under its roots."""

    mark: str
    following: str | None
    objects: frozenset[str]
    replies: Mapping[str, str]


@dataclass(slots=True)
class Depth:
    """Where a round has come. `begins` is where the window ends, None where it holds all; `threads` are still to be read before the next page."""

    begins: str | None = None
    place: str | None = None
    threads: dict[str, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    leaves: dict[str, Leaf] = field(default_factory=dict)
    objects: set[str] = field(default_factory=set)
    """What this round has seen."""
    under_way: bool = False
    stepped_at: datetime | None = None
    trusted_at: datetime | None = None

    def steps(self, now: datetime, per_minute: float) -> int:
        """How many questions may be asked now; one at a look after a long rest, or a calm space would cost as much as a lively one."""
        if self.begins is None or not per_minute:
            return 0
        every = timedelta(minutes=1 / per_minute)
        if self.stepped_at is not None and now - self.stepped_at < every:
            return 0
        rested = now - self.stepped_at if self.stepped_at is not None else every
        self.stepped_at = now
        return min(MOST_STEPS, max(1, rested // every)) if rested < REST else 1

    def at(self, now: datetime) -> str:
        """The page to read next, the first of a round where none has begun."""
        if not self.under_way:
            self._begin(now)
        return self.place or ""

    def turned(self, leaf: Leaf, place: str) -> None:
        """Note a page, and what is to be read under it."""
        self.leaves[place] = leaf
        self.objects |= leaf.objects
        self.threads = dict(leaf.replies)
        self.place = leaf.following

    def failed(self, root: str) -> None:
        """Leave a thread to the next round: one that always fails holds up nothing else."""
        self.threads.pop(root, None)

    @property
    def ended(self) -> bool:
        """Whether a whole round has been read."""
        return self.under_way and self.place is None and not self.threads

    def again(self) -> None:
        """Begin anew at the next step."""
        self.place, self.objects, self.under_way = None, set(), False
        self.threads.clear()

    def _begin(self, now: datetime) -> None:
        self.again()
        self.place, self.under_way = self.begins, True
        if self.trusted_at is None or now - self.trusted_at > TRUSTED_FOR:
            self.leaves.clear()
            self.marks.clear()
            self.trusted_at = now
