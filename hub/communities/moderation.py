"""Use cases of moderation: take a message away from everybody, bring it back, have one copy written again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from hub.communities.model import Message, MessageState
from hub.communities.moderations import Moderation
from hub.communities.stand_ins import without_calls
from hub.ports import RefusedError
from schemas.facts.message import Author, Content
from schemas.facts.moderation import NOTE_LIMIT, CopyRestored, MessageModerated, MessageRestored, Words
from schemas.names import one_line

if TYPE_CHECKING:
    from hub.communities.model import Community
    from hub.ports import Admitted, Clock
    from hub.registry.people import Presence
    from schemas.facts.base import Fact
    from schemas.facts.moderation import Said
    from schemas.words import Ground

GONE: Final = "message_gone"
UNKNOWN: Final = "message_unknown"


class Communities(Protocol):
    """The communities that this transaction has locked."""

    async def get(self, community: str) -> Community | None: ...


class Messages(Protocol):
    """The messages of communities."""

    async def get(self, message: str) -> Message | None: ...
    async def community_of(self, message: str) -> str | None: ...
    def save(self, message: Message) -> None: ...


class Moderations(Protocol):
    """What stands against messages, and what is kept of them."""

    async def get(self, message: str) -> Moderation | None: ...
    def add(self, moderation: Moderation) -> None: ...
    def withhold(self, message: str, admitted: Admitted | None) -> None: ...
    def lift(self, message: str) -> None: ...
    async def last_words(self, message: str) -> Said | None: ...
    async def forget_withdrawal(self, message: str, node: str) -> None: ...


class Work(Protocol):
    """What these use cases need of a transaction."""

    clock: Clock

    @property
    def communities(self) -> Communities: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def moderations(self) -> Moderations: ...
    async def say_of(self, message: Message, fact: Fact) -> int: ...
    async def say_of_to(self, node: str, message: Message, fact: Fact) -> None: ...
    async def space_of(self, node: str, community: str) -> str | None: ...


async def withdraw(admitted: Admitted, message: Message, ground: Ground, work: Work) -> bool:
    """A moderator deleted her RSE's copy: the message goes everywhere. False where it is away already."""
    actor = admitted.verified.event.envelope.actor
    return await _take_away(Moderation(message.id, message.community, ground, "", work.clock(), admitted.node, actor), work)


async def take_away(message: str, ground: Ground, note: str, presence: Presence, work: Work) -> bool:
    """Somebody of the federation takes a message away from everybody, and says why; False where it is away already. Raises RefusedError."""
    known = await _locked(message, work)
    said = one_line(note, NOTE_LIMIT)
    return await _take_away(Moderation(message, known.community, ground, said, work.clock(), person=presence.person.id), work)


async def _take_away(moderation: Moderation, work: Work) -> bool:
    known = await _locked(moderation.message, work)
    if known.withheld:
        return False
    if known.state is not MessageState.VISIBLE:
        raise RefusedError(GONE)
    sequence = await work.say_of(known, MessageModerated(ground=moderation.ground, note=moderation.note))
    work.messages.save(known.moderated(sequence))
    work.moderations.add(moderation)
    return True


async def bring_back(message: str, work: Work) -> MessageState | None:
    """A message that was taken away is written again everywhere, as its author left it: where it stands now; None where nothing stands against it.

    One that she took back meanwhile stays where she wanted it. Raises RefusedError.
    """
    known = await _locked(message, work)
    moderation = await work.moderations.get(message)
    if moderation is None or not known.withheld:
        return None
    sequence = known.last_sequence
    if known.state is MessageState.MODERATED:
        said, words = await _last_words(known, work)
        sequence = await work.say_of(known, MessageRestored(said=said, words=words, withdrawn_in=moderation.node))
        if moderation.node is not None:
            await work.moderations.forget_withdrawal(message, moderation.node)
    restored = known.restored(sequence)
    work.messages.save(restored)
    work.moderations.lift(message)
    return restored.state


async def write_again(message: str, node: str, work: Work) -> None:
    """Have one node write its copy again as the message stands. Raises RefusedError."""
    known = await _locked(message, work)
    if known.state is not MessageState.VISIBLE or known.node == node:
        raise RefusedError(GONE)
    space = await work.space_of(node, known.community)
    if space is None:
        raise RefusedError("not_tied")
    said, words = await _last_words(known, work)
    await work.say_of_to(node, known, CopyRestored(node=node, space=space, said=said, words=words))
    await work.moderations.forget_withdrawal(message, node)


async def _locked(message: str, work: Work) -> Message:
    """A message, its community locked before it is read: its state must not change between a look and the number."""
    community = await work.messages.community_of(message)
    if community is None or await work.communities.get(community) is None or (known := await work.messages.get(message)) is None:
        raise RefusedError(UNKNOWN)
    return known


async def _last_words(message: Message, work: Work) -> tuple[Said | None, Words | None]:
    """The ministry's own event while it is kept; else what the hub remembers."""
    said = await work.moderations.last_words(message.id)
    if said is not None:
        return said, None
    html, text = without_calls(message.html)
    author = Author(name=message.author, organisation=message.organisation)
    return None, Words(author=author, content=Content(html=html, text=text), title=message.title, link=message.link)
