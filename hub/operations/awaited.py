"""Receipts that other Trait d'union still owe us: how many activities they took without a word, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import case, func, select

from hub.registry.peer_repository import SqlPeers
from hub.storage.courier_tables import peer_activities, peer_positions, peer_refusals
from hub.storage.receipt_tables import peer_receipts
from hub.storage.tables import stream_offsets
from schemas.topics import PEERS_OUTBOUND

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ScalarSelect, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

WINDOW: Final = 10_000
"""How many of the newest records of the topic are looked at: what is older has been told about long ago, or never will be."""


SILENT_AFTER: Final = timedelta(days=1)
"""A Trait d'union tells within seconds; a day outlasts a night's outage there. Past it nobody waits: the server may be too old to tell, and a
receipt that comes after all is believed as any other."""


@dataclass(frozen=True, slots=True)
class Unacknowledged:
    """Activities that a peer took and said nothing of; `since` is when the oldest was told, None where there is none.

    `silent` of them are no longer waited for, the oldest since `silent_since`; they are not in `count`.
    """

    count: int = 0
    since: datetime | None = None
    silent: int = 0
    silent_since: datetime | None = None


def is_silent(told_at: datetime, now: datetime) -> bool:
    """Tell whether a word on what was told then is no longer waited for."""
    return told_at <= now - SILENT_AFTER


async def unacknowledged(connection: AsyncConnection, now: datetime) -> dict[str, Unacknowledged]:
    """Each peer that tells what becomes of what it takes, with what it has not told; a statement each, for they are few."""
    peers = [peer.id for peer in (await SqlPeers(connection).all()).values() if peer.acknowledges]
    newest = int(await connection.scalar(select(func.max(peer_activities.c.offset))) or 0) if peers else 0
    found = {}
    for peer in peers:
        row = (await connection.execute(_wordless(peer, newest - WINDOW, now - SILENT_AFTER))).one()
        found[peer] = Unacknowledged(*row)
    return found


def _wordless(peer: str, after: int, silent: datetime) -> Select[int, Any, int, Any]:
    told, said, refused = peer_activities.c, peer_receipts.c, peer_refusals.c
    known = select(said.event).where(said.peer == peer, said.event == told.event)
    passed = select(refused.offset).where(refused.peer == peer, refused.offset == told.offset)
    conditions = (told.offset > after, told.offset < reached(peer), told.peers.has_key(peer), told.digest.isnot(None), told.event != "")
    awaited, given_up = told.at > silent, told.at <= silent
    query = select(
        func.count().filter(awaited), func.min(told.at).filter(awaited), func.count().filter(given_up), func.min(told.at).filter(given_up)
    )
    return query.where(*conditions, ~known.exists(), ~passed.exists())


def reached(peer: str) -> ScalarSelect[int]:
    """The offset before which a peer has all: its own while it is behind, else that of all who keep up."""
    mark = select(stream_offsets.c.next_offset).where(stream_offsets.c.group == "courier", stream_offsets.c.topic == PEERS_OUTBOUND.name)
    own, all_have = peer_positions.c.position, func.coalesce(mark.scalar_subquery(), 0)
    reached = case((peer_positions.c.behind, own), else_=func.greatest(own, all_have))
    return select(reached).where(peer_positions.c.peer == peer).scalar_subquery()
