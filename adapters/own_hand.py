"""What our own hand did to a message of this RSE's people by a moderator's word, told from what they do to it themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.echoes import moment, precedes
from adapters.port import Act

if TYPE_CHECKING:
    from adapters.memory import KnownObject
    from adapters.port import Change, Written

BETWEEN = "/"


def span(outcome: Written) -> str:
    """The versions that a write gave a message: those behind the one that it found, up to its own; its own alone where nothing tells."""
    return f"{outcome.found}{BETWEEN}{outcome.version}" if outcome.found is not None else outcome.version


def did(change: Change, here: KnownObject) -> bool:
    """Whether a change of an own message is what our own hand did to it, or tells again what was heard before that."""
    if change.act is Act.DELETED and moment(change.version) is None:
        return here.moderated  # what is gone for ever goes once
    heard = bool(here.settled) and not here.deleted and change.act is not Act.DELETED and here.versions[-1:] == (change.version,)
    return heard or any(_within(change.version, one) for one in here.settled)


def overtook(change: Change, here: KnownObject) -> bool:
    """Whether a change that came late was made before our hand gave the message other words since: the RSE itself must say."""
    if here.moderated or change.act is Act.DELETED or change.asked is not None:
        return False
    return any(precedes(change.version, one.rpartition(BETWEEN)[2]) for one in here.settled)


def _within(version: str, settled: str) -> bool:
    found, between, last = settled.rpartition(BETWEEN)
    if not between:
        return version == last or precedes(version, last)
    return precedes(found, version) and not precedes(last, version)
