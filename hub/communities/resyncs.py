"""All the SQL of re-synchronisations: who asked, how far each is, and the steps that are to be sent again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from hub.communities.resync import Resync, ResyncState
from hub.storage.tables import communities, events, resyncs
from schemas.facts.tie import TieAccepted, TieRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.ports import Headers

BYTES: Final = 8 * 1024 * 1024
"""What one portion holds at most of what people wrote, unless a single record is larger."""
AHEAD: Final = text("""
    SELECT e.sequence, coalesce(octet_length(o.value), 0) AS size
    FROM hub.events e LEFT JOIN hub.outbox o ON o.community = e.community AND o.sequence = e.sequence
    WHERE e.community = :community AND e.sequence > :reached ORDER BY e.sequence LIMIT :limit
""")
STEPS: Final = text("""
    SELECT e.sequence, e.type, e.node, e.subject, e.native_id, o.value, o.headers, o.event, o.digest, o.targets, o.admitted_at,
        e.sequence = (
            SELECT min(f.sequence) FROM hub.events f WHERE f.subject = e.subject AND f.community = e.community AND f.sequence > :since
        ) AS first
    FROM hub.events e LEFT JOIN hub.outbox o ON o.community = e.community AND o.sequence = e.sequence
    WHERE e.community = :community AND e.sequence > :reached AND e.sequence <= :last ORDER BY e.sequence
""")


@dataclass(frozen=True, slots=True)
class Kept:
    """A ministry's own bytes, as they went out the first time."""

    value: bytes = field(repr=False)
    headers: Headers
    event: str
    digest: str
    nodes: frozenset[str]
    admitted_at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """A number of a community: which change of which object; `first` of its object since the node was last here, and its tie began."""

    number: int
    type: str
    node: str
    subject: str
    native_id: str
    first: bool
    kept: Kept | None


class SqlResyncs:
    """The re-synchronisations of a transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._changed: dict[tuple[str, str], Resync] = {}

    async def tied_since(self, node: str, community: str) -> int | None:
        """The number with which the community first heard of the node's tie."""
        query = select(func.min(events.c.sequence)).where(
            events.c.node == node, events.c.type == TieAccepted.event_type, events.c.community == community, events.c.sequence.is_not(None)
        )
        found: int | None = await self._connection.scalar(query)
        return found

    async def tied_anew(self, node: str, community: str) -> int:
        """The number with which the community heard of the node's tie after the node had last refused one; 0 where it has not."""
        mine = (events.c.node == node, events.c.community == community)
        refused = select(func.max(events.c.admitted_at)).where(*mine, events.c.type == TieRefused.event_type).scalar_subquery()
        accepted = select(func.min(events.c.sequence)).where(
            *mine,
            events.c.type == TieAccepted.event_type,
            events.c.sequence.is_not(None),
            or_(refused.is_(None), events.c.admitted_at > refused),
        )
        return await self._connection.scalar(accepted) or 0

    def save(self, resync: Resync) -> None:
        """Remember one; written with the transaction."""
        self._changed[resync.node, resync.community] = resync

    async def flush(self) -> None:
        """Write what changed."""
        for resync in self._changed.values():
            row = {name: getattr(resync, name) for name in resyncs.c.keys()} | {"state": resync.state.value}  # noqa: SIM118 - columns by their names
            await self._connection.execute(
                insert(resyncs).values(**row).on_conflict_do_update(index_elements=["node", "community"], set_=row)
            )
        self._changed = {}

    async def of(self, node: str, community: str) -> Resync | None:
        """One, locked; the community was locked before."""
        query = select(resyncs).where(resyncs.c.node == node, resyncs.c.community == community).with_for_update()
        row = (await self._connection.execute(query)).first()
        return _resync(row) if row else None

    async def steps(self, resync: Resync, tied: int, limit: int) -> Sequence[Step]:
        """What comes next, as many as fit in a portion, to who was tied with a number; nothing where all was sent."""
        given = {"community": resync.community, "reached": resync.reached}
        ahead = (await self._connection.execute(AHEAD, {**given, "limit": limit})).all()
        if not ahead:
            return ()
        rows = await self._connection.execute(STEPS, {**given, "since": max(resync.since, tied - 1), "last": _last(ahead)})
        return [_step(row) for row in rows]


async def waiting(connection: AsyncConnection) -> Sequence[tuple[str, str]]:
    """(node, community) of those that are not completed, the one that moved longest ago first."""
    query = select(resyncs.c.node, resyncs.c.community).where(resyncs.c.state == ResyncState.SENDING.value).order_by(resyncs.c.moved_at)
    return [(row.node, row.community) for row in await connection.execute(query)]


async def all_resyncs(connection: AsyncConnection) -> Sequence[tuple[Resync, int]]:
    """Every re-synchronisation, the newest first, with how many numbers are still to be looked at."""
    query = select(resyncs, communities.c.sequence).join(communities, communities.c.id == resyncs.c.community)
    rows = await connection.execute(query.order_by(resyncs.c.asked_at.desc(), resyncs.c.node, resyncs.c.community))
    return [(found := _resync(row), row.sequence - found.reached if found.state is ResyncState.SENDING else 0) for row in rows]


async def to_go(connection: AsyncConnection) -> Mapping[str, int]:
    """Node → how many numbers are still to be looked at."""
    query = select(resyncs.c.node, func.sum(communities.c.sequence - resyncs.c.reached)).join(
        communities, communities.c.id == resyncs.c.community
    )
    rows = await connection.execute(query.where(resyncs.c.state == ResyncState.SENDING.value).group_by(resyncs.c.node))
    return {node: int(count) for node, count in rows}


def _last(ahead: Sequence[Any]) -> int:
    """The last number that still fits; the first one fits whatever its size."""
    last, size = ahead[0].sequence, ahead[0].size
    for row in ahead[1:]:
        size += row.size
        if size > BYTES:
            break
        last = row.sequence
    return int(last)


def _step(row: Any) -> Step:
    kept = None
    if row.value is not None:
        headers = tuple((name, said.encode()) for name, said in row.headers)
        kept = Kept(bytes(row.value), headers, row.event, row.digest, frozenset(row.targets), row.admitted_at)
    return Step(row.sequence, row.type, row.node, row.subject, row.native_id, row.first, kept)


def _resync(row: Any) -> Resync:
    names = (name for name in resyncs.c.keys() if name != "state")  # noqa: SIM118 - columns by their names
    return Resync(**{name: getattr(row, name) for name in names}, state=ResyncState(row.state))
