"""Which records of the spool may leave before the others when the hub takes nothing new from this node: those that take back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.facts.membership import MembershipJoined, MembershipLeft
from schemas.facts.message import MessageDeleted, MessagePosted
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.facts.resync import ResyncRequested
from schemas.facts.tie import TieAccepted, TieRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.spool import Record, Row

TAKES_BACK: Final = frozenset({MessageDeleted.event_type, ReactionRemoved.event_type, MembershipLeft.event_type})
BEGINS: Final = frozenset({MessagePosted.event_type, ReactionAdded.event_type, MembershipJoined.event_type})
"""While what an object began with waits, the hub knows nothing of it that could be taken back."""
PASSES: Final = frozenset({TieAccepted.event_type, TieRefused.event_type, ResyncRequested.event_type})
"""No speech, and as true before the rest: an observer's space is tied, and who is suspended asks for what it missed."""


class Overtaking:
    """Reads the spool from its beginning, page by page."""

    def __init__(self) -> None:
        self._passes = PASSES
        self._waiting: dict[str, list[int]] = {}
        self._unsaid: set[str] = set()

    def of(self, rows: Sequence[Row]) -> Iterator[tuple[Row, Sequence[int]]]:
        """Each row that may leave, with the positions of what it makes void: an edit told after the deletion would undo it."""
        for row in rows:
            event_type, subject = type_of(row.record), subject_of(row.record)
            if event_type in self._passes:
                yield row, ()
                continue
            if event_type in BEGINS:
                self._unsaid.add(subject)
            if event_type in TAKES_BACK and subject not in self._unsaid:
                yield row, self._waiting.pop(subject, ())
            else:
                self._waiting.setdefault(subject, []).append(row.position)

    def keeps(self, row: Row) -> bool:
        """Whether a row that was refused stays alone, with all that are no speech; what takes back says of all its kind that it may not leave."""
        kept = type_of(row.record) in PASSES
        self._passes = frozenset() if kept else self._passes
        return kept


def type_of(record: Record) -> str:
    """The type of an event that may have come out of the spool; empty where it is none."""
    return dict(record.headers).get("ce_type", b"").decode()


def subject_of(record: Record) -> str:
    """The object that an event is about."""
    return dict(record.headers).get("ce_subject", b"").decode()


def native_id_of(record: Record) -> str:
    """By what its RSE knows that object."""
    return dict(record.headers).get("ce_nativeid", b"").decode()
