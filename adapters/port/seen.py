"""What a platform shows when it is asked: objects as a look saw them, and what it tried in vain to tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from adapters.port.incoming import Act, Change, Incomplete, Nonsense, Unused
    from schemas.facts.message import Author


@dataclass(frozen=True, slots=True)
class Liker:
    """Somebody who likes a message, on a platform that tells who does, and the emoji that its like stands for."""

    actor: str
    author: Author
    emoji: str
    by_us: bool = False


@dataclass(frozen=True)
class Sighting:
    """One object as a poll saw it.

    `tell` tells it as if it had just been posted; it is asked for news alone, since most of what a look sees is none, and whether it is is the
    poller's to say. `digest` changes when people read something else. `thread` is the native id of what it stands under, None for a root. Of a root, `holds` names all that stands
    under it where the RSE told it whole; else `replies` changes when something under it may have changed, and the poller asks.
    `likes` names who likes it; `more_likes` where others do whom the RSE did not name. `created_at` is by our clock, as far as the RSE
    tells how far its own is off; `number` grows from one object of the RSE to the next whatever its clock says, None where it tells none.
    """

    native_id: str
    tell: Callable[[], Change | Unused | Nonsense | Incomplete] = field(repr=False, compare=False)
    digest: str
    created_at: datetime
    thread: str | None = None
    replies: str = ""
    holds: frozenset[str] | None = None
    likes: tuple[Liker, ...] = ()
    more_likes: bool = False
    document: object = None
    number: int | None = None

    @cached_property
    def outcome(self) -> Change | Unused | Nonsense | Incomplete:
        """What it tells."""
        return self.tell()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a poll saw. `cursor` is where the next one goes on; `mark` changes when the answer's bytes do.

    `head` is the answers themselves, in the client's own terms, as far as the window of the same look begins with them: no look asks for a page twice.
    """

    sightings: tuple[Sighting, ...] = ()
    cursor: str | None = None
    mark: str = ""
    head: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Same:
    """The bytes are those of the last time: there is nothing to read in them."""


class Claim(NamedTuple):
    """What a platform says that it could not tell: the change of a message to a version."""

    native_id: str
    act: Act
    version: str


if TYPE_CHECKING:
    Ours = Callable[[Sequence[Claim]], Awaitable[frozenset[Claim]]]
    """Which of these changes are our own writes come back."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a platform tried in vain to tell, as it stands now, with the marker of its own webhook; `cursor` asks for it and all behind it."""

    outcome: Change | Unused | Nonsense
    cursor: str


@dataclass(frozen=True, slots=True)
class Losses:
    """All that a platform tried in vain to tell; parents first.

    `cursor` is where the next question goes on once all is stored; `waiting` counts what is left to ask for by then.
    """

    losses: tuple[Loss, ...]
    cursor: str | None
    waiting: int = 0
