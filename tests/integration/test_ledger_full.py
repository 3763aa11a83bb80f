"""A ledger whose disk is full, in both directions: who writes is told to come again, nothing is lost, and all goes on by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from schemas import topics
from tests import full_disk
from tests.fakes_adapters import Rig, posted, said_by, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers import Kafka

WHILE_FULL = 3.0


@pytest.fixture
async def rig(kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    rig = Rig(kafka.bootstrap, topic_prefix, database_url, tmp_path)
    await rig.prepare()
    await full_disk.install(database_url)
    async with rig.registry(), rig.running():
        yield rig


async def test_webhooks_are_told_to_come_again_until_there_is_room(rig: Rig) -> None:
    await rig.tie()
    async with full_disk.full(rig.database_url):
        refused = [await rig.post({"what": "post", "id": f"post:{number}"}) for number in range(3)]
    taken = [await rig.post({"what": "post", "id": f"post:{number}"}) for number in range(3)]
    told = [headers["ce_nativeid"] for headers, _ in await rig.all_of(topics.RSE_INBOUND.name)]
    assert [answer.status for answer in refused] == [503] * 3
    assert all(answer.headers["Retry-After"] for answer in refused)
    assert [answer.status for answer in taken] == [200] * 3
    assert set(told) >= {"post:0", "post:1", "post:2"}


async def test_what_came_for_the_rse_waits_for_room_and_is_written_once_in_order(rig: Rig) -> None:
    await rig.tie()
    key = rig.hub.nodes["education"]
    async with full_disk.full(rig.database_url):
        await rig.deliver(*(said_by(key, posted(f"message {number}"), f"${number}") for number in range(4)))
        await asyncio.sleep(WHILE_FULL)
        assert rig.rse.written == []
    verdicts = [one["verdict"] for one in await rig.receipts(5)][1:]
    assert verdicts == ["written"] * 4
    assert [order.content.text for order in rig.rse.written if order.content] == [f"message {number}" for number in range(4)]
    assert await rig.all_of(topics.outbound(rig.node).dead_letters.name) == []
    await until(lambda: rig.value("SELECT count(*) FROM adapters.intents WHERE state = 'open'"), 0)
