"""A batch of records, verified, decided in one transaction, and redone one by one when the data fails."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import structlog

from hub.access import MANIFEST_EXPIRED
from hub.batches.sifting import HANDLER_ERROR, Refused, Sifted, key_of_space, sift
from hub.communities.model import Outcome
from hub.communities.service import take_held
from hub.operations import quarantine
from hub.ports import Record, RefusedError
from hub.storage.engine import connection_lost
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from hub.batches.group import Group
    from hub.ports import Admitted, Clock
    from hub.unit_of_work import UnitOfWork
    from schemas.manifest import Registry

log = structlog.get_logger()
ATTEMPTS = 3
QUARANTINED = "node_quarantined"
SET_ASIDE = frozenset({QUARANTINED, MANIFEST_EXPIRED})
"""Refusals that are not held against a node, and that `nodes release` reads again."""
UNHANDLED = "unsupported"


class InboundBatch:
    """What ministries say: `rse.inbound.v1` into the rooms."""

    def __init__(self, group: Group, handlers: Mapping[str, Callable[[Admitted, UnitOfWork], Awaitable[str | None]]]) -> None:
        self._group = group
        self._handlers = handlers
        self._parked: frozenset[str] = frozenset()

    async def read(self, batch: Sequence[Record]) -> Sifted:
        """Part a batch in proved events and refused records."""
        registry = await self._group.registry()
        return Sifted(batch, registry, *sift(batch, registry, key_of_space))

    async def carry_out(self, read: Sifted) -> None:
        """Handle a batch once, however often it comes."""
        try:
            more = await self._transact(read.batch, read.admitted, read.registry)
        except Exception as error:
            if connection_lost(error) or isinstance(error, quarantine.MostNodesFailError):
                raise
            log.warning("batch_redone_one_by_one", records=len(read.batch), error=type(error).__name__)
            more = await self._one_by_one(read.batch, read.admitted, read.registry)
        await self._refuse([*read.refused, *more])

    async def release_due(self, limit: int = 100) -> int:
        """Let those stand alone whose parent did not come in time; returns how many. One that fails is set aside for good."""
        try:
            return await self._release(limit)
        except Exception as error:
            if connection_lost(error):
                raise
            log.warning("held_released_one_by_one", error=type(error).__name__)
        try:
            return await self._release(1)
        except Exception as error:
            if connection_lost(error):
                raise
            log.error("held_event_failed", error=type(error).__name__)  # noqa: TRY400 - no content in traces
            return await self._set_aside_oldest()

    async def _release(self, limit: int) -> int:
        async with self._group.begin(await self._group.registry()) as work:
            names = await work.held.due_communities()
            await work.communities.lock(names)
            due = await work.held.due(names, limit)
            await work.prefetch(due)
            for admitted in due:
                if work.held.take(admitted):
                    await take_held(admitted, work)
            await work.commit()
        return len(due)

    async def _set_aside_oldest(self) -> int:
        async with self._group.begin(await self._group.registry()) as work:
            names = await work.held.due_communities()
            await work.communities.lock(names)
            for admitted in await work.held.due(names, 1):
                work.held.take(admitted)
                work.settle(admitted, Outcome.REFUSED)
                letter = Record(*admitted.position, admitted.verified.admitted_at, None, admitted.verified.event.value, admitted.headers)
                await self._group.dead_letters.send([(letter, HANDLER_ERROR, admitted.id)])
            await work.commit()
        return 1

    async def _transact(self, batch: Sequence[Record], pairs: Sequence[tuple[Record, Admitted]], registry: Registry) -> list[Refused]:
        refused: list[Refused] = []
        async with self._group.begin(registry) as work:
            parked = await work.nodes.quarantined()
            self._show_quarantine(parked)
            refused += [
                Refused(record, QUARANTINED, admitted.id, admitted.node, admitted.id)
                for record, admitted in pairs
                if admitted.node in parked
            ]
            by_id = {admitted.id: record for record, admitted in reversed(pairs) if admitted.node not in parked}  # the first is judged
            fresh = await work.events.unknown([admitted for _, admitted in pairs if admitted.node not in parked])
            await work.prefetch(fresh)
            for admitted in fresh:
                try:
                    await self._handle(admitted, work)
                except RefusedError as refusal:
                    refused.append(Refused(by_id[admitted.id], refusal.reason, admitted.id, admitted.node, admitted.id))
            work.store_offsets(self._group.name, batch)
            await work.commit()
        _count(self._group.name, fresh, self._group.clock)
        return refused

    def _show_quarantine(self, parked: frozenset[str]) -> None:
        for node in parked ^ self._parked:
            Metric.quarantined.labels(node).set(node in parked)
        self._parked = parked

    async def _handle(self, admitted: Admitted, work: UnitOfWork) -> None:
        handler = self._handlers.get(admitted.verified.event.envelope.type)
        work.events.add([admitted])
        try:
            outcome = await handler(admitted, work) if handler else UNHANDLED
        except RefusedError:
            work.events.drop(admitted)
            raise
        work.events.settle(admitted, outcome or "noted", None)

    async def _one_by_one(self, batch: Sequence[Record], pairs: Sequence[tuple[Record, Admitted]], registry: Registry) -> list[Refused]:
        refused: list[Refused] = []
        for pair in pairs:
            refused += await self._alone(pair, registry)
        async with self._group.begin(None) as work:  # past those that failed, too: the next start must not take them for forgotten
            work.store_offsets(self._group.name, batch)
            await work.commit()
        return refused

    async def _alone(self, pair: tuple[Record, Admitted], registry: Registry) -> list[Refused]:
        for _ in range(ATTEMPTS):
            try:
                return await self._transact([pair[0]], [pair], registry)
            except Exception as error:
                if connection_lost(error) or isinstance(error, quarantine.MostNodesFailError):
                    raise
                attempts, why = await self._count_attempt(pair[0]), type(error).__name__
        log.error("record_failed_alone", position=pair[0].position, attempts=attempts, error=why)
        return [Refused(pair[0], HANDLER_ERROR, why, pair[1].node, pair[1].id)]

    async def _count_attempt(self, record: Record) -> int:
        async with self._group.begin(None) as work:
            count = await quarantine.count_attempt(work.connection, record, self._group.clock())
            await work.connection.commit()
        return count

    async def _refuse(self, refused: Sequence[Refused]) -> None:
        if not refused:
            return
        found = {(one.node, one.event) for one in refused if one.node is not None and one.reason not in SET_ASIDE}
        for one in refused:
            Metric.records.labels(self._group.name, one.node or "?", one.reason).inc()
        if found:
            await self._strike(found)
        await self._group.dead_letters.send([(one.record, one.reason, one.error) for one in refused])

    async def _strike(self, found: Collection[tuple[str, str]]) -> None:
        async with self._group.begin(None) as work:
            now = self._group.clock()
            over = await quarantine.strike(work.connection, found, now, self._group.quarantine_after)
            if over:
                await quarantine.quarantine(work.connection, over, now)
            await work.connection.commit()
        for node in over:
            log.error("node_quarantined", node=node)


def _count(group: str, fresh: Sequence[Admitted], clock: Clock) -> None:
    now, hop = clock(), Metric.hop.labels("sequenced")
    for node, count in Counter(admitted.node for admitted in fresh).items():
        Metric.records.labels(group, node, "handled").inc(count)
    for admitted in fresh:
        hop.observe(max(0.0, (now - admitted.verified.admitted_at).total_seconds()))
        if admitted.verified.unknown:
            Metric.unknown_fields.labels(admitted.verified.event.envelope.type).inc(len(admitted.verified.unknown))
