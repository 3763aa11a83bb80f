"""The hub's node door at work beside a test: real HTTP, the test's own registry, the broker that it is given."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hub.door import node_door, server
from hub.node_door.parts import Parts, at_work
from schemas.manifest import Registry
from schemas.wire.kafka import KafkaSettings, TopicNames

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def door_at_work(
    bootstrap: str, prefix: str, registry: Callable[[], bytes], anchor: str, public_url: str = ""
) -> AsyncIterator[tuple[str, Parts]]:
    """The door's address, and its parts."""

    async def read() -> Registry:
        return Registry.open(registry(), anchor, now())

    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with at_work(KafkaSettings(bootstrap=bootstrap), TopicNames(topic_prefix=prefix), read, public_url or url, now) as parts:
            async with asyncio.timeout(20):
                while not parts.publisher.ready:  # noqa: ASYNC110 - the producer tells nobody when it is connected
                    await asyncio.sleep(0.02)
            serving = server(node_door(parts), "127.0.0.1", 0)
            task = asyncio.create_task(serving.serve(sockets=[listening]))
            try:
                yield url, parts
            finally:
                serving.should_exit = True
                await task
