"""Peers as operators see them: how far each is, what stands in its way, and what became of one event at each."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from hub.operations.awaited import is_silent, unacknowledged
from hub.operations.quarantine import quarantined_peers
from hub.registry.endings import Validity, validity
from hub.registry.peer_repository import SqlPeers
from hub.storage.courier_tables import peer_activities, peer_positions, peer_refusals
from hub.storage.federation_tables import followers, follows
from hub.storage.receipt_tables import peer_receipts
from hub.storage.rows import among
from hub.storage.tables import stream_offsets
from schemas.topics import PEERS_OUTBOUND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Column, ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.operations.awaited import Unacknowledged
    from hub.registry.peers import Peer

WINDOW: Final = 10_000
"""How many of the newest activities are compared with where peers are: a page must not read three weeks."""
GROUP: Final = "courier"
NEVER: Final = "never"
ACCEPTED: Final = "accepted"
"""How a follow of ours stands that a Group has accepted."""
TRANSMITTED, WAITING, FAILING, REFUSED = "transmitted", "waiting", "failing", "refused"
AWAITED, SILENT, ACKNOWLEDGED, ARRIVED = "awaited", "silent", "acknowledged", "arrived"
THERE: Final = frozenset({"written", "confirmed"})


@dataclass(frozen=True, slots=True)
class PeerState:
    """A peer: what the registry says of it, and where the courier is with it.

    `state` is its circuit breaker's, `never` where it was never told anything. `waiting` counts the activities told since
    its place (`waiting_since`: when the oldest was), those of communities that it does not follow among them.
    """

    peer: Peer
    followers: int
    state: str
    behind: bool
    waiting: int
    waiting_since: datetime | None
    failures: int
    next_try: datetime | None
    scheme: str | None
    last_success: datetime | None
    last_failure: datetime | None
    reason: str | None
    wish: str | None
    refused: int
    quarantined_at: datetime | None = None
    """Since when what it sends is parked; what is brought to it is not touched by that."""
    validity: Validity = Validity.CURRENT
    unacknowledged: Unacknowledged | None = None
    """What it took without a word; None for a server from which none is expected."""


@dataclass(frozen=True, slots=True)
class Word:
    """What another Trait d'union says became of an event there, under its hub's proof: its number, and the verdict of each of its nodes.

    `receipt` is the activity by which it said so, `at` when that came.
    """

    fate: str
    community: str | None
    sequence: int | None
    nodes: Mapping[str, str]
    receipt: str
    at: datetime

    @property
    def written(self) -> int:
        """How many of its nodes have it."""
        return sum(verdict in THERE for verdict in self.nodes.values())


@dataclass(frozen=True, slots=True)
class Transmission:
    """What became of one event at one peer: `transmitted` means that its server took it, not that anybody there has it.

    Of a server that tells more, `awaited` until it does, `silent` where it did not in time, both with when it was told (`since`); then
    `acknowledged`, or `arrived` once all its nodes have it.
    """

    peer: str
    state: str
    reason: str | None = None
    word: Word | None = None
    since: datetime | None = None


async def peer_states(connection: AsyncConnection, now: datetime) -> list[PeerState]:
    """Every peer of the registry."""
    known = {row.peer: row for row in await connection.execute(select(peer_positions))}
    following = await _counted(connection, followers.c.peer)
    refused = await _counted(connection, peer_refusals.c.peer, peer_refusals.c.resent_at.is_(None))
    mark, newest = await _mark(connection), await _newest(connection)
    peers = (await SqlPeers(connection).all()).values()
    parked, silent = await quarantined_peers(connection), await unacknowledged(connection, now)
    states = [_state(peer, known.get(peer.id), following.get(peer.id, 0), refused.get(peer.id, 0), mark, newest) for peer in peers]
    return [
        replace(
            state, quarantined_at=parked.get(state.peer.id), validity=validity(state.peer, now), unacknowledged=silent.get(state.peer.id)
        )
        for state in states
    ]


async def peer_state(connection: AsyncConnection, name: str, now: datetime) -> PeerState | None:
    """One peer; None for a server that never applied."""
    return next((state for state in await peer_states(connection, now) if state.peer.id == name), None)


async def servers_of(connection: AsyncConnection, community: str) -> set[str]:
    """Servers that have to do with a community: somebody there follows it, or a Group there has accepted that it follows."""
    following = select(followers.c.peer).where(followers.c.community == community)
    followed = select(follows.c.peer).where(follows.c.community == community, follows.c.state == ACCEPTED)
    return set((await connection.execute(following.union(followed))).scalars())


async def transmissions(connection: AsyncConnection, events: Iterable[str], now: datetime) -> dict[str, tuple[Transmission, ...]]:
    """Event → what became of it at each peer that it was for."""
    named = select(peer_activities).where(among(peer_activities.c.event, events)).order_by(peer_activities.c.offset)
    rows = list(await connection.execute(named))
    if not rows:
        return {}
    known = {row.peer: row for row in await connection.execute(select(peer_positions))}
    offsets = [row.offset for row in rows]
    query = select(peer_refusals).where(peer_refusals.c.offset.in_(offsets))
    refused = {(row.offset, row.peer): row.reason for row in await connection.execute(query)}
    mark = await _mark(connection)
    told: dict[str, dict[str, list[int]]] = {}
    for row in rows:
        for peer in row.peers:
            told.setdefault(row.event, {}).setdefault(peer, []).append(row.offset)
    found = {
        event: tuple(_transmission(peer, offsets, known.get(peer), refused, mark) for peer, offsets in sorted(peers.items()))
        for event, peers in told.items()
    }
    announced = {(row.event, peer): row for row in rows if row.digest is not None and row.form == "announced" for peer in row.peers}
    return await _acknowledged(connection, found, announced, now)


async def _acknowledged(
    connection: AsyncConnection, found: Mapping[str, tuple[Transmission, ...]], announced: Mapping[tuple[str, str], Any], now: datetime
) -> dict[str, tuple[Transmission, ...]]:
    """The same with what other Trait d'union said: a word is shown where it speaks of the very bytes that were brought."""
    peers = await SqlPeers(connection).all()
    rows = await connection.execute(select(peer_receipts).where(among(peer_receipts.c.event, {event for event, _ in announced})))
    said = {at: row for row in rows if (at := (row.event, row.peer)) in announced and row.digest == announced[at].digest}

    def told(event: str, one: Transmission) -> Transmission:
        peer, row = peers.get(one.peer), said.get((event, one.peer))
        if row is not None:
            return _said(one, row)
        if (event, one.peer) not in announced or peer is None or not peer.acknowledges or one.state != TRANSMITTED:
            return one
        since = announced[event, one.peer].at
        return replace(one, state=SILENT if is_silent(since, now) else AWAITED, since=since)

    return {event: tuple(told(event, one) for one in several) for event, several in found.items()}


def _said(one: Transmission, row: Any) -> Transmission:
    word = Word(row.fate, row.community, row.sequence, row.nodes, row.receipt, row.at)
    if row.fate == REFUSED:
        return Transmission(one.peer, REFUSED, row.reason, word)
    return Transmission(one.peer, ARRIVED if word.nodes and word.written == len(word.nodes) else ACKNOWLEDGED, None, word)


async def _counted(connection: AsyncConnection, peer: Column[Any], *which: ColumnElement[bool]) -> dict[str, int]:
    """Peer → how many of these rows name it."""
    rows = await connection.execute(select(peer, func.count().label("rows")).where(*which).group_by(peer))
    return {row[0]: row.rows for row in rows}


async def _mark(connection: AsyncConnection) -> int:
    query = select(stream_offsets.c.next_offset).where(stream_offsets.c.group == GROUP, stream_offsets.c.topic == PEERS_OUTBOUND.name)
    return int(await connection.scalar(query) or 0)


async def _newest(connection: AsyncConnection) -> Sequence[tuple[int, datetime]]:
    """Offset and time of the newest activities, the oldest first."""
    query = select(peer_activities.c.offset, peer_activities.c.at).order_by(peer_activities.c.offset.desc()).limit(WINDOW)
    return [(row.offset, row.at) for row in await connection.execute(query)][::-1]


def _reached(row: Any | None, mark: int) -> int:
    """The offset before which a peer has all."""
    if row is None:
        return mark
    return int(row.position) if row.behind else max(int(row.position), mark)


def _state(peer: Peer, row: Any | None, following: int, refused: int, mark: int, newest: Sequence[tuple[int, datetime]]) -> PeerState:
    if row is None:
        return PeerState(peer, following, NEVER, False, 0, None, 0, None, None, None, None, None, None, refused)  # noqa: FBT003 - not behind
    first = len(newest) if row.state == "gone" else bisect_left(newest, _reached(row, mark), key=lambda one: one[0])
    since = newest[first][1] if first < len(newest) else None
    return PeerState(
        peer, following, row.state, row.behind, len(newest) - first, since, row.failures, row.next_try, row.scheme,
        row.last_success, row.last_failure, row.reason, row.wish, refused,
    )  # fmt: skip


def _transmission(peer: str, offsets: Sequence[int], row: Any | None, refused: Mapping[tuple[int, str], str], mark: int) -> Transmission:
    """An event is told in two forms at most, and once more where neither was taken; who has taken one of them knows it."""
    reached = _reached(row, mark)
    done = [offset for offset in offsets if offset < reached]
    reasons = [refused[offset, peer] for offset in done if (offset, peer) in refused]
    if len(reasons) < len(done):
        return Transmission(peer, TRANSMITTED)
    if len(done) == len(offsets):
        return Transmission(peer, REFUSED, reasons[-1])
    if row is not None and row.state != "closed":
        return Transmission(peer, FAILING, row.reason)
    return Transmission(peer, WAITING)
