"""A consumer that joins its group before the broker tells of its topic: a broker that has just come back tells of nothing for a moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from hub.operations.broker import administrator
from schemas.wire import kafka as wire
from schemas.wire.kafka import KafkaSettings

if TYPE_CHECKING:
    from tests.servers import Kafka

PATIENCE = 90.0


@pytest.mark.long
async def test_a_topic_that_was_not_told_when_the_group_was_joined_is_read_within_seconds(kafka: Kafka, topic_prefix: str) -> None:
    settings, topic = KafkaSettings(bootstrap=kafka.bootstrap), f"{topic_prefix}late"
    async with asyncio.timeout(PATIENCE):
        async with wire.consumer(settings, group=f"{topic_prefix}group", auto_offset_reset="earliest") as reader:
            reader.subscribe([topic])
            await reader.getmany(timeout_ms=500)
            assert reader.assignment() == set()
            await asyncio.to_thread(create, settings, topic)
            while not reader.assignment():
                await reader.getmany(timeout_ms=200)


def create(settings: KafkaSettings, topic: str) -> None:
    with administrator(settings) as admin:
        admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})
