"""How much is under way at a door, so that one sender's flood is that sender's own trouble."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE: Final = 64
"""Requests of one sender that are under way together: a connector needs a handful."""
SHARE: Final = 4
"""One sender holds at most this part of the bytes: who announces bodies and does not send them holds up nobody else."""
TOO_MANY: Final = "too_many_requests"
BUSY: Final = "door_busy"


class Crowded(Exception):
    """No room: `reason` is TOO_MANY where it is the sender's own doing, BUSY where it is everybody's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Crowd:
    """Requests by sender, bytes by sender and over all."""

    def __init__(self, most_bytes: int, at_once: int = AT_ONCE) -> None:
        self._at_once, self._free, self._share = at_once, most_bytes, most_bytes // SHARE
        self._under_way: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    @contextmanager
    def one(self, sender: str) -> Iterator[None]:
        """Count a request for as long as the block; raises Crowded past the sender's share."""
        self.enter(sender)
        try:
            yield
        finally:
            self.leave(sender)

    def enter(self, sender: str) -> None:
        """Count a request until it leaves; raises Crowded past the sender's share."""
        if self._under_way[sender] >= self._at_once:
            raise Crowded(TOO_MANY)
        self._under_way[sender] += 1

    def leave(self, sender: str) -> None:
        """It is over."""
        _less(self._under_way, sender, 1)

    @contextmanager
    def room(self, sender: str, size: int) -> Iterator[None]:
        """Set bytes aside for as long as the block; raises Crowded."""
        self.take(sender, size)
        try:
            yield
        finally:
            self.give_back(sender, size)

    def take(self, sender: str, size: int) -> None:
        """Set bytes aside for a body; raises Crowded where the sender, or the process, holds enough."""
        if self._bytes[sender] + size > self._share:
            raise Crowded(TOO_MANY)
        if size > self._free:
            raise Crowded(BUSY)
        self._free -= size
        self._bytes[sender] += size

    def give_back(self, sender: str, size: int) -> None:
        """They are free again."""
        self._free += size
        _less(self._bytes, sender, size)


def _less(counted: Counter[str], sender: str, size: int) -> None:
    """Whoever holds nothing any more is forgotten."""
    counted[sender] -= size
    if not counted[sender]:
        del counted[sender]
