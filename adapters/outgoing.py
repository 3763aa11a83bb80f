"""The one way out of an instance: Kafka or the hub's door while it answers, the spool behind it, and order kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from adapters.overtaking import Overtaking
from adapters.spool import Kind
from schemas.wire.publisher import NotAcknowledged, SpeechRefused
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapters.spool import Record, Row, Spool
    from schemas.wire.publisher import Place, Publisher

CHUNK = 200
SILENT_FOR = timedelta(seconds=5)
"""How long who may not speak waits before it tries again; what takes back goes ahead meanwhile."""
log = structlog.get_logger()


class Outgoing:
    """The one way out of an instance: the transport while it answers, else its spool, and never past what waits there already."""

    def __init__(self, publisher: Publisher, spool: Spool, instance: str, clock: Callable[[], datetime]) -> None:
        self._publisher, self._spool, self._instance, self._clock = publisher, spool, instance, clock
        self._alone = asyncio.Lock()
        self._silent_until = datetime.min.replace(tzinfo=UTC)

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
        while self._spool.waiting[Kind.RECORD] and self._publisher.ready and self._clock() >= self._silent_until:
            async with self._alone:
                rows = await self._spool.first(Kind.RECORD, CHUNK)
                if not rows:
                    return await self._spool.count()
                try:
                    await self._leave(rows)
                except SpeechRefused:
                    self._silent_until = self._clock() + SILENT_FOR
                    return await self._take_back()
                except NotAcknowledged:
                    return None
        return None

    async def _take_back(self) -> None:
        """Nobody must keep words that their author deleted because her ministry may not speak: what takes back does not wait behind speech."""
        overtaking, position = Overtaking(), -1
        try:
            while rows := await self._spool.first(Kind.RECORD, CHUNK, after=position):
                position = rows[-1].position
                for row, undone in overtaking.of(rows):
                    await self._leave([row], undone)
        except NotAcknowledged as error:
            log.warning("not_taken_back", instance=self._instance, error=type(error).__name__)

    async def _leave(self, rows: Sequence[Row], undone: Sequence[int] = ()) -> None:
        """Publish rows and forget them, with the positions of others that are void by it. Raises NotAcknowledged."""
        await self._publisher.publish([row.record for row in rows])
        await self._spool.remove(Kind.RECORD, [*(row.position for row in rows), *undone])
        self._count([row.record for row in rows])
        log.info("spool_drained", instance=self._instance, records=len(rows), void=len(undone))

    def _count(self, records: Sequence[Record]) -> None:
        for event_type, number in Counter(record.event_type or record.topic for record in records).items():
            Metric.published.labels(self._instance, event_type).inc(number)
