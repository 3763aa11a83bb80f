"""What is new in what a poll saw: a pure comparison with how each object looked last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.likes import compared, remembered
from adapters.port import Act, Change, Incomplete, Nonsense
from adapters.watch import Row

if TYPE_CHECKING:
    from datetime import datetime

    from adapters.port import Outcome, Sighting

GONE = "gone"
NOBODY = "nobody"  # an RSE that is asked does not tell who deleted


@dataclass(frozen=True, slots=True)
class News:
    """An object that looks different: what to tell of it and of its likes, and how it is remembered before and after that."""

    after: Row
    outcome: Outcome | None = None
    before: Row | None = None
    document: object = None
    likes: tuple[Change, ...] = ()


def news_of(seen: Sighting, row: Row | None, since: datetime, now: datetime) -> News | None:
    """What a sighting adds to what is remembered; None where it adds nothing."""
    if row is None:
        return _first(seen, since, now)
    likes = compared(row.likes, seen, now)
    before = replace(row, likes=likes.before) if likes.before != row.likes else None
    told = replace(row, digest=seen.digest, likes=likes.after, gone=False)
    if row.revision == 0 and row.digest == seen.digest:  # told once perhaps: the same event again
        return News(replace(told, revision=1), seen.outcome, before, seen.document, likes.changes)
    if row.digest != seen.digest or row.gone:
        return News(replace(told, revision=row.revision + 1), _edited(seen, row, now), before, seen.document, likes.changes)
    return News(told, None, before, seen.document, likes.changes) if row.likes != likes.after else None


def deleted(row: Row, space: str, now: datetime) -> News:
    """The news that the object itself was answered 404."""
    change = Change(
        act=Act.DELETED, native_id=row.native_id, version=GONE, marker=f"deleted:{row.revision}", space=space, actor=NOBODY,
        occurred_at=now,
    )  # fmt: skip
    return News(replace(row, revision=row.revision + 1, gone=True), change)


def _first(seen: Sighting, since: datetime, now: datetime) -> News:
    """What stood there before we were to look is remembered, so that its edits are seen, and not told.

    The RSE's clock judges it by ours: where it is slow, the first words after a tie may stay there, rather than the last before it leave.
    """
    row = Row(seen.native_id, seen.thread, seen.digest, 1, "", remembered(seen.likes), gone=False, created_at=seen.created_at)
    if seen.created_at < since and not isinstance(seen.outcome, Nonsense):
        return News(row)
    likes = compared(frozenset(), seen, now)
    before = replace(row, revision=0, likes=likes.before)
    return News(replace(row, likes=likes.after), seen.outcome, before, seen.document, likes.changes)


def _edited(seen: Sighting, row: Row, now: datetime) -> Outcome:
    """The number of what was told before makes two edits to the same words two events; the digest, two to different words."""
    match seen.outcome:
        case Change() as change:
            return replace(change, act=Act.EDITED, marker=f"edited:{row.revision + 1}:{seen.digest}", occurred_at=now)
        case Incomplete() as incomplete:
            return replace(incomplete, act=Act.EDITED)
        case other:
            return other
