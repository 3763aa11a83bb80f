"""What each of our pairs, or of the hub's keys, is to us at a moment: the one that signs, those that follow, those that are still believed. Pure."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from schemas.manifest import KeyState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from schemas.manifest import KeyEntry


class Dated(Protocol):
    """What has the life of a key."""

    @property
    def entry(self) -> KeyEntry:
        """The dates of that life."""
        ...


T = TypeVar("T", bound=Dated)
MARGIN: Final = timedelta(seconds=10)
"""A pair that became active signs so long after: the broker that dates what the door signs, and another process of ours, may have other clocks."""
LIVING: Final = frozenset({KeyState.ACTIVE, KeyState.RETIRING})
ENDED: Final = frozenset({KeyState.RETIRED, KeyState.REVOKED})


class Role(StrEnum):
    """What a pair is to us now."""

    NEXT = "next"
    SIGNING = "signing"
    FORMER = "former"
    """It signs no more, and is believed for a while."""
    ENDED = "ended"


def rank(entry: KeyEntry, now: datetime) -> tuple[int, float]:
    """How fit a key is to sign: the newest that is active and settled, then one that retires, then one that is active since a moment."""
    state, settled = entry.state_at(now), entry.state_at(now - MARGIN)
    started = entry.active_from.timestamp() if entry.active_from else 0.0
    if state not in LIVING:
        return 0, started
    if state is KeyState.RETIRING:
        return 2, started
    return (3 if settled in LIVING else 1), started


def roles(pairs: Sequence[T], now: datetime) -> list[tuple[T, Role]]:
    """Each pair, or key of the hub, with its role, for whoever holds them all."""
    best = max(pairs, key=lambda pair: rank(pair.entry, now), default=None)

    def role(pair: T) -> Role:
        if pair is best and rank(pair.entry, now)[0]:
            return Role.SIGNING
        match pair.entry.state_at(now):
            case KeyState.PENDING:
                return Role.NEXT
            case KeyState.ACTIVE | KeyState.RETIRING:
                return Role.FORMER if pair.entry.retiring_from else Role.NEXT
            case KeyState.RETIRED | KeyState.REVOKED:
                return Role.ENDED

    return [(pair, role(pair)) for pair in pairs]
