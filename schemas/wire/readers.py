"""Consumers without a group: a few, each lent to one reading at a time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from aiokafka.errors import OffsetOutOfRangeError

from schemas.wire import kafka

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiokafka import AIOKafkaConsumer, TopicPartition
    from aiokafka.structs import ConsumerRecord

    from schemas.wire.kafka import KafkaSettings

PATIENCE: Final = 5.0
LEAVE_SECONDS: Final = 2.0
READ_MS: Final = 2_000
FETCH_BYTES: Final = 4 * 1024 * 1024


class Readers:
    """A few consumers without a group, each lent to one reading at a time: memory does not grow with the nodes that ask."""

    def __init__(self, settings: KafkaSettings, size: int) -> None:
        self._settings = settings
        self._free: asyncio.Queue[AIOKafkaConsumer | None] = asyncio.Queue()
        for _ in range(size):
            self._free.put_nowait(None)

    async def read(self, place: TopicPartition, offset: int, limit: int) -> list[ConsumerRecord]:
        """Records from an offset on, at most `limit` and a few megabytes; raises OffsetOutOfRangeError, KafkaError."""
        async with self._one() as reader:
            reader.assign([place])
            reader.seek(place, offset)
            found = await reader.getmany(place, timeout_ms=READ_MS, max_records=limit)
            return list(found.get(place, ()))

    async def close(self) -> None:
        """Close those that are free."""
        while not self._free.empty():
            reader = self._free.get_nowait()
            if reader is not None:
                await stopped(reader)

    @asynccontextmanager
    async def _one(self) -> AsyncIterator[AIOKafkaConsumer]:
        reader = await self._free.get()
        try:
            reader = reader or await started(self._settings)
            yield reader
            reader.unsubscribe()  # or it would go on fetching what nobody reads
        except OffsetOutOfRangeError:
            if reader is not None:
                reader.unsubscribe()
            raise
        except BaseException:
            lost, reader = reader, None
            if lost is not None:
                await stopped(lost)
            raise
        finally:
            self._free.put_nowait(reader)


async def started(settings: KafkaSettings) -> AIOKafkaConsumer:
    """A consumer without a group; raises KafkaError, OSError, TimeoutError, and leaves nothing open then."""
    client = kafka.consumer(settings, group=None, fetch_max_bytes=FETCH_BYTES)
    try:
        await kafka.begin(client, PATIENCE)
    except BaseException:
        await stopped(client)
        raise
    return client


async def stopped(client: AIOKafkaConsumer) -> None:
    """Stop a consumer whose broker may never answer again."""
    await kafka.closed(client.stop(), LEAVE_SECONDS)
    await kafka.hang_up(client._client)  # noqa: SLF001 - aiokafka names no other way
