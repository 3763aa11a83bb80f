"""Which records of the spool may leave before the others when the hub takes nothing new from this node: those that take back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.facts.membership import MembershipJoined, MembershipLeft
from schemas.facts.message import MessageDeleted, MessagePosted
from schemas.facts.reaction import ReactionAdded, ReactionRemoved

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.spool import Row

TAKES_BACK: Final = frozenset({MessageDeleted.event_type, ReactionRemoved.event_type, MembershipLeft.event_type})
BEGINS: Final = frozenset({MessagePosted.event_type, ReactionAdded.event_type, MembershipJoined.event_type})
"""While what an object began with waits, the hub knows nothing of it that could be taken back."""


class Overtaking:
    """Reads the spool from its beginning, page by page."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[int]] = {}
        self._unsaid: set[str] = set()

    def of(self, rows: Sequence[Row]) -> Iterator[tuple[Row, Sequence[int]]]:
        """Each row that may leave, with the positions of what it makes void: an edit told after the deletion would undo it."""
        for row in rows:
            said = dict(row.record.headers)
            event_type, subject = said.get("ce_type", b"").decode(), said.get("ce_subject", b"").decode()
            if event_type in BEGINS:
                self._unsaid.add(subject)
            if event_type in TAKES_BACK and subject not in self._unsaid:
                yield row, self._waiting.pop(subject, ())
            else:
                self._waiting.setdefault(subject, []).append(row.position)
