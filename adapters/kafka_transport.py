"""Kafka as the way to the hub: one producer for all instances, a consumer group for each node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.intake import Intake
from schemas.wire.publisher import KafkaPublisher

if TYPE_CHECKING:
    from adapters.applied import Applied
    from adapters.writer import Writer
    from schemas.keys import KeyHolder
    from schemas.wire.kafka import KafkaSettings, TopicNames


class KafkaTransport:
    """A ministry that may reach the broker."""

    name = "kafka"

    def __init__(self, settings: KafkaSettings, names: TopicNames) -> None:
        self._settings, self._names = settings, names
        self._publisher = KafkaPublisher(settings, names)

    @property
    def ready(self) -> bool:
        """Whether the producer is connected."""
        return self._publisher.ready

    def publisher(self, key: KeyHolder) -> KafkaPublisher:
        """The one producer: the broker knows the process, and every event carries its node's own proof."""
        del key
        return self._publisher

    def intake(self, instance: str, key: KeyHolder, writer: Writer, applied: Applied) -> Intake:
        """The consumer of a node."""
        return Intake(instance, key.owner, self._settings, self._names, writer, applied)

    async def run(self) -> None:
        """Keep the producer connected."""
        await self._publisher.run()
