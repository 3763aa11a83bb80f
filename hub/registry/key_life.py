"""The life of keys: announced by a manifest, active once admitted, retiring, retired; or revoked, or compromised since a moment."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from schemas.manifest import KeyEntry, KeyState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from schemas.application import DeclaredKey, Manifest

KEY_STEPS: Final[Mapping[KeyState, frozenset[KeyState]]] = {
    KeyState.PENDING: frozenset({KeyState.ACTIVE, KeyState.REVOKED}),
    KeyState.ACTIVE: frozenset({KeyState.RETIRING, KeyState.RETIRED, KeyState.REVOKED}),
    KeyState.RETIRING: frozenset({KeyState.RETIRED, KeyState.REVOKED}),
    KeyState.RETIRED: frozenset({KeyState.REVOKED}),
    KeyState.REVOKED: frozenset(),
}
"""A key's lifecycle; the dates of its entry say in which state it is at a moment."""
NOTICE: Final = timedelta(days=30)
"""So long before the end of its validity a key is called retiring: it still signs, and its owner is told to announce the next."""


def announced(owner: str, declared: DeclaredKey) -> KeyEntry:
    """A key that a manifest declares, pending until people have approved it."""
    return KeyEntry(id=f"{owner}#{declared.multibase}", multibase=declared.multibase, custody=declared.custody)


def admitted(owner: str, known: Iterable[KeyEntry], manifest: Manifest | None, now: datetime) -> tuple[KeyEntry, ...]:
    """The owner's keys once its manifest is accepted: each pending one active from now on, or from the day that it says if that is later.

    Where the last of them has ended, the manifest that it signed gives it another end: nothing else could.
    """
    keys = {key.id: key for key in known}
    again = proving(keys.values(), now) if not any(_lives(key, now) for key in keys.values()) else set()
    for declared in manifest.keys if manifest else ():
        entry = announced(owner, declared)
        if keys.get(entry.id, entry).active_from is None:
            keys[entry.id] = _valid(entry, declared, now)
        elif entry.id in again:
            keys[entry.id] = _ending(keys[entry.id], declared, now)  # its beginning stays: what it signed in its first life still holds
    return tuple(key if key.active_from else key.model_copy(update={"active_from": now}) for key in keys.values())


def proving(keys: Iterable[KeyEntry], now: datetime) -> set[str]:
    """The keys by which an owner shows that it is still the same: those that live, else what ended last by its own date; never a revoked one."""
    unrevoked = [key for key in keys if key.state_at(now) is not KeyState.REVOKED]
    living = {key.id for key in unrevoked if _lives(key, now)}
    last = max((key.retired_at for key in unrevoked if key.retired_at), default=None)
    return living or {key.id for key in unrevoked if key.retired_at == last}


def revoked(keys: Iterable[KeyEntry], key_id: str, now: datetime) -> tuple[KeyEntry, ...]:
    """The keys, one of them revoked from now on; raises LookupError for a key that is not among them."""
    return _changed(keys, key_id, {"revoked_at": now})


def compromised(keys: Iterable[KeyEntry], key_id: str, since: datetime, now: datetime) -> tuple[KeyEntry, ...]:
    """The keys, one of them revoked from now on and all that it signed from a moment on doubtful; raises LookupError."""
    return _changed(keys, key_id, {"revoked_at": now, "compromised_since": since})


def rotated(keys: Iterable[KeyEntry], new: KeyEntry, now: datetime, start: datetime, overlap: timedelta) -> tuple[KeyEntry, ...]:
    """The keys with a new one, pending until it starts; those that it follows retire then, and still hold for the overlap.

    What was signed by the old key before, and reaches the broker after, is believed until the overlap has passed.
    """
    followed = tuple(_retiring(key, start, overlap) if _signs(key, now) else key for key in keys)
    return (*followed, new.model_copy(update={"active_from": start}))


def _retiring(key: KeyEntry, start: datetime, overlap: timedelta) -> KeyEntry:
    end = start + overlap
    retired = end if key.retired_at is None else min(end, key.retired_at)
    return key.model_copy(update={"retiring_from": min(start, key.retiring_from or start), "retired_at": retired})


def _lives(key: KeyEntry, now: datetime) -> bool:
    return key.state_at(now) not in {KeyState.RETIRED, KeyState.REVOKED}


def _signs(key: KeyEntry, now: datetime) -> bool:
    return key.state_at(now) in {KeyState.ACTIVE, KeyState.RETIRING}


def _changed(keys: Iterable[KeyEntry], key_id: str, said: Mapping[str, object]) -> tuple[KeyEntry, ...]:
    known = tuple(keys)
    if key_id not in {key.id for key in known}:
        raise LookupError(key_id)
    return tuple(key.model_copy(update=dict(said)) if key.id == key_id else key for key in known)


def _valid(entry: KeyEntry, declared: DeclaredKey, now: datetime) -> KeyEntry:
    start = max(now, declared.valid_from)
    return _ending(entry.model_copy(update={"active_from": start}), declared, start)


def _ending(entry: KeyEntry, declared: DeclaredKey, start: datetime) -> KeyEntry:
    end = declared.valid_until
    return entry.model_copy(update={"retiring_from": max(start, end - NOTICE), "retired_at": end})
