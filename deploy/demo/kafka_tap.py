"""What an attacker, and an operator, can do with the broker: read any topic, put any record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from schemas.topics import RECORD_LIMIT
from schemas.wire.kafka import KafkaSettings, TopicNames

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiokafka.structs import ConsumerRecord

    from schemas.topics import Topic


class Tap:
    """The broker, without any right of ours."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        bootstrap = settings.get("TRAITDUNION_KAFKA_BOOTSTRAP")
        self._settings = KafkaSettings(bootstrap=bootstrap) if bootstrap else KafkaSettings()
        self._names = TopicNames(topic_prefix=settings.get("TRAITDUNION_TOPIC_PREFIX", ""))

    async def read(self, topic: Topic) -> list[ConsumerRecord]:
        """All that a topic holds now."""
        consumer = AIOKafkaConsumer(**self._settings.options(), max_partition_fetch_bytes=RECORD_LIMIT, fetch_max_wait_ms=50)
        await consumer.start()
        try:
            name = self._names.of(topic)
            places = [TopicPartition(name, number) for number in range(topic.partitions)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            starts = await consumer.beginning_offsets(places)
            for place in places:
                consumer.seek(place, starts[place])
            found: list[ConsumerRecord] = []
            while len(found) < sum(ends[place] - starts[place] for place in places):
                batches = await consumer.getmany(timeout_ms=200)
                found += [record for batch in batches.values() for record in batch]
            return found
        finally:
            await consumer.stop()

    async def put(self, topic: Topic, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
        """Put a record as anybody with a connection to the broker could."""
        producer = AIOKafkaProducer(**self._settings.options(), max_request_size=RECORD_LIMIT)
        await producer.start()
        try:
            await producer.send_and_wait(self._names.of(topic), value, key=key, headers=list(headers))
        finally:
            await producer.stop()


def text(record: ConsumerRecord, name: str) -> str:
    """A header of a record."""
    return next((raw.decode(errors="replace") for known, raw in record.headers if known == name and raw is not None), "")
