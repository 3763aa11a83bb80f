"""Which signatures were seen already: each is taken once, and forgotten when it could not be used any more."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

SLOT_SECONDS: Final = 30
LIMIT: Final = 100_000


class Seen(Enum):
    """What the memory says of a nonce."""

    FRESH = auto()
    REPLAYED = auto()
    FULL = auto()


class Nonces:
    """A memory per process, bounded for each key by itself: a node that fills its own is refused, the others are not."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._slots: dict[str, dict[int, set[str]]] = {}

    def take(self, key_id: str, nonce: str, until: float, now: float) -> Seen:
        """Remember a nonce until its signature has run out (`until`, seconds since 1970); REPLAYED where it was remembered already.

        A replayed signature bears the same dates, so it falls into the same slot: one look is enough.
        """
        slots = self._slots.setdefault(key_id, {})
        for past in [slot for slot in slots if (slot + 1) * SLOT_SECONDS < now]:
            del slots[past]
        slot = slots.setdefault(int(until // SLOT_SECONDS), set())
        if nonce in slot:
            return Seen.REPLAYED
        if sum(map(len, slots.values())) >= self._limit:
            return Seen.FULL
        slot.add(nonce)
        return Seen.FRESH
