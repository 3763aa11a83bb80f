"""Where a consumer group must resume after its database was restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from schemas.wire import kafka

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.wire.kafka import KafkaSettings


async def rewind(settings: KafkaSettings, group: str, wanted: Mapping[tuple[str, int], int]) -> int:
    """Bring a group's offsets back to what the database knows, where the broker is ahead of it; returns how many moved.

    A database restored from a backup has forgotten effects whose records the broker counts as done.
    """
    if not wanted:
        return 0
    reader = kafka.consumer(settings, group=group)
    await reader.start()
    try:
        moved = {}
        for (topic, partition), offset in wanted.items():
            place = TopicPartition(topic, partition)
            committed = await reader.committed(place)
            if committed is not None and committed > offset:
                moved[place] = OffsetAndMetadata(offset, "")
        if moved:
            reader.assign(list(moved))
            await reader.commit(moved)
        return len(moved)
    finally:
        await reader.stop()
