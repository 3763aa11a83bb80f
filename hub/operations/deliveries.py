"""What the nodes' last doors say they did, held against what they were sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, select
from sqlalchemy.dialects.postgresql import insert

from hub.storage.rows import among
from hub.storage.tables import deliveries, outbox
from schemas.topics import outbound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.ports import Admitted
    from schemas.facts.delivery import Delivery

FINAL = ("written", "confirmed")


@dataclass(frozen=True, slots=True)
class Sent:
    """What the hub sent under an event's id, and to whom."""

    digest: str
    community: str | None
    sequence: int
    nodes: frozenset[str]
    topic: str
    admitted_at: datetime

    def to(self, node: str) -> bool:
        """Tell whether this node was sent it: with the community's number, or alone on its own topic."""
        return node in self.nodes or self.topic == outbound(node).name


@dataclass(frozen=True, slots=True)
class Reported:
    """A node's word on one event that it was really sent; `at` is never before the event itself nor after the receipt."""

    admitted: Admitted
    delivery: Delivery
    sent: Sent

    @property
    def node(self) -> str:
        """Who reports."""
        return self.admitted.node

    @property
    def at(self) -> datetime:
        """When it was written, as far as that can be true."""
        return min(max(self.delivery.at, self.sent.admitted_at), self.admitted.verified.admitted_at)


async def sent(connection: AsyncConnection, names: Iterable[str]) -> dict[str, Sent]:
    """What was sent under these event ids."""
    rows = await connection.execute(select(outbox).where(among(outbox.c.event, names)))
    return {
        row.event: Sent(row.digest, row.community, row.sequence or 0, frozenset(row.targets), row.topic, row.admitted_at) for row in rows
    }


def believed(said: Sequence[tuple[Admitted, Delivery]], known: Mapping[str, Sent]) -> list[Reported]:
    """The reports that speak of what their node was sent: the same event, byte for byte. The newest of each, but what is final stays."""
    newest: dict[tuple[str, str], Reported] = {}
    for admitted, delivery in said:
        found = known.get(delivery.event)
        if found is None or not found.to(admitted.node) or found.digest != delivery.event_digest:
            continue
        place, before = (delivery.event, admitted.node), newest.get((delivery.event, admitted.node))
        if before is None or (before.delivery.verdict.value not in FINAL and before.delivery.at <= delivery.at):
            newest[place] = Reported(admitted, delivery, found)
    return list(newest.values())


async def store(connection: AsyncConnection, reported: Sequence[Reported], now: datetime) -> None:
    """Keep the newest report of each (event, node); what was once written stays written."""
    rows = [_row(one, now) for one in reported]
    if not rows:
        return
    statement = insert(deliveries)
    excluded = {name: statement.excluded[name] for name in rows[0] if name not in {"event", "node"}}
    not_final = (deliveries.c.verdict != final for final in FINAL)  # NOT IN would expand, which a statement of many rows cannot
    newer = and_(*not_final, deliveries.c.at <= statement.excluded.at)
    await connection.execute(statement.on_conflict_do_update(index_elements=["event", "node"], set_=excluded, where=newer), rows)


def _row(one: Reported, now: datetime) -> dict[str, object]:
    delivery = one.delivery
    return {
        "event": delivery.event, "node": one.node, "community": one.sent.community, "sequence": one.sent.sequence,
        "topic": delivery.topic, "partition": delivery.partition, "offset": delivery.offset,
        "verdict": delivery.verdict.value, "reason": delivery.reason, "native_id": delivery.native_id,
        "native_version": delivery.native_version, "at": one.at, "reported_at": now,
        "receipt": one.admitted.id, "key_id": one.admitted.verified.key_id,
    }  # fmt: skip
