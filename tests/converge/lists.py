"""Kafka as lists: what the hub's producer and the connectors' publishers write, kept in order."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hub.ports import Record
from schemas import topics
from schemas.wire.publisher import NotAcknowledged, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import Self

    from schemas.wire.publisher import Sendable
    from schemas.wire.records import Headers


@dataclass
class Lists:
    """Topics of one partition each. While it is `silent` it acknowledges nothing to connectors."""

    clock: Callable[[], datetime]
    nodes: Sequence[str]
    topics: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    silent: bool = False

    # --- as the hub's producer ------------------------------------------------------------------------------------------

    @property
    def client(self) -> Self:
        """What is asked whether a topic is there."""
        return self

    @property
    def cluster(self) -> Lists._Cluster:
        """As above."""
        return Lists._Cluster(self.nodes)

    async def send(self, topic: str, value: bytes | None = None, key: bytes | None = None, headers: Any = ()) -> asyncio.Future[Place]:
        """Append; acknowledged at once."""
        acknowledged: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        acknowledged.set_result(self._append(topic, key, value, headers))
        return acknowledged

    # --- as a connector's publisher -------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether it is worth trying: it always looks so."""
        return True

    async def publish(self, records: Sequence[Sendable]) -> list[Place]:
        """Append all, or acknowledge none: what a silent broker took nobody knows."""
        if self.silent:
            raise NotAcknowledged("silent")
        return [self._append(record.topic, record.key, record.value, record.headers) for record in records]

    def _append(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> Place:
        kept = self.topics[topic]
        kept.append(Record(topic, 0, len(kept), self.clock(), key, value, tuple(headers)))
        return Place(topic, 0, len(kept) - 1)

    @dataclass(frozen=True)
    class _Cluster:
        nodes: Sequence[str]

        def topics(self) -> frozenset[str]:
            names = [topic.name for topic in (*topics.STATIC, *(one for node in self.nodes for one in topics.of_node(node)))]
            return frozenset(names)
