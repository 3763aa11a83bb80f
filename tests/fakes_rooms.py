"""In-memory work for the rooms' use cases, and admitted events without a broker."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hub.access import CommunityRole
from hub.communities.model import Community, MembershipState, ReactionState
from hub.communities.moderations import said_of
from hub.ports import Admitted
from schemas.envelope import BACKFILL, object_id
from schemas.facts.answer import AnswerAccepted, AnswerWithdrawn
from schemas.facts.membership import MembershipJoined, MembershipLeft
from schemas.facts.message import Author, Content, MessageDeleted, MessageEdited, MessagePosted
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.keys import SigningKey
from schemas.manifest import Grade
from schemas.proof import own_event, sign_event
from schemas.wire.records import to_headers
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.communities.model import Answer, Membership, Message, Outcome, Reaction
    from hub.communities.moderations import Moderation
    from hub.communities.moderators import Moderator
    from hub.communities.reports import ReportKind
    from hub.ports import Clock
    from schemas.facts.base import Fact
    from schemas.facts.moderation import Said

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COMMUNITY = "futurs-publics"
SPACES = ("97", "!s")
KEYS = {node: SigningKey.generate(node) for node in ("wifip", "education", "diplomatie")}
AUTHOR = Author(name="Camille Roux", organisation="Finances publiques")


def said(
    node: str,
    fact: Fact,
    native: str,
    *,
    parent: str | None = None,
    marker: str = "m",
    community: str = COMMUNITY,
    actor: str = "a" * 32,
    history: str | None = None,
) -> Admitted:
    """An event as the worker admits it."""
    event = sign_event(
        KEYS[node], fact, subject=object_id(node, native), time=NOW, platform="discourse", native_id=native, change_marker=marker,
        actor=actor, audience=Audience.MEMBERS, community=community, parent=parent,
        history=history,
    )  # fmt: skip
    return Admitted(own_event(KEYS[node], event, fact, NOW), tuple(to_headers(event, "0" * 32)), "0" * 32, ("t", 0, 0))


def posted(node: str, native: str, text: str = "Bonjour", parent: str | None = None) -> Admitted:
    """A message."""
    return said(node, MessagePosted(space="97", author=AUTHOR, content=Content(html=text, text=text)), native, parent=parent)


def brought(node: str, native: str, text: str = "Bonjour", parent: str | None = None) -> Admitted:
    """A message of before its space's tie."""
    fact = MessagePosted(space="97", author=AUTHOR, content=Content(html=text, text=text))
    return said(node, fact, native, parent=parent, history=BACKFILL)


def edited(node: str, native: str, text: str, marker: str = "e", parent: str | None = None) -> Admitted:
    """An edit."""
    fact = MessageEdited(space="97", author=AUTHOR, content=Content(html=text, text=text))
    return said(node, fact, native, marker=marker, parent=parent)


def deleted(node: str, native: str) -> Admitted:
    """A deletion."""
    return said(node, MessageDeleted(space="97"), native, marker="d")


def reacted(node: str, native: str, parent: str, emoji: str = "❤️", actor: str = "a" * 32) -> Admitted:
    """A reaction."""
    return said(node, ReactionAdded(space="97", author=AUTHOR, emoji=emoji), native, parent=parent, actor=actor)


def unreacted(node: str, native: str) -> Admitted:
    """A reaction taken back."""
    return said(node, ReactionRemoved(space="97"), native, marker="r")


def accepted(node: str, native: str, parent: str, marker: str = "1") -> Admitted:
    """An answer accepted."""
    return said(node, AnswerAccepted(space="97"), native, parent=parent, marker=marker)


def withdrawn(node: str, native: str, parent: str, marker: str = "2") -> Admitted:
    """An answer no longer accepted."""
    return said(node, AnswerWithdrawn(space="97"), native, parent=parent, marker=marker)


def joined(
    node: str, native: str, name: str = "Camille Roux", marker: str = "joined:1", actor: str = "a" * 32, space: str = "97"
) -> Admitted:
    """Somebody takes part."""
    fact = MembershipJoined(space=space, member=Author(name=name, organisation="Finances publiques"))
    return said(node, fact, native, marker=marker, actor=actor)


def left(node: str, native: str, actor: str = "a" * 32) -> Admitted:
    """Somebody takes part no longer."""
    return said(node, MembershipLeft(space="97", member=AUTHOR), native, marker="left", actor=actor)


@dataclass
class FakeCommunities:
    """Communities in memory."""

    known: dict[str, Community] = field(default_factory=lambda: {COMMUNITY: Community(COMMUNITY, "F", Audience.MEMBERS, 0, NOW)})

    async def get(self, community: str) -> Community | None:
        return self.known.get(community)

    async def add(self, community: Community) -> None:
        self.known[community.id] = community


@dataclass
class FakeMessages:
    """Messages in memory."""

    known: dict[str, Message] = field(default_factory=dict)

    async def get(self, message: str) -> Message | None:
        return self.known.get(message)

    async def community_of(self, message: str) -> str | None:
        known = self.known.get(message)
        return known.community if known is not None else None

    def save(self, message: Message) -> None:
        self.known[message.id] = message


@dataclass
class FakeHeld:
    """A waiting room in memory."""

    waiting: list[tuple[str, Admitted]] = field(default_factory=list)

    def hold(self, admitted: Admitted, parent: str) -> None:
        self.waiting.append((parent, admitted))

    async def holds(self, subject: str) -> bool:
        return any(admitted.subject == subject for _, admitted in self.waiting)

    async def take_waiting_for(self, parent: str, community: str) -> Sequence[Admitted]:
        return self._take([pair for pair in self.waiting if pair[0] == parent and pair[1].community == community])

    def _take(self, pairs: list[tuple[str, Admitted]]) -> Sequence[Admitted]:
        self.waiting = [pair for pair in self.waiting if pair not in pairs]
        return [admitted for _, admitted in pairs]


@dataclass
class FakeReactions:
    """Reactions in memory."""

    known: dict[str, Reaction] = field(default_factory=dict)

    async def get(self, reaction: str) -> Reaction | None:
        return self.known.get(reaction)

    async def stands(self, message: str, actor: str, emoji: str) -> bool:
        standing = (one for one in self.known.values() if one.state is ReactionState.STANDING)
        return any((one.object, one.actor, one.emoji) == (message, actor, emoji) for one in standing)

    def save(self, reaction: Reaction) -> None:
        self.known[reaction.id] = reaction


@dataclass
class FakeAnswers:
    """Accepted answers in memory."""

    known: dict[str, Answer] = field(default_factory=dict)

    async def get(self, question: str) -> Answer | None:
        return self.known.get(question)

    def save(self, answer: Answer) -> None:
        self.known[answer.question] = answer


@dataclass
class FakeMembers:
    """Memberships in memory."""

    known: dict[str, Membership] = field(default_factory=dict)

    async def get(self, membership: str) -> Membership | None:
        return self.known.get(membership)

    async def present(self, node: str, community: str) -> dict[str, Membership]:
        found = {name: one for name, one in self.known.items() if (one.node, one.community) == (node, community)}
        return {name: one for name, one in found.items() if one.state is MembershipState.PRESENT}

    def save(self, membership: Membership) -> None:
        self.known[membership.id] = membership


@dataclass
class FakeCopies:
    """Notes on copies in memory."""

    notes: dict[tuple[str, str], str] = field(default_factory=dict)

    def note(self, subject: str, node: str, state: str) -> None:
        self.notes[subject, node] = state


@dataclass
class FakeModerators:
    """Roles in memory."""

    named: dict[tuple[str, str, str], Moderator] = field(default_factory=dict)

    async def role_of(self, community: str, node: str, actor: str) -> CommunityRole | None:
        return CommunityRole.MODERATOR if (community, node, actor) in self.named else None

    async def add(self, moderator: Moderator) -> None:
        self.named[moderator.community, moderator.node, moderator.actor] = moderator

    async def remove(self, community: str, node: str, actor: str) -> bool:
        return self.named.pop((community, node, actor), None) is not None


@dataclass
class FakeModerations:
    """What stands against messages, in memory; `kept` is what the outbox would hold of each."""

    standing: dict[str, Moderation] = field(default_factory=dict)
    kept: dict[str, Admitted | None] = field(default_factory=dict)
    forgotten: list[tuple[str, str]] = field(default_factory=list)

    async def get(self, message: str) -> Moderation | None:
        return self.standing.get(message)

    def add(self, moderation: Moderation) -> None:
        self.standing[moderation.message] = moderation

    def withhold(self, message: str, admitted: Admitted | None) -> None:
        self.kept[message] = admitted

    def lift(self, message: str) -> None:
        self.standing.pop(message)

    async def last_words(self, message: str) -> Said | None:
        one = self.kept.get(message)
        return said_of(one.verified.event.value, one.headers, one.verified.admitted_at) if one is not None else None

    async def forget_withdrawal(self, message: str, node: str) -> None:
        self.forgotten.append((message, node))


@dataclass
class FakeReports:
    """Reports in memory."""

    told: list[tuple[str, str, ReportKind]] = field(default_factory=list)

    def add(self, admitted: Admitted, kind: ReportKind) -> None:
        self.told.append((admitted.subject, admitted.node, kind))


@dataclass
class FakeWork:
    """A transaction that never fails; `said` lists what was announced, in order."""

    communities: FakeCommunities = field(default_factory=FakeCommunities)
    messages: FakeMessages = field(default_factory=FakeMessages)
    held: FakeHeld = field(default_factory=FakeHeld)
    copies: FakeCopies = field(default_factory=FakeCopies)
    reactions: FakeReactions = field(default_factory=FakeReactions)
    answers: FakeAnswers = field(default_factory=FakeAnswers)
    members: FakeMembers = field(default_factory=FakeMembers)
    moderators: FakeModerators = field(default_factory=FakeModerators)
    moderations: FakeModerations = field(default_factory=FakeModerations)
    reports: FakeReports = field(default_factory=FakeReports)
    announced: list[Admitted] = field(default_factory=list)
    own_words: list[tuple[str, Fact]] = field(default_factory=list)
    """What the hub said of somebody's message: to whom (`*` is everybody), and what."""
    settled: dict[str, Outcome] = field(default_factory=dict)
    untied: set[str] = field(default_factory=set)
    clock: Clock = field(default=lambda: NOW)

    async def grade_of(self, node: str) -> Grade | None:
        return Grade.FULL if node in KEYS else None

    async def lapsed(self, admitted: Admitted) -> bool:
        del admitted
        return False

    async def speaks(self, admitted: Admitted, space: str) -> bool:
        return admitted.node not in self.untied and admitted.community == COMMUNITY and space in SPACES

    async def announce(self, admitted: Admitted) -> int:
        self.announced.append(admitted)
        return len(self.announced)

    async def say(self, fact: Fact, *, subject: str, marker: str, community: str | None = None) -> None:
        del fact, subject, marker, community

    async def say_of(self, message: Message, fact: Fact) -> int:
        del message
        self.own_words.append(("*", fact))
        return len(self.announced) + len(self.own_words)

    async def say_of_to(self, node: str, message: Message, fact: Fact) -> None:
        del message
        self.own_words.append((node, fact))

    async def space_of(self, node: str, community: str) -> str | None:
        return None if node in self.untied or community != COMMUNITY else "!s"

    def settle(self, admitted: Admitted, outcome: Outcome) -> None:
        self.settled[admitted.id] = outcome
