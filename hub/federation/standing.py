"""What the hub signs beside a moderation, so that the fan-out, which asks no database, can tell peers of it; all the SQL of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from hub.federation.reach import Bearing
from hub.federation.repository import address_of
from hub.storage.federation_tables import external_objects
from hub.storage.rows import among
from hub.storage.tables import events
from schemas.facts.message import MessagePosted
from schemas.facts.moderation import MessageModerated, MessageRestored
from schemas.proof import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.communities.model import Message

BOOSTED: Final = (MessagePosted.event_type, MessageRestored.event_type)


async def of_moderation(message: Message, connection: AsyncConnection) -> Bearing | None:
    """Of a message that is taken away, of whatever age: who met it under an answer has it too. None where peers were told of it by another Group."""
    stands, ours = await _standing(message, connection)
    if not ours:
        return None
    boost = await _last(message.id, BOOSTED, connection) if stands else None
    return Bearing(stands=stands, boost=boost)


async def of_restoration(message: Message, connection: AsyncConnection) -> Bearing | None:
    """Of a message that is brought back; None likewise, and for what a space said before it was tied: peers are not shown that as new."""
    stands, ours = await _standing(message, connection)
    if not ours or message.history:
        return None
    undone = await _last(message.id, (MessageModerated.event_type,), connection)
    url = None if stands else await address_of(connection, message.parent)
    return Bearing(url=url, posted=timestamp(message.occurred_at), stands=stands, undone=undone)


async def _standing(message: Message, connection: AsyncConnection) -> tuple[str | None, bool]:
    """Where a peer's message stands; and whether it is ours to tell of: what another Group passed on is that Group's."""
    query = select(external_objects.c.id, external_objects.c.via).where(external_objects.c.subject == message.id).limit(1)
    row = (await connection.execute(query)).first()
    return (row.id, row.via is None) if row else (None, True)


async def _last(subject: str, types: Iterable[str], connection: AsyncConnection) -> str | None:
    """The newest numbered event of some kinds about a message."""
    query = select(events.c.id).where(events.c.subject == subject, among(events.c.type, types), events.c.sequence.is_not(None))
    found: str | None = await connection.scalar(query.order_by(events.c.sequence.desc()).limit(1))
    return found
