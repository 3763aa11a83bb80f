"""Which messages somebody has just liked, where a like may be taken back without a word."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

LATELY: Final = timedelta(minutes=15)
"""A like is mostly taken back at once, or never: a platform may allow it for some minutes alone."""
NOTED: Final = 1_000


class Lately:
    """Messages that somebody has just liked, in memory: what a crash forgets has its turn with the others."""

    def __init__(self) -> None:
        self._liked: dict[str, datetime] = {}

    def note(self, message: str, now: datetime) -> None:
        """Somebody likes it."""
        if len(self._liked) >= NOTED and message not in self._liked:
            del self._liked[min(self._liked, key=lambda one: self._liked[one])]
        self._liked[message] = now

    def some(self, now: datetime, most: int) -> list[str]:
        """Those that were chosen longest ago; they go behind the others."""
        self._liked = {message: at for message, at in self._liked.items() if now - at < LATELY}
        chosen = list(self._liked)[:most]
        self._liked |= {message: self._liked.pop(message) for message in chosen}
        return chosen
