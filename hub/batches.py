"""A batch of records, verified, decided in one transaction, and redone one by one when the data fails."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from hub.communities.service import take_held
from hub.operations import deliveries, quarantine
from hub.ports import Admitted, Record, RefusedError
from hub.storage.engine import connection_lost
from schemas import facts
from schemas.facts.delivery import DeliveryReported
from schemas.proof import UNPROVEN, Reason, Refusal, VerifiedEvent, verify_event
from schemas.wire import records
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from hub.operations.dead_letters import KafkaDeadLetters
    from hub.ports import Clock
    from hub.unit_of_work import UnitOfWork
    from schemas.manifest import Registry

log = structlog.get_logger()
ATTEMPTS = 3
HANDLER_ERROR = "handler_error"
QUARANTINED = "node_quarantined"
COUNTED = 10_000
UNHANDLED = "unsupported"


@dataclass(frozen=True, slots=True)
class Refused:
    """A record on its way to the dead letters; `node` is set only where the record is surely that node's own."""

    record: Record
    reason: str
    error: str
    node: str | None = None
    event: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What a worker group needs to handle its batches."""

    name: str
    begin: Callable[[Registry | None], AbstractAsyncContextManager[UnitOfWork]]
    registry: Callable[[], Awaitable[Registry]]
    dead_letters: KafkaDeadLetters
    clock: Clock
    quarantine_after: int


class Seen:
    """The last ids that passed: a proved event that somebody replays counts against its node once."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._ids: dict[str, None] = {}

    def first(self, name: str) -> bool:
        """Tell whether the id is new here, and remember it."""
        if name in self._ids:
            return False
        self._ids[name] = None
        if len(self._ids) > self._size:
            del self._ids[next(iter(self._ids))]
        return True


class InboundBatch:
    """What ministries say: `rse.inbound.v1` into the rooms."""

    def __init__(self, group: Group, handlers: Mapping[str, Callable[[Admitted, UnitOfWork], Awaitable[str | None]]]) -> None:
        self._group = group
        self._handlers = handlers
        self._counted = Seen(COUNTED)
        self._parked: frozenset[str] = frozenset()

    async def __call__(self, batch: Sequence[Record]) -> None:
        """Handle a batch once; returns when its effects are committed and its dead letters delivered.

        Raises what means that the database or the broker is gone: the batch then stays unacknowledged.
        """
        registry = await self._group.registry()
        admitted, refused = sift(batch, registry, key_of_space)
        try:
            more = await self._transact(batch, admitted, registry)
        except Exception as error:
            if connection_lost(error) or isinstance(error, quarantine.MostNodesFailError):
                raise
            log.warning("batch_redone_one_by_one", records=len(batch), error=type(error).__name__)
            more = await self._one_by_one(batch, admitted, registry)
        await self._refuse([*refused, *more])

    async def release_due(self, limit: int = 100) -> int:
        """Let those stand alone whose parent did not come in time; returns how many."""
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

    async def _transact(self, batch: Sequence[Record], pairs: Sequence[tuple[Record, Admitted]], registry: Registry) -> list[Refused]:
        refused: list[Refused] = []
        async with self._group.begin(registry) as work:
            parked = await quarantine.quarantined(work.connection)
            self._show_quarantine(parked)
            refused += [
                Refused(record, QUARANTINED, admitted.id, admitted.node, admitted.id)
                for record, admitted in pairs
                if admitted.node in parked
            ]
            by_id = {admitted.id: record for record, admitted in pairs if admitted.node not in parked}
            fresh = await work.events.unknown([admitted for _, admitted in pairs if admitted.node not in parked])
            await work.prefetch(fresh)
            for admitted in fresh:
                try:
                    await self._handle(admitted, work)
                except RefusedError as refusal:
                    refused.append(Refused(by_id[admitted.id], refusal.reason, admitted.id, admitted.node, admitted.id))
            await work.store_offsets(self._group.name, batch)
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
            await work.store_offsets(self._group.name, batch)
            await work.connection.commit()
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
        await self._group.dead_letters.send([(one.record, one.reason, one.error) for one in refused])
        found = Counter(
            one.node for one in refused if one.node is not None and one.reason != QUARANTINED and self._counted.first(one.event)
        )
        for one in refused:
            Metric.records.labels(self._group.name, one.node or "?", one.reason).inc()
        if found:
            await self._strike(found)

    async def _strike(self, found: Mapping[str, int]) -> None:
        async with self._group.begin(None) as work:
            now = self._group.clock()
            over = await quarantine.strike(work.connection, found, now, self._group.quarantine_after)
            if over:
                await quarantine.quarantine(work.connection, over, now)
            await work.connection.commit()
        for node in over:
            log.error("node_quarantined", node=node)


class ReceiptBatch:
    """What nodes report: `rse.receipts.v1` into the deliveries."""

    def __init__(self, group: Group) -> None:
        self._group = group

    async def __call__(self, batch: Sequence[Record]) -> None:
        """Keep the reports of a batch; a record that is no node's proved report is a dead letter."""
        registry = await self._group.registry()
        pairs, refused = sift(batch, registry, key_of_node)
        try:
            await self._keep(batch, pairs, registry)
        except Exception as error:
            if connection_lost(error):
                raise
            log.warning("batch_redone_one_by_one", records=len(batch), error=type(error).__name__)
            for record, admitted in pairs:
                refused += await self._alone(record, admitted, registry)
            await self._keep(batch, (), registry)
        if refused:
            await self._group.dead_letters.send([(one.record, one.reason, one.error) for one in refused])

    async def _alone(self, record: Record, admitted: Admitted, registry: Registry) -> list[Refused]:
        try:
            await self._keep([record], [(record, admitted)], registry)
        except Exception as error:
            if connection_lost(error):
                raise
            log.error("record_failed_alone", position=record.position, error=type(error).__name__)  # noqa: TRY400 - no content in traces
            return [Refused(record, HANDLER_ERROR, type(error).__name__, admitted.node, admitted.id)]
        return []

    async def _keep(self, batch: Sequence[Record], pairs: Sequence[tuple[Record, Admitted]], registry: Registry) -> None:
        reported = [
            (admitted, delivery)
            for _, admitted in pairs
            if isinstance(fact := admitted.verified.fact, DeliveryReported)
            for delivery in fact.deliveries
        ]
        async with self._group.begin(registry) as work:
            since = await deliveries.admitted_at(work.connection, {delivery.event for _, delivery in reported})
            known = [pair for pair in reported if pair[1].event in since]
            await deliveries.store(work.connection, known, self._group.clock())
            await work.store_offsets(self._group.name, batch)
            await work.connection.commit()
        for admitted, delivery in known:
            Metric.records.labels(self._group.name, admitted.node, delivery.verdict.value).inc()
            Metric.hop.labels("written").observe(max(0.0, (delivery.at - since[delivery.event]).total_seconds()))
            log.info(
                "receipt", event_id=delivery.event, node=admitted.node, verdict=delivery.verdict.value, correlation=delivery.correlation
            )


def sift(
    batch: Sequence[Record], registry: Registry, key_of: Callable[[VerifiedEvent], str | None]
) -> tuple[list[tuple[Record, Admitted]], list[Refused]]:
    """Part the batch in verified events and refused records; nothing here waits for anything."""
    admitted: list[tuple[Record, Admitted]] = []
    refused: list[Refused] = []
    for record in batch:
        match _admit(record, registry, key_of):
            case Admitted() as event:
                admitted.append((record, event))
            case Refused() as refusal:
                refused.append(refusal)
    return admitted, refused


def key_of_space(verified: VerifiedEvent) -> str | None:
    """The record key that an inbound event must have: `node/space`."""
    space = getattr(verified.fact, "space", None)
    return None if space is None else f"{verified.event.envelope.source}/{space}"


def key_of_node(verified: VerifiedEvent) -> str | None:
    """The record key that a receipt must have: the node."""
    return verified.event.envelope.source


def _admit(record: Record, registry: Registry, key_of: Callable[[VerifiedEvent], str | None]) -> Admitted | Refused:
    try:
        texts = records.texts(record.headers)
    except records.HeadersMalformed as error:
        return Refused(record, Reason.ENVELOPE_MALFORMED, f"en-tête {str(error)[:40]}")
    verified = verify_event(records.unverified_event(texts, record.value), registry, record.timestamp)
    if isinstance(verified, Refusal):
        surely = verified.claimed_source if verified.reason not in UNPROVEN else None
        return Refused(record, verified.reason, verified.detail, surely, verified.claimed_id)
    expected = key_of(verified)
    if expected is not None and record.key != expected.encode():
        return Refused(record, Reason.RECORD_KEY_MISMATCH, expected[:80])  # anyone may have keyed it: not held against the node
    return Admitted(verified, record.headers, records.correlation_of(texts), (record.topic, record.partition, record.offset))


def _count(group: str, fresh: Sequence[Admitted], clock: Clock) -> None:
    now, hop = clock(), Metric.hop.labels("sequenced")
    for node, count in Counter(admitted.node for admitted in fresh).items():
        Metric.records.labels(group, node, "handled").inc(count)
    for admitted in fresh:
        hop.observe(max(0.0, (now - admitted.verified.admitted_at).total_seconds()))
        event = admitted.verified.event
        if admitted.verified.fact is None:
            continue  # a type that we do not know: its value was never read
        if unknown := facts.unknown_fields(event.envelope.type, json.loads(event.value)):
            Metric.unknown_fields.labels(event.envelope.type).inc(len(unknown))
