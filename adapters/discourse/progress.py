"""How far the log of vain attempts was asked for: up to one attempt, and beyond it where some object is set back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Progress:
    """All attempts up to `after` are settled, and these beyond it; written `41`, or `41+43,57`."""

    after: int = 0
    beyond: frozenset[int] = frozenset()

    @classmethod
    def read(cls, cursor: str | None) -> Self:
        """What a cursor says; None is the beginning."""
        after, _, beyond = (cursor or "0").partition("+")
        return cls(int(after), frozenset(map(int, beyond.split(","))) if beyond else frozenset())

    def up_to(self, after: int, settled: Iterable[int] = ()) -> Self:
        """A later state: what was settled stays so."""
        return type(self)(after, frozenset(one for one in (*self.beyond, *settled) if one > after))

    def __str__(self) -> str:
        return f"{self.after}+{','.join(map(str, sorted(self.beyond)))}" if self.beyond else str(self.after)
