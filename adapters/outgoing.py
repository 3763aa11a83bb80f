"""The one way out of an instance: Kafka or the hub's door while it answers, the spool behind it, and order kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from adapters.observing import OBSERVES, says, speaks
from adapters.overtaking import TAKES_BACK, Overtaking, subject_of, type_of
from adapters.spool import Kind, SpoolFull
from schemas.wire.publisher import NotAcknowledged, SpeechRefused
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from adapters.spool import Record, Row, Spool
    from schemas.wire.publisher import Place, Publisher

CHUNK = 200
SILENT_FOR = timedelta(seconds=5)
"""How long who may not speak waits before it tries again; what takes back goes ahead meanwhile."""
log = structlog.get_logger()


async def nothing_more(records: Sequence[Record]) -> None:
    """Nobody else need know that these were never said."""
    del records


class Outgoing:
    """The one way out of an instance: the transport while it answers, else its spool, and never past what waits there already."""

    def __init__(
        self,
        publisher: Publisher,
        spool: Spool,
        instance: str,
        clock: Callable[[], datetime],
        observes: Callable[[], bool] = speaks,
        unsaid: Callable[[Sequence[Record]], Awaitable[None]] = nothing_more,
    ) -> None:
        self._publisher, self._spool, self._instance, self._clock = publisher, spool, instance, clock
        self._observes, self._unsaid = observes, unsaid
        self._alone = asyncio.Lock()
        self._silent_until = datetime.min.replace(tzinfo=UTC)
        self._swept = -1
        """Up to where the spool holds nothing that an observer may not say."""

    @property
    def ready(self) -> bool:
        """Whether the transport is worth trying."""
        return self._publisher.ready

    async def put(self, records: Sequence[Record]) -> list[Place | None]:
        """Make records durable, in order: their places, or None where the spool holds them. Raises SpoolFull, LedgerUnavailable."""
        if not records:
            return []
        async with self._alone:
            taken = {} if self._spool.waiting[Kind.RECORD] else await self._published(records)
            try:
                return await self._rest_stored(records, taken)
            except SpoolFull:
                if not all(type_of(record) in TAKES_BACK for record in records):
                    raise
                return await self._taken_back(records)

    async def put_ahead(self, records: Sequence[Record]) -> list[Place | None]:
        """As `put`, but before what waits in the spool: for what would be as true after it, and without which it may be refused."""
        async with self._alone:
            return await self._rest_stored(records, await self._published(records))

    async def _published(self, records: Sequence[Record]) -> Mapping[int, Place]:
        """What the transport has taken, by number: all, nothing, or what a silenced node may say."""
        if not self._publisher.ready:
            return {}
        try:
            taken: Mapping[int, Place] = dict(enumerate(await self._publisher.publish(records)))
        except SpeechRefused as refused:
            taken = refused.taken
        except NotAcknowledged:
            return {}
        self._count([records[number] for number in taken])
        return taken

    async def _rest_stored(self, records: Sequence[Record], taken: Mapping[int, Place]) -> list[Place | None]:
        if rest := [record for number, record in enumerate(records) if number not in taken]:
            await self._stored(rest)
        return [taken.get(number) for number in range(len(records))]

    async def _taken_back(self, records: Sequence[Record]) -> list[Place | None]:
        """The spool has no room, as that of a node that may not speak: what takes back leaves before all, and what waits of the same is void."""
        subjects, void = {subject_of(record) for record in records}, list[int]()
        position = -1
        while rows := await self._spool.first(Kind.RECORD, CHUNK, after=position):
            position = rows[-1].position
            void += [row.position for row in rows if subject_of(row.record) in subjects]
        taken = await self._published(records)
        if len(taken) < len(records):
            raise SpoolFull(self._instance)
        await self._spool.remove(Kind.RECORD, void)
        log.info("taken_back_though_full", instance=self._instance, records=len(records), void=len(void))
        return [taken[number] for number in range(len(records))]

    async def _stored(self, records: Sequence[Record]) -> None:
        await self._spool.store(Kind.RECORD, records, self._clock(), "not_acknowledged")

    async def drain(self) -> None:
        """Publish what waits, oldest first, as far as the transport takes it. Raises LedgerUnavailable."""
        await self._sweep()
        while self._spool.waiting[Kind.RECORD] and self._publisher.ready and self._clock() >= self._silent_until:
            async with self._alone:
                rows = await self._spool.first(Kind.RECORD, CHUNK)
                if not rows:
                    return await self._spool.count()
                try:
                    await self._leave(rows)
                except SpeechRefused as refused:
                    self._silent_until = self._clock() + SILENT_FOR
                    await self._gone([rows[number] for number in sorted(refused.taken)])
                    return await self._take_back()
                except NotAcknowledged:
                    return None
        return None

    async def _sweep(self) -> None:
        """What an observer's agents said is dropped, whether or not anybody could be told: it must not leave as old words once the node speaks."""
        if not self._observes():
            self._swept = -1
            return
        async with self._alone:
            while rows := await self._spool.first(Kind.RECORD, CHUNK, after=self._swept):
                if unsaid := [row for row in rows if says(row.record)]:
                    await self._unsaid([row.record for row in unsaid])
                    await self._spool.remove(Kind.RECORD, [row.position for row in unsaid])
                    Metric.webhooks.labels(self._instance, OBSERVES).inc(len(unsaid))
                    log.warning("spool_unsaid", instance=self._instance, reason=OBSERVES, records=len(unsaid))
                self._swept = rows[-1].position

    async def _take_back(self) -> None:
        """Nobody must keep words that their author deleted because her ministry may not speak: what takes back does not wait behind speech."""
        overtaking, position = Overtaking(), -1
        try:
            while rows := await self._spool.first(Kind.RECORD, CHUNK, after=position):
                position = rows[-1].position
                for row, undone in overtaking.of(rows):
                    try:
                        await self._leave([row], undone)
                    except SpeechRefused:
                        if not overtaking.keeps(row):
                            raise
        except NotAcknowledged as error:
            log.warning("not_taken_back", instance=self._instance, error=type(error).__name__)

    async def _leave(self, rows: Sequence[Row], undone: Sequence[int] = ()) -> None:
        """Publish rows and forget them, with the positions of others that are void by it. Raises NotAcknowledged."""
        await self._publisher.publish([row.record for row in rows])
        await self._gone(rows, undone)

    async def _gone(self, rows: Sequence[Row], undone: Sequence[int] = ()) -> None:
        if not rows:
            return
        await self._spool.remove(Kind.RECORD, [*(row.position for row in rows), *undone])
        self._count([row.record for row in rows])
        log.info("spool_drained", instance=self._instance, records=len(rows), void=len(undone))

    def _count(self, records: Sequence[Record]) -> None:
        for event_type, number in Counter(record.event_type or record.topic for record in records).items():
            Metric.published.labels(self._instance, event_type).inc(number)
