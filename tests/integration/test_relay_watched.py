"""What operators see of the relay while it can do nothing, and how soon another takes its place."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.errors import KafkaError
from prometheus_client import REGISTRY

from hub import courier, relay
from hub.storage.engine import KEEPALIVES, alone
from schemas.wire.kafka import TopicNames

if TYPE_CHECKING:
    from tests.hub_world import World

AN_HOUR = timedelta(hours=1)


class Refusing:
    """A producer whose broker has every topic and takes nothing."""

    class client:  # noqa: N801 - the client's own name for it
        class cluster:  # noqa: N801 - as above
            @staticmethod
            def topics() -> Any:
                class Every:
                    def __contains__(self, _: object) -> bool:
                        return True

                return Every()

    async def send(self, *_: object, **__: object) -> None:
        raise KafkaError("too few replicas")


async def test_what_no_broker_takes_is_seen_to_wait(world: World) -> None:
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE hub.outbox SET admitted_at = now() - interval '1 hour'")
    producer: Any = Refusing()
    with pytest.raises(KafkaError):
        await relay.Relay(world.engine, producer, TopicNames(), world.hub_key).publish_waiting()
    age = REGISTRY.get_sample_value("traitdunion_oldest_unprocessed_seconds", {"stage": "outbox"})
    assert age is not None
    assert age >= AN_HOUR.total_seconds()


@pytest.mark.parametrize("number", [relay.SHARD, courier.SHARD])
async def test_the_lock_of_a_machine_that_vanished_is_free_within_half_a_minute(database_url: str, number: int) -> None:
    connection = await alone(database_url, number)
    try:
        idle, interval, count = [
            int(await connection.fetchval("SELECT setting FROM pg_settings WHERE name = $1", name)) for name in KEEPALIVES
        ]
        held = await connection.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1", number)
    finally:
        await connection.close()
    assert 0 < idle + interval * count < 30
    assert held == 1
