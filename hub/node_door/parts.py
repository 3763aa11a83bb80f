"""The node door's parts at work: its registry, its producer, its readers, its positions; taken apart again at the end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.node_door.outbound import Outbound
from hub.node_door.positions import Positions
from hub.node_door.requests import Doorkeeper
from hub.node_door.trust import DoorTrust
from schemas.nonces import Nonces
from schemas.wire.publisher import DOOR_LINGER_MS, KafkaPublisher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from hub.node_door.witness import Witness
    from hub.ports import Clock
    from schemas.manifest import Registry
    from schemas.wire.kafka import KafkaSettings, TopicNames


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with."""

    keeper: Doorkeeper
    publisher: KafkaPublisher
    outbound: Outbound


@asynccontextmanager
async def at_work(
    settings: KafkaSettings,
    names: TopicNames,
    read_registry: Callable[[], Awaitable[Registry]],
    public_url: str,
    witness: Witness,
    clock: Clock,
) -> AsyncIterator[Parts]:
    """Run the parts as long as the block; one that fails ends it."""
    trust = DoorTrust(read_registry, clock)
    publisher = KafkaPublisher(settings, names, linger_ms=DOOR_LINGER_MS)
    positions = Positions(settings, names)
    outbound = Outbound(settings, names, positions)
    await trust.refresh()
    async with asyncio.TaskGroup() as group:
        loops = [group.create_task(part) for part in (trust.run(), publisher.run(), positions.run(), outbound.ends.run(), witness.run())]
        try:
            yield Parts(Doorkeeper(public_url, trust, Nonces(), witness, clock), publisher, outbound)
        finally:
            for loop in loops:
                loop.cancel()
            await outbound.close()
