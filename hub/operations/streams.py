"""How far each consumer group is behind, and how old the oldest record is that it has not read."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from kafka import TopicPartition

from hub.operations import dlq
from hub.operations.broker import BrokerRefused, BrokerUnreachable, administrator, reader
from schemas.envelope import NODE_PATTERN
from schemas.topics import HUB_FACTS, PEER_INBOUND, RSE_INBOUND, RSE_RECEIPTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kafka import KafkaAdminClient, KafkaConsumer

    from schemas.wire.kafka import KafkaSettings, TopicNames

WORKERS: Final = {
    "worker.inbound": RSE_INBOUND.name, "worker.fanout": HUB_FACTS.name, "worker.receipts": RSE_RECEIPTS.name, "worker.peers": PEER_INBOUND.name,
}  # fmt: skip
_OUTBOUND: Final = re.compile(rf"node\.({NODE_PATTERN.strip('^$')})\.outbound\.v1")
POLL_MS: Final = 300
FRESH_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class GroupLag:
    """Records of a topic that a group has not committed yet; `oldest` is when the broker took the oldest of them."""

    group: str
    topic: str
    records: int
    oldest: datetime | None


class Streams(Protocol):
    """What the pages ask of the broker; None where it does not answer, which is not the same as nothing."""

    async def lag(self) -> Sequence[GroupLag] | None:
        """The backlog of every group of this deployment."""
        ...

    async def dead_letters(self) -> Sequence[dlq.Heap] | None:
        """Dead letters counted by topic and reason."""
        ...


class KafkaStreams:
    """Asks the broker from a thread, and no more often than every two seconds however many pages ask."""

    def __init__(self, settings: KafkaSettings, names: TopicNames) -> None:
        self._settings = settings
        self._names = names
        self._lag: tuple[float, Sequence[GroupLag] | None] = (float("-inf"), None)
        self._heaps: tuple[float, Sequence[dlq.Heap] | None] = (float("-inf"), None)
        self._asking = asyncio.Lock()

    async def lag(self) -> Sequence[GroupLag] | None:
        """The backlog of every group of this deployment, at most two seconds old."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if now - self._lag[0] > FRESH_SECONDS:
                self._lag = (now, await asyncio.to_thread(self._ask_lag))
            return self._lag[1]

    async def dead_letters(self) -> Sequence[dlq.Heap] | None:
        """Dead letters counted by topic and reason, at most two seconds old."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if now - self._heaps[0] > FRESH_SECONDS:
                self._heaps = (now, await asyncio.to_thread(self._ask_heaps))
            return self._heaps[1]

    def _ask_lag(self) -> Sequence[GroupLag] | None:
        try:
            return lag(self._settings, self._names)
        except (BrokerUnreachable, BrokerRefused):
            return None

    def _ask_heaps(self) -> Sequence[dlq.Heap] | None:
        try:
            return dlq.heaps(self._settings, self._names)
        except (BrokerUnreachable, BrokerRefused):
            return None


def lag(settings: KafkaSettings, names: TopicNames) -> list[GroupLag]:
    """The backlog of the hub's workers and of every node; raises BrokerUnreachable."""
    with administrator(settings) as admin, reader(settings) as client:
        topics = {group: topic for group, topic in _groups(admin.list_topics(), names).items() if client.partitions_for_topic(topic)}
        return [_lag_of(admin, client, group, topic) for group, topic in sorted(topics.items())]


def by_node(lags: Iterable[GroupLag], prefix: str = "") -> Mapping[str, GroupLag]:
    """Node → its own backlog."""
    found = {lag: _OUTBOUND.fullmatch(lag.topic.removeprefix(prefix)) for lag in lags}
    return {match[1]: lag for lag, match in found.items() if match}


def _groups(topics: Iterable[str], names: TopicNames) -> dict[str, str]:
    groups = {names.group(group): names.topic_prefix + topic for group, topic in WORKERS.items()}
    there = set(topics)
    nodes = {topic: _OUTBOUND.fullmatch(topic.removeprefix(names.topic_prefix)) for topic in there if topic.startswith(names.topic_prefix)}
    groups |= {names.group(f"node.{match[1]}"): topic for topic, match in nodes.items() if match}
    return {group: topic for group, topic in groups.items() if topic in there}


def _lag_of(admin: KafkaAdminClient, client: KafkaConsumer, group: str, topic: str) -> GroupLag:
    places = [TopicPartition(topic, partition) for partition in client.partitions_for_topic(topic)]
    done = {place: said.offset for place, said in admin.list_group_offsets({group: places})[group].items()}
    starts, ends = client.beginning_offsets(places), client.end_offsets(places)
    reached = {place: max(starts[place], done.get(place, -1)) for place in places}
    behind = Counter({place: max(0, ends[place] - reached[place]) for place in places})
    waiting = [place for place, records in behind.items() if records]
    return GroupLag(group, topic, behind.total(), _oldest(client, {place: reached[place] for place in waiting}))


def _oldest(client: KafkaConsumer, reached: Mapping[TopicPartition, int]) -> datetime | None:
    """When the broker took the first unread record, over all partitions; None where nothing waits or it was just read."""
    if not reached:
        return None
    client.assign(list(reached))
    for place, offset in reached.items():
        client.seek(place, offset)
    firsts = [records[0].timestamp for _ in reached for records in client.poll(timeout_ms=POLL_MS).values() if records]
    return datetime.fromtimestamp(min(firsts) / 1000, UTC) if firsts else None
