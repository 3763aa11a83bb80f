"""A community's event, copied byte for byte to the topic of each tied node."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import structlog
from aiokafka.errors import KafkaError

from schemas.topics import HUB_FACTS, outbound
from schemas.wire import kafka, records
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aiokafka import AIOKafkaProducer

    from hub.operations.dead_letters import KafkaDeadLetters
    from hub.ports import Clock, Record
    from schemas.wire.kafka import TopicNames

log = structlog.get_logger()
FORGET_SECONDS = 30.0
MALFORMED = "targets_malformed"
TOPIC_MISSING = "topic_missing"


class FanoutBatch:
    """`hub.facts.v1` into `node.<id>.outbound.v1`: no database, no decision; the relay's signed targets decided."""

    def __init__(self, producer: AIOKafkaProducer, names: TopicNames, dead_letters: KafkaDeadLetters, clock: Clock) -> None:
        self._producer = producer
        self._names = names
        self._dead_letters = dead_letters
        self._clock = clock
        self._missing: dict[str, datetime] = {}

    async def read(self, batch: Sequence[Record]) -> Sequence[tuple[Record, Sequence[str] | None]]:
        """Each record with the nodes that it is for; None where that cannot be read."""
        return [(record, _targets(record)) for record in batch]

    async def carry_out(self, read: Sequence[tuple[Record, Sequence[str] | None]]) -> None:
        """Copy a batch in order; returns when the broker has acknowledged every copy and every dead letter."""
        refused: list[tuple[Record, str, str]] = []
        pending = []
        for record, targets in read:
            if targets is None:
                refused.append((record, MALFORMED, "hub_targets"))
            for node in targets or ():
                topic = self._names.of(outbound(node))
                if await self._exists(topic):
                    sent = await self._producer.send(topic, value=record.value, key=record.key, headers=list(record.headers))
                    pending.append(sent)
                else:
                    refused.append((record, TOPIC_MISSING, node))
        await asyncio.gather(*pending)
        if refused:
            await self._dead_letters.send(refused)
        now = self._clock()
        for record, _ in read:
            Metric.records.labels("fanout", "hub", "handled").inc()
            Metric.hop.labels("fanned_out").observe(max(0.0, (now - record.timestamp).total_seconds()))

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


def _targets(record: Record) -> list[str] | None:
    """Node ids that the relay signed; None for headers that cannot be read, nobody for a fact without a community."""
    try:
        targets = json.loads(records.texts(record.headers).get("hub_targets", "{}"))
    except ValueError:
        return None
    return list(targets) if isinstance(targets, dict) else None
