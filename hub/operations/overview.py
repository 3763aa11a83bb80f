"""The whole hub at a glance: what each node still has to write, and what waits inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, true

from hub.communities.resyncs import to_go
from hub.registry.endings import Validity, validity
from hub.registry.repository import SqlNodes, all_ties
from hub.storage.outbox import oldest_unpublished
from hub.storage.tables import deliveries, held, messages, outbox
from schemas.words import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.access import Permit
    from hub.registry.model import Node, Tie

WINDOW = 10_000
"""How many of the outbox's newest rows are compared with the receipts: a page must not read three weeks."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Events sent to a node of which nothing was heard yet, among the newest; `oldest` is when the oldest was admitted."""

    records: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node as operators see it."""

    node: Node
    ties: tuple[Tie, ...]
    waiting: Waiting
    last_receipt: datetime | None
    refused: int
    to_resend: int = 0
    """Numbers of a re-synchronisation that are still to be sent."""
    validity: Validity = Validity.CURRENT


@dataclass(frozen=True, slots=True)
class Inside:
    """What waits in the hub itself."""

    held: int
    unpublished_since: datetime | None


async def node_states(connection: AsyncConnection, now: datetime) -> list[NodeState]:
    """Every node with its ties, its backlog by the receipts, and when it was last heard."""
    nodes, ties = await SqlNodes(connection).all(), await all_ties(connection)
    waiting, heard, missed = await _waiting(connection), await _heard(connection), await to_go(connection)
    found = []
    for name, node in nodes.items():
        last, refused = heard.get(name, (None, 0))
        tied = tuple(tie for tie in ties if tie.node == name)
        found.append(NodeState(node, tied, waiting.get(name, Waiting(0, None)), last, refused, missed.get(name, 0), validity(node, now)))
    return found


async def inside(connection: AsyncConnection) -> Inside:
    """What waits for its parent, and what waits for the relay."""
    count = int(await connection.scalar(select(func.count()).select_from(held)) or 0)
    return Inside(count, await oldest_unpublished(connection))


async def messages_by_community(connection: AsyncConnection, permit: Permit) -> dict[str, tuple[int, datetime]]:
    """Community → how many messages, and when the newest was written; for who holds a permit."""
    del permit
    query = select(messages.c.community, func.count(), func.max(messages.c.occurred_at)).group_by(messages.c.community)
    return {community: (count, newest) for community, count, newest in await connection.execute(query)}


async def _waiting(connection: AsyncConnection) -> Mapping[str, Waiting]:
    newest = select(func.coalesce(func.max(outbox.c.id), 0) - WINDOW).scalar_subquery()
    target = func.jsonb_object_keys(outbox.c.targets).table_valued("node", name="target").render_derived()
    sent = (
        select(target.c.node, outbox.c.event, outbox.c.admitted_at)
        .select_from(outbox.join(target, true()))
        .where(outbox.c.id > newest, outbox.c.sequence.isnot(None))
        .subquery()
    )
    heard = (deliveries.c.event == sent.c.event) & (deliveries.c.node == sent.c.node)
    query = select(sent.c.node, func.count(), func.min(sent.c.admitted_at)).select_from(sent.outerjoin(deliveries, heard))
    rows = await connection.execute(query.where(deliveries.c.event.is_(None)).group_by(sent.c.node))
    return {node: Waiting(count, oldest) for node, count, oldest in rows}


async def _heard(connection: AsyncConnection) -> Mapping[str, tuple[datetime, int]]:
    refused = func.count().filter(deliveries.c.verdict == Verdict.REFUSED.value)
    query = select(deliveries.c.node, func.max(deliveries.c.reported_at), refused).group_by(deliveries.c.node)
    return {node: (last, count) for node, last, count in await connection.execute(query)}
