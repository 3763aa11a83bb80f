"""What the header fields of other servers say of time: whoever wrote them, they are read or they are not, and nothing is raised."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime
from typing import Final

LONGEST_WISH: Final = 86_400.0


def date_of(field: str) -> datetime | None:
    """A moment (RFC 9110 § 5.6.7) in UTC; None where none can be read: past the calendar, or a zone that no clock has."""
    try:
        said = email.utils.parsedate_to_datetime(field)
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).astimezone(UTC)
    except Exception:  # noqa: BLE001 - the library promises ValueError, and has raised OverflowError, TypeError and IndexError as well
        return None


def wish_of(field: str, now: datetime) -> float | None:
    """Seconds that a `Retry-After` wishes (RFC 9110 § 10.2.3), a day at most; None where it says nothing that can be read."""
    if field.isascii() and field.isdigit():
        return min(float(field), LONGEST_WISH)
    at = date_of(field)
    return None if at is None else min(max((at - now).total_seconds(), 0.0), LONGEST_WISH)
