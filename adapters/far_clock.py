"""An RSE's clock beside ours: how far it is off, by its own answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from schemas.wire.http_dates import date_of

SECOND: Final = timedelta(seconds=1)
AGREES: Final = timedelta(seconds=2)
"""By so much two clocks that are kept right may differ."""
MOST: Final = timedelta(days=365 * 80)
"""No clock is farther off, though it lost its battery and began again in 1970: such an answer is a mistake."""
ZERO: Final = timedelta(0)


def utc() -> datetime:
    """Now."""
    return datetime.now(UTC)


def offset_of(date: str | None, sent: datetime, received: datetime) -> timedelta:
    """How far the clock of who answered is ahead of ours, in whole seconds; the least that explains the answer, nothing where it tells no time.

    `date` is the answer's `Date` (RFC 9110, 6.6.1), which cuts its second off, set at some moment between `sent` and `received`.
    """
    told = date_of(date or "")
    if told is None:
        return ZERO
    least, most = told - received, told - sent + SECOND
    off = max(least, ZERO) + min(most, ZERO)
    return timedelta(seconds=int(off.total_seconds())) if AGREES < abs(off) < MOST else ZERO
