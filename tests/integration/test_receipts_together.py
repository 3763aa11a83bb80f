"""Several deliveries under one receipt: what a node that was away sends when it comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.facts.delivery import Delivery, DeliveryReported
from schemas.words import Verdict
from tests.hub_world import COMMUNITY, World

if TYPE_CHECKING:
    from schemas.envelope import CanonicalEvent


def _delivery(event: str, clock: World, sequence: int) -> Delivery:
    return Delivery(
        event=event, event_digest=clock.digests[event], community=COMMUNITY, sequence=sequence, topic="node.diplomatie.outbound.v1", partition=0,
        offset=sequence, verdict=Verdict.WRITTEN, at=clock.clock(), native_id=f"post:{sequence}", native_version="v1",
    )  # fmt: skip


def _receipt(world: World, events: list[str]) -> CanonicalEvent:
    fact = DeliveryReported(deliveries=tuple(_delivery(event, world, place) for place, event in enumerate(events, 1)))
    return world.event("diplomatie", fact, "receipt-of-three", marker=world.clock().isoformat())


async def test_a_receipt_for_several_deliveries_keeps_each(database_url: str) -> None:
    world = await World.make(database_url)
    try:
        await world.tie()
        await world.hear(*(world.posted("wifip", f"post:{number}") for number in range(3)))
        posted = await world.rows("SELECT id FROM hub.events WHERE type LIKE '%message.posted%' ORDER BY sequence")
        events = [row["id"] for row in posted]
        await world.receipts([world.carry(_receipt(world, events), "diplomatie")])
        kept = await world.rows("SELECT event, verdict FROM hub.deliveries WHERE node = 'diplomatie' ORDER BY sequence")
        assert [(row["event"], row["verdict"]) for row in kept] == [(event, "written") for event in events]
        assert len(events) == 3
        assert world.dead_letters.reasons == []
    finally:
        await world.close()
