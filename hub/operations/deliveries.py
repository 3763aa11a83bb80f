"""What the nodes' last doors say they did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Text, and_, any_, cast, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from hub.storage.tables import deliveries, events

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.ports import Admitted
    from schemas.facts.delivery import Delivery

FINAL = ("written", "confirmed")


async def store(connection: AsyncConnection, reported: Sequence[tuple[Admitted, Delivery]], now: datetime) -> None:
    """Keep the newest report of each (event, node); what was once written stays written."""
    rows = {(delivery.event, admitted.node): _row(admitted, delivery, now) for admitted, delivery in reported}
    if not rows:
        return
    statement = insert(deliveries)
    excluded = {name: statement.excluded[name] for name in next(iter(rows.values())) if name not in {"event", "node"}}
    not_final = and_(*(deliveries.c.verdict != final for final in FINAL))  # NOT IN would expand, which a statement of many rows cannot
    statement = statement.on_conflict_do_update(index_elements=["event", "node"], set_=excluded, where=not_final)
    await connection.execute(statement, list(rows.values()))


async def admitted_at(connection: AsyncConnection, names: Iterable[str]) -> dict[str, datetime]:
    """When the broker admitted these events."""
    asked = any_(cast(list(names), ARRAY(Text)))  # one parameter: 500 receipts name more events than a statement may have
    rows = await connection.execute(select(events.c.id, events.c.admitted_at).where(events.c.id == asked))
    return {row.id: row.admitted_at for row in rows}


def _row(admitted: Admitted, delivery: Delivery, now: datetime) -> dict[str, object]:
    return {
        "event": delivery.event, "node": admitted.node, "community": delivery.community, "sequence": delivery.sequence,
        "topic": delivery.topic, "partition": delivery.partition, "offset": delivery.offset,
        "verdict": delivery.verdict.value, "reason": delivery.reason, "native_id": delivery.native_id,
        "native_version": delivery.native_version, "at": delivery.at, "reported_at": now,
        "receipt": admitted.id, "key_id": admitted.verified.key_id,
    }  # fmt: skip
