"""What comes in: a request of the platform's, and the closed set of things that an adapter reads out of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from schemas.facts.message import Attachment, Author, Content, Mention


@dataclass(frozen=True, slots=True)
class UnverifiedRequest:
    """A webhook as it came, its size already capped; header names in lower case. `path` is what follows the instance."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


UNREAD: Final = object()


@dataclass(frozen=True, slots=True)
class AuthenticRequest:
    """A request whose platform proved itself; only `authenticate` makes one.

    `document` is the body's JSON where proving the request took to read it, else UNREAD: a body is not parsed twice.
    """

    request: UnverifiedRequest
    document: Any = UNREAD


class Act(StrEnum):
    """What was done to a message, or set on one."""

    POSTED = "posted"
    EDITED = "edited"
    DELETED = "deleted"
    REACTED = "reacted"
    UNREACTED = "unreacted"
    ACCEPTED = "accepted"
    UNACCEPTED = "unaccepted"


REACTIONS = frozenset({Act.REACTED, Act.UNREACTED})
ACCEPTANCES = frozenset({Act.ACCEPTED, Act.UNACCEPTED})
ENDINGS = frozenset({Act.DELETED, Act.UNREACTED, Act.UNACCEPTED})
"""Acts after which their object is no longer there."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What an RSE says that stands at a locator: a message of its people that others may read, and when it was written, by our clock.

    Empty where nothing of the kind stands there, and where the RSE could not say. `number` as a change's.
    """

    native_id: str | None = None
    written_at: datetime | None = None
    number: int | None = None


class Placed(StrEnum):
    """On which side of the beginning of its space's tie the RSE's own order has a message, or an edit."""

    BEFORE = "before"
    SINCE = "since"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that a person did in the RSE, in native terms: the core resolves spaces, parents, echoes and signs.

    `native_id` names the object for ever (`post:127406`, `$event`); `locator` is its other address where the platform has one
    (`topic:31544/38`); `parent` is a native id or a locator. `version` orders what the platform says of one object and is what a
    write's answer is compared with. `marker` is the platform's own event id, `updated_at` or `deleted_at`. `by_us` says that it was
    written under an account of this connector, which never speaks for a person; it does not tell who edited or deleted it.

    A reaction and an acceptance are objects with native ids of their own; `parent` is then the native id of the message on which
    they are set, and `by_us` tells who reacted. A platform that names no native id for them gets one made for it; nothing in it may
    name a person, since it leaves the RSE. Where one act may be told several times without a time of its own, `marker` is left
    empty: the ledger counts.
    """

    act: Act
    native_id: str
    version: str
    marker: str
    space: str
    actor: str
    occurred_at: datetime
    author: Author | None = None
    content: Content | None = None
    title: str | None = None
    link: str | None = None
    parent: str | None = None
    locator: str | None = None
    attachments: tuple[Attachment, ...] = ()
    emoji: str | None = None
    by_us: bool = False
    history: bool = False
    """Whether it was written before the space was tied, and is told by a back-fill."""
    called: tuple[str, ...] = ()
    """Whom the content calls, by the handles of this RSE; they never leave it."""
    mentions: tuple[Mention, ...] = ()
    """The same by name and ministry, once they are known."""
    handle: str | None = None
    """By which the author herself is called here."""
    asked: str | None = None
    """None for what the RSE told by itself; else what it had said when it was last asked for the same reason, empty the first time."""
    answers: Standing | None = None
    """What stands at `parent`, once the RSE was asked for that."""
    quotes: tuple[str, ...] = ()
    """The locators of what the content repeats words of, where the platform names them: part of a message may lack the mark at its beginning."""
    corrects: bool = False
    """Whether it is news of what was told before alone, such as another title: of what nobody was told it tells nothing."""
    inside: bool = False
    """Whether what its author typed begins with the node's mark, where the RSE tells that beside what it makes of it."""
    number: int | None = None
    """Grows from one message of the RSE to the next whatever its clock says, where it numbers them; an edit bears its message's."""
    placed: Placed | None = None
    """Where the RSE has it beside the beginning of the tie, once it was asked for that."""
    recurs: bool = False
    """Of a reaction: whether its native id is that of who reacts to what, so that one set anew bears it too. The ledger counts how often
    that was, the RSE is asked whether it was, and `version` of its end is that count."""


@dataclass(frozen=True, slots=True)
class Unused:
    """An event that we do not use: counted by platform and type, answered 2xx."""

    type: str


@dataclass(frozen=True, slots=True)
class Nonsense:
    """An authentic body that cannot be understood; goes sealed to `adapters.dlq.v1`. `document` is what an RSE that was asked told instead of a body."""

    reason: str
    detail: str = ""
    document: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A change that lacks what only the RSE can tell, such as a post without its text: `complete` asks the RSE.

    `said` is the version that it told when it was last asked for the same reason, empty the first time. `space` is there where the
    platform must be told it to find the object; `otherwise` is what its webhook proves, for an RSE that shows it to us no more.
    `parent` is the locator of what it answers, where the RSE is to say what stands there (`Change.answers`). `behind` is where its
    space ended when its tie began, where the RSE is to say on which side of that it was said (`Change.placed`).
    """

    native_id: str
    act: Act
    said: str = ""
    space: str = ""
    otherwise: Change | None = None
    parent: str | None = None
    behind: str = ""


@dataclass(frozen=True, slots=True)
class Altered:
    """A hint that something changed on which a space's tie rests: who reads it, whether we are let in, whether it is still in use.

    What counts is the RSE's answer when it is asked (`report_space`). `type` is what the hint is named by.
    """

    space: str
    type: str


@dataclass(frozen=True, slots=True)
class RosterAltered:
    """A hint that somebody came to a space or left it, to any space where none is named: the RSE is asked who takes part (`adapters.rosters`)."""

    space: str = ""


Outcome = Change | Unused | Nonsense | Incomplete | Altered | RosterAltered


class What(StrEnum):
    """What is not as we know it."""

    FIELD = "field"
    TYPE = "type"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Strange:
    """A field or an event type that we do not know, or a field whose value is not of the type that we know."""

    what: What
    name: str
