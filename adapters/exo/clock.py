"""How far an eXo's streams count as read, by our clock and by its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from adapters.far_clock import AGREES, ZERO

SKEW: Final = timedelta(minutes=5)
"""What is read again where the clocks do not agree: how far one is off is known to a second, and it may be moved while we ask."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a stream was read: until a moment of ours, and how far the eXo's clock was off then. `2026-03-02T12:00:00+00:00@-72000` in a cursor."""

    at: datetime
    offset: timedelta = ZERO

    @classmethod
    def read(cls, cursor: str) -> Reached:
        """What a cursor says; one without an offset is of a clock like ours."""
        stamp, _, seconds = cursor.partition("@")
        return cls(datetime.fromisoformat(stamp), timedelta(seconds=int(seconds or 0)))

    @classmethod
    def until(cls, newest: datetime, offset: timedelta, began: datetime) -> Reached:
        """As far as its newest stamp. A clock that was ahead and went back leaves all that comes next below it: what lies in our future is read again."""
        ours = newest - offset
        return cls(ours if ours < began else began - SKEW, offset)

    def limit(self, offset: timedelta) -> datetime:
        """The stamp below which nothing stands that came since, under the clock of then or of now."""
        return self.at + min(self.offset, offset) - (SKEW if self.offset or offset else ZERO)

    def jumped(self, offset: timedelta) -> bool:
        """Whether the clock was moved since."""
        return abs(self.offset - offset) > AGREES

    def __str__(self) -> str:
        """As a cursor says it."""
        return self.at.isoformat() + (f"@{int(self.offset.total_seconds())}" if self.offset else "")
