"""Dead letters: the bytes untouched, with the reason beside them."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from schemas.topics import RECORD_LIMIT
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaProducer

    from hub.ports import Record

log = structlog.get_logger()
SUFFIX = ".dlq.v1"
ROOM = RECORD_LIMIT - 64 * 1024
HEADER_ROOM = 4096


class KafkaDeadLetters:
    """Sends refused records to their topic's dead letters and waits until the broker has them."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def send(self, refused: Sequence[tuple[Record, str, str]], attempts: int = 1) -> None:
        """Deliver (record, reason, error); the error names fields and keys, never content."""
        pending = [await self._producer.send(**_letter(record, reason, error, attempts)) for record, reason, error in refused]
        await asyncio.gather(*pending)
        for record, reason, error in refused:
            Metric.dead_letters.labels(record.topic, reason).inc()
            log.warning("dead_letter", position=record.position, reason=reason, error=error)


def _letter(record: Record, reason: str, error: str, attempts: int) -> dict[str, object]:
    said = {
        "dlq_reason": reason, "dlq_error": error, "dlq_topic": record.topic, "dlq_partition": record.partition,
        "dlq_offset": record.offset, "dlq_attempts": attempts, "dlq_at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    kept = [(name, raw) for name, raw in record.headers if not name.startswith("dlq_")]
    headers = [*kept, *((name, str(value).encode()) for name, value in said.items())]
    value = record.value
    if len(value or b"") + sum(len(name) + len(raw or b"") for name, raw in headers) > ROOM:
        value = hashlib.sha256(value or b"").hexdigest().encode()  # compressed it fitted the source topic; as it is it fits no topic
        headers = [(name, raw) for name, raw in headers if len(raw or b"") <= HEADER_ROOM] + [("dlq_truncated", b"sha256")]
    return {"topic": record.topic + SUFFIX, "key": record.key, "value": value, "headers": headers}
