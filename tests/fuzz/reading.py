"""What every target needs: bytes as JSON, and a name for what must never be."""

from __future__ import annotations

from typing import Any

from schemas import jcs


class Forged(AssertionError):
    """Bytes that nobody signed were believed, or said two things."""


def parsed(raw: bytes) -> Any:
    """Bytes as the JSON that we accept; None for all other."""
    try:
        return jcs.parse(raw)
    except jcs.JsonRefused:
        return None
