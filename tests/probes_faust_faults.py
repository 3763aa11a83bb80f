"""Runs small Faust apps: each naive way to read a topic at once (`naive`), or the worker's own way with a handler that fails (`safe`)."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faust
from pydantic import BaseModel

from hub import worker
from hub.settings import HubSettings
from schemas.wire.kafka import KafkaSettings, TopicNames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.ports import Record

PREFIX = os.environ["TRAITDUNION_TOPIC_PREFIX"]
COMMIT_EVERY = 0.2


class Text(BaseModel):
    """What a naive author would declare."""

    text: str


class HandlerFailed(RuntimeError):
    """A handler fails."""


def note(way: str, saw: str) -> None:
    """One line of what happened, for the test that reads it."""
    sys.stdout.write(json.dumps({"event": "saw", "way": way, "saw": saw}) + "\n")
    sys.stdout.flush()


def app_of(way: str) -> faust.App:
    """An app of its own, so that no way disturbs another."""
    return faust.App(
        PREFIX + way, broker="kafka://" + os.environ["TRAITDUNION_KAFKA_BOOTSTRAP"], consumer_auto_offset_reset="earliest",
        broker_commit_interval=COMMIT_EVERY, topic_allow_declare=False, topic_disable_leader=True, web_enabled=False,
        stream_wait_empty=False, datadir=Path(tempfile.gettempdir()) / "traitdunion-faust", TableManager=worker.NoTables,
    )  # fmt: skip


def raw_topic(app: faust.App, way: str) -> Any:
    """A topic of bytes."""
    return app.topic(PREFIX + way, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")


def raising() -> faust.App:
    app = app_of("raising")

    @app.agent(raw_topic(app, "raising"))
    async def handle(stream: Any) -> None:
        async for value in stream:
            note("raising", value.decode())
            if value == b"bad":
                raise HandlerFailed

    return app


def taking() -> faust.App:
    app = app_of("taking")

    @app.agent(raw_topic(app, "taking"))
    async def handle(stream: Any) -> None:
        async for batch in stream.take(10, within=0.5):
            note("taking", " ".join(value.decode() for value in batch))
            raise HandlerFailed

    return app


def decoding() -> faust.App:
    app = app_of("decoding")

    @app.agent(app.topic(PREFIX + "decoding", value_serializer="json"))
    async def handle(stream: Any) -> None:
        async for value in stream:
            note("decoding", value["text"])

    return app


def modelled() -> faust.App:
    app = app_of("modelled")

    @app.agent(app.topic(PREFIX + "modelled", value_type=Text))  # type: ignore[arg-type]  # the fault
    async def handle(stream: Any) -> None:
        async for value in stream:
            note("modelled", value.text)

    return app


def concurrent() -> faust.App:
    app = app_of("concurrent")

    @app.agent(raw_topic(app, "concurrent"), concurrency=2)
    async def handle(stream: Any) -> None:
        async for value in stream:
            note("concurrent", value.decode())
            if value == b"slow":
                await asyncio.Event().wait()

    return app


def one_by_one() -> faust.App:
    app = app_of("one_by_one")

    @app.agent(raw_topic(app, "one_by_one"), concurrency=1)
    async def handle(stream: Any) -> None:
        async for batch in stream.noack_take(1, within=0.005):
            note("one_by_one", batch[0].value.decode())
            if batch[0].value == b"slow":
                await asyncio.Event().wait()
            await stream.ack(batch[0])

    return app


def with_event() -> faust.App:
    app = app_of("with_event")

    @app.agent(raw_topic(app, "with_event"))
    async def handle(stream: Any) -> None:
        async for event in stream.noack().events():
            note("with_event", event.value.decode())
            async with event:
                raise HandlerFailed

    return app


def sending() -> faust.App:
    app = app_of("sending")
    topic = raw_topic(app, "sending")

    @app.task  # type: ignore[untyped-decorator]  # Faust's own
    async def send() -> None:
        promise = await topic.send(value=b"sent")
        note("sending", f"delivered {promise.done()}")
        told = await promise
        note("sending", f"at {told.offset}, delivered {promise.done()}")

    @app.agent(topic)
    async def handle(stream: Any) -> None:
        async for value in stream:
            note("sending", value.decode())

    return app


WAYS = (raising, taking, decoding, modelled, concurrent, one_by_one, with_event, sending)


async def naive() -> None:
    """All of them in one process, until it is told to stop."""
    apps = [make() for make in WAYS]
    await asyncio.gather(*(app.start() for app in apps))
    await asyncio.Event().wait()


class Failing:
    """A handler that fails on `bad` while the environment says so."""

    def __init__(self, *_: object) -> None:
        self._fails = os.environ["HANDLER"] == "fails"

    async def read(self, batch: Sequence[Record]) -> Sequence[Record]:
        return batch

    async def carry_out(self, batch: Sequence[Record]) -> None:
        note("safe", " ".join(repr(record.value) for record in batch))
        if self._fails and any(record.value == b"bad" for record in batch):
            raise HandlerFailed


def safe() -> None:
    """The fan-out's real stream over a handler that fails."""
    module: Any = worker
    module.FanoutBatch = Failing
    app = worker.application("fanout", HubSettings(within=0.5), KafkaSettings(), TopicNames())
    app.conf.broker_commit_interval = COMMIT_EVERY
    app.conf.broker_session_timeout = 6  # the least that a broker allows: the next start waits for it
    app.conf.broker_heartbeat_interval = 1
    faust.Worker(app, loglevel="ERROR", override_logging=False, redirect_stdouts=False, quiet=True).execute_from_commandline()


if __name__ == "__main__":
    if sys.argv[1] == "naive":
        asyncio.run(naive())
    else:
        safe()
