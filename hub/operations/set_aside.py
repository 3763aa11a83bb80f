"""What a peer did not take for ever, and has not got in another way: listed, and struck off once it was sent again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import exists, func, select, update

from hub.operations.awaited import reached
from hub.storage.courier_tables import peer_activities, peer_refusals
from hub.storage.tables import communities

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

NO_LONGER: Final = "peer_no_longer_follows"
"""Of what was told while a peer followed, and came to its turn afterwards: nobody there is owed it."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """An activity that a peer did not take: its place in the topic, the event that it tells (empty of an answer to one actor), and why."""

    offset: int
    event: str
    community: str
    form: str
    reason: str
    at: datetime
    told_at: datetime


async def set_aside(connection: AsyncConnection, peer: str, limit: int, after: int = -1, event: str | None = None) -> list[SetAside]:
    """The oldest first, behind an offset, of one event if it is named. Of two forms of one event, none once either was taken."""
    told = peer_activities.c
    which = (told.offset > after, *([told.event == event] if event is not None else []))
    return [SetAside(*row) for row in await connection.execute(_waiting(peer).where(*which).limit(limit))]


async def count(connection: AsyncConnection, peer: str) -> int:
    """How many there are."""
    return int(await connection.scalar(select(func.count()).select_from(_waiting(peer).subquery())) or 0)


async def lock(connection: AsyncConnection, peer: str) -> None:
    """Until this transaction ends, let nobody else send this peer anything again, nor take back in its communities what may be sent."""
    refused = select(peer_refusals.c.offset).where(peer_refusals.c.peer == peer)
    spoken_in = select(peer_activities.c.community).where(peer_activities.c.offset.in_(refused))
    await connection.execute(select(communities.c.id).where(communities.c.id.in_(spoken_in)).order_by(communities.c.id).with_for_update())
    await connection.execute(refused.order_by(peer_refusals.c.offset).with_for_update())


async def resent(connection: AsyncConnection, peer: str, offsets: Collection[int], now: datetime) -> None:
    """These are set aside no longer."""
    mine = (peer_refusals.c.peer == peer, peer_refusals.c.offset.in_(offsets))
    await connection.execute(update(peer_refusals).where(*mine).values(resent_at=now))


def _waiting(peer: str) -> Any:
    refused, told, twin, other = peer_refusals.c, peer_activities.c, peer_activities.alias(), peer_refusals.alias()
    refused_too = exists().where(other.c.peer == peer, other.c.offset == twin.c.offset)
    taken = exists().where(
        told.event != "", twin.c.event == told.event, twin.c.offset != told.offset, twin.c.peers.has_key(peer),
        twin.c.offset < reached(peer), ~refused_too,
    )  # fmt: skip
    columns = (told.offset, told.event, told.community, told.form, refused.reason, refused.at, told.at.label("told_at"))
    waiting = (refused.peer == peer, refused.resent_at.is_(None), refused.reason != NO_LONGER, ~taken)
    return select(*columns).join(peer_activities, told.offset == refused.offset).where(*waiting).order_by(told.offset)
