"""What starts and ends a Kafka client leaves behind: nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from aiokafka import client
from aiokafka.conn import AIOKafkaConnection

from schemas.wire import kafka
from schemas.wire.kafka import KafkaSettings

if TYPE_CHECKING:
    from tests.servers import Kafka


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set as soon as a client has asked its broker for the cluster, whose answer is then under way."""
    asked, send = asyncio.Event(), AIOKafkaConnection.send

    def note(self: AIOKafkaConnection, request: Any, *rest: Any, **named: Any) -> Any:
        if type(request).__name__.startswith("MetadataRequest"):
            asked.set()
        return send(self, request, *rest, **named)

    monkeypatch.setattr(AIOKafkaConnection, "send", note)
    return asked


@pytest.mark.parametrize("make", [kafka.producer, lambda settings: kafka.consumer(settings, group=None)], ids=["producer", "consumer"])
async def test_a_start_that_is_cut_short_leaves_no_connection_open(
    make: Any, kafka_bootstrap: str, before: set[int], asking: asyncio.Event
) -> None:
    made = make(KafkaSettings(bootstrap=kafka_bootstrap))
    starting = asyncio.ensure_future(kafka.begin(made))
    await asking.wait()
    starting.cancel()
    await asyncio.wait({starting})
    await made.stop()
    assert starting.cancelled()
    assert not _open_to(kafka_bootstrap) - before


async def test_a_broker_that_takes_too_long_is_named_by_a_time_out(kafka_bootstrap: str, before: set[int]) -> None:
    sender = kafka.producer(KafkaSettings(bootstrap=kafka_bootstrap))
    with pytest.raises(TimeoutError):
        await kafka.begin(sender, 0.0)
    await sender.stop()
    assert not _open_to(kafka_bootstrap) - before


async def test_a_client_that_ends_while_it_connects_leaves_no_connection_open(
    kafka_bootstrap: str, before: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = kafka.consumer(KafkaSettings(bootstrap=kafka_bootstrap), group=None)
    await kafka.begin(reader)
    connecting, goes_on, create = asyncio.Event(), asyncio.Event(), client.create_conn

    async def slowly(*given: Any, **named: Any) -> Any:
        connecting.set()
        await goes_on.wait()
        return await create(*given, **named)

    monkeypatch.setattr(client, "create_conn", slowly)
    inner = reader._client
    late = asyncio.ensure_future(inner._get_conn(inner.cluster.brokers().pop().nodeId, group=client.ConnectionGroup.COORDINATION))
    await connecting.wait()
    asyncio.get_running_loop().call_later(0.1, goes_on.set)
    await reader.stop()
    await kafka.hang_up(inner)
    await late
    assert not _open_to(kafka_bootstrap) - before
    assert await inner._get_conn(inner.cluster.brokers().pop().nodeId) is None


@pytest.fixture
def kafka_bootstrap(kafka: Kafka) -> str:
    return kafka.bootstrap


@pytest.fixture
def before(kafka_bootstrap: str) -> set[int]:
    """What other tests of this process have left open is not ours."""
    return _open_to(kafka_bootstrap)


def _open_to(bootstrap: str) -> set[int]:
    """Our own ends of the connections to the broker."""
    port = int(bootstrap.rpartition(":")[2])
    found = (one for one in psutil.Process().net_connections() if one.status == psutil.CONN_ESTABLISHED)
    return {one.laddr.port for one in found if one.raddr and one.raddr.port == port}
