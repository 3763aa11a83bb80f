"""What the handlers of peers' activities need of a transaction, and what several of them ask of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from hub.federation.followers import ExternalObject
from hub.ports import RefusedError
from schemas.activities import authority_of
from schemas.facts.message import MessageDeleted
from schemas.facts.reaction import ReactionRemoved
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from hub.federation.acknowledged import PeerWord, Sent
    from hub.federation.acknowledgements import Fault
    from hub.federation.addresses import Addresses
    from hub.federation.followers import Follow, Follower, Report
    from hub.federation.verification import VerifiedActivity
    from hub.registry.peers import Peer
    from schemas.facts.base import Fact
    from schemas.facts.external import External
    from schemas.provenance import KnownActor

MESSAGE: Final = "message"
REACTION: Final = "reaction"
GONE: Final = "gone"
OWN: Final = "own"
DOUBLE: Final = "double"
NOTED: Final = "noted"
UNSUPPORTED: Final = "unsupported"
DONE: Final = "handled"
CONTEXT: Final = "https://www.w3.org/ns/activitystreams"


@dataclass(frozen=True, slots=True)
class Said:
    """A fact that the hub says for somebody elsewhere: about which object of hers, when, in which community."""

    fact: Fact
    object: str
    actor: str
    marker: str
    community: str
    at: datetime
    parent: str | None = None


class Community(Protocol):
    """A community of ours."""

    @property
    def id(self) -> str: ...
    @property
    def audience(self) -> Audience: ...


class Message(Protocol):
    """A message that stands in a community."""

    @property
    def id(self) -> str: ...
    @property
    def community(self) -> str: ...
    @property
    def last_sequence(self) -> int: ...


class Objects(Protocol):
    """What came from elsewhere."""

    async def object(self, name: str) -> ExternalObject | None: ...
    async def made_by(self, owner: str) -> Sequence[ExternalObject]: ...
    async def last_set(self, owner: str, about: str, emoji: str) -> ExternalObject | None: ...
    async def came_before(self, name: str, actor: str) -> bool: ...
    async def deleted_early(self, name: str, actor: str) -> bool: ...
    def delete_early(self, name: str, actor: str) -> None: ...
    def save(self, one: ExternalObject) -> None: ...
    def report(self, one: Report) -> None: ...


class Followers(Protocol):
    """Who follows our communities."""

    async def by(self, actor: str) -> Sequence[Follower]: ...
    async def add(self, one: Follower) -> None: ...
    async def remove(self, actor: str, community: str | None = None) -> int: ...
    async def remove_follow(self, actor: str, follow: str) -> int: ...


class Follows(Protocol):
    """Groups elsewhere that our communities follow."""

    async def all(self) -> dict[tuple[str, str], Follow]: ...
    async def communities_following(self, group: str) -> Sequence[str]: ...
    async def save(self, one: Follow) -> None: ...


class Words(Protocol):
    """What other Trait d'union told us became of what we brought them."""

    async def sent(self, events: Collection[str]) -> Mapping[str, Sent]: ...
    def save(self, word: PeerWord) -> None: ...
    def refuse(self, peer: str, faults: Collection[Fault]) -> None: ...


class Work(Protocol):
    """What these use cases need of a transaction."""

    @property
    def abroad(self) -> Objects: ...
    @property
    def followers(self) -> Followers: ...
    @property
    def follows(self) -> Follows: ...
    @property
    def acknowledged(self) -> Words: ...
    def clock(self) -> datetime: ...
    async def peer(self, authority: str) -> Peer | None: ...
    async def community(self, name: str) -> Community | None: ...
    async def message(self, name: str) -> Message | None: ...
    def subject_of(self, uri: str) -> str:
        """The id under which something elsewhere stands here."""
        ...

    async def tell(self, said: Said) -> str:
        """Say a fact to the rooms, once; returns its outcome. Raises RefusedError."""
        ...

    async def overtaken(self, uri: str, marker: str) -> bool:
        """Whether a later edit of it was told than the one that bears this marker, where markers are times."""
        ...

    def bring(self, community: str, to: KnownActor, activity: Mapping[str, Any]) -> None:
        """Have an activity of a community's brought to one actor elsewhere."""
        ...


NOT_PUBLIC: Final = "community_not_public"
UNKNOWN: Final = "community_unknown"


def told_as(reason: str) -> str:
    """A reason as it is told to others: whether a community that is not theirs to read exists is not theirs to know."""
    return UNKNOWN if reason == NOT_PUBLIC else reason


async def public(community: str, work: Work) -> None:
    """Only what everybody may read is exchanged with peers; raises RefusedError."""
    reason = await why_not_public(community, work)
    if reason is not None:
        raise RefusedError(reason)


async def why_not_public(community: str, work: Work) -> str | None:
    """Why a community is not exchanged with peers; None for one that is."""
    found = await work.community(community)
    if found is None:
        return UNKNOWN
    return None if found.audience is Audience.PUBLIC else NOT_PUBLIC


async def standing(uri: str, work: Work, here: Addresses) -> str | None:
    """The community in which something stands that is spoken of."""
    message = await work.message(await parent_of(uri, work, here)) if uri else None
    return message.community if message is not None else None


async def parent_of(uri: str, work: Work, here: Addresses) -> str:
    """The id here of what an address means: our own note, or something from elsewhere, come or still to come."""
    return here.message_of(uri) or work.subject_of(uri)


def made(activity: VerifiedActivity, name: str, work: Work, community: str, kind: str, **more: str) -> ExternalObject:
    """What the author of an activity made, as it is remembered here: whose it is decides who may change it."""
    told = activity.told
    server = authority_of(told.actor) or ""
    return ExternalObject(name, work.subject_of(name), community, told.actor, server, kind, told.via, work.clock(), **more)


async def take_away(known: ExternalObject, work: Work, external: External | None = None) -> str:
    """Take back what somebody made; its tombstone keeps a late copy out. `external` is her act, where others are to be told it."""
    removed = ReactionRemoved if known.kind == REACTION else MessageDeleted
    fact = removed(space=known.peer, external=external)
    marker = "deleted" if known.withdrawal is None else await turn("deleted", known, work)  # it had come back since
    outcome = await work.tell(Said(fact, known.id, known.owner, marker, known.community, work.clock(), known.about))
    work.abroad.save(replace(known, kind=GONE, withdrawal=None, withdrawn_by=None))
    return outcome


async def turn(act: str, known: ExternalObject, work: Work) -> str:
    """What tells an act from the same one at an earlier turn: it is gone, and back, as often as its Group says, and may say so again."""
    found = await work.message(known.subject)
    return digest(act, str(found.last_sequence if found is not None else 0))


def digest(*parts: str) -> str:
    """A name out of several, the same each time: an answer that is given twice is one answer."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
