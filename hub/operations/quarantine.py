"""Attempts and strikes: which record fails, and which node or peer sends too many that do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from hub.storage.federation_tables import peer_quarantines
from hub.storage.rows import among
from hub.storage.tables import attempts, nodes, strikes
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.ports import Record


WINDOW = timedelta(minutes=1)
OF_PEER = "peer:"
"""What stands before a peer's name among the strikes: a node may not bear it."""


class MostNodesFailError(RuntimeError):
    """Most nodes' records fail at once: the fault is ours, so nothing more is read until an operator has looked."""


async def count_attempt(connection: AsyncConnection, record: Record, now: datetime) -> int:
    """Count one more failed attempt at a record; returns how many there were."""
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    statement = insert(attempts).values(**place, count=1, last_at=now)
    statement = statement.on_conflict_do_update(index_elements=list(place), set_={"count": attempts.c.count + 1, "last_at": now})
    return int(await connection.scalar(statement.returning(attempts.c.count)) or 1)


async def strike(connection: AsyncConnection, found: Collection[tuple[str, str]], now: datetime, limit: int) -> list[str]:
    """Count refused events that are surely these nodes' own, each event once; returns the nodes past the limit within a minute."""
    rows = [{"node": node, "event": event, "at": now} for node, event in sorted(found)]
    await connection.execute(insert(strikes).on_conflict_do_nothing(), rows)
    recent = select(strikes.c.node).where(among(strikes.c.node, {node for node, _ in found}), strikes.c.at > now - WINDOW)
    return list(await connection.scalars(recent.group_by(strikes.c.node).having(func.count() > limit)))


async def quarantine(connection: AsyncConnection, over: list[str], now: datetime) -> None:
    """Park what these nodes send from now on; raises MostNodesFailError when that would be most of them."""
    await connection.execute(update(nodes).where(among(nodes.c.id, over), nodes.c.quarantined_at.is_(None)).values(quarantined_at=now))
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


async def quarantine_peers(connection: AsyncConnection, over: Iterable[str], now: datetime) -> None:
    """Park what these peers send from now on: they are strangers, so that the failure of most says nothing about us."""
    await connection.execute(insert(peer_quarantines).on_conflict_do_nothing(), [{"peer": peer, "at": now} for peer in sorted(over)])


async def release_peer(connection: AsyncConnection, peer: str) -> bool:
    """End a peer's quarantine; False when it was in none."""
    result = await connection.execute(peer_quarantines.delete().where(peer_quarantines.c.peer == peer))
    await connection.execute(strikes.delete().where(strikes.c.node == f"{OF_PEER}{peer}"))
    return bool(result.rowcount)


async def quarantined_peers(connection: AsyncConnection) -> dict[str, datetime]:
    """Peers whose activities are parked, and since when."""
    return {row.peer: row.at for row in await connection.execute(select(peer_quarantines))}


async def show_nodes(connection: AsyncConnection) -> None:
    """Show by the metric which nodes are in quarantine now, though nothing comes from them, and after a restart too."""
    found = list(await connection.scalars(select(nodes.c.id).where(nodes.c.quarantined_at.is_not(None))))
    Metric.quarantined.clear()
    for node in found:
        Metric.quarantined.labels(node).set(1)


async def show_peers(connection: AsyncConnection) -> None:
    """The same of peers."""
    found = await quarantined_peers(connection)
    Metric.peer_quarantined.clear()
    for peer in found:
        Metric.peer_quarantined.labels(peer).set(1)


async def forget(connection: AsyncConnection, before: datetime) -> None:
    """Forget strikes and attempts whose records the topics have forgotten."""
    await connection.execute(strikes.delete().where(strikes.c.at < before))
    await connection.execute(attempts.delete().where(attempts.c.last_at < before))
