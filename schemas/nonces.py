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
    """A memory per process, bounded for each key by itself: a node that fills its own is refused, the others are not.

    It is kept by time first: a key is forgotten with the last of its signatures, so that names of keys, which cost a stranger nothing, fill
    no memory for longer than they serve.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._slots: dict[int, dict[str, set[str]]] = {}

    @property
    def keys(self) -> int:
        """Of how many keys something is remembered."""
        return len(set().union(*self._slots.values()))

    def take(self, key_id: str, nonce: str, until: float, now: float) -> Seen:
        """Remember a nonce until its signature has run out (`until`, seconds since 1970); REPLAYED where it was remembered already.

        A replayed signature bears the same dates, so it falls into the same slot: one look is enough.
        """
        for past in [slot for slot in self._slots if (slot + 1) * SLOT_SECONDS < now]:
            del self._slots[past]
        number = int(until // SLOT_SECONDS)
        if nonce in self._slots.get(number, {}).get(key_id, ()):
            return Seen.REPLAYED
        if sum(len(of_keys.get(key_id, ())) for of_keys in self._slots.values()) >= self._limit:
            return Seen.FULL
        self._slots.setdefault(number, {}).setdefault(key_id, set()).add(nonce)
        return Seen.FRESH
