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

    from hub.node_door.witness import Witness
    from schemas.http_signature import SignedHead


def now() -> datetime:
    return datetime.now(UTC)


class Alone:
    """The witness of a door that has no other beside it and is never restarted: its own memory is enough."""

    ready = True

    async def take(self, head: SignedHead) -> None:
        del head

    async def run(self) -> None:
        return None


@asynccontextmanager
async def door_at_work(
    bootstrap: str, prefix: str, registry: Callable[[], bytes], anchor: str, public_url: str = "", witness: Witness | None = None
) -> AsyncIterator[tuple[str, Parts]]:
    """The door's address, and its parts."""

    async def read() -> Registry:
        return Registry.open(registry(), anchor, now())

    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with at_work(
            KafkaSettings(bootstrap=bootstrap), TopicNames(topic_prefix=prefix), read, public_url or url, witness or Alone(), now
        ) as parts:
            async with asyncio.timeout(90):
                while not parts.publisher.ready:  # noqa: ASYNC110 - the producer tells nobody when it is connected
                    await asyncio.sleep(0.02)
            serving = server(node_door(parts), "127.0.0.1", 0)
            task = asyncio.create_task(serving.serve(sockets=[listening]))
            try:
                yield url, parts
            finally:
                serving.should_exit = True
                await task
