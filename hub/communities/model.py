"""Communities and their messages: values, rules and lifecycles."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from schemas.words import Audience  # noqa: TC001 - part of a public value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from schemas.facts.message import MessagePosted


class Outcome(StrEnum):
    """What became of an event in the hub."""

    SEQUENCED = "sequenced"
    HELD = "held"
    SUPERSEDED = "superseded"
    ORPHANED = "orphaned"
    NOTED = "noted"
    WITHHELD = "withheld"  # kept, and shown to nobody while its message is moderated
    UNSUPPORTED = "unsupported"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Community:
    """An interministerial community; `sequence` is the last number given."""

    id: str
    title: str
    audience: Audience
    sequence: int
    opened_at: datetime

    def numbered(self) -> Community:
        """The community after one more number."""
        return replace(self, sequence=self.sequence + 1)


class MessageState(StrEnum):
    """A message's life; erasure, which alone is final, is not an event."""

    VISIBLE = "visible"
    DELETED = "deleted"
    MODERATED = "moderated"
    RETRACTED = "retracted"  # by its author, while it was moderated


MESSAGE_STEPS: Final[Mapping[MessageState, frozenset[MessageState]]] = {
    MessageState.VISIBLE: frozenset({MessageState.VISIBLE, MessageState.DELETED, MessageState.MODERATED}),
    MessageState.DELETED: frozenset({MessageState.VISIBLE, MessageState.DELETED}),
    MessageState.MODERATED: frozenset({MessageState.MODERATED, MessageState.RETRACTED, MessageState.VISIBLE}),
    MessageState.RETRACTED: frozenset({MessageState.MODERATED, MessageState.RETRACTED, MessageState.DELETED}),
}
"""Deleted → visible is a restoration, open to the owner node. What a moderator took away stays away, whatever its author does to it, until a
moderator brings it back: moderated → visible and retracted → deleted are open to moderators alone."""
WRITTEN_ON: Final[Mapping[MessageState, MessageState]] = {
    MessageState.VISIBLE: MessageState.VISIBLE, MessageState.DELETED: MessageState.VISIBLE,
    MessageState.MODERATED: MessageState.MODERATED, MessageState.RETRACTED: MessageState.MODERATED,
}  # fmt: skip
"""Where a message stands once its author has written on."""
TAKEN_BACK: Final[Mapping[MessageState, MessageState]] = {
    MessageState.VISIBLE: MessageState.DELETED, MessageState.DELETED: MessageState.DELETED,
    MessageState.MODERATED: MessageState.RETRACTED, MessageState.RETRACTED: MessageState.RETRACTED,
}  # fmt: skip
"""Where it stands once its author has taken it back."""
BROUGHT_BACK: Final[Mapping[MessageState, MessageState]] = {
    MessageState.MODERATED: MessageState.VISIBLE, MessageState.RETRACTED: MessageState.DELETED,
}  # fmt: skip
"""Where it stands once a moderator has brought it back."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the hub knows it; `parent` is None where it stands alone."""

    id: str
    community: str
    node: str
    state: MessageState
    parent: str | None
    thread: str
    author: str
    organisation: str
    title: str | None
    html: str
    link: str | None
    occurred_at: datetime
    first_sequence: int
    last_sequence: int
    first_event: str
    history: bool = False
    """Written before its space was tied, and told since."""

    def edited(self, fact: MessagePosted, sequence: int) -> Message:
        """The message after an edit by its owner; visible again if it was deleted."""
        return replace(
            self, state=WRITTEN_ON[self.state], author=fact.author.name, organisation=fact.author.organisation,
            title=fact.title, html=fact.content.html, link=fact.link, last_sequence=sequence,
        )  # fmt: skip

    def deleted(self, sequence: int) -> Message:
        """The tombstone: nothing of the content stays."""
        return replace(self, state=TAKEN_BACK[self.state], title=None, html="", link=None, last_sequence=sequence)

    def moderated(self, sequence: int) -> Message:
        """The message, taken away by a moderator; the hub keeps its words, for whoever brings it back."""
        return replace(self, state=MessageState.MODERATED, last_sequence=sequence)

    def restored(self, sequence: int) -> Message:
        """The message, brought back by a moderator."""
        return replace(self, state=BROUGHT_BACK[self.state], last_sequence=sequence)

    @property
    def withheld(self) -> bool:
        """Whether a moderator's word stands against it."""
        return self.state in BROUGHT_BACK


class ReactionState(StrEnum):
    """A reaction's life."""

    STANDING = "standing"
    REMOVED = "removed"


REACTION_STEPS: Final[Mapping[ReactionState, frozenset[ReactionState]]] = {
    ReactionState.STANDING: frozenset({ReactionState.REMOVED}),
    ReactionState.REMOVED: frozenset(),
}
"""Who reacts again makes another reaction: a removal that came first keeps a late "added" out for ever."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """One person's emoji on a message; `object` is None where only its removal was heard of."""

    id: str
    community: str
    node: str
    object: str | None
    actor: str
    organisation: str
    emoji: str
    state: ReactionState
    first_event: str

    def removed(self) -> Reaction:
        """The reaction, taken back."""
        return replace(self, state=ReactionState.REMOVED)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question's node holds to be its answer; `message` is None once that was withdrawn."""

    question: str
    community: str
    message: str | None
    last_sequence: int


class MembershipState(StrEnum):
    """A membership's life."""

    PRESENT = "present"
    LEFT = "left"


MEMBERSHIP_STEPS: Final[Mapping[MembershipState, frozenset[MembershipState]]] = {
    MembershipState.PRESENT: frozenset({MembershipState.PRESENT, MembershipState.LEFT}),
    MembershipState.LEFT: frozenset(),
}
"""Present → present is another name. Who comes back is another membership: a departure that came first keeps a late arrival out."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A person in a community, as her ministry's node tells it; of one who left no name is kept."""

    id: str
    community: str
    node: str
    space: str
    actor: str
    name: str
    state: MembershipState
    first_event: str

    def renamed(self, name: str) -> Membership:
        """The same person under another name."""
        return replace(self, name=name)

    def left(self) -> Membership:
        """The membership, ended."""
        return replace(self, state=MembershipState.LEFT, name="")


@dataclass(frozen=True, slots=True)
class Participants:
    """The people of one ministry who take part in a community: how many, and the first of them by name."""

    node: str
    ministry: str
    count: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """How often an emoji stands on a message, in all and by ministry, the most first."""

    emoji: str
    count: int
    ministries: tuple[tuple[str, int], ...]


VARIATION: Final = "\ufe0f"


def tallies(counted: Iterable[tuple[str, str, int]]) -> tuple[Tally, ...]:
    """Tallies out of (emoji, ministry, count); U+FE0F, which some platforms add to a heart and others not, makes no other emoji."""
    found: dict[str, Counter[str]] = {}
    for emoji, organisation, count in counted:
        found.setdefault(emoji.replace(VARIATION, "") or emoji, Counter())[organisation] += count
    shown = [Tally(emoji, by.total(), tuple(sorted(by.items(), key=lambda pair: (-pair[1], pair[0])))) for emoji, by in found.items()]
    return tuple(sorted(shown, key=lambda tally: (-tally.count, tally.emoji)))
