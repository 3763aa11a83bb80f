"""Attempts and strikes: which record fails, and which node sends too many that do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import case, func, select, update
from sqlalchemy.dialects.postgresql import insert

from hub.storage.tables import attempts, nodes, strikes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.ports import Record


class MostNodesFailError(RuntimeError):
    """Most nodes' records fail at once: the fault is ours, so nothing more is read until an operator has looked."""


async def count_attempt(connection: AsyncConnection, record: Record, now: datetime) -> int:
    """Count one more failed attempt at a record; returns how many there were."""
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    statement = insert(attempts).values(**place, count=1, last_at=now)
    statement = statement.on_conflict_do_update(index_elements=list(place), set_={"count": attempts.c.count + 1, "last_at": now})
    return int(await connection.scalar(statement.returning(attempts.c.count)) or 1)


async def strike(connection: AsyncConnection, found: Mapping[str, int], now: datetime, limit: int) -> list[str]:
    """Count dead letters that are surely these nodes' own, within a minute; returns the nodes to quarantine."""
    minute = now.replace(second=0, microsecond=0)
    over = []
    for node, count in sorted(found.items()):
        statement = insert(strikes).values(node=node, minute=minute, count=count)
        counted = case((strikes.c.minute == minute, strikes.c.count + count), else_=count)
        statement = statement.on_conflict_do_update(index_elements=["node"], set_={"minute": minute, "count": counted})
        if int(await connection.scalar(statement.returning(strikes.c.count)) or 0) > limit:
            over.append(node)
    return over


async def quarantine(connection: AsyncConnection, over: list[str], now: datetime) -> None:
    """Park what these nodes send from now on; raises MostNodesFailError when that would be most of them."""
    await connection.execute(update(nodes).where(nodes.c.id.in_(over), nodes.c.quarantined_at.is_(None)).values(quarantined_at=now))
    total, out = (await connection.execute(select(func.count(), func.count(nodes.c.quarantined_at)).where(nodes.c.grade == "full"))).one()
    if total > 2 and out * 2 > total:  # noqa: PLR2004 - with one or two nodes, one flood says nothing about us
        raise MostNodesFailError(f"{out}/{total}")


async def release(connection: AsyncConnection, node: str) -> bool:
    """End a node's quarantine; False when it was in none."""
    result = await connection.execute(
        update(nodes).where(nodes.c.id == node, nodes.c.quarantined_at.isnot(None)).values(quarantined_at=None)
    )
    await connection.execute(strikes.delete().where(strikes.c.node == node))
    return bool(result.rowcount)


async def quarantined(connection: AsyncConnection) -> frozenset[str]:
    """Ids of the nodes in quarantine."""
    return frozenset(await connection.scalars(select(nodes.c.id).where(nodes.c.quarantined_at.isnot(None))))
