"""Use cases of what people set on a message: a reaction, the mark of an accepted answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hub.access import Reach, Speech, reach_of_acceptance, why_not_speak
from hub.communities.model import Answer, Message, MessageState, Outcome, Reaction, ReactionState
from hub.ports import Admitted, RefusedError
from schemas.envelope import object_id
from schemas.facts.answer import AnswerAccepted, AnswerWithdrawn
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.words import Audience

if TYPE_CHECKING:
    from hub.communities.model import Community
    from schemas.manifest import Grade

Gesture = ReactionAdded | ReactionRemoved | AnswerAccepted | AnswerWithdrawn


class Communities(Protocol):
    """The communities that this transaction has locked."""

    async def get(self, community: str) -> Community | None: ...


class Messages(Protocol):
    """The messages of communities."""

    async def get(self, message: str) -> Message | None: ...


class Held(Protocol):
    """Events that wait for what they speak of."""

    def hold(self, admitted: Admitted, parent: str) -> None: ...
    async def holds(self, subject: str) -> bool: ...


class Reactions(Protocol):
    """Reactions, by their id and by who set what on which message."""

    async def get(self, reaction: str) -> Reaction | None: ...
    async def stands(self, message: str, actor: str, emoji: str) -> bool: ...
    def save(self, reaction: Reaction) -> None: ...


class Answers(Protocol):
    """Accepted answers, by their question."""

    async def get(self, question: str) -> Answer | None: ...
    def save(self, answer: Answer) -> None: ...


class Work(Protocol):
    """What these use cases need of a transaction."""

    @property
    def communities(self) -> Communities: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def held(self) -> Held: ...
    @property
    def reactions(self) -> Reactions: ...
    @property
    def answers(self) -> Answers: ...
    async def grade_of(self, node: str) -> Grade | None: ...
    async def lapsed(self, admitted: Admitted) -> bool: ...
    async def speaks(self, admitted: Admitted, space: str) -> bool: ...
    async def announce(self, admitted: Admitted) -> int: ...


async def hear(fact: Gesture, admitted: Admitted, work: Work) -> Outcome:
    """Take a gesture, or hold it: behind what waits of the same one, or until the message that it is made on has come."""
    await _authorise(fact, admitted, work)
    if await work.held.holds(admitted.subject):
        work.held.hold(admitted, admitted.subject)
        return Outcome.HELD
    if admitted.parent is not None and await work.messages.get(admitted.parent) is None and not isinstance(fact, ReactionRemoved):
        work.held.hold(admitted, admitted.parent)
        return Outcome.HELD
    return await _take(fact, admitted, work)


async def take(fact: Gesture, admitted: Admitted, work: Work) -> Outcome:
    """Take one that has waited long enough: without its message it means nothing, and is dropped. Raises RefusedError."""
    await _authorise(fact, admitted, work)
    return await _take(fact, admitted, work)


async def _take(fact: Gesture, admitted: Admitted, work: Work) -> Outcome:
    match fact:
        case ReactionAdded():
            return await _add(fact, admitted, work)
        case ReactionRemoved():
            return await _remove(admitted, work)
        case AnswerAccepted():
            return await _accept(admitted, work)
        case AnswerWithdrawn():
            return await _withdraw(admitted, work)


async def _authorise(fact: Gesture, admitted: Admitted, work: Work) -> None:
    if await work.communities.get(admitted.community) is None:
        raise RefusedError("community_unknown")
    known = await work.reactions.get(admitted.subject)
    envelope = admitted.verified.event.envelope
    takes_back = isinstance(fact, ReactionRemoved) and (known is not None or await work.held.holds(admitted.subject))
    speech = Speech(
        grade=await work.grade_of(admitted.node),
        tied=await work.speaks(admitted, fact.space),
        owner=known is None or (known.node, known.community) == (admitted.node, admitted.community),
        subject_is_its_own=admitted.subject == object_id(admitted.node, envelope.nativeid),
        audience_known=envelope.audience is not Audience.UNKNOWN,
        lapsed=await work.lapsed(admitted),
        takes_back=takes_back,
    )
    if reason := why_not_speak(speech):
        raise RefusedError(reason)
    if admitted.parent is None and not isinstance(fact, ReactionRemoved):
        raise RefusedError("message_not_named")


async def _message(admitted: Admitted, work: Work) -> Message | None:
    """The message on which it is made, where this community has it: another's readers learn nothing of it."""
    found = await work.messages.get(admitted.parent) if admitted.parent else None
    return found if found is not None and found.community == admitted.community else None


async def _add(fact: ReactionAdded, admitted: Admitted, work: Work) -> Outcome:
    actor = admitted.verified.event.envelope.actor
    if await work.reactions.get(admitted.subject) is not None:
        return Outcome.SUPERSEDED  # known already, or its removal came first
    message = await _message(admitted, work)
    if message is None or message.state is not MessageState.VISIBLE:
        return Outcome.ORPHANED
    if await work.reactions.stands(message.id, actor, fact.emoji):
        return Outcome.SUPERSEDED
    await work.announce(admitted)
    work.reactions.save(_reaction(admitted, message.id, fact.author.organisation, fact.emoji, ReactionState.STANDING))
    return Outcome.SEQUENCED


async def _remove(admitted: Admitted, work: Work) -> Outcome:
    known = await work.reactions.get(admitted.subject)
    if known is None:
        work.reactions.save(_reaction(admitted, None, "", "", ReactionState.REMOVED))
        return Outcome.NOTED  # nobody was told of it: there is nothing to take away anywhere
    if known.state is ReactionState.REMOVED:
        return Outcome.SUPERSEDED
    await work.announce(admitted)
    work.reactions.save(known.removed())
    return Outcome.SEQUENCED


async def _accept(admitted: Admitted, work: Work) -> Outcome:
    message = await _message(admitted, work)
    if message is None or message.state is not MessageState.VISIBLE:
        return Outcome.ORPHANED
    if not await _counts(admitted, message, work):
        return Outcome.NOTED
    known = await work.answers.get(message.thread)
    if known is not None and known.message == message.id:
        return Outcome.SUPERSEDED
    work.answers.save(Answer(message.thread, message.community, message.id, await work.announce(admitted)))
    return Outcome.SEQUENCED


async def _withdraw(admitted: Admitted, work: Work) -> Outcome:
    message = await _message(admitted, work)
    if message is None:
        return Outcome.ORPHANED
    if not await _counts(admitted, message, work):
        return Outcome.NOTED
    known = await work.answers.get(message.thread)
    if known is None or known.message != message.id:
        return Outcome.SUPERSEDED  # another answer took its place meanwhile
    work.answers.save(Answer(message.thread, message.community, None, await work.announce(admitted)))
    return Outcome.SEQUENCED


async def _counts(admitted: Admitted, message: Message, work: Work) -> bool:
    """Whether the acceptance goes everywhere: it answers a question, and who said so may say it for all."""
    question = await work.messages.get(message.thread)
    if question is None or question.id == message.id:
        return False
    return reach_of_acceptance(admitted.node, question.node) is Reach.EVERYWHERE


def _reaction(admitted: Admitted, message: str | None, organisation: str, emoji: str, state: ReactionState) -> Reaction:
    actor = admitted.verified.event.envelope.actor
    return Reaction(admitted.subject, admitted.community, admitted.node, message, actor, organisation, emoji, state, admitted.id)
