"""Kafka or PostgreSQL gone while webhooks come: nothing acknowledged is lost, and order is kept."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest

from adapters.ledger import migrate
from schemas import topics
from tests.fakes_adapters import Rig, posted, said_by, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from deploy.local.kafka import LocalKafka
    from deploy.local.postgres import LocalPostgres
    from tests.servers import Kafka

PREFIX = "faults."
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""A client of aiokafka's whose broker was killed may leave a connection to its own end; it is collected here, not in another test."""


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
async def rig(private_kafka: LocalKafka, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", private_kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", PREFIX)
    rig = Rig(private_kafka.bootstrap, PREFIX, database_url, tmp_path, spool_limit=5)
    await rig.prepare()
    async with rig.registry():
        yield rig


@pytest.mark.long
async def test_while_kafka_is_down_the_spool_holds_then_refuses_and_is_published_in_order_afterwards(
    rig: Rig, private_kafka: LocalKafka
) -> None:
    async with rig.running():
        await rig.tie()
        assert (await rig.post({"what": "post", "id": "post:0"})).status == 200
        await asyncio.to_thread(private_kafka.kill)
        answers = [await rig.post({"what": "post", "id": f"post:{n}"}) for n in range(1, 8)]
        await asyncio.to_thread(private_kafka.restart)
        await until(lambda: rig.value("SELECT count(*) FROM adapters.spool"), 0)
        after = await rig.post({"what": "post", "id": "post:9"})
        records = await rig.read(topics.RSE_INBOUND.name, 8)
        key = rig.hub.nodes["education"]
        await rig.deliver(said_by(key, posted(), "$1"))
        await until(lambda: _count(rig), 1)
    assert [answer.status for answer in answers] == [200] * 5 + [503] * 2
    assert answers[-1].headers["Retry-After"]
    assert after.status == 200
    told = list(dict.fromkeys(headers["ce_nativeid"] for headers, _ in records))
    assert told == [f"tie:{'salon'}", *(f"post:{n}" for n in range(6)), "post:9"]


async def _count(rig: Rig) -> int:
    return len(rig.rse.written)


@pytest.mark.long
async def test_what_the_spool_held_when_the_process_ended_is_published_by_the_next_one(rig: Rig, private_kafka: LocalKafka) -> None:
    async with rig.running():
        await rig.tie()
        await asyncio.to_thread(private_kafka.stop)  # a broker that was killed comes back four seconds later, and gone is gone
        assert (await rig.post({"what": "post", "id": "post:1"})).status == 200
    await asyncio.to_thread(private_kafka.start)
    async with rig.running():
        records = await rig.read(topics.RSE_INBOUND.name, 2)
    assert records[-1][0]["ce_nativeid"] == "post:1"


async def test_while_postgresql_is_down_a_webhook_is_told_to_come_again(
    kafka: Kafka, private_postgres: LocalPostgres, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    await asyncio.to_thread(migrate, private_postgres.url)
    rig = Rig(kafka.bootstrap, topic_prefix, private_postgres.url, tmp_path)
    await rig.prepare()
    async with rig.registry(), rig.running():
        await rig.tie()
        await asyncio.to_thread(private_postgres.kill)
        refused = await rig.post({"what": "post", "id": "post:1"})
        await rig.deliver(said_by(rig.hub.nodes["education"], posted(), "$1"))
        await asyncio.to_thread(private_postgres.restart)
        await until(lambda: _status(rig), 200)
        deliveries = await rig.receipts(2)
    assert (refused.status, "Retry-After" in refused.headers) == (503, True)
    assert deliveries[-1]["verdict"] == "written"
    assert len(rig.rse.written) == 1


async def _status(rig: Rig) -> int:
    return (await rig.post({"what": "post", "id": "post:2"})).status
