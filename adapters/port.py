"""What an adapter is: authenticate(), translate(), write(); and the closed set of things it may answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from adapters.drift import Strange
    from adapters.mentions import Acquaintance
    from adapters.settings import Instance
    from schemas.facts.message import Attachment, Author, Content, Mention
    from schemas.problem import Problem
    from schemas.words import Audience


# --- what comes in -----------------------------------------------------------------------------------------------


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
UNSUPPORTED = "unsupported"
"""The reason of a Never by which a client says that its platform cannot hold such an act: a verdict, and no dead letter."""


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


@dataclass(frozen=True, slots=True)
class Unused:
    """An event that we do not use: counted by platform and type, answered 2xx."""

    type: str


@dataclass(frozen=True, slots=True)
class Nonsense:
    """An authentic body that cannot be understood; goes sealed to `adapters.dlq.v1`."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A change that lacks what only the RSE can tell, such as a post without its text: `complete` asks the RSE.

    `said` is the version that it told when it was last asked for the same reason, empty the first time. `space` is there where the
    platform must be told it to find the object; `otherwise` is what its webhook proves, for an RSE that shows it to us no more.
    """

    native_id: str
    act: Act
    said: str = ""
    space: str = ""
    otherwise: Change | None = None


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


# --- what a platform that must be asked shows --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Liker:
    """Somebody who likes a message, on a platform that tells who does, and the emoji that its like stands for."""

    actor: str
    author: Author
    emoji: str
    by_us: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """One object as a poll saw it.

    `outcome` tells it as if it had just been posted; whether that is news is the poller's to say. `digest` changes when people read
    something else. `thread` is the native id of what it stands under, None for a root. Of a root, `holds` names all that stands
    under it where the RSE told it whole; else `replies` changes when something under it may have changed, and the poller asks.
    `likes` names who likes it; `more_likes` where others do whom the RSE did not name.
    """

    native_id: str
    outcome: Change | Unused | Nonsense | Incomplete
    digest: str
    created_at: datetime
    thread: str | None = None
    replies: str = ""
    holds: frozenset[str] | None = None
    likes: tuple[Liker, ...] = ()
    more_likes: bool = False
    document: object = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a poll saw. `cursor` is where the next one goes on; `mark` changes when the answer's bytes do."""

    sightings: tuple[Sighting, ...] = ()
    cursor: str | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Same:
    """The bytes are those of the last time: there is nothing to read in them."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a platform tried in vain to tell, as it stands now, with the marker of its own webhook; `cursor` asks for it and all behind it."""

    outcome: Change | Unused | Nonsense
    cursor: str


@dataclass(frozen=True, slots=True)
class Losses:
    """All that a platform tried in vain to tell; parents first.

    `cursor` is where the next question goes on once all is stored; `more` tells that there is more to ask for by then.
    """

    losses: tuple[Loss, ...]
    cursor: str | None
    more: bool = False


# --- what goes out -----------------------------------------------------------------------------------------------


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
    organisation: str = ""
    mentions: tuple[Mention, ...] = ()
    at_hand: tuple[Acquaintance, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """The RSE took it. `version` is what its own webhook about this write will say.

    `quotes`: it repeats words of what it answers, which follow those from here on (`adapters.quotations`).
    """

    native_id: str
    version: str
    locator: str | None = None
    quotes: bool = False


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


# --- the adapter itself ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """A platform's question that needs an answer of its own shape and no event (a ping, a user query)."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Adapter(Protocol):
    """A kind of RSE. Its reading half is pure: no I/O, never raises on any bytes; its writing half speaks HTTP."""

    platform: str
    body_limit: int
    space_field: str
    """The name under which this platform's payloads tell their space: `category_id`, `room_id`."""

    def authenticate(self, unverified: UnverifiedRequest, instance: Instance) -> AuthenticRequest | Ask | Problem:
        """Prove in constant time, on the raw bytes, that this instance of the platform sent the request."""
        ...

    def translate(self, authentic: AuthenticRequest, instance: Instance) -> Sequence[Outcome]:
        """Read an authentic body: zero, one or many outcomes, in the platform's order."""
        ...

    def strange(self, authentic: AuthenticRequest) -> Iterable[Strange]:
        """What an authentic body holds that the platform's models do not know; never raises, whatever it holds."""
        ...

    def accepted(self, outcomes: Sequence[Outcome]) -> tuple[bytes, str]:
        """The body and content type of the 2xx that this platform expects."""
        ...

    def problem(self, problem: Problem) -> Problem:
        """The error answer in the platform's own shape (members beside RFC 9457's)."""
        ...

    def signed_request(self, payload: bytes, instance: Instance, event: str | None) -> UnverifiedRequest:
        """The request by which the platform would send this payload: its path, headers and signature (`connector feed`)."""
        ...


class RseClient(Protocol):
    """The writing half, bound to one instance; one open HTTP session."""

    async def turn(self, order: Order) -> None:
        """Wait until the RSE's limits let the order begin."""
        ...

    async def write(self, order: Order) -> WriteOutcome:
        """Carry an order out once."""
        ...

    async def divided(self, order: Order) -> Sequence[Order]:
        """The orders that carry this one out in a row, where it is longer than the RSE takes: parts of it, never less than all."""
        ...

    async def find(self, order: Order) -> Written | Later | None:
        """Look, after a crash or a lost answer, whether the order was carried out already (idempotency key or marker)."""
        ...

    async def complete(self, incomplete: Incomplete) -> Change | Unused | Nonsense | Later:
        """Ask the RSE for what a webhook left out."""
        ...

    async def display_name(self, actor: str) -> str | None:
        """The name under which the RSE shows a person whose webhooks do not tell it; None where they do, or where she has none."""
        ...

    async def report_space(self, space: str) -> SpaceReport | Closed | Later | Never:
        """Ask the RSE who can read a space."""
        ...

    async def close(self) -> None:
        """Close the session."""
        ...


@runtime_checkable
class Polled(RseClient, Protocol):
    """An RSE that sends nothing and must be asked: a client whose platform has this half is polled (`adapters.poller`)."""

    async def newer(self, space: str, cursor: str | None) -> Reading | Later | Never:
        """All that came since `cursor`, however much; without a cursor, the newest page alone."""
        ...

    async def window(self, space: str, since: datetime, most: int, unless: str) -> Reading | Same | Later | Never:
        """The last `most` roots, none of them older than `since`, as they stand now; Same where their mark is still `unless`."""
        ...

    async def replies(self, space: str, root: str, unless: str) -> Reading | Same | Later | Never:
        """All that stands under a root, never a part of it; Same where its mark is still `unless`."""
        ...

    async def gone(self, space: str, native_id: str) -> bool | Later:
        """Ask the object itself: True for a 404 while its space can be read; anything less is no deletion."""
        ...


@runtime_checkable
class Reminding(RseClient, Protocol):
    """An RSE that pushes, gives up, and tells what it gave up: a client with this half is asked from time to time (`adapters.losses`)."""

    async def lost(self, space: str, cursor: str | None, since: datetime) -> Losses | Later | Never:
        """What was tried in vain after `cursor`, of a space; without a cursor, what people did there since a moment."""
        ...
