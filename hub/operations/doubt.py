"""What was signed by a key that was in other hands, a node's or that of our door for peers: already admitted, it stays, and is shown as doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from hub.storage.registry_tables import federation_keys
from hub.storage.rows import among
from hub.storage.tables import events, node_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


async def compromised_keys(connection: AsyncConnection) -> dict[str, datetime]:
    """A node's key by its id, a door's by itself (Multikey) → since when it is compromised; empty on any ordinary day."""
    of_nodes = select(node_keys.c.id, node_keys.c.compromised_since).where(node_keys.c.compromised_since.is_not(None))
    of_door = select(federation_keys.c.multibase, federation_keys.c.compromised_since).where(
        federation_keys.c.compromised_since.is_not(None)
    )
    return {row[0]: row[1] for row in await connection.execute(of_nodes.union_all(of_door))}


def is_doubtful(event: Any, since: Mapping[str, datetime]) -> bool:
    """Tell whether an event's key, or the one by which our door vouched for a peer's word, was in other hands when it was admitted."""
    return any(key in since and event.admitted_at >= since[key] for key in (event.key_id, event.door_key))


async def doubtful(connection: AsyncConnection, objects: Iterable[str]) -> set[str]:
    """Those of the objects of which an event was admitted under a key after it was compromised, by the broker's time."""
    since = await compromised_keys(connection)
    if not since:
        return set()
    query = select(events.c.subject, events.c.key_id, events.c.door_key, events.c.admitted_at)
    rows = await connection.execute(query.where(among(events.c.subject, objects), _under(since)))
    return {row.subject for row in rows if is_doubtful(row, since)}


async def count_doubtful(connection: AsyncConnection) -> int:
    """How many objects are: what somebody has to read again."""
    since = await compromised_keys(connection)
    after = [(events.c.key_id == key) | (events.c.door_key == key) for key in since]
    if not after:
        return 0
    dated = [which & (events.c.admitted_at >= moment) for which, moment in zip(after, since.values(), strict=True)]
    return int(await connection.scalar(select(func.count(events.c.subject.distinct())).where(or_(*dated))) or 0)


def _under(since: Mapping[str, datetime]) -> Any:
    return or_(among(events.c.key_id, since), among(events.c.door_key, since))
