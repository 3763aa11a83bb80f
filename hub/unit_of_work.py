"""One transaction: the rooms' repositories and the outbox; rolls back unless told to commit."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hub.access import Right, node_lapsed, node_may
from hub.communities.held import SqlHeld
from hub.communities.members import SqlMembers
from hub.communities.model import Outcome
from hub.communities.moderations import SqlModerations
from hub.communities.moderators import SqlModerators
from hub.communities.reactions import SqlAnswers, SqlReactions
from hub.communities.reports import SqlReports
from hub.communities.repository import SqlCommunities, SqlCopies, SqlMessages
from hub.communities.resyncs import SqlResyncs
from hub.communities.service import CommunityNotFound
from hub.federation import standing
from hub.federation.acknowledged import SqlAcknowledged
from hub.federation.outgoing import external_of
from hub.federation.owing import SqlOwed
from hub.federation.reach import Bearing
from hub.federation.repository import SqlAbroad, SqlFollowers, SqlFollows, address_of
from hub.federation.shared_actor import SqlMinistryLikes, kind_of
from hub.operations.events import SqlEvents
from hub.ports import Admitted, Outgoing
from hub.registry import document
from hub.registry.acts import SqlActs
from hub.registry.anchors import SqlAnchors
from hub.registry.applications import SqlApplications
from hub.registry.federation_keys import SqlPairs
from hub.registry.model import HAVE_CARRIED, TieState
from hub.registry.peer_repository import SqlPeers
from hub.registry.people import SqlPeople
from hub.registry.repository import SqlNodes, SqlTies, add_document, newest_document, newest_expiry, newest_signer, next_version
from hub.storage import offsets
from hub.storage.outbox import SqlOutbox
from hub.storage.rows import together
from schemas.envelope import object_id
from schemas.facts import TakenBack
from schemas.facts.message import MessageEdited
from schemas.facts.moderation import MessageModerated, MessageRestored
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.manifest import Grade
from schemas.proof import VerifiedEvent, own_event, sign_event, timestamp, verify_event
from schemas.sequence import PEERS
from schemas.topics import HUB_FACTS, outbound
from schemas.wire import records
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from hub.communities.model import Message
    from hub.ports import Clock, Record
    from hub.storage.rows import Change
    from schemas.facts.base import Fact
    from schemas.keys import KeyHolder
    from schemas.manifest import Registry

PLATFORM = "traitdunion"
ACTIVITYPUB = "activitypub"


async def never_followed(connection: AsyncConnection) -> None:
    """The hub's key stays as it is: nobody looks whether another follows it."""
    del connection


@dataclass(frozen=True, slots=True)
class Rules:
    """What a transaction needs to know of this hub; `registry` is absent on the site, which revives nothing."""

    key: KeyHolder
    clock: Clock
    hold: timedelta
    tie_life: timedelta
    registry_life: timedelta
    federates: bool = False
    """Whether public communities are open to peers."""
    federation_anchor: str = ""
    """The first key of the peers' door: until another follows it, the settings alone name it."""
    first_anchor: str = ""
    """The hub's key before any other followed it, where that is not `key`: it is lost, and another takes its place."""
    follow: Callable[[AsyncConnection], Awaitable[None]] = never_followed
    """Sees, before each transaction, which of the hub's keys signs now."""


class UnitOfWork:
    """The rooms' repositories over one connection, written together by `commit`."""

    def __init__(self, connection: AsyncConnection, rules: Rules, registry: Registry | None = None) -> None:
        self.connection = connection
        self.clock = rules.clock
        self._key = rules.key.held()
        self.hub, self.hub_key = self._key.owner, self._key.public.multibase
        self._rules = rules
        self._registry = registry
        self._reached: Change | None = None
        self.outbox = SqlOutbox()
        self.nodes = SqlNodes(connection)
        self.peers = SqlPeers(connection)
        self.anchors = SqlAnchors(connection, self.hub, rules.first_anchor or self.hub_key)
        self.pairs = SqlPairs(connection, rules.federation_anchor)
        self.people = SqlPeople(connection)
        self.applications = SqlApplications(connection)
        self.acts = SqlActs(connection, self._key)
        self.ties = SqlTies(connection)
        self.communities = SqlCommunities(connection)
        self.messages = SqlMessages(connection)
        self.copies = SqlCopies(connection, rules.clock)
        self.reactions = SqlReactions(connection, rules.clock)
        self.answers = SqlAnswers(connection, rules.clock)
        self.members = SqlMembers(connection, rules.clock)
        self.resyncs = SqlResyncs(connection)
        self.moderators, self.moderations = SqlModerators(connection), SqlModerations(connection)
        self.reports = SqlReports(connection, rules.clock)
        self.held = SqlHeld(connection, rules.clock, rules.hold, self._revive)
        self.events = SqlEvents(connection, rules.clock)
        self.followers, self.follows = SqlFollowers(connection), SqlFollows(connection)
        self.abroad = SqlAbroad(connection, rules.clock)
        self.ministry_likes = SqlMinistryLikes(connection)
        self.owed, self.acknowledged = SqlOwed(connection), SqlAcknowledged(connection)

    async def prefetch(self, batch: Iterable[Admitted]) -> None:
        """Lock the batch's communities and read ahead all that its events speak of: a statement each, however many."""
        events = list(batch)
        names = {admitted.community for admitted in events if admitted.community}
        await self.communities.lock(names)
        await self.ties.load(names)
        await self.messages.load({name for admitted in events for name in (admitted.subject, admitted.parent) if name})
        await self.held.load({admitted.subject for admitted in events})
        await self.reactions.load(events)
        await self.members.load(events)

    async def grade_of(self, node: str) -> Grade | None:
        """A node's grade, None for an unknown node; the hub's own word, for people elsewhere, was asked of `access` peer by peer."""
        if node == self.hub:
            return Grade.FULL
        found = await self.nodes.get(node)
        return found.grade if found else None

    async def lapsed(self, admitted: Admitted) -> bool:
        """Tell whether the node's manifest had expired when the broker admitted the event; the hub's own word needs none."""
        node = await self.nodes.get(admitted.node)
        return node is not None and node_lapsed(Right.SPEAK, node.expires, admitted.verified.admitted_at)

    async def speaks(self, admitted: Admitted, space: str) -> bool:
        """Tell whether the node's tie let this space speak in the community when the broker admitted the event.

        A hub that was away must not judge its backlog by today's attestations: the renewals lie behind it in the same topic.
        The hub itself, which has no space, speaks for people elsewhere in public communities alone.
        """
        if admitted.node == self.hub:
            community = await self.communities.get(admitted.community)
            return community is not None and community.audience is Audience.PUBLIC
        tie = await self.ties.get(admitted.node, admitted.community)
        return tie is not None and tie.space == space and tie.carries(admitted.verified.admitted_at, self._rules.tie_life)

    async def audience_of(self, community: str) -> Audience:
        """Who a community is for; raises CommunityNotFound."""
        found = await self.communities.get(community)
        if found is None:
            raise CommunityNotFound(community)
        return found.audience

    async def title_of(self, community: str) -> str:
        """A community's title; raises CommunityNotFound."""
        found = await self.communities.get(community)
        if found is None:
            raise CommunityNotFound(community)
        return found.title

    async def announce(self, admitted: Admitted) -> int:
        """Give the event its number in the community and put it, byte for byte, in the outbox of all tied nodes."""
        community = await self.communities.get(admitted.community)
        if community is None:
            raise CommunityNotFound(admitted.community)
        numbered = community.numbered()
        self.communities.save_sequence(numbered)
        targets = await self._targets(community.id, admitted.verified.fact)
        if self._rules.federates and community.audience is Audience.PUBLIC:
            bearing = await self._reach(admitted)
            targets |= {} if bearing is None else {PEERS: bearing.written()}
        self.outbox.add(_outgoing(HUB_FACTS.name, community.id, admitted, numbered.sequence, targets))
        self.events.settle(admitted, Outcome.SEQUENCED, numbered.sequence)
        return numbered.sequence

    def settle(self, admitted: Admitted, outcome: Outcome) -> None:
        """Note what became of an event."""
        self.events.settle(admitted, outcome, None)

    async def say(self, fact: Fact, *, subject: str, marker: str, community: str | None = None) -> None:
        """Sign a fact of the hub's own; it goes to a community with a number, or to the facts without."""
        said = self._said(fact, subject=subject, marker=marker, community=community)
        if community is None:
            self.outbox.add(_outgoing(HUB_FACTS.name, subject, said, None, {}))
        else:
            self.events.add([said])
            await self.announce(said)

    def said_abroad(
        self, fact: Fact, *, native_id: str, actor: str, marker: str, community: str, parent: str | None, at: datetime, correlation: str,
        door: str = "",
    ) -> Admitted:  # fmt: skip
        """Sign a fact for somebody on a server of others: about her own object, in her own name, as public as she made it."""
        event = sign_event(
            self._key, fact, subject=object_id(self.hub, native_id), time=at, platform=ACTIVITYPUB, native_id=native_id,
            change_marker=marker, actor=object_id(self.hub, actor), audience=Audience.PUBLIC, community=community, parent=parent,
        )  # fmt: skip
        verified = own_event(self._key, event, fact, self.clock())
        return Admitted(verified, tuple(records.to_headers(event, correlation)), correlation, ("", 0, 0), door)

    def say_to(self, node: str, fact: Fact, *, subject: str, marker: str, community: str) -> None:
        """Sign a fact of the hub's own for one node alone, on its own topic."""
        said = self._said(fact, subject=subject, marker=marker, community=community)
        self.outbox.add(_outgoing(outbound(node).name, community, said, None, {}))

    async def publish_registry(self) -> None:
        """Sign and keep a new version of the registry document."""
        version, now = await next_version(self.connection), self.clock()
        before = await newest_document(self.connection)
        contents = document.Contents(
            version, (await self.nodes.all()).values(), (await self.peers.all()).values(), await self.acts.changes(),
            before[1] if before else None, await self.anchors.all(), [pair.entry for pair in await self.pairs.all()],
        )  # fmt: skip
        signed = document.build(contents, key=self._key, now=now, life=self._rules.registry_life)
        await add_document(self.connection, version, signed, now, now + self._rules.registry_life)
        await self.acts.published(version)

    async def publish_registry_again(self) -> None:
        """Say in a new version what was done, where there is one already: before the first, nobody has anything to read."""
        if await newest_expiry(self.connection) is not None:
            await self.publish_registry()

    async def renew_registry(self) -> bool:
        """Sign the registry again once half its life has passed, so that nobody ever waits for a document that nobody changed."""
        await self.nodes.lock()
        expires = await newest_expiry(self.connection)
        if expires is None or expires - self.clock() > self._rules.registry_life / 2:
            return False
        await self.publish_registry()
        return True

    async def say_of(self, message: Message, fact: Fact) -> int:
        """Sign a fact of the hub's own about somebody's message, for the whole community: its number."""
        said = await self._said_of(message, fact)
        self.events.add([said])
        return await self.announce(said)

    async def say_of_to(self, node: str, message: Message, fact: Fact) -> None:
        """Sign a fact of the hub's own about somebody's message, for one node alone, on its own topic."""
        said = await self._said_of(message, fact)
        self.outbox.add(_outgoing(outbound(node).name, message.community, said, None, {}))

    async def space_of(self, node: str, community: str) -> str | None:
        """Where a node's copies of a community stand, None where it may not be sent any."""
        tie = await self.ties.get(node, community)
        right = tie is not None and tie.state is TieState.ACTIVE and node_may(await self.grade_of(node), Right.RECEIVE)
        return tie.space if tie is not None and right else None

    async def sign_anew(self) -> bool:
        """Sign the registry by the key that signs now, unless somebody has done so already."""
        await self.nodes.lock()
        if await newest_signer(self.connection) in {None, self.hub_key}:
            return False
        await self.publish_registry()
        return True

    def store_offsets(self, group: str, batch: Sequence[Record]) -> None:
        """Note how far the group has read; written with the transaction."""
        self._reached = offsets.reached(group, batch)

    async def commit(self) -> None:
        """Write everything, what nearly every batch changes in one statement, and commit."""
        for seldom in (self.ties, self.copies, self.resyncs, self.abroad, self.owed, self.acknowledged, self.held):
            await seldom.flush()
        often = (self.communities, self.messages, self.reactions, self.answers, self.members)
        changes = [*(repository.change() for repository in often), *self.events.changes(), self._reached, self.outbox.change()]
        await together(self.connection, changes)
        for about_messages in (self.moderations, self.reports):  # they refer to messages of this same transaction
            await about_messages.flush()
        await self.connection.commit()

    async def _targets(self, community: str, fact: Fact | None) -> dict[str, str]:
        """A tie whose attestation lapsed still gets every number: they wait on its node's own topic, whose writer asks the RSE first.

        What is taken back goes wherever it may have been written, whatever became of the tie or of the node since.
        """
        states, right = (HAVE_CARRIED, Right.FORGET) if isinstance(fact, TakenBack) else ({TieState.ACTIVE}, Right.RECEIVE)
        ties = [tie for tie in (await self.ties.of(community)).values() if tie.state in states]
        return {tie.node: tie.space for tie in ties if node_may(await self.grade_of(tie.node), right)}

    async def _reach(self, admitted: Admitted) -> Bearing | None:
        """What it bears on, and whose followers alone it is for, where a Group elsewhere passed it on."""
        bearing = await self._bearing(admitted)
        external = external_of(admitted.verified.event) if admitted.node == self.hub else None
        via = external.get("via") if external is not None else None
        return replace(bearing, via=via) if bearing is not None and isinstance(via, str) else bearing

    async def _bearing(self, admitted: Admitted) -> Bearing | None:
        """What a stranger could not know of an event: the fan-out asks no database. None where strangers are told nothing."""
        posted = None
        match admitted.verified.fact:
            case MessageModerated() if (message := await self.messages.get(admitted.subject)) is not None:
                return await standing.of_moderation(message, self.connection)
            case MessageRestored() if (message := await self.messages.get(admitted.subject)) is not None:
                return await standing.of_restoration(message, self.connection)
            case ReactionRemoved():
                return await self._taken_back(admitted)
            case MessageEdited() if (message := await self.messages.get(admitted.subject)) is not None:
                posted = timestamp(message.occurred_at)
            case ReactionAdded(emoji=emoji) if admitted.node != self.hub and admitted.parent and not admitted.history:
                if not await self.ministry_likes.tell(admitted.node, admitted.parent, kind_of(emoji), admitted.subject):
                    return None  # a colleague's stands there already, in the ministry's name
        return Bearing(url=await address_of(self.connection, admitted.parent), posted=posted)

    async def _taken_back(self, admitted: Admitted) -> Bearing | None:
        known, told = await self.reactions.get(admitted.subject), None
        if known is None or known.object is None:
            return Bearing()
        if admitted.node != self.hub:
            standing = await self.reactions.of_ministry(known.object, known.node)
            if any(one.id != known.id and kind_of(one.emoji) == kind_of(known.emoji) for one in standing):
                return None  # a colleague's stands for it
            told = await self.ministry_likes.take_back(known.node, known.object, kind_of(known.emoji))
        other = told if told != known.id else None
        return Bearing(known.object, known.emoji, await address_of(self.connection, known.object), other)

    def _said(self, fact: Fact, *, subject: str, marker: str, community: str | None) -> Admitted:
        now = self.clock()
        event = sign_event(
            self._key, fact, subject=subject, time=now, platform=PLATFORM, native_id=subject, change_marker=marker,
            actor=self._key.owner, audience=Audience.MEMBERS, community=community,
        )  # fmt: skip
        correlation = records.new_correlation()
        verified = own_event(self._key, event, fact, now)
        return Admitted(verified, tuple(records.to_headers(event, correlation)), correlation, ("", 0, 0))

    async def _said_of(self, message: Message, fact: Fact) -> Admitted:
        """On behalf of the node whose message it is; the time makes each saying one of its own."""
        now = self.clock()
        event = sign_event(
            self._key, fact, subject=message.id, time=now, platform=PLATFORM, audience=Audience.MEMBERS,
            native_id=await self.moderations.native_id(message.first_event), change_marker=f"{message.id} {timestamp(now)}",
            actor=self._key.owner, community=message.community, parent=message.parent, on_behalf=message.node,
        )  # fmt: skip
        correlation = records.new_correlation()
        verified = own_event(self._key, event, fact, now)
        return Admitted(verified, tuple(records.to_headers(event, correlation)), correlation, ("", 0, 0))

    def _revive(self, row: Any) -> Admitted | None:
        if self._registry is None:
            return None
        headers = tuple((name, text.encode()) for name, text in row.headers)
        texts = records.texts(headers)
        verified = verify_event(records.unverified_event(texts, bytes(row.value)), self._registry, row.admitted_at)
        if not isinstance(verified, VerifiedEvent):
            return None
        return Admitted(verified, headers, records.correlation_of(texts), (row.topic, row.partition, row.offset))


@asynccontextmanager
async def transaction(engine: AsyncEngine, rules: Rules, registry: Registry | None = None) -> AsyncIterator[UnitOfWork]:
    """A unit of work over a fresh connection; what is not committed when the block ends is rolled back."""
    async with engine.connect() as connection:
        await rules.follow(connection)
        yield UnitOfWork(connection, rules, registry)


def _outgoing(topic: str, key: str, admitted: Admitted, sequence: int | None, targets: dict[str, str]) -> Outgoing:
    event = admitted.verified.event
    return Outgoing(
        topic, key, event.value, admitted.headers, admitted.id, admitted.digest, admitted.verified.admitted_at,
        admitted.community or None, sequence, targets,
    )  # fmt: skip
