"""From webhook to durably stored, a batch at a time: one loop per instance keeps the order of its spaces."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from nacl.public import PublicKey as SealingKey
from nacl.public import SealedBox
from pydantic import ValidationError

from adapters.decisions import Desk, Drop, Park, Publish, pseudonym
from adapters.ledger import LedgerUnavailable
from adapters.port import Change, Incomplete, Nonsense, Unused
from adapters.spool import Kind, Record, SpoolFull, pack_change, pack_incomplete, unpack_change
from schemas import topics
from schemas.proof import sign_event, timestamp
from schemas.wire.records import CORRELATION, to_headers
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from adapters.ledger import Known, KnownObject, Memory
    from adapters.port import Outcome
    from adapters.publisher import Outgoing, Place
    from adapters.settings import Instance
    from adapters.spool import Spool
    from adapters.ties import Ties
    from schemas.keys import SigningKey

BATCH = 200
TICK_SECONDS = 0.25
PAUSE_SECONDS = 0.5
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stored:
    """Durably stored, or rightly dropped; `said` tells each outcome in a word, without content."""

    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotStored:
    """Nothing can be promised now: the platform shall come again."""

    reason: str


Answer = Stored | NotStored


@dataclass(slots=True)
class Arrival:
    """One webhook's outcomes on their way through admission."""

    outcomes: Sequence[Outcome]
    body: bytes
    correlation: str
    received_at: datetime
    answer: asyncio.Future[Answer]
    said: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Batch:
    """What a batch will store, and whom each record answers."""

    records: list[Record] = field(default_factory=list)
    labels: list[tuple[Arrival, str]] = field(default_factory=list)
    objects: list[KnownObject] = field(default_factory=list)
    parked: list[Record] = field(default_factory=list)
    incomplete: list[Record] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Seat:
    """Everything that admission needs of one instance."""

    name: str
    instance: Instance
    key: SigningKey
    memory: Memory
    ties: Ties
    spool: Spool
    outgoing: Outgoing
    sealing: SealingKey
    clock: Callable[[], datetime]


class Admission:
    """The waiting list of one instance and the loop that empties it."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._desk = Desk(seat.instance, seat.ties.known)
        self._waiting: deque[Arrival] = deque()
        self._awake = asyncio.Event()
        self._parked_spaces: set[str] = set()

    async def admit(self, outcomes: Sequence[Outcome], body: bytes, correlation: str) -> Answer:
        """Wait until the outcomes of one webhook are durably stored."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(Arrival(outcomes, body, correlation, self._seat.clock(), answer))
        self._awake.set()
        return await answer

    def wake(self) -> None:
        """Look at once at what is parked: a write was answered, or Kafka is back."""
        self._awake.set()

    async def run(self) -> None:
        """Admit for ever; what waits in the spool goes first."""
        await self._recall_parked()
        while True:
            await self._sleep()
            try:
                await self._seat.outgoing.drain()
                await self._unpark()
            except LedgerUnavailable:
                log.warning("ledger_unavailable", instance=self._seat.name)
                await self._refuse_all("ledger_unavailable")
                continue
            except SpoolFull:  # what is parked stays parked until records have left
                log.warning("spool_full", instance=self._seat.name)
            if batch := [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]:
                await self._answer(batch)

    async def _sleep(self) -> None:
        if self._waiting:
            return
        self._awake.clear()
        try:
            async with asyncio.timeout(TICK_SECONDS if any(self._seat.spool.waiting.values()) else None):
                await self._awake.wait()
        except TimeoutError:
            return

    async def _refuse_all(self, reason: str) -> None:
        while self._waiting:
            _resolve(self._waiting.popleft(), NotStored(reason))
        await asyncio.sleep(PAUSE_SECONDS)

    async def _recall_parked(self) -> None:
        rows = await self._seat.spool.first(Kind.PARKED, self._seat.spool.limit)
        self._parked_spaces = {change.space for change in (unpack_change(row.value) for row in rows) if not change.by_us}

    async def _answer(self, batch: Sequence[Arrival]) -> None:
        try:
            await self._store(batch)
        except LedgerUnavailable:
            self._answer_all(batch, NotStored("ledger_unavailable"))
        except SpoolFull:
            self._answer_all(batch, NotStored("spool_full"))
        else:
            for arrival in batch:
                _resolve(arrival, Stored(tuple(arrival.said)))

    def _answer_all(self, batch: Sequence[Arrival], answer: NotStored) -> None:
        log.warning("webhooks_not_stored", instance=self._seat.name, reason=answer.reason, webhooks=len(batch))
        for arrival in batch:
            _resolve(arrival, answer)

    async def _store(self, arrivals: Sequence[Arrival]) -> None:
        changes = [outcome for arrival in arrivals for outcome in arrival.outcomes if isinstance(outcome, Change)]
        known = await self._recall(changes)
        batch = _Batch()
        for arrival in arrivals:
            for outcome in arrival.outcomes:
                self._sort(outcome, arrival, known, batch)
        await self._commit(batch)

    async def _recall(self, changes: Sequence[Change]) -> Known:
        references = [
            reference for change in changes for reference in (change.native_id, change.locator, change.parent) if reference is not None
        ]
        return await self._seat.memory.recall(references, (change.actor for change in changes))

    def _sort(self, outcome: Outcome, arrival: Arrival, known: Known, batch: _Batch) -> None:
        match outcome:
            case Unused(type=kind):
                Metric.unused.labels(self._seat.instance.platform, kind).inc()
                arrival.said.append(f"unused={kind}")
            case Nonsense():
                self._seal(outcome, arrival, batch)
            case Incomplete():
                batch.incomplete.append(Record("", b"", pack_incomplete(outcome), [(CORRELATION, arrival.correlation.encode())]))
                arrival.said.append("incomplete")
            case Change():
                self._decide(outcome, arrival, known, batch)

    def _decide(self, change: Change, arrival: Arrival, known: Known, batch: _Batch) -> None:
        if change.space in self._parked_spaces:
            return self._park(change, arrival, batch)
        decision = self._desk.decide(change, known, arrival.received_at, self._seat.clock())
        match decision:
            case Drop(reason=reason):
                self._drop(reason, arrival)
            case Park():
                self._park(change, arrival, batch)
            case Nonsense():
                self._seal(decision, arrival, batch)
            case Publish():
                self._publish(change, decision, arrival, batch)
        return None

    def _drop(self, reason: str, arrival: Arrival) -> None:
        Metric.webhooks.labels(self._seat.name, reason).inc()
        if reason == "echo":
            Metric.echoes.labels(self._seat.name).inc()
        arrival.said.append(f"dropped={reason}")

    def _park(self, change: Change, arrival: Arrival, batch: _Batch) -> None:
        if not change.by_us:  # may wait for days, and never becomes anything that what is behind could need
            self._parked_spaces.add(change.space)
        batch.parked.append(Record("", change.space.encode(), pack_change(change), [(CORRELATION, arrival.correlation.encode())]))
        arrival.said.append("parked")

    def _seal(self, nonsense: Nonsense, arrival: Arrival, batch: _Batch) -> None:
        headers = {
            "dlq_reason": nonsense.reason,
            "dlq_error": nonsense.detail[:500],
            "dlq_topic": "webhook",
            "dlq_at": timestamp(arrival.received_at),
            "node": self._seat.instance.node,
            "platform": self._seat.instance.platform,
            CORRELATION: arrival.correlation,
        }
        sealed = SealedBox(self._seat.sealing).encrypt(arrival.body)
        key = self._seat.instance.node.encode()
        Metric.dead_letters.labels(topics.ADAPTERS_DLQ.name, nonsense.reason).inc()
        batch.records.append(Record(topics.ADAPTERS_DLQ.name, key, sealed, [(name, said.encode()) for name, said in headers.items()]))
        batch.labels.append((arrival, f"nonsense={nonsense.reason}"))

    def _publish(self, change: Change, publish: Publish, arrival: Arrival, batch: _Batch) -> None:
        try:
            event = sign_event(
                self._seat.key,
                publish.fact,
                subject=publish.subject,
                time=change.occurred_at,
                platform=self._seat.instance.platform,
                native_id=change.native_id,
                change_marker=change.marker,
                actor=pseudonym(self._seat.memory.secret(change.actor), self._seat.name, change.actor),
                audience=publish.tie.audience,
                community=publish.tie.community,
                parent=publish.parent,
            )
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False)}))
            return self._seal(Nonsense("envelope_impossible", fields), arrival, batch)
        key = f"{self._seat.instance.node}/{publish.tie.space}".encode()
        headers = to_headers(event, arrival.correlation)
        batch.objects.append(publish.remembered)
        batch.records.append(Record(topics.RSE_INBOUND.name, key, event.value, headers, publish.fact.event_type))
        batch.labels.append((arrival, f"event={event.envelope.id}"))
        return None

    async def _commit(self, batch: _Batch) -> None:
        """Objects before records: an echo of what we say must find its object. Doubles are dropped by their event id."""
        now = self._seat.clock()
        if batch.objects:
            await self._seat.memory.remember(batch.objects)
        if batch.parked:
            await self._seat.spool.store(Kind.PARKED, batch.parked, now)
        if batch.incomplete:
            await self._seat.spool.store(Kind.INCOMPLETE, batch.incomplete, now)
        places = await self._seat.outgoing.put(batch.records)
        for (arrival, label), place in zip(batch.labels, places, strict=True):
            arrival.said.append(_placed(label, place))

    async def _unpark(self) -> None:
        """Decide what is parked, oldest first; a space that must still wait keeps all that is behind."""
        if not self._seat.spool.waiting[Kind.PARKED]:
            self._parked_spaces.clear()
            return
        rows = await self._seat.spool.first(Kind.PARKED, self._seat.spool.limit)
        changes = [unpack_change(row.value) for row in rows]
        known = await self._recall(changes)
        batch, blocked, gone = _Batch(), set[str](), list[int]()
        for row, change in zip(rows, changes, strict=True):
            arrival = _replayed(change, row.record, row.stored_at)
            waits = change.space in blocked
            decision = Park() if waits else self._desk.decide(change, known, row.stored_at, self._seat.clock())
            if isinstance(decision, Park):
                blocked |= set() if change.by_us else {change.space}
                continue
            gone.append(row.position)
            self._settle(change, decision, arrival, batch)
        if gone:
            await self._commit(batch)
            await self._seat.spool.remove(Kind.PARKED, gone)
        self._parked_spaces = blocked

    def _settle(self, change: Change, decision: Drop | Publish | Nonsense, arrival: Arrival, batch: _Batch) -> None:
        match decision:
            case Drop(reason=reason):
                self._drop(reason, arrival)
            case Nonsense():
                self._seal(decision, arrival, batch)
            case Publish():
                self._publish(change, decision, arrival, batch)


def _replayed(change: Change, record: Record, stored_at: datetime) -> Arrival:
    correlation = dict(record.headers).get(CORRELATION, b"").decode()
    nobody: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    return Arrival((change,), pack_change(change), correlation, stored_at, nobody)


def _resolve(arrival: Arrival, answer: Answer) -> None:
    if not arrival.answer.done():  # the client may have hung up
        arrival.answer.set_result(answer)


def _placed(label: str, place: Place | None) -> str:
    return f"{label}@{place or 'spool'}"
