"""Moments as documents of others write them (RFC 3339, XML Schema's dateTimeStamp)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)  # fmt: skip


def moment_of(said: object) -> datetime | None:
    """A moment with its zone; None for anything else, and for one that does not exist."""
    if not isinstance(said, str) or not _MOMENT.fullmatch(said):
        return None
    try:
        return datetime.fromisoformat(said)
    except ValueError:
        return None
