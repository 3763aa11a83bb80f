"""A community's event, copied byte for byte to the topic of each tied node, and told once to its followers elsewhere."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from aiokafka.errors import KafkaError

from hub.federation import telling
from schemas.sequence import PEERS
from schemas.topics import HUB_FACTS, PEERS_OUTBOUND, outbound
from schemas.wire import kafka, records
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aiokafka import AIOKafkaProducer

    from hub.federation.parcel import Parcel
    from hub.federation.telling import Voice
    from hub.operations.dead_letters import KafkaDeadLetters
    from hub.ports import Clock, Record
    from schemas.wire.kafka import TopicNames

log = structlog.get_logger()
FORGET_SECONDS = 30.0
MALFORMED = "targets_malformed"
TOPIC_MISSING = "topic_missing"


@dataclass(frozen=True, slots=True)
class Copies:
    """What becomes of a record: the nodes that get it, what peers are told; `refused` says why it cannot be told them."""

    record: Record
    nodes: Sequence[str] = ()
    parcels: Sequence[Parcel] = ()
    refused: str | None = None


class FanoutBatch:
    """`hub.facts.v1` into `node.<id>.outbound.v1` and `peers.outbound.v1`: no database, no decision; the relay's signed targets decided.

    Without a `voice` there are no peers.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        names: TopicNames,
        dead_letters: KafkaDeadLetters,
        clock: Clock,
        voice: Voice | None = None,
    ) -> None:
        self._producer = producer
        self._names = names
        self._dead_letters = dead_letters
        self._clock = clock
        self._voice = voice
        self._missing: dict[str, datetime] = {}

    async def read(self, batch: Sequence[Record]) -> Sequence[Copies]:
        """Each record with those that it is for."""
        return [self._copies(record) for record in batch]

    def _copies(self, record: Record) -> Copies:
        targets = _targets(record)
        if targets is None:
            return Copies(record, refused="hub_targets")
        nodes = [name for name in targets if name != PEERS]
        if self._voice is None or PEERS not in targets:
            return Copies(record, nodes)
        try:
            return Copies(record, nodes, telling.parcels(record, targets, self._voice))
        except telling.Untellable as error:
            return Copies(record, nodes, refused=error.reason)

    async def carry_out(self, read: Sequence[Copies]) -> None:
        """Copy a batch in order; returns when the broker has acknowledged every copy and every dead letter."""
        refused: list[tuple[Record, str, str]] = []
        pending = []
        for copies in read:
            record = copies.record
            if copies.refused is not None:
                refused.append((record, MALFORMED, copies.refused))
            for node in copies.nodes:
                topic = self._names.of(outbound(node))
                if await self._exists(topic):
                    sent = await self._producer.send(topic, value=record.value, key=record.key, headers=list(record.headers))
                    pending.append(sent)
                else:
                    refused.append((record, TOPIC_MISSING, node))
            pending.extend([await self._tell(parcel) for parcel in copies.parcels])
        await asyncio.gather(*pending)
        if refused:
            await self._dead_letters.send(refused)
        now = self._clock()
        for copies in read:
            Metric.records.labels("fanout", "hub", "handled").inc()
            Metric.hop.labels("fanned_out").observe(max(0.0, (now - copies.record.timestamp).total_seconds()))

    async def _tell(self, parcel: Parcel) -> asyncio.Future[object]:
        topic, key = self._names.of(PEERS_OUTBOUND), parcel.community.encode()
        sent: asyncio.Future[object] = await self._producer.send(topic, value=parcel.body, key=key, headers=parcel.headers())
        return sent

    async def _exists(self, topic: str) -> bool:
        """Tell whether a node's topic is there; one that is not must not hold up the others, so it is asked for rarely."""
        since = self._missing.get(topic)
        if since is not None and (self._clock() - since).total_seconds() < FORGET_SECONDS:
            return False
        self._missing.pop(topic, None)
        if await kafka.has_topic(self._producer, topic):
            return True
        if not await kafka.has_topic(self._producer, self._names.of(HUB_FACTS)):
            raise KafkaError("no broker answers")  # not this node's fault: the batch stays unacknowledged
        self._missing[topic] = self._clock()
        log.error("topic_missing", topic=topic)
        return False


def _targets(record: Record) -> dict[str, str] | None:
    """The targets that the relay signed; None for headers that cannot be read, nobody for a fact without a community."""
    try:
        targets = json.loads(records.texts(record.headers).get("hub_targets", "{}"))
    except ValueError:
        return None
    return targets if isinstance(targets, dict) else None
