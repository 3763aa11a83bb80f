"""How long the workers let the broker keep silent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub import worker
from hub.settings import HubSettings
from schemas.wire.kafka import KafkaSettings, TopicNames


@pytest.mark.parametrize("group", sorted(worker.SOURCES))
async def test_a_partition_that_speaks_does_not_wait_for_the_silence_of_the_others(group: str) -> None:
    app = worker.application(group, HubSettings(), KafkaSettings(), TopicNames())
    app.loop = asyncio.get_running_loop()
    consumer: Any = app.consumer
    thread = consumer._thread
    asked = thread._create_worker_consumer(app.transport)
    try:
        assert asked._fetch_max_wait_ms == worker.FETCH_WAIT_MS
    finally:
        await asked.stop()
        thread.thread_loop.close()
