"""An eXo's clock beside ours: how far it is off by its own answers, and how far its streams count as read by either."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

SECOND: Final = timedelta(seconds=1)
AGREES: Final = timedelta(seconds=2)
"""By so much two clocks that are kept right may differ."""
SKEW: Final = timedelta(minutes=5)
"""What is read again where the clocks do not agree: how far one is off is known to a second, and it may be moved while we ask."""
ZERO: Final = timedelta(0)


def utc() -> datetime:
    """Now."""
    return datetime.now(UTC)


def offset_of(date: str | None, sent: datetime, received: datetime) -> timedelta:
    """How far the clock of who answered is ahead of ours, in whole seconds; the least that explains the answer, nothing where it tells no time.

    `date` is the answer's `Date` (RFC 9110, 6.6.1), which cuts its second off, set at some moment between `sent` and `received`.
    """
    try:
        told = parsedate_to_datetime(date or "")
    except ValueError:
        return ZERO
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    least, most = told - received, told + SECOND - sent
    off = max(least, ZERO) + min(most, ZERO)
    return timedelta(seconds=int(off.total_seconds())) if abs(off) > AGREES else ZERO


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
