"""Where a consumer group must resume after its database was restored."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata

from schemas.wire import kafka

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiokafka import AIOKafkaConsumer

    from schemas.wire.kafka import KafkaSettings

    Offsets = Mapping[tuple[str, int], int]

ASKED_AGAIN_AFTER = 1.0
PATIENCE = 20.0  # a worker that ended without a word is a member for ten seconds more


class GroupInUse(RuntimeError):
    """The database was restored behind a group whose members are alive: end them all, then start them again."""


async def rewind(settings: KafkaSettings, group: str, stored: Callable[[], Awaitable[Offsets]], *, patience: float = PATIENCE) -> int:
    """Bring a group's offsets back to what the database knows, where the broker is ahead of it; returns how many moved.

    A database restored from a backup has forgotten effects whose records the broker counts as done. While members of the
    group are alive the broker refuses; after `patience` seconds of that it raises GroupInUse, for going on would lose events.
    """
    deadline = asyncio.get_running_loop().time() + patience
    async with kafka.consumer(settings, group=group) as reader:
        while moved := await _behind(reader, stored):
            try:
                reader.assign(list(moved))
                await reader.commit(moved)
            except CommitFailedError as refused:
                if asyncio.get_running_loop().time() > deadline:
                    raise GroupInUse(group) from refused
                await asyncio.sleep(ASKED_AGAIN_AFTER)
            else:
                return len(moved)
    return 0


async def _behind(reader: AIOKafkaConsumer, stored: Callable[[], Awaitable[Offsets]]) -> dict[TopicPartition, OffsetAndMetadata]:
    """The offsets to bring back.

    The broker is asked first: a worker that is alive commits to the database, then to the broker, so only a restored one is behind.
    """
    places = [TopicPartition(*place) for place in await stored()]
    committed = {place: await reader.committed(place) for place in places}
    known = {TopicPartition(*place): offset for place, offset in (await stored()).items()}
    return {
        place: OffsetAndMetadata(known[place], "") for place, offset in committed.items() if offset is not None and offset > known[place]
    }
