"""The one way out of an instance: Kafka or the hub's door while it answers, the spool behind it, and order kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import structlog

from adapters.spool import Kind
from schemas.wire.publisher import NotAcknowledged
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from adapters.spool import Record, Spool
    from schemas.wire.publisher import Place, Publisher

CHUNK = 200
log = structlog.get_logger()


class Outgoing:
    """The one way out of an instance: the transport while it answers, else its spool, and never past what waits there already."""

    def __init__(self, publisher: Publisher, spool: Spool, instance: str, clock: Callable[[], datetime]) -> None:
        self._publisher, self._spool, self._instance, self._clock = publisher, spool, instance, clock
        self._alone = asyncio.Lock()

    @property
    def ready(self) -> bool:
        """Whether the transport is worth trying."""
        return self._publisher.ready

    async def put(self, records: Sequence[Record]) -> list[Place | None]:
        """Make records durable, in order: their places, or None where the spool holds them. Raises SpoolFull, LedgerUnavailable."""
        if not records:
            return []
        async with self._alone:
            places = None if self._spool.waiting[Kind.RECORD] else await self._published(records)
            return places or await self._stored(records)

    async def put_ahead(self, records: Sequence[Record]) -> list[Place | None]:
        """As `put`, but before what waits in the spool: for what would be as true after it, and without which it may be refused."""
        async with self._alone:
            return await self._published(records) or await self._stored(records)

    async def _published(self, records: Sequence[Record]) -> list[Place | None] | None:
        if not self._publisher.ready:
            return None
        try:
            places = await self._publisher.publish(records)
        except NotAcknowledged:
            return None
        self._count(records)
        return [*places]

    async def _stored(self, records: Sequence[Record]) -> list[Place | None]:
        await self._spool.store(Kind.RECORD, records, self._clock(), "not_acknowledged")
        return [None] * len(records)

    async def drain(self) -> None:
        """Publish what waits, oldest first, as far as the transport takes it. Raises LedgerUnavailable."""
        while self._spool.waiting[Kind.RECORD] and self._publisher.ready:
            async with self._alone:
                rows = await self._spool.first(Kind.RECORD, CHUNK)
                if not rows:
                    return await self._spool.count()
                try:
                    await self._publisher.publish([row.record for row in rows])
                except NotAcknowledged:
                    return None
                await self._spool.remove(Kind.RECORD, [row.position for row in rows])
                self._count([row.record for row in rows])
                log.info("spool_drained", instance=self._instance, records=len(rows))
        return None

    def _count(self, records: Sequence[Record]) -> None:
        for event_type, number in Counter(record.event_type or record.topic for record in records).items():
            Metric.published.labels(self._instance, event_type).inc(number)
