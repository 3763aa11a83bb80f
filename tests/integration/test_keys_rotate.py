"""A node's key replaced under load, by a connector that runs on: nothing lost, and no signature that a reader would refuse."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer

from schemas import topics
from schemas.keys import SigningKey
from schemas.manifest import Registry
from schemas.proof import VerifiedEvent, timestamp, verify_event
from schemas.wire import records
from tests.fakes_adapters import Rig

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Kafka

LEAD, OVERLAP = timedelta(seconds=2), timedelta(seconds=6)


@pytest.fixture(autouse=True)
def _soon(kafka: Kafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setattr("adapters.rotation.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("adapters.registry.REFRESH_SECONDS", 0.2)
    monkeypatch.setattr("adapters.node_key.MARGIN", timedelta(seconds=0.5))


@pytest.mark.long
async def test_a_key_is_rotated_under_load_and_every_event_verifies(
    kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    rig = Rig(kafka.bootstrap, topic_prefix, database_url, tmp_path)
    await rig.prepare()
    old, new = rig.hub.nodes[rig.node], SigningKey.generate(rig.node)
    async with rig.registry(), rig.running():
        await rig.tie()
        pseudonyms = await rig.value("SELECT secret FROM adapters.kept_secrets WHERE name = 'pseudonyms'")
        statuses: list[int] = []
        enough = asyncio.Event()
        posting = asyncio.create_task(_post(rig, statuses, enough))
        await asyncio.sleep(1)
        new.save(tmp_path / f"{rig.node}.pem.next")
        start = datetime.now(UTC) + LEAD
        usual = {"activeFrom": "2020-01-01T00:00:00Z"}
        rig.hub.dates[old.key_id] = {**usual, "retiringFrom": timestamp(start), "retiredAt": timestamp(start + OVERLAP)}
        rig.hub.dates[new.key_id] = {"activeFrom": timestamp(start)}
        rig.hub.more[rig.node] = [new]
        await asyncio.sleep((start + OVERLAP - datetime.now(UTC)).total_seconds() + 0.5)
        enough.set()
        await posting
        assert set(statuses) == {200}
        found = await _events(kafka, topic_prefix, len(statuses))
    registry = Registry.open(rig.hub.registry(), rig.hub.key.public.multibase, datetime.now(UTC))
    verdicts = [verify_event(records.unverified_event(texts, value), registry, at) for texts, value, at in found]
    assert [one for one in verdicts if not isinstance(one, VerifiedEvent)] == []
    assert {texts["ce_nativeid"] for texts, _, _ in found} >= {f"post:{number}" for number in range(len(statuses))}
    assert {texts["ce_keyid"] for texts, _, _ in found} == {old.key_id, new.key_id}
    assert found[-1][0]["ce_keyid"] == new.key_id
    async with rig.registry(), rig.running():  # started anew, it signs by the new key and hides people as before
        assert await rig.value("SELECT secret FROM adapters.kept_secrets WHERE name = 'pseudonyms'") == pseudonyms


async def _post(rig: Rig, statuses: list[int], enough: asyncio.Event) -> None:
    while not enough.is_set():
        statuses.append((await rig.post({"what": "post", "id": f"post:{len(statuses)}"})).status)
        await asyncio.sleep(0.03)


async def _events(kafka: Kafka, prefix: str, at_least: int) -> list[tuple[dict[str, str], bytes, datetime]]:
    consumer = AIOKafkaConsumer(prefix + topics.RSE_INBOUND.name, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    found: list[tuple[dict[str, str], bytes, datetime]] = []
    try:
        async with asyncio.timeout(90):
            while sum(texts["ce_nativeid"].startswith("post:") for texts, _, _ in found) < at_least:
                batches: dict[Any, list[Any]] = await consumer.getmany(timeout_ms=500)
                for record in (one for batch in batches.values() for one in batch):
                    at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
                    found.append((records.texts(record.headers), record.value, at))
    finally:
        await consumer.stop()
    return found
