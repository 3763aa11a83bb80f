"""What is new in what a poll saw: a pure comparison with how each object looked last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters.likes import compared, remembered
from adapters.port import Act, Change, Incomplete, Nonsense
from adapters.watch import Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.port import Outcome, Sighting

GONE = "gone"
NOBODY = "nobody"  # an RSE that is asked does not tell who deleted
UNREAD = "?"
"""What is kept as announced under a root whose replies nobody had read when the floor was found."""
UNSURE = "?"
"""What an object's digest begins with while an edit to it is being told; Kafka may have that already."""
EVER = datetime.fromtimestamp(0, UTC)
"""When what tells no time was made."""
AHEAD = timedelta(minutes=1)
"""By so much the clock of an RSE that tells nothing of it may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where what is for others begins in a space: at a moment of ours, and behind the greatest number that stood there; `floor` is None until that is known."""

    since: datetime
    floor: int | None = None

    def admits(self, seen: Sighting, now: datetime) -> bool:
        """Whether this is for others. A greater number decides, whatever a clock said when it was written; else its time.

        At the first look, a time that has not come yet was told by a clock that was wrong, nobody knows when: it stays there rather than leave.
        """
        if self.floor is None:
            return self.since <= seen.created_at <= now + AHEAD
        return seen.created_at >= self.since or (seen.number is not None and seen.number > self.floor)

    def under(self, root: Row | None) -> Beginning:
        """For what stands under a root. In a thread that the floor knows nothing of, a greater number may be older too: its time alone decides."""
        return replace(self, floor=None) if root is not None and root.replies == UNREAD else self


@dataclass(frozen=True, slots=True)
class News:
    """An object that looks different: what to tell of it and of its likes, and how it is remembered before and after that."""

    after: Row
    outcome: Outcome | None = None
    before: Row | None = None
    document: object = None
    likes: tuple[Change, ...] = ()


def news_of(seen: Sighting, row: Row | None, beginning: Beginning, now: datetime) -> News | None:
    """What a sighting adds to what is remembered; None where it adds nothing."""
    if row is None:
        return _first(seen, beginning, now)
    likes = compared(row.likes, seen, now)
    told = replace(row, digest=seen.digest, likes=likes.after, gone=False)
    if row.revision == 0 and row.digest == seen.digest:  # told once perhaps: the same event again
        outcome, begun, told = _at(seen.outcome, row.created_at), row, replace(told, revision=1)
    elif row.digest != seen.digest or row.gone:
        begun = _begun(seen, row)
        outcome, told = _edited(seen, begun, now), replace(told, revision=begun.revision + 1)
    elif row.likes != likes.after:
        outcome, begun = None, row
    else:
        return None
    before = replace(begun, likes=likes.before)
    return News(told, outcome, before if before != row else None, _document(seen), likes.changes)


def parents_first(sightings: Mapping[str, Sighting]) -> list[Sighting]:
    """In the order of their numbers, where each has one; else by their times, but never an answer before its root: a clock may have been moved."""
    if all(one.number is not None for one in sightings.values()):
        return sorted(sightings.values(), key=lambda one: one.number or 0)

    def place(one: Sighting) -> tuple[datetime, bool]:
        root = sightings.get(one.thread or "")
        return max(one.created_at, root.created_at if root else one.created_at), one.thread is not None

    return sorted(sightings.values(), key=place)


def deleted(row: Row, space: str, now: datetime) -> News:
    """The news that the object itself was answered 404."""
    change = Change(
        act=Act.DELETED, native_id=row.native_id, version=GONE, marker=f"deleted:{row.revision}", space=space, actor=NOBODY,
        occurred_at=now,
    )  # fmt: skip
    return News(replace(row, revision=row.revision + 1, gone=True), change)


def _first(seen: Sighting, beginning: Beginning, now: datetime) -> News:
    """What stood there before we were to look is remembered, so that its edits are seen, and not told.

    A time that is before its space's tie or that has not come yet is wrong, and is told and remembered as the moment at which we saw it.
    Of what cannot be read, and tells neither time nor number, nobody knows when it was written: it is named to the operators, and its words stay.
    """
    row = Row(seen.native_id, seen.thread, seen.digest, 1, "", remembered(seen.likes), gone=False, created_at=seen.created_at)
    admitted = beginning.admits(seen, now)
    if isinstance(seen.outcome, Nonsense) and (admitted or _undated(seen)):
        return News(row, seen.outcome, replace(row, revision=0), _document(seen))
    if not admitted:
        return News(row)
    likes = compared(frozenset(), seen, now)
    row = row if beginning.since <= seen.created_at <= now else replace(row, created_at=now)
    before = replace(row, revision=0, likes=likes.before)
    return News(replace(row, likes=likes.after), _at(seen.outcome, row.created_at), before, _document(seen), likes.changes)


def _undated(seen: Sighting) -> bool:
    """Whether nobody knows if it was written before the tie: it could not be read, and tells no number."""
    return isinstance(seen.outcome, Nonsense) and seen.number is None and seen.created_at == EVER


def _document(seen: Sighting) -> object:
    return None if _undated(seen) else seen.document


def _at(outcome: Outcome, moment: datetime) -> Outcome:
    return replace(outcome, occurred_at=moment) if isinstance(outcome, Change) else outcome


def _begun(seen: Sighting, row: Row) -> Row:
    """How an object is remembered while an edit is told: whatever it is edited to next differs, and is never told under the same number."""
    digest = UNSURE + seen.digest
    other = row.digest.startswith(UNSURE) and row.digest != digest
    return replace(row, digest=digest, revision=row.revision + (1 if other else 0), gone=False)


def _edited(seen: Sighting, row: Row, now: datetime) -> Outcome:
    """The number of what was told before makes two edits to the same words two events; the digest, two to different words."""
    match seen.outcome:
        case Change() as change:
            return replace(change, act=Act.EDITED, marker=f"edited:{row.revision + 1}:{seen.digest}", occurred_at=now)
        case Incomplete() as incomplete:
            return replace(incomplete, act=Act.EDITED)
        case other:
            return other
