"""Use cases of communities: open one; post, edit, delete; wait for what a message speaks of."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from hub.access import Speech, why_not_speak
from hub.communities.model import Community, Message, MessageState
from hub.ports import Admitted, RefusedError
from schemas.envelope import object_id
from schemas.facts.community import CommunityOpened
from schemas.facts.message import MessageDeleted, MessagePosted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.ports import Clock
    from schemas.facts.base import Fact
    from schemas.manifest import Grade
    from schemas.words import Audience


class Outcome(StrEnum):
    """What became of an event in the hub."""

    SEQUENCED = "sequenced"
    HELD = "held"
    SUPERSEDED = "superseded"
    NOTED = "noted"
    UNSUPPORTED = "unsupported"


class CommunityNotFound(LookupError):
    """No community bears this id."""


class CommunityKnownError(ValueError):
    """A community of this id is open already."""


class Communities(Protocol):
    """The communities that this transaction has locked."""

    async def get(self, community: str) -> Community | None: ...
    async def add(self, community: Community) -> None: ...


class Messages(Protocol):
    """The messages of communities."""

    async def get(self, message: str) -> Message | None: ...
    def save(self, message: Message) -> None: ...


class Held(Protocol):
    """Events that wait for what they speak of."""

    def hold(self, admitted: Admitted, parent: str) -> None: ...
    async def holds(self, subject: str) -> bool: ...
    async def take_waiting_for(self, parent: str) -> Sequence[Admitted]: ...
    async def take_about(self, subject: str) -> Sequence[Admitted]: ...


class Copies(Protocol):
    """What people did to copies in their own RSE."""

    def note(self, subject: str, node: str, state: str) -> None: ...


class Work(Protocol):
    """What these use cases need of a transaction."""

    clock: Clock

    @property
    def communities(self) -> Communities: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def held(self) -> Held: ...
    @property
    def copies(self) -> Copies: ...
    async def grade_of(self, node: str) -> Grade | None: ...
    async def carries(self, node: str, community: str) -> bool: ...
    async def announce(self, admitted: Admitted) -> int: ...
    async def say(self, fact: Fact, *, subject: str, marker: str, community: str | None = None) -> None: ...
    def settle(self, admitted: Admitted, outcome: Outcome) -> None: ...


async def open_community(community: str, title: str, audience: Audience, work: Work) -> None:
    """Open an interministerial community."""
    if await work.communities.get(community) is not None:
        raise CommunityKnownError(community)
    await work.communities.add(Community(community, title, audience, 0, work.clock()))
    fact = CommunityOpened(title=title, audience=audience)
    await work.say(fact, subject=f"community/{community}", marker="opened", community=community)


async def hear(fact: MessagePosted | MessageDeleted, admitted: Admitted, work: Work) -> Outcome:
    """A node says something of a message of its own: take it, or hold it behind what it speaks of."""
    known = await work.messages.get(admitted.subject)
    await _authorise(admitted, known, work)
    if await work.held.holds(admitted.subject) or await _parent_missing(fact, known, admitted, work):
        work.held.hold(admitted, admitted.parent or admitted.subject)
        return Outcome.HELD
    return await take(fact, admitted, work)


async def take(fact: MessagePosted | MessageDeleted, admitted: Admitted, work: Work) -> Outcome:
    """Give the event its number and let those that waited for it follow."""
    known = await work.messages.get(admitted.subject)
    if known is not None and known.state is MessageState.DELETED and admitted_type(admitted) == MessagePosted.event_type:
        return Outcome.SUPERSEDED  # a late "posted" behind its own tombstone
    if known is not None and admitted_type(admitted) == MessagePosted.event_type:
        return Outcome.SUPERSEDED  # an edit came first and created it
    sequence = await work.announce(admitted)
    work.messages.save(await _after(fact, known, admitted, sequence, work))
    await _release(admitted.subject, work)
    return Outcome.SEQUENCED


async def take_held(admitted: Admitted, work: Work) -> None:
    """The parent came, or did not come in time and the message stands alone; what waited behind it follows."""
    for event in (admitted, *await work.held.take_about(admitted.subject)):
        match event.verified.fact:
            case MessagePosted() | MessageDeleted() as fact:
                work.settle(event, await take(fact, event, work))
            case _:
                work.settle(event, Outcome.UNSUPPORTED)


async def note_copy(state: str, admitted: Admitted, work: Work) -> Outcome:
    """Somebody withdrew or edited a copy in her own RSE: shown, never spread as the author's act."""
    if await work.messages.get(admitted.subject) is None:
        raise RefusedError("message_unknown")
    reason = why_not_speak(Speech(await work.grade_of(admitted.node), await work.carries(admitted.node, admitted.community), True, True))  # noqa: FBT003 - a copy is its own node's
    if reason:
        raise RefusedError(reason)
    work.copies.note(admitted.subject, admitted.node, state)
    return Outcome.NOTED


def admitted_type(admitted: Admitted) -> str:
    """The event's type."""
    return admitted.verified.event.envelope.type


async def _authorise(admitted: Admitted, known: Message | None, work: Work) -> None:
    if await work.communities.get(admitted.community) is None:
        raise RefusedError("community_unknown")
    envelope = admitted.verified.event.envelope
    reason = why_not_speak(
        Speech(
            grade=await work.grade_of(admitted.node),
            tied=await work.carries(admitted.node, admitted.community),
            owner=known is None or (known.node == admitted.node and known.community == admitted.community),
            subject_is_its_own=admitted.subject == object_id(admitted.node, envelope.nativeid),
        )
    )
    if reason:
        raise RefusedError(reason)


async def _parent_missing(fact: Fact, known: Message | None, admitted: Admitted, work: Work) -> bool:
    if known is not None or admitted.parent is None or isinstance(fact, MessageDeleted):
        return False
    return await work.messages.get(admitted.parent) is None


async def _after(fact: MessagePosted | MessageDeleted, known: Message | None, admitted: Admitted, sequence: int, work: Work) -> Message:
    message = known or await _new(fact, admitted, sequence, work)
    match fact:
        case MessageDeleted():
            return message.deleted(sequence)
        case MessagePosted():
            return message.edited(fact, sequence)


async def _new(fact: MessagePosted | MessageDeleted, admitted: Admitted, sequence: int, work: Work) -> Message:
    parent = await work.messages.get(admitted.parent) if admitted.parent else None
    here = parent if parent is not None and parent.community == admitted.community else None
    content = fact if isinstance(fact, MessagePosted) else None
    return Message(
        id=admitted.subject, community=admitted.community, node=admitted.node, state=MessageState.VISIBLE,
        parent=here.id if here else None, thread=here.thread if here else admitted.subject,
        author=content.author.name if content else "", organisation=content.author.organisation if content else "",
        title=None, html="", link=None, occurred_at=admitted.verified.event.envelope.time,
        first_sequence=sequence, last_sequence=sequence, first_event=admitted.id,
    )  # fmt: skip


async def _release(subject: str, work: Work) -> None:
    for waiting in await work.held.take_waiting_for(subject):
        await take_held(waiting, work)
