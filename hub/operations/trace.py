"""The way of one message: where each of its events was read, numbered, published and written, as far as it is still known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from hub.operations import peers
from hub.operations.doubt import compromised_keys, is_doubtful
from hub.registry.repository import SqlNodes
from hub.storage.rows import among
from hub.storage.tables import deliveries, events, messages, outbox
from schemas.manifest import KeyState
from schemas.sequence import PEERS
from schemas.topics import HUB_FACTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.operations.peers import Transmission
    from hub.registry.model import Node

SIGNING = frozenset({KeyState.ACTIVE, KeyState.RETIRING})
EVENTS_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Topic, partition and offset, without the deployment's prefix where the hub wrote them down itself."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """As Kafka tools write it."""
        return f"{self.topic}-{self.partition}-{self.offset}"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One node's word on one event; all but the node is None while nothing was heard of it."""

    node: str
    verdict: str | None = None
    reason: str | None = None
    native_id: str | None = None
    place: Place | None = None
    at: datetime | None = None
    latency_ms: int | None = None
    receipt: str | None = None
    key_id: str | None = None
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One event on its way."""

    event: str
    type: str
    node: str
    subject: str
    outcome: str
    sequence: int | None
    correlation: str
    digest: str
    key_id: str
    occurred_at: datetime
    admitted_at: datetime
    handled_at: datetime
    read_at: Place | None
    published_at: datetime | None
    facts: Place | None
    remembered: bool
    arrivals: tuple[Arrival, ...]
    transmissions: tuple[Transmission, ...] = ()
    doubtful: bool = False
    """Its key was in other hands when the broker admitted it."""
    community: str | None = None

    @property
    def from_peer(self) -> bool:
        """The hub says it for somebody on another server: of itself it writes no message and sets no reaction."""
        return self.read_at is None and self.type.startswith(("fr.gouv.rse.message.", "fr.gouv.rse.reaction."))

    @property
    def admitted_ms(self) -> int:
        """From the broker's admission to the hub's decision."""
        return _milliseconds(self.admitted_at, self.handled_at)


async def way_of(connection: AsyncConnection, name: str, now: datetime) -> list[Step]:
    """The events of a message, by its id or any of its events' ids, in the hub's order; empty for an unknown name. Holds no content."""
    subject = await _subject(connection, name)
    if subject is None:
        return []
    query = select(events).where(events.c.subject == subject).order_by(events.c.handled_at, events.c.sequence.nulls_last())
    return await steps(connection, list(await connection.execute(query.limit(EVENTS_LIMIT))), now)


async def steps_of(connection: AsyncConnection, names: Iterable[str], now: datetime) -> list[Step]:
    """The ways of events by their ids, in no order."""
    return await steps(connection, list(await connection.execute(select(events).where(among(events.c.id, names)))), now)


async def steps(connection: AsyncConnection, rows: Sequence[Any], now: datetime) -> list[Step]:
    """The ways of events: a statement for each table, however many they are."""
    ids = [row.id for row in rows]
    published = {row.event: row for row in await connection.execute(_published(ids))}
    reports: dict[str, dict[str, Any]] = {}
    for row in await connection.execute(select(deliveries).where(among(deliveries.c.event, ids)).order_by(deliveries.c.node)):
        reports.setdefault(row.event, {})[row.node] = row
    nodes = await SqlNodes(connection).all() if reports else {}
    told, since = await peers.transmissions(connection, ids, now), await compromised_keys(connection)
    found = [_step(row, published.get(row.id), reports.get(row.id, {}), nodes) for row in rows]
    return [
        replace(step, transmissions=told.get(row.id, ()), doubtful=is_doubtful(row, since)) for row, step in zip(rows, found, strict=True)
    ]


def receipt_holds(node: Node | None, key_id: str, reported_at: datetime) -> bool:
    """Tell whether the key under a receipt is this node's own and could sign when the receipt was handled.

    The worker verified the signature itself before it stored the row; a key revoked since then shows here.
    """
    entry = next((key for key in node.keys if key.id == key_id), None) if node else None
    return entry is not None and entry.state_at(reported_at) in SIGNING


async def _subject(connection: AsyncConnection, name: str) -> str | None:
    query = select(events.c.subject).where(or_(events.c.id == name, events.c.subject == name)).limit(1)
    found: str | None = await connection.scalar(query)
    return found or await connection.scalar(select(messages.c.id).where(or_(messages.c.id == name, messages.c.first_event == name)))


def _published(ids: Iterable[str]) -> Any:
    """The facts' rows alone: what the hub says to one node has a row of its own under the same columns."""
    columns = (outbox.c.event, outbox.c.targets, outbox.c.published_at, outbox.c.partition, outbox.c.offset)
    return select(*columns).where(among(outbox.c.event, ids), outbox.c.topic == HUB_FACTS.name)


def _step(row: Any, published: Any | None, reports: Mapping[str, Any], nodes: Mapping[str, Node]) -> Step:
    names = sorted({*(published.targets if published else ()), *reports} - {PEERS})
    arrivals = tuple(_arrival(name, reports.get(name), row.admitted_at, nodes.get(name)) for name in names)
    facts = Place(HUB_FACTS.name, published.partition, published.offset) if published and published.offset is not None else None
    return Step(
        row.id, row.type, row.node, row.subject, row.outcome, row.sequence, row.correlation, row.digest, row.key_id,
        row.occurred_at, row.admitted_at, row.handled_at, Place(row.topic, row.partition, row.offset) if row.topic else None,
        published.published_at if published else None, facts, published is not None, arrivals, community=row.community,
    )  # fmt: skip


def _arrival(node: str, report: Any | None, admitted_at: datetime, entry: Node | None) -> Arrival:
    if report is None:
        return Arrival(node)
    return Arrival(
        node, report.verdict, report.reason, report.native_id, Place(report.topic, report.partition, report.offset), report.at,
        _milliseconds(admitted_at, report.at), report.receipt, report.key_id, receipt_holds(entry, report.key_id, report.reported_at),
    )  # fmt: skip


def _milliseconds(since: datetime, until: datetime) -> int:
    return max(0, round((until - since).total_seconds() * 1000))
