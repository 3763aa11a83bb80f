"""From webhook to durably stored, a batch at a time: one loop per instance keeps the order of its spaces."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from adapters.apart import NOT_TOGETHER, OWN_FAULTS, Apart, fate, fate_apart, reason_of, unfit
from adapters.ledger import LedgerUnavailable
from adapters.port import Act, Change, Incomplete
from adapters.sorting import Answer, Arrival, Batch, NotStored, Sorter, Stored
from adapters.spool import Kind, SpoolFull, pack_change, unpack_change, unpack_incomplete
from adapters.state_log import StateLog
from adapters.verdicts import Park
from schemas.wire.failures import told
from schemas.wire.records import CORRELATION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from adapters.memory import Known, KnownObject
    from adapters.port import Outcome
    from adapters.sorting import Seat
    from adapters.spool import Record, Row
    from schemas.wire.publisher import Place

BATCH = 200
ON_THE_WAY = 2  # batches that ledger or Kafka have not taken yet; more would only be smaller
GATHER_SECONDS = 0.004
"""How long those are gathered who come while a batch is on its way: a few larger batches cost ledger and broker less than many small
ones, so that at half load the slowest webhook is answered sooner, and at full load a third more of them in a second."""
TICK_SECONDS = 0.25
PAUSE_SECONDS = 0.5
log = structlog.get_logger()


Storing = asyncio.Task[NotStored | None]


@dataclass(slots=True)
class _Storing:
    """A batch on its way: `remembered` ends once the ledger has its objects, `task` once all of it is durable; each tells why it could not."""

    batch: Batch
    remembered: Storing
    task: Storing


class Admission:
    """The waiting list of one instance and the loop that empties it."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._sorter = Sorter(seat)
        self._apart = Apart(seat.name, lambda arrival: fate_apart(self._through(arrival), seat.name))
        self._waiting: deque[Arrival] = deque()
        self._awake = asyncio.Event()
        self._storing: deque[_Storing] = deque()
        self._recalled = False
        self._fullness = StateLog("spool_has_room", "spool_full", open_before=True, instance=seat.name)
        self.refusals = 0
        """How many webhooks could not be stored."""
        self.asking = asyncio.Lock()
        """Held from a question to the RSE until its answer is admitted: an older answer must not come behind a newer one."""

    def to_be_asked(self, outcome: Outcome) -> bool:
        """Whether its RSE must say what a webhook left out of this; not where nothing of it would leave."""
        return isinstance(outcome, Incomplete) and self._sorter.desk.shut(outcome) is None

    async def admit(self, outcomes: Sequence[Outcome], body: bytes, correlation: str, *, leaving: bool = False) -> Answer:
        """Wait until the outcomes of one webhook are durably stored; `leaving` where it has a row of the spool, to be removed then."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(Arrival(outcomes, body, correlation, self._seat.clock(), answer, leaving))
        self._awake.set()
        return await answer

    def wake(self) -> None:
        """Look at once at what is parked: a write was answered, or Kafka is back."""
        self._awake.set()

    async def run(self) -> None:
        """Admit for ever, whatever fails; what waits in the spool goes first. While one batch is stored the next one is decided."""
        try:
            while True:
                try:
                    await self._turn()
                except Exception as error:  # noqa: BLE001 - a gateway without this loop would leave every webhook without an answer
                    await self._refuse_all(reason_of(error, self._seat.name))
        finally:
            for storing in self._storing:
                storing.task.cancel()
                storing.remembered.cancel()

    async def _turn(self) -> None:
        if not self._recalled:
            await self._recall_spool()
            self._recalled = True
        await self._sleep()
        if self._storing and len(self._waiting) < BATCH:
            await asyncio.sleep(GATHER_SECONDS)
        await self._serve_spool()
        if batch := self._next():
            await self._take(batch)

    def _next(self) -> list[Arrival]:
        """As many of those who wait as the spool could take if Kafka did not: one too many would have all of them refused. One at least, who is told so."""
        batch, room = list[Arrival](), self._seat.spool.room - sum(len(storing.batch.records) for storing in self._storing)
        while self._waiting and len(batch) < BATCH and (not batch or len(self._waiting[0].outcomes) <= room):
            batch.append(self._waiting.popleft())
            room -= len(batch[-1].outcomes)
        return batch

    @property
    def _served(self) -> bool:
        """Whether the spool holds what we serve; what is to be completed leaves by an answer of the RSE."""
        return bool(self._seat.spool.waiting[Kind.RECORD] or self._seat.spool.waiting[Kind.PARKED])

    async def _serve_spool(self) -> None:
        """Publish and decide what waits in the spool. Raises LedgerUnavailable."""
        if not self._sorter.parked_spaces and not self._served:
            return
        await self._stored()  # what it parks counts too
        try:
            await self._seat.outgoing.drain()
            await self._unpark()
        except SpoolFull:  # what is parked stays parked until records have left
            self._fullness.closed("parked")
        else:
            self._fullness.opened()

    async def _sleep(self) -> None:
        while self._storing and self._storing[0].task.done():
            await self._storing.popleft().task
        if self._waiting:
            return
        self._awake.clear()
        try:
            async with asyncio.timeout(TICK_SECONDS if self._served else None):
                await self._awake.wait()
        except TimeoutError:
            return

    async def _refuse_all(self, reason: str) -> None:
        self._refuse([], NotStored(reason))
        await asyncio.sleep(PAUSE_SECONDS)

    def _refuse(self, arrivals: Sequence[Arrival], answer: NotStored) -> None:
        """These, and all that waits behind them: it would be told before what is to come again."""
        behind = [*self._waiting]
        self._waiting.clear()
        self._answer_all([*arrivals, *behind], answer)

    async def _recall_spool(self) -> None:
        rows = await self._seat.spool.first(Kind.PARKED, self._seat.spool.limit)
        self._sorter.parked_spaces = {change.space for change in (unpack_change(row.value) for row in rows) if not change.by_us}
        asked = await self._seat.spool.first(Kind.INCOMPLETE, self._seat.spool.limit)
        wanted = (unpack_incomplete(row.value) for row in asked)
        awaited = (one.native_id for one in wanted if one.parent is not None or one.behind or one.act is Act.EDITED)
        self._sorter.desk.threads.wait(awaited)

    async def _take(self, arrivals: Sequence[Arrival]) -> None:
        """Decide a batch while the one before is remembered; not stored at all when that failed, since it was decided upon it."""
        before = self._storing[-1] if self._storing else None
        try:
            batch = await self._decided(arrivals, before.batch.objects if before else ())
        except LedgerUnavailable as error:
            self._refuse(arrivals, NotStored(reason_of(error, self._seat.name)))
            return
        except Exception:  # noqa: BLE001 - one event's own fault, or a server's: apart, each is told which
            await self._stored()
            await self._settle_apart(arrivals)
            return
        if before is not None and (failed := await before.remembered):
            if failed == NOT_TOGETHER:  # it is being settled apart: this one is decided again, upon what comes of that
                await self._stored()
                await self._take(arrivals)
            else:
                self._refuse(arrivals, failed)
            return
        if len(self._storing) == ON_THE_WAY:
            await self._storing.popleft().task
        self._storing.append(self._begun(batch, arrivals, before))

    def _begun(self, batch: Batch, arrivals: Sequence[Arrival], before: _Storing | None) -> _Storing:
        """Ledger and Kafka are told at once; what one of them missed comes again, under the same event id.

        What would be decided otherwise once the ledger knows of it, Kafka is told first.
        """
        put = asyncio.create_task(self._put_behind(before.task if before else None, batch))
        remembered = asyncio.create_task(self._remember_behind(put if batch.put_first else None, batch))
        task = asyncio.create_task(self._store(batch, arrivals, put, remembered))
        task.add_done_callback(lambda _: self._awake.set())
        return _Storing(batch, remembered, task)

    async def _stored(self) -> None:
        """Wait for all batches on their way."""
        while self._storing:
            await self._storing[0].task
            self._storing.popleft()

    async def _put_behind(self, before: Storing | None, batch: Batch) -> NotStored | None:
        failed = await before if before is not None else None
        return failed or await fate(self._put(batch), self._seat.name)

    async def _remember_behind(self, put: Storing | None, batch: Batch) -> NotStored | None:
        failed = await put if put is not None else None
        return failed or await fate(self._remember(batch), self._seat.name)

    async def _store(self, batch: Batch, arrivals: Sequence[Arrival], put: Storing, remembered: Storing) -> NotStored | None:
        published, failed = await put is None, await remembered
        failed = failed or put.result()
        if failed == NOT_TOGETHER:
            await self._settle_apart(arrivals)
            return None
        if failed is not None:
            if published:
                self._seat.memory.owe(batch.objects)
            self._answer_all(arrivals, failed)
            return failed
        for arrival in arrivals:
            _resolve(arrival, Stored(tuple(arrival.said)))
        return None

    async def _settle_apart(self, arrivals: Sequence[Arrival]) -> None:
        """One by one, so that an event that cannot be kept costs no other anything but time."""
        log.warning("batch_settled_apart", instance=self._seat.name, webhooks=len(arrivals))
        for arrival in arrivals:
            answer = await self._settled_apart(arrival)
            if isinstance(answer, NotStored):
                self._answer_all([arrival], answer)
            else:
                _resolve(arrival, answer)

    async def _settled_apart(self, arrival: Arrival) -> Answer:
        try:
            return await self._apart.settle(arrival)
        except Exception as error:  # noqa: BLE001 - not even its dead letter could be kept: it is to come again
            return NotStored(reason_of(error, self._seat.name))

    async def _through(self, arrival: Arrival) -> None:
        await self._keep(await self._decided([arrival], ()))

    async def _keep(self, batch: Batch) -> None:
        if not batch.put_first:
            await self._remember(batch)
            return await self._put(batch)
        await self._put(batch)
        try:
            await self._remember(batch)
        except LedgerUnavailable:
            self._seat.memory.owe(batch.objects)
            raise

    def _answer_all(self, batch: Sequence[Arrival], answer: NotStored) -> None:
        log.warning("webhooks_not_stored", instance=self._seat.name, reason=answer.reason, webhooks=len(batch))
        self.refusals += len(batch)
        for arrival in batch:
            _resolve(arrival, answer)

    async def _decided(self, arrivals: Sequence[Arrival], unstored: Sequence[KnownObject]) -> Batch:
        changes = [outcome for arrival in arrivals for outcome in arrival.outcomes if isinstance(outcome, Change)]
        known = await self._recall(changes)
        known.renew(unstored)
        return self._sorter.sort(arrivals, known)

    async def _recall(self, changes: Sequence[Change]) -> Known:
        references = [reference for change in changes for reference in self._sorter.desk.references(change)]
        return await self._seat.memory.recall(references, (change.actor for change in changes))

    async def _remember(self, batch: Batch) -> None:
        now = self._seat.clock()
        if batch.objects:
            await self._seat.memory.remember(batch.objects)
        if batch.people:
            await self._seat.memory.meet(batch.people)
        if batch.wanted:
            await self._seat.memory.want(batch.wanted)
        if batch.parked:
            await self._seat.spool.store(Kind.PARKED, batch.parked, now, leaving=batch.leaving)
        if batch.incomplete:
            await self._seat.spool.store(Kind.INCOMPLETE, batch.incomplete, now, leaving=batch.leaving)

    async def _put(self, batch: Batch) -> None:
        if batch.objects:
            await self._seat.memory.pay()
        places = await self._seat.outgoing.put(batch.records)
        for (arrival, label), place in zip(batch.labels, places, strict=True):
            arrival.said.append(_placed(label, place))
        for newcomer in batch.newcomers:
            self._seat.newcomers.note(newcomer)

    async def _unpark(self) -> None:
        """Decide what is parked, oldest first; a space that must still wait keeps all that is behind."""
        if not self._seat.spool.waiting[Kind.PARKED]:
            self._sorter.parked_spaces.clear()
            return
        rows, blocked = await self._seat.spool.first(Kind.PARKED, self._seat.spool.limit), set[str]()
        try:
            await self._release(rows, blocked)
        except SpoolFull:
            raise
        except OWN_FAULTS:
            blocked.clear()
            for row in rows:
                await self._release_alone(row, blocked)
        self._sorter.parked_spaces = blocked

    async def _release_alone(self, row: Row, blocked: set[str]) -> None:
        try:
            await self._release([row], blocked)
        except SpoolFull:
            raise
        except OWN_FAULTS as error:
            log.error("parked_event_unfit", instance=self._seat.name, **told(error))  # noqa: TRY400 - its text may hold content
            letter = _replayed(unpack_change(row.value), row.record, row.stored_at)
            letter.outcomes = (unfit(error),)
            await self._through(letter)
            await self._seat.spool.remove(Kind.PARKED, [row.position])

    async def _release(self, rows: Sequence[Row], blocked: set[str]) -> None:
        """Decide these rows; those that must still wait, and all behind them of their space, stay."""
        changes = [unpack_change(row.value) for row in rows]
        known = await self._recall(changes)
        batch, gone = Batch(self._seat.key.held()), list[int]()
        for row, change in zip(rows, changes, strict=True):
            arrival = _replayed(change, row.record, row.stored_at)
            waits = change.space in blocked
            decision = Park() if waits else self._sorter.desk.decide(change, known, row.stored_at, self._seat.clock())
            if isinstance(decision, Park):
                blocked |= set() if change.by_us else {change.space}
                continue
            gone.append(row.position)
            self._sorter.settle(change, decision, arrival, batch)
        if gone:
            batch.leaving = len(gone)
            await self._keep(batch)
            await self._seat.spool.remove(Kind.PARKED, gone)


def _replayed(change: Change, record: Record, stored_at: datetime) -> Arrival:
    correlation = dict(record.headers).get(CORRELATION, b"").decode()
    nobody: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    return Arrival((change,), pack_change(change), correlation, stored_at, nobody, leaving=True)


def _resolve(arrival: Arrival, answer: Answer) -> None:
    if not arrival.answer.done():  # the client may have hung up
        arrival.answer.set_result(answer)


def _placed(label: str, place: Place | None) -> str:
    return f"{label}@{place or 'spool'}"
