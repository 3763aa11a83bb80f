"""Use cases of communities: open one; post, edit, delete; wait for what a message speaks of."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from hub.access import CommunityRole, Reach, Speech, reach_of_withdrawal, why_not_speak
from hub.communities import gestures, moderation
from hub.communities.model import Community, Message, MessageState, Outcome
from hub.communities.reports import ReportKind
from hub.ports import Admitted, RefusedError
from schemas.envelope import object_id
from schemas.facts.community import CommunityOpened
from schemas.facts.message import MessageDeleted, MessagePosted
from schemas.words import Audience, Ground

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.ports import Clock
    from schemas.facts.base import Fact
    from schemas.manifest import Grade


class CommunityNotFound(LookupError):
    """No community bears this id."""


class CommunityKnownError(ValueError):
    """A community of this id is open already, under another title or for other readers."""


class Communities(Protocol):
    """The communities that this transaction has locked."""

    async def get(self, community: str) -> Community | None: ...
    async def add(self, community: Community) -> None: ...


class Messages(Protocol):
    """The messages of communities."""

    async def get(self, message: str) -> Message | None: ...
    async def community_of(self, message: str) -> str | None: ...
    def save(self, message: Message) -> None: ...


class Held(Protocol):
    """Events that wait for what they speak of."""

    def hold(self, admitted: Admitted, parent: str) -> None: ...
    async def holds(self, subject: str) -> bool: ...
    async def take_waiting_for(self, parent: str, community: str) -> Sequence[Admitted]: ...


class Copies(Protocol):
    """What people did to copies in their own RSE."""

    def note(self, subject: str, node: str, state: str) -> None: ...


class Moderators(Protocol):
    """Who moderates what."""

    async def role_of(self, community: str, node: str, actor: str) -> CommunityRole | None: ...


class Reports(Protocol):
    """What animators are told of."""

    def add(self, admitted: Admitted, kind: ReportKind) -> None: ...


class Work(gestures.Work, moderation.Work, Protocol):
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
    @property
    def moderators(self) -> Moderators: ...
    @property
    def reports(self) -> Reports: ...
    async def grade_of(self, node: str) -> Grade | None: ...
    async def lapsed(self, admitted: Admitted) -> bool: ...
    async def speaks(self, admitted: Admitted, space: str) -> bool: ...
    async def announce(self, admitted: Admitted) -> int: ...
    async def say(self, fact: Fact, *, subject: str, marker: str, community: str | None = None) -> None: ...
    def settle(self, admitted: Admitted, outcome: Outcome) -> None: ...


async def open_community(community: str, title: str, audience: Audience, work: Work) -> bool:
    """Open an interministerial community; False where it is open with that title and audience. Raises CommunityKnownError."""
    known = await work.communities.get(community)
    if known is not None and (known.title, known.audience) == (title, audience):
        return False
    if known is not None:
        raise CommunityKnownError(community)
    await work.communities.add(Community(community, title, audience, 0, work.clock()))
    fact = CommunityOpened(title=title, audience=audience)
    await work.say(fact, subject=f"community/{community}", marker="opened", community=community)
    return True


async def hear(fact: MessagePosted | MessageDeleted, admitted: Admitted, work: Work) -> Outcome:
    """A node says something of a message of its own: take it, or hold it behind what it speaks of.

    History comes oldest first: a parent that is not here by then is older than what was asked for, and will not come.
    """
    known = await work.messages.get(admitted.subject)
    await _authorise(fact, admitted, known, work)
    if await work.held.holds(admitted.subject):
        work.held.hold(admitted, admitted.subject)  # behind what waits of the same object, whatever that one waits for
        return Outcome.HELD
    if admitted.parent is not None and not admitted.history and await _parent_missing(fact, known, admitted.parent, work):
        work.held.hold(admitted, admitted.parent)
        return Outcome.HELD
    return await take(fact, admitted, work)


async def take(fact: MessagePosted | MessageDeleted, admitted: Admitted, work: Work) -> Outcome:
    """Give the event its number, and let those that waited for it follow, and those that waited for them."""
    outcome = await _take_one(fact, admitted, work)
    if outcome is Outcome.SEQUENCED:
        await _release(admitted, work)
    return outcome


async def _take_one(fact: MessagePosted | MessageDeleted, admitted: Admitted, work: Work) -> Outcome:
    known = await work.messages.get(admitted.subject)
    if known is not None and admitted_type(admitted) == MessagePosted.event_type:
        return Outcome.SUPERSEDED  # a late "posted" behind its own tombstone, or an edit came first and created it
    if known is not None and known.withheld:
        return await _take_withheld(fact, known, admitted, work)
    sequence = await work.announce(admitted)
    work.messages.save(await _after(fact, known, admitted, sequence, work))
    return Outcome.SEQUENCED


async def _take_withheld(fact: MessagePosted | MessageDeleted, known: Message, admitted: Admitted, work: Work) -> Outcome:
    """A message that a moderator took away: its author writes on unread, and takes it back wherever it still stands."""
    match fact:
        case MessagePosted():
            work.messages.save(known.edited(fact, known.last_sequence))
            work.moderations.withhold(known.id, admitted)
            return Outcome.WITHHELD
        case MessageDeleted():
            work.messages.save(known.deleted(await work.announce(admitted)))
            work.moderations.withhold(known.id, None)
            return Outcome.SEQUENCED


async def take_held(admitted: Admitted, work: Work) -> None:
    """The parent came, or did not come in time and the message stands alone; what waited behind it follows."""
    await _settle_held(admitted, work)
    await _release(admitted, work)


async def note_copy(kind: ReportKind, space: str, admitted: Admitted, work: Work) -> Outcome:
    """Somebody withdrew or edited a copy in her own RSE: reported, never spread as the author's act; a moderator's withdrawal is her word."""
    known = await work.messages.get(admitted.subject)
    if known is None or known.community != admitted.community or known.node == admitted.node:
        raise RefusedError("copy_unknown")  # the same answer for what is not there and for what is elsewhere
    grade, tied, lapsed = await work.grade_of(admitted.node), await work.speaks(admitted, space), await work.lapsed(admitted)
    speech = Speech(grade, tied=tied, owner=True, subject_is_its_own=True, lapsed=lapsed)
    if reason := why_not_speak(speech):
        raise RefusedError(reason)
    work.copies.note(admitted.subject, admitted.node, kind.value)
    visible = known.state is MessageState.VISIBLE
    if kind is ReportKind.WITHDRAWN and visible and await _goes_everywhere(admitted, work):
        await moderation.withdraw(admitted, known, Ground.UNSTATED, work)
    else:  # also a moderator's, of what is away already: whoever brings that back must know that this copy stays away
        work.reports.add(admitted, kind)
    return Outcome.NOTED


async def _goes_everywhere(admitted: Admitted, work: Work) -> bool:
    actor = admitted.verified.event.envelope.actor
    return reach_of_withdrawal(await work.moderators.role_of(admitted.community, admitted.node, actor)) is Reach.EVERYWHERE


def admitted_type(admitted: Admitted) -> str:
    """The event's type."""
    return admitted.verified.event.envelope.type


async def _authorise(fact: MessagePosted | MessageDeleted, admitted: Admitted, known: Message | None, work: Work) -> None:
    if await work.communities.get(admitted.community) is None:
        raise RefusedError("community_unknown")
    envelope = admitted.verified.event.envelope
    takes_back = isinstance(fact, MessageDeleted) and (known is not None or await work.held.holds(admitted.subject))
    reason = why_not_speak(
        Speech(
            grade=await work.grade_of(admitted.node),
            tied=await work.speaks(admitted, fact.space),
            owner=known is None or (known.node == admitted.node and known.community == admitted.community),
            subject_is_its_own=admitted.subject == object_id(admitted.node, envelope.nativeid),
            audience_known=envelope.audience is not Audience.UNKNOWN,
            lapsed=await work.lapsed(admitted),
            takes_back=takes_back,
        )
    )
    if reason:
        raise RefusedError(reason)


async def _parent_missing(fact: Fact, known: Message | None, parent: str, work: Work) -> bool:
    """A parent in another community is not waited for: the message stands alone here."""
    return known is None and not isinstance(fact, MessageDeleted) and await work.messages.get(parent) is None


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
        history=admitted.history,
    )  # fmt: skip


async def _release(admitted: Admitted, work: Work) -> None:
    """A chain of replies may be as long as a community's life: a line of those to free, never a recursion."""
    freed = deque(await work.held.take_waiting_for(admitted.subject, admitted.community))
    while freed:
        event = freed.popleft()
        await _settle_held(event, work)
        freed.extend(await work.held.take_waiting_for(event.subject, event.community))


async def _settle_held(event: Admitted, work: Work) -> None:
    """Take one that waited, unless its node lost its right to speak meanwhile."""
    try:
        work.settle(event, await _after_waiting(event, work))
    except RefusedError:
        work.settle(event, Outcome.REFUSED)


async def _after_waiting(event: Admitted, work: Work) -> Outcome:
    fact = event.verified.fact
    if isinstance(fact, MessagePosted | MessageDeleted):
        await _authorise(fact, event, await work.messages.get(event.subject), work)
        return await _take_one(fact, event, work)
    return await gestures.take(fact, event, work) if isinstance(fact, gestures.Gesture) else Outcome.UNSUPPORTED
