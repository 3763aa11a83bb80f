"""What goes out: an order to the RSE, and the closed set of things that it may answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from adapters.port.incoming import Act
    from schemas.facts.message import Attachment, Author, Content, Mention
    from schemas.words import Audience


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """Somebody whom this RSE can call: by which handle, under which name and ministry she is known."""

    name: str
    handle: str
    organisation: str


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a long message."""

    number: int
    of: int


@dataclass(frozen=True, slots=True)
class Order:
    """One act to be carried out in the RSE, in a space of its own, once.

    An edit of a copy that we have deleted (`reviving`, by the ledger) brings it back, as another object where the platform undeletes nothing; one that
    people of the RSE took away it never brings back (`Never(WITHDRAWN)`, or new words under the deletion where these can be kept).
    `key` is the same at each attempt (the event's id). `subject` is the object's id in every RSE: the marker that is left in the
    copy. `native_id` is the copy's own id where one was written before; `parent` likewise, a native id or, where the parent has one,
    its locator; `parent_missing` says that the parent is known to be unknown here; `answered` is the parent's id in every RSE. A reaction or an acceptance is set on `target`,
    a message's native id; `others` is how many reactions from elsewhere stand on it here already, by the ledger. `part` tells which
    part of a message that this RSE takes only in several; `parts` are the native ids of the later ones that stand here already.
    `organisation` is the ministry whose RSE this is; `at_hand` are those of the people named in it who can be called here.
    """

    act: Act
    key: str
    subject: str
    space: str
    author: Author | None = None
    content: Content | None = None
    title: str | None = None
    link: str | None = None
    native_id: str | None = None
    reviving: bool = False
    parent: str | None = None
    parent_missing: bool = False
    answered: str | None = None
    occurred_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    emoji: str | None = None
    target: str | None = None
    others: int = 0
    part: Part | None = None
    parts: tuple[str, ...] = ()
    history: bool = False
    """Whether it was written long ago: with its date, and notifying nobody."""
    original: bool = False
    """Whether it is somebody's own message of this RSE, which a moderator takes away or brings back."""
    insisted: bool = False
    """Whether a moderator, or an animator, brings it back: also where people of the RSE took it away."""
    reason: str = ""
    """Why a moderator took it away, in words that everybody reads where it stood."""
    organisation: str = ""
    mentions: tuple[Mention, ...] = ()
    at_hand: tuple[Acquaintance, ...] = ()


TAKEN_BACK = "original_taken_back"
"""An original that is to be taken away and is gone already, by another hand than ours: whoever did that is heard."""


@dataclass(frozen=True, slots=True)
class Written:
    """The RSE took it. `version` is what its own webhook about this write will say.

    `quotes`: it repeats words of what it answers, which follow those from here on (`adapters.quotations`).
    """

    native_id: str
    version: str
    locator: str | None = None
    quotes: bool = False
    found: str | None = None
    """The version that the write found there, of what people of the RSE wrote themselves and a platform dates."""


@dataclass(frozen=True, slots=True)
class Later:
    """429, 5xx, a time-out, no connection: the whole node pauses. `after` is the RSE's own wish in seconds."""

    reason: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Never:
    """An answer that cannot heal: this record alone becomes a dead letter, with a receipt."""

    reason: str
    detail: str = ""


UNSUPPORTED = "unsupported"
"""The reason of a Never by which a client says that its platform cannot hold such an act: a verdict, and no dead letter."""
WITHDRAWN = "copy_withdrawn"
"""The reason of a Never by which a client says that people of its RSE took the copy away: its edit is skipped, and no dead letter."""
WriteOutcome = Written | Later | Never


@dataclass(frozen=True, slots=True)
class SpaceReport:
    """What the RSE says of a space: its name, who can read it, whether externals can."""

    name: str
    audience: Audience
    externals: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """The RSE says plainly that nothing may pass through a space (any more); a Never only says that it would not tell."""

    reason: str
