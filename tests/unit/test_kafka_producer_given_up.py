"""A producer that could not start, and whose connections do not close in time: the next one is tried all the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaClient, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from schemas.wire import kafka, publisher
from schemas.wire.kafka import KafkaSettings, TopicNames
from schemas.wire.publisher import KafkaPublisher

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

MOMENT = 0.01


class Lingering:
    """A connection whose last bytes nobody takes: as aiokafka's own, it tells of its end by one future, however often it is closed."""

    def __init__(self) -> None:
        self.closed = asyncio.get_running_loop().create_future()

    def close(self, **_: object) -> asyncio.Future[None]:
        return self.closed


def _at_first(fails: Callable[[AIOKafkaClient], None]) -> Callable[[AIOKafkaClient], object]:
    tries = iter([fails])

    async def bootstrap(client: AIOKafkaClient) -> None:
        for again in tries:
            again(client)

    return bootstrap


def _breaks_off(client: AIOKafkaClient) -> None:
    client._conns["1"] = Lingering()
    raise KafkaConnectionError


async def test_a_producer_whose_connections_linger_does_not_keep_the_next_from_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((publisher, "CLOSE_SECONDS"), (publisher, "RETRY_SECONDS"), (kafka, "GRACE_SECONDS")):
        monkeypatch.setattr(module, name, MOMENT)
    monkeypatch.setattr(AIOKafkaClient, "bootstrap", _at_first(_breaks_off))
    monkeypatch.setattr(AIOKafkaProducer, "start", lambda self: self.client.bootstrap())
    given = KafkaPublisher(KafkaSettings(), TopicNames())
    connecting = asyncio.create_task(given.connect())
    await asyncio.wait({connecting}, timeout=5)
    assert given.ready
    await given.close()
