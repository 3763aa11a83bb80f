"""Who likes a message, from one look to the next. Each like gets a number, so that nothing of a person is in its name. No I/O.

A like is kept as `3:identity:8`, as `3?identity:8` while it is being told, as `3!identity:8` while its end is, and as `3:` once it was
taken back: the last number is never given twice, so that a like that is set anew is a new one, also where nobody knows whether the end of
the former was told, and a crash between telling and remembering tells the same ones again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.port import Act, Change

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from adapters.port import Liker, Sighting

_KEPT = re.compile(r"^([1-9][0-9]*)([:?!])(.*)$", re.DOTALL)
TOLD, BEING_TOLD, ENDING = ":", "?", "!"


@dataclass(frozen=True, slots=True)
class Like:
    """One like; nobody's once it was taken back."""

    number: int
    actor: str
    state: str = TOLD

    def __str__(self) -> str:
        """As it is kept."""
        return f"{self.number}{self.state}{self.actor}"


@dataclass(frozen=True, slots=True)
class Likes:
    """What the likes of a message come to: how they are kept while the changes are told, and after that."""

    before: frozenset[str]
    after: frozenset[str]
    changes: tuple[Change, ...] = ()


def remembered(likers: Iterable[Liker]) -> frozenset[str]:
    """Likes that were there before anybody was to look: never told."""
    actors = sorted({liker.actor for liker in likers})
    return frozenset(str(Like(number, actor)) for number, actor in enumerate(actors, 1))


def compared(kept: frozenset[str], seen: Sighting, now: datetime) -> Likes:
    """What is to be told of a message's likes. Where some were not shown, none is taken for taken back."""
    numbered = sorted(map(_read, kept), key=lambda like: like.number)
    last = max((like.number for like in numbered), default=0)
    known = {like.actor: like for like in numbered if like.actor and like.state != ENDING}
    ending = [like for like in numbered if like.state == ENDING]
    shown = {liker.actor: liker for liker in seen.likes}
    all_shown = shown.keys() <= known.keys() and (seen.more_likes or known.keys() <= shown.keys())
    same = all_shown and not ending and all(like.state == TOLD for like in known.values())
    if same or not isinstance(seen.outcome, Change):
        return Likes(kept, kept)
    for number, actor in enumerate(sorted(shown.keys() - known.keys()), last + 1):
        known[actor] = Like(number, actor, BEING_TOLD)
    gone = set[str]() if seen.more_likes else known.keys() - shown.keys()
    ending += [replace(like, state=ENDING) for actor, like in known.items() if actor in gone]
    standing = [like for actor, like in known.items() if actor not in gone]
    changes = [
        *(_taken_back(like, seen.outcome, now) for like in ending),
        *(_set(like, shown[like.actor], seen.outcome, now) for like in standing if like.state == BEING_TOLD and like.actor in shown),
    ]
    last = max([last, *(like.number for like in standing)])
    return Likes(_kept([*ending, *standing], last), _kept((replace(like, state=TOLD) for like in standing), last), tuple(changes))


def _read(kept: str) -> Like:
    found = _KEPT.match(kept)
    if found is None:
        raise ValueError(kept[:8])
    return Like(int(found[1]), found[3], found[2])


def _kept(likes: Iterable[Like], last: int) -> frozenset[str]:
    """The likes, and the last number where no like bears it."""
    written = list(likes)
    ended = [Like(last, "")] if last > max((like.number for like in written), default=0) else []
    return frozenset(map(str, [*written, *ended]))


def _set(like: Like, liker: Liker, message: Change, now: datetime) -> Change:
    return Change(
        Act.REACTED, _name(like, message), "", "reacted", message.space, liker.actor, now, liker.author, parent=message.native_id,
        emoji=liker.emoji, by_us=liker.by_us,
    )  # fmt: skip


def _taken_back(like: Like, message: Change, now: datetime) -> Change:
    return Change(Act.UNREACTED, _name(like, message), "", "unreacted", message.space, like.actor, now)


def _name(like: Like, message: Change) -> str:
    return f"like:{message.native_id}/{like.number}"
