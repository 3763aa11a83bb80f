"""Replies to what the ledger does not know: what the RSE said that stands there, asked for once, and who waits meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from adapters.before import stands_since
from adapters.echoes import moment

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from adapters.port import Change, Standing
    from adapters.ties import Tie

REMEMBERED: Final = 10_000
HOPE: Final = timedelta(minutes=10)
"""So long a message that the ledger has not heard of may still come: its webhook is tried again, or its RSE's log is read.

Past it every answer would only be held up at the hub, for one that never comes.
"""

BEHIND: Final = "behind"
"""What `asked` says of what was set on a message, once it has waited for that."""


class _Said(NamedTuple):
    standing: Standing
    since: datetime


@dataclass(frozen=True, slots=True)
class Threads:
    """What one process was told by one instance; the ledger is asked first, since it alone knows what has come."""

    _said: dict[str, _Said] = field(default_factory=dict)
    _waiting: dict[str, None] = field(default_factory=dict)
    """Messages that the RSE was to be asked about before they are told; who is told by now the ledger knows, and nobody asks here."""

    def __contains__(self, locator: str) -> bool:
        return locator in self._said

    def learn(self, change: Change, now: datetime) -> None:
        """Note what the RSE has just said; what it said first counts, since hope is counted from then."""
        if change.parent is None or change.answers is None or change.asked is None or change.parent in self._said:
            return
        _make_room(self._said)
        self._said[change.parent] = _Said(change.answers, now)

    def named(self, change: Change) -> str | None:
        """The native id of what a message answers, as the RSE says it: the ledger may know that by another locator, since posts are moved."""
        said = self._said.get(change.parent or "")
        return (change.answers.native_id if change.answers is not None else None) or (said.standing.native_id if said is not None else None)

    def wait(self, native_ids: Iterable[str]) -> None:
        """Note messages that wait in the spool."""
        for native_id in native_ids:
            _make_room(self._waiting)
            self._waiting[native_id] = None

    def awaits(self, change: Change) -> bool:
        """Whether something is set on a message that waits, and has not waited behind it yet."""
        return change.parent in self._waiting and change.asked != BEHIND and not change.history

    def takes_back(self, change: Change) -> bool:
        """Whether a message that waits is taken back, by a deletion of which the ledger can keep nothing and that has not waited behind it yet."""
        return change.native_id in self._waiting and change.asked != BEHIND and moment(change.version) is None

    def parent(self, change: Change, tie: Tie, now: datetime) -> str | None:
        """The native id of what a message answers, where that comes or came: written since its space was tied, and not awaited for too long."""
        said = self._said.get(change.parent or "") if not change.history else None  # the hub waits for nothing that history answers
        if said is None or now - said.since > HOPE:
            return None
        return said.standing.native_id if stands_since(said.standing, tie) else None


def _make_room(found: dict[str, _Said] | dict[str, None]) -> None:
    while len(found) >= REMEMBERED:
        del found[next(iter(found))]
