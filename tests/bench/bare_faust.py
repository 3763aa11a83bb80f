"""Faust's own ceiling: the same topic, batches taken and acknowledged as the worker does, nothing in between."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import faust
import uvloop

from schemas import topics
from schemas.wire.kafka import KafkaSettings

BATCH, WITHIN = 500, 0.005


def main(topic: str, events: str) -> None:
    """Take that many events, then stop."""
    uvloop.install()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    faust.Worker(
        _application(topic, int(events)), loglevel="ERROR", loop=loop, quiet=True, redirect_stdouts=False
    ).execute_from_commandline()


def _application(topic: str, events: int) -> faust.App:
    app = faust.App(
        f"bare.{topic}",
        broker=[f"kafka://{address}" for address in KafkaSettings().bootstrap.split(",")],
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=topics.RECORD_LIMIT,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        broker_session_timeout=10,
        broker_heartbeat_interval=3,
        web_enabled=False,
        datadir=Path(tempfile.gettempdir()) / "traitdunion-faust",
    )
    source = app.topic(topic, key_serializer="raw", value_serializer="raw", key_type=bytes, value_type=bytes)

    @app.agent(source, concurrency=1)
    async def take(stream: Any) -> None:
        taken, first, began = 0, 0, 0.0
        async for batch in stream.noack_take(BATCH, within=WITHIN):
            for one in batch:
                await stream.ack(one)
            taken += len(batch)
            if not began:
                began, first = time.perf_counter(), taken
            if taken >= events:
                print(json.dumps({"rate": (taken - first) / (time.perf_counter() - began), "records": taken}), flush=True)  # noqa: T201
                app.loop.call_soon(_stop)

    return app


def _stop() -> None:
    raise SystemExit(0)
