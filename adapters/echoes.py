"""Is it our own write that came back? Decided by native id and version alone, never by author or text."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from adapters.port import ACCEPTANCES, Act

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.memory import KnownObject, OpenIntent
    from adapters.port import Change, Claim

PATIENCE = timedelta(seconds=30)


def is_echo(version: str, written: Iterable[str]) -> bool:
    """Tell whether a copy's version is one that we wrote, or an earlier one where versions are times."""
    known = frozenset(written)
    if version in known:
        return True
    said = moment(version)
    if said is None:
        return False
    times = [found for found in map(moment, known) if found is not None]
    return bool(times) and said <= max(times)


def is_ours(claim: Claim, here: KnownObject | None) -> bool:
    """Tell whether a change that no webhook could tell is our own write to a copy. One that was withdrawn here may have come back by other hands."""
    if here is None or not here.is_copy or here.withdrawn:
        return False
    return here.deleted if claim.act is Act.DELETED else is_echo(claim.version, here.versions)


def awaited(change: Change, intents: Iterable[OpenIntent], received_at: datetime, now: datetime, *, known: bool) -> bool:
    """Tell whether a change must wait for a write whose answer may show it to be our own.

    Only a write begun before the change arrived can have caused it; nothing of a person's waits longer than PATIENCE. What bears our
    own account waits however long: it must never pass for a person's. An object that the ledger knows waits for writes to itself, an
    unknown one for any creation in its space, an acceptance for any acceptance there.
    """
    if now - received_at >= PATIENCE and not change.by_us:
        return False
    return any(_may_be(change, intent, known=known) for intent in intents if intent.opened_at <= received_at)


def _may_be(change: Change, intent: OpenIntent, *, known: bool) -> bool:
    if change.act in ACCEPTANCES:
        return intent.act in ACCEPTANCES and intent.space == change.space
    if known:
        return intent.native_id == change.native_id
    return intent.act == Act.POSTED and intent.space == change.space


def precedes(version: str, other: str) -> bool:
    """Tell whether a version is an earlier time than another; where versions are no times, nothing tells."""
    one, two = moment(version), moment(other)
    return one is not None and two is not None and one < two


def moment(version: str) -> datetime | None:
    """A version as a time, where it is one."""
    try:
        moment = datetime.fromisoformat(version)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
