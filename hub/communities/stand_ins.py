"""What of a community's past is sent again, and the hub's own word where a ministry's bytes are no longer kept."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import nh3

from hub.communities.model import MessageState, ReactionState
from schemas.facts import FACTS, TakenBack
from schemas.facts.answer import AnswerAccepted, AnswerWithdrawn
from schemas.facts.message import Author, Content, MessageDeleted, MessageEdited, MessagePosted
from schemas.facts.moderation import MessageModerated, MessageRestored
from schemas.facts.reaction import ReactionAdded, ReactionRemoved

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hub.communities.model import Answer, Message, Reaction
    from hub.communities.resyncs import Kept, Step
    from schemas.facts.base import Fact

_ENDS: Final = re.compile(r"</(?:p|li|h[1-6]|blockquote|pre|div)>|<br\s*/?>")
_CALLS: Final = re.compile(r' data-mention="[0-9]+"')
_MESSAGE: Final = {fact.event_type for fact in (MessagePosted, MessageEdited, MessageDeleted)}
_WORDS: Final = {fact.event_type for fact in (MessagePosted, MessageEdited)}
_MODERATED: Final = {fact.event_type for fact in (MessageModerated, MessageRestored)}
_ANSWER: Final = {fact.event_type for fact in (AnswerAccepted, AnswerWithdrawn)}
_REACTION: Final = {fact.event_type for fact in (ReactionAdded, ReactionRemoved)}


@dataclass(frozen=True, slots=True)
class StandIn:
    """The hub's own word for what a ministry once said: its object as it stands now, without the ministry's proof."""

    fact: Fact
    parent: str | None
    time: datetime
    owner: str | None = None
    """Whose object it is, where the number was not its node's own word: a moderator's."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the hub still knows of the objects of a portion; answers by the number that they were given last."""

    messages: Mapping[str, Message]
    reactions: Mapping[str, Reaction]
    answers: Mapping[int, Answer]


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is sent it: the whole of what was meant for it, or, once it may no longer receive, what it must forget alone.

    The same of what was said before its tie began anew: `tied` is the number with which it last did.
    """

    node: str
    space: str
    receives: bool
    tied: int = 0

    def hears(self, number: int) -> bool:
        """Whether a number was meant for it."""
        return self.receives and number >= self.tied


def what_to_send(step: Step, memory: Memory, listener: Listener, now: datetime) -> Kept | StandIn | None:
    """The ministry's own bytes while they are kept, else the hub's word, else nothing. What was taken back since is not shown again.

    Of its own it is told what became of its messages: answers in its RSE may repeat words that its people edited or deleted meanwhile.
    """
    if not listener.hears(step.number):
        return _to_forget(step, memory, listener, now)
    if step.type in _WORDS | {MessageRestored.event_type} and _away(step, memory):
        return None if step.kept is not None or not step.first else _of_message(memory.messages[step.subject], listener, now)
    if step.kept is not None:
        return step.kept if listener.node in step.kept.nodes else None
    return _stand_in(step, memory, listener, now) if step.node != listener.node or step.type in _MESSAGE else None


def _to_forget(step: Step, memory: Memory, listener: Listener, now: datetime) -> Kept | StandIn | None:
    """What it may have had, and was taken back; never what came back since, which is not for it."""
    if not issubclass(FACTS.get(step.type, MessagePosted), TakenBack):
        return None
    if step.kept is not None:
        return step.kept if listener.node in step.kept.nodes else None
    if step.type in _REACTION and step.node != listener.node:
        reaction = memory.reactions.get(step.subject)
        return _of_reaction(reaction, listener, now) if reaction is not None else None
    return _of_message(memory.messages[step.subject], listener, now) if _away(step, memory) else None


def _stand_in(step: Step, memory: Memory, listener: Listener, now: datetime) -> StandIn | None:
    if step.type in _MESSAGE | _MODERATED:
        message = memory.messages.get(step.subject)
        return _of_message(message, listener, now) if message is not None and step.first else None
    if step.type in _REACTION:
        reaction = memory.reactions.get(step.subject)
        return _of_reaction(reaction, listener, now) if reaction is not None and step.first else None
    if step.type in _ANSWER and (answer := memory.answers.get(step.number)) is not None:
        fact = AnswerAccepted(space=listener.space) if answer.message else AnswerWithdrawn(space=listener.space)
        return StandIn(fact, answer.message, now)
    return None


def _of_message(message: Message, listener: Listener, now: datetime) -> StandIn:
    """As an edit: it makes what is not there and renews what is."""
    if message.state is not MessageState.VISIBLE:
        return StandIn(MessageDeleted(space=listener.space), None, now, message.node)
    shown, text = without_calls(message.html)
    fact = MessageEdited(
        space=listener.space, author=Author(name=message.author, organisation=message.organisation),
        content=Content(html=shown, text=text), title=message.title, link=message.link,
    )  # fmt: skip
    return StandIn(fact, message.parent, min(message.occurred_at, now), message.node)


def _of_reaction(reaction: Reaction, listener: Listener, now: datetime) -> StandIn | None:
    """Whose it is, nobody here knows any more: her ministry alone."""
    if reaction.object is None:
        return None
    if reaction.state is ReactionState.REMOVED:
        return StandIn(ReactionRemoved(space=listener.space), None, now)
    fact = ReactionAdded(space=listener.space, author=Author(organisation=reaction.organisation), emoji=reaction.emoji)
    return StandIn(fact, reaction.object, now)


def _away(step: Step, memory: Memory) -> bool:
    """Whether nobody is to read it now: its author took it back, or a moderator took it away."""
    message = memory.messages.get(step.subject)
    return message is not None and message.state is not MessageState.VISIBLE


def without_calls(shown: str) -> tuple[str, str]:
    """A message's HTML that calls nobody, and its text: who was called is not remembered."""
    calm = _CALLS.sub("", shown)
    return calm, plain(calm)


def plain(shown: str) -> str:
    """The text of a message's HTML, a line for each of its blocks."""
    return html.unescape(nh3.clean(_ENDS.sub("\n", shown), tags=set())).strip()
