"""A hub's world for tests: a migrated database, three nodes with keys, a community, ties; and what they say."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from hub import bootstrap
from hub.batches.group import Group
from hub.batches.inbound import InboundBatch
from hub.batches.receipts import ReceiptBatch
from hub.communities import handlers as communities
from hub.communities.service import open_community
from hub.ports import Record
from hub.registry import handlers as registry
from hub.registry.service import propose_tie
from hub.storage.engine import engine_for
from hub.unit_of_work import Rules, transaction
from schemas.envelope import object_id
from schemas.facts.delivery import Delivery, DeliveryReported
from schemas.facts.membership import MembershipJoined, MembershipLeft
from schemas.facts.message import Author, Content, MessageDeleted, MessageEdited, MessagePosted
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.facts.tie import TieAccepted
from schemas.keys import SigningKey
from schemas.proof import sign_event
from schemas.wire.records import new_correlation, to_headers
from schemas.words import Audience, Verdict
from tests import fakes_federation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from hub.unit_of_work import UnitOfWork
    from schemas.envelope import CanonicalEvent
    from schemas.facts.base import Fact

COMMUNITY = "futurs-publics"
NODES = {"wifip": "97", "education": "!salle:tchap.example", "diplomatie": "12"}
HANDLERS: dict[str, Callable[[Any, Any], Awaitable[str | None]]] = {
    "fr.gouv.rse.message.posted.v1": communities.on_message,
    "fr.gouv.rse.message.edited.v1": communities.on_message,
    "fr.gouv.rse.message.deleted.v1": communities.on_message,
    "fr.gouv.rse.copy.withdrawn.v1": communities.on_copy_withdrawn,
    "fr.gouv.rse.copy.edited.v1": communities.on_copy_edited,
    "fr.gouv.rse.message.moderated.v1": communities.on_moderation,
    "fr.gouv.rse.message.restored.v1": communities.on_moderation,
    "fr.gouv.rse.copy.restored.v1": communities.on_moderation,
    "fr.gouv.rse.reaction.added.v1": communities.on_gesture,
    "fr.gouv.rse.reaction.removed.v1": communities.on_gesture,
    "fr.gouv.rse.answer.accepted.v1": communities.on_gesture,
    "fr.gouv.rse.answer.withdrawn.v1": communities.on_gesture,
    "fr.gouv.rse.membership.joined.v1": communities.on_membership,
    "fr.gouv.rse.membership.left.v1": communities.on_membership,
    "fr.gouv.rse.resync.requested.v1": communities.on_resync_requested,
    "fr.gouv.rse.tie.accepted.v1": registry.on_tie_accepted,
    "fr.gouv.rse.tie.refused.v1": registry.on_tie_refused,
}


@dataclass
class Clock:
    """A clock that a test moves."""

    moved: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.moved


@dataclass
class KeptDeadLetters:
    """Dead letters kept in memory."""

    kept: list[tuple[Record, str, str]] = field(default_factory=list)

    async def send(self, refused: Sequence[tuple[Record, str, str]], attempts: int = 1) -> None:
        del attempts
        self.kept.extend(refused)

    @property
    def reasons(self) -> list[str]:
        return [reason for _, reason, _ in self.kept]


class World:
    """A hub over a real database."""

    def __init__(self, engine: AsyncEngine, *, quarantine_after: int = 100, federates: bool = False) -> None:
        self.engine = engine
        self.clock = Clock()
        self.hub_key = SigningKey.generate("hub")
        self.keys = {node: SigningKey.generate(node) for node in NODES}
        self.spaces = dict(NODES)
        self.rules = Rules(self.hub_key, self.clock, timedelta(seconds=60), timedelta(hours=48), timedelta(days=30), federates)
        self.dead_letters = KeptDeadLetters()
        self.reader = bootstrap.RegistryReader(engine, self.hub_key.public.multibase)
        group = Group(
            "inbound", bootstrap.begin(engine, self.rules), self.reader, self.dead_letters, self.clock, quarantine_after,  # type: ignore[arg-type]  # kept in memory
        )  # fmt: skip
        self.handlers = dict(HANDLERS)
        self.inbound = InboundBatch(group, self.handlers)
        self.reported = ReceiptBatch(group)
        self._offset = 0
        self.digests: dict[str, str] = {}

    @classmethod
    async def make(cls, url: str, *, quarantine_after: int = 100, federates: bool = False) -> World:
        """Admit three nodes and open the community in a database that has its tables."""
        engine = engine_for(url)
        world = cls(engine, quarantine_after=quarantine_after, federates=federates)
        for node in NODES:
            await world.admit(node)
        async with transaction(engine, world.rules) as work:
            await open_community(COMMUNITY, "Futurs Publics", Audience.MEMBERS, work)
            await work.commit()
        return world

    async def admit(self, node: str) -> None:
        """Let a node apply and approve it."""
        await self.work(partial(fakes_federation.admit, self.keys[node]))

    async def join(self, node: str, space: str) -> None:
        """One more node, with a space that it may tie."""
        self.keys[node], self.spaces[node] = SigningKey.generate(node), space
        await self.admit(node)

    async def tie(self, *nodes: str, audience: Audience = Audience.MEMBERS) -> None:
        """Propose ties and let the nodes accept them."""
        for node in nodes or NODES:
            async with transaction(self.engine, self.rules) as work:
                await propose_tie(node, self.spaces[node], COMMUNITY, work)
                await work.commit()
            await self.hear(self.accepted(node, audience))

    def accepted(self, node: str, audience: Audience = Audience.MEMBERS, marker: str | None = None) -> Record:
        """A node's word on its space."""
        fact = TieAccepted(space=self.spaces[node], space_name="Salle", audience=audience, externals=False)
        return self.record(node, fact, f"tie/{node}/{self.spaces[node]}", marker=marker or self.clock().isoformat())

    def posted(self, node: str, native: str, text: str = "Bonjour", parent: str | None = None, marker: str = "posted") -> Record:
        """Somebody posts."""
        fact = MessagePosted(space=NODES[node], author=Author(name="Camille Roux", organisation=node), content=_content(text))
        return self.record(node, fact, native, marker=marker, parent=parent)

    def edited(self, node: str, native: str, text: str, marker: str = "edited") -> Record:
        """Somebody edits."""
        fact = MessageEdited(space=NODES[node], author=Author(name="Camille Roux", organisation=node), content=_content(text))
        return self.record(node, fact, native, marker=marker)

    def deleted(self, node: str, native: str, marker: str = "deleted") -> Record:
        """Somebody deletes."""
        return self.record(node, MessageDeleted(space=NODES[node]), native, marker=marker)

    def reacted(self, node: str, native: str, message: str, emoji: str = "❤️", actor: str = "a" * 32) -> Record:
        """Somebody reacts."""
        fact = ReactionAdded(space=NODES[node], author=Author(name="Camille Roux", organisation=node), emoji=emoji)
        return self.record(node, fact, native, marker="added", parent=message, actor=actor)

    def unreacted(self, node: str, native: str) -> Record:
        """Somebody takes her reaction back."""
        return self.record(node, ReactionRemoved(space=NODES[node]), native, marker="removed")

    def joined(self, node: str, native: str, name: str = "Camille Roux", marker: str = "joined:1", actor: str = "a" * 32) -> Record:
        """Somebody takes part."""
        fact = MembershipJoined(space=NODES[node], member=Author(name=name, organisation=node))
        return self.record(node, fact, native, marker=marker, actor=actor)

    def left(self, node: str, native: str, name: str = "Camille Roux", actor: str = "a" * 32) -> Record:
        """Somebody takes part no longer."""
        fact = MembershipLeft(space=NODES[node], member=Author(name=name, organisation=node))
        return self.record(node, fact, native, marker="left", actor=actor)

    def event(
        self, node: str, fact: Fact, native: str, *, marker: str, parent: str | None = None, key: SigningKey | None = None,
        subject: str | None = None, community: str = COMMUNITY, actor: str = "a" * 32,
    ) -> CanonicalEvent:  # fmt: skip
        """A signed event of a node, about its own object unless told otherwise."""
        subject = subject or (native if native.startswith("tie/") else object_id(node, native))
        made = sign_event(
            key or self.keys[node], fact, subject=subject, time=self.clock(), platform="discourse", native_id=native, change_marker=marker,
            actor=actor, audience=Audience.MEMBERS, community=community, parent=parent,
        )  # fmt: skip
        self.digests[made.envelope.id] = made.digest
        return made

    def record(self, node: str, fact: Fact, native: str, *, marker: str, parent: str | None = None, actor: str = "a" * 32) -> Record:
        """The event as the worker reads it."""
        event = self.event(node, fact, native, marker=marker, parent=parent, actor=actor)
        return self.carry(event, f"{node}/{getattr(fact, 'space', '')}")

    def report(self, node: str, event: str, verdict: Verdict = Verdict.WRITTEN) -> Record:
        """A node's receipt for one event."""
        return self.reports(node, [event], verdict)

    def reports(self, node: str, events: Sequence[str], verdict: Verdict = Verdict.WRITTEN) -> Record:
        """A node's receipt for several events."""
        deliveries = tuple(
            Delivery(
                event=event, event_digest=self.digests.get(event, "0" * 64), community=COMMUNITY, sequence=1, topic=f"node.{node}.outbound.v1", partition=0, offset=0,
                verdict=verdict, at=self.clock(), native_id="post:9", native_version="v1",
            )
            for event in events
        )  # fmt: skip
        made = self.event(node, DeliveryReported(deliveries=deliveries), f"receipt-{events[0]}-{verdict}", marker=self.clock().isoformat())
        return self.carry(made, node)

    def carry(self, event: CanonicalEvent, key: str) -> Record:
        """An event in a record of its own."""
        self._offset += 1
        headers = tuple(to_headers(event, new_correlation()))
        return Record("rse.inbound.v1", 0, self._offset, self.clock(), key.encode(), event.value, headers)

    async def hear(self, *records: Record) -> None:
        """One batch through the worker's handler."""
        await self.inbound.carry_out(await self.inbound.read(records))

    async def receipts(self, records: Sequence[Record]) -> None:
        """One batch of receipts through the worker's handler."""
        await self.reported.carry_out(await self.reported.read(records))

    async def rows(self, sql: str) -> list[Any]:
        """Ask the database."""
        from sqlalchemy import text  # noqa: PLC0415 - one test module's need

        async with self.engine.connect() as connection:
            return list((await connection.execute(text(sql))).mappings())

    async def sequences(self) -> list[int]:
        """The numbers given, in their order."""
        return [
            row["sequence"]
            for row in await self.rows(
                "SELECT sequence FROM hub.outbox WHERE community IS NOT NULL AND sequence IS NOT NULL ORDER BY sequence"
            )
        ]

    async def messages(self) -> dict[str, Any]:
        """The messages by their ids."""
        return {row["id"]: row for row in await self.rows("SELECT * FROM hub.messages")}

    async def work(self, use: Callable[[UnitOfWork], Awaitable[Any]]) -> Any:
        """Run a use case in a committed transaction."""
        async with transaction(self.engine, self.rules) as work:
            result = await use(work)
            await work.commit()
        return result

    async def close(self) -> None:
        """Let the database go."""
        await self.engine.dispose()
        await asyncio.sleep(0)


def forged(record: Record, **changed: bytes) -> Record:
    """A record with other headers than were signed."""
    return replace(record, headers=tuple((name, changed.get(name, raw)) for name, raw in record.headers))


def _content(text: str) -> Content:
    return Content(html=f"<p>{text}</p>", text=text)
