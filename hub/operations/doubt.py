"""What was signed by a key that was in other hands: already admitted, it stays, and is shown as doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from hub.storage.rows import among
from hub.storage.tables import events, node_keys

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


async def compromised_keys(connection: AsyncConnection) -> dict[str, datetime]:
    """Key id → since when it is compromised; empty on any ordinary day."""
    query = select(node_keys.c.id, node_keys.c.compromised_since).where(node_keys.c.compromised_since.is_not(None))
    return {row.id: row.compromised_since for row in await connection.execute(query)}


async def doubtful(connection: AsyncConnection, objects: Iterable[str]) -> set[str]:
    """Those of the objects of which an event was admitted under a key after it was compromised, by the broker's time."""
    since = await compromised_keys(connection)
    if not since:
        return set()
    query = select(events.c.subject, events.c.key_id, events.c.admitted_at).where(
        among(events.c.subject, objects), among(events.c.key_id, since)
    )
    return {row.subject for row in await connection.execute(query) if row.admitted_at >= since[row.key_id]}
