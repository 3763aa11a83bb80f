"""What nodes report, through the worker's batch on a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import text

from schemas.words import Verdict

if TYPE_CHECKING:
    from tests.hub_world import World


async def test_a_receipt_is_kept_and_a_written_one_is_never_taken_back(world: World) -> None:
    record = world.posted("wifip", "post:1")
    await world.hear(record)
    event = dict(record.headers)["ce_id"].decode()
    await world.receipts([world.report("education", event), world.report("education", "f" * 32)])
    await world.receipts([world.report("education", event, Verdict.REFUSED)])
    rows = await world.rows("SELECT node, verdict, native_id FROM hub.deliveries")
    assert [dict(row) for row in rows] == [{"node": "education", "verdict": "written", "native_id": "post:9"}]


async def test_a_node_reports_only_what_it_was_sent(world: World) -> None:
    record = world.posted("wifip", "post:1")
    await world.hear(record)
    event = dict(record.headers)["ce_id"].decode()
    genuine = world.digests[event]
    world.digests[event] = "0" * 64
    await world.receipts([world.report("education", event)])
    world.digests[event] = genuine
    async with world.engine.begin() as connection:
        await connection.execute(text('UPDATE hub.outbox SET targets = \'{"wifip": "97"}\''))
    await world.receipts([world.report("education", event)])
    assert await world.rows("SELECT * FROM hub.deliveries") == []


async def test_what_is_no_report_is_a_dead_letter_of_the_receipts(world: World) -> None:
    stray = replace(world.posted("wifip", "post:1"), key=b"wifip")
    await world.receipts([stray])
    assert world.dead_letters.reasons == ["not_a_report"]
