"""Writes into the RSE what other ministries said: proved at the last door, once, in order, answered by a receipt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from adapters.applied import Counting
from adapters.carrying import HANDLER_ERROR, PASSING, Carrier
from adapters.effects import Effects
from adapters.last_door import KEY_REASONS, Passed, Stopped
from adapters.ledger import LedgerUnavailable
from adapters.orders import Verdicted
from adapters.patience import delay
from adapters.quotations import Quotations
from adapters.resyncs import AWAITED, Lost
from adapters.spool import Record
from schemas import topics
from schemas.facts.delivery import Delivery
from schemas.proof import timestamp
from schemas.wire.failures import told
from schemas.wire.publisher import NotAcknowledged
from schemas.wire.telemetry import Metric
from schemas.words import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.applied import Numbers
    from adapters.bench import Bench
    from adapters.last_door import UnverifiedRecord

RETRY_SECONDS = 0.5
log = structlog.get_logger()


class Writer:
    """Handles one record at a time of each community; `handle` returns when its receipt lies in the ledger."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._carrier = Carrier(bench)
        self._effects = Effects(bench, self._carrier)
        self._quotations = Quotations(bench)
        self._lettered: set[tuple[str, int, int]] = set()
        """Records that are dead letters already and not closed yet: the ledger is tried again, the letter is not written again."""

    async def recall(self) -> None:
        """Read what was applied and what was left open, by the last run or by another process; done whenever records become ours."""
        await self._bench.applied.begin()
        await self._bench.applied.load()
        await self._bench.ties.load()
        await self._bench.resyncs.load()
        await self._bench.receipts.recall()
        self._carrier.to_look_for = set(await self._bench.applied.open_intents())

    async def missed(self, reason: Lost) -> None:
        """Our topic does not hold what comes next: the hub is asked for it, in every community. Waits until the ledger has it noted."""
        while True:
            try:
                return await self._bench.asking.missed(reason)
            except LedgerUnavailable:
                await self._bench.sleep(RETRY_SECONDS)

    async def handle(self, record: UnverifiedRecord, done: Callable[[], None]) -> None:
        """See a record through, whatever becomes of PostgreSQL or Kafka meanwhile; `done` when it may be committed."""
        while True:
            try:
                return await self._handle(record, done)
            except PASSING as error:
                log.warning("writer_waits", instance=self._bench.name, error=type(error).__name__, offset=record.offset)
                await self._bench.sleep(RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever a record makes fail, it alone becomes a dead letter
                log.error(HANDLER_ERROR, instance=self._bench.name, offset=record.offset, **told(error))  # noqa: TRY400 - its text may hold content
                return await self._give_up(record, type(error).__name__, done)

    async def _handle(self, record: UnverifiedRecord, done: Callable[[], None]) -> None:
        await self._bench.applied.ours()
        checked = await self._check(record)
        if isinstance(checked, Stopped):
            await self._dead_letter(record, checked.reason, checked.detail)
            return await self._close(record, checked, Verdicted(Verdict.REFUSED, checked.reason), done)
        numbers = self._bench.applied.numbers(record.lane)
        if checked.number and numbers is not None and numbers.has(checked.number):
            return done()
        await self._note_gap(record.lane, checked, numbers)
        await self._note_company(record.lane, checked)
        said = await self._followed(await self._effects.of(record, checked), checked)
        if said.verdict is Verdict.REFUSED:
            await self._dead_letter(record, said.reason or "refused", said.detail)
        await self._close(record, checked, said, done)
        if checked.resent:
            self._bench.resyncs.heard(record.lane, self._bench.clock())
        return None

    async def _followed(self, said: Verdicted, checked: Passed) -> Verdicted:
        """With its quotations. What was written before one of them made us fail is noted all the same, or nothing could ever take it back."""
        try:
            return await self._quotations.follow(said, checked)
        except PASSING:
            raise
        except Exception as error:  # noqa: BLE001 - as in `handle`
            log.error(HANDLER_ERROR, instance=self._bench.name, **told(error))  # noqa: TRY400 - as there
            keys = await self._begun(checked)
            return replace(said, verdict=Verdict.REFUSED, reason=HANDLER_ERROR, detail=type(error).__name__, keys=keys)

    async def _begun(self, checked: Passed | Stopped) -> tuple[str, ...]:
        """The intents of a record's parts and quotations that are still open."""
        key = _key(checked)
        return tuple(one for one in await self._bench.applied.open_intents() if one.startswith(f"{key}.")) if key is not None else ()

    async def _check(self, record: UnverifiedRecord) -> Passed | Stopped:
        checked = self._bench.door.check(record, await self._bench.trust.wait())
        if isinstance(checked, Stopped) and checked.reason in KEY_REASONS:
            await self._bench.trust.hurry()
            checked = self._bench.door.check(record, await self._bench.trust.wait())
        return checked

    async def _note_gap(self, community: str, passed: Passed, numbers: Numbers | None) -> None:
        """A number that should have come before this one did not: what is missing is asked for, and this one comes again behind it."""
        if numbers is None or not numbers.skips_to(passed.number) or passed.resent or self._bench.resyncs.of(community) is not None:
            return
        self._tell_gap("sequence_gap", passed, numbers)
        await self._bench.asking.missed_of(community, Lost.GAP)

    async def _note_company(self, community: str, passed: Passed) -> None:
        if passed.company is not None:
            await self._bench.ties.heard_by(community, passed.company)

    def _tell_gap(self, what: str, passed: Passed, numbers: Numbers) -> None:
        Metric.records.labels(f"node.{self._bench.instance.node}", self._bench.instance.node, what).inc()
        log.warning(what, instance=self._bench.name, applied=numbers.applied, sequence=passed.number)

    async def _close(self, record: UnverifiedRecord, checked: Passed | Stopped, said: Verdicted, done: Callable[[], None]) -> None:
        waiting = await self._bench.applied.close(
            self._delivery(record, checked, said),
            key=_key(checked),
            copy=said.copy,
            refused=said.refused,
            parts=said.keys,
            requoted=said.requoted,
            settled=said.settled,
            counting=self._counting(record.lane, checked),
        )
        if said.reason != AWAITED:  # it comes again under the same name, and what was begun of it is looked for then
            self._carrier.to_look_for -= {_key(checked) or "", *said.keys}
        self._lettered.discard(_place(record))
        Metric.writes.labels(self._bench.name, said.verdict.value).inc()
        self._time(checked)
        log.info(
            "delivery", instance=self._bench.name, event_id=waiting.delivery.event, correlation=checked.correlation,
            sequence=checked.number, verdict=said.verdict.value, reason=said.reason, offset=record.offset,
        )  # fmt: skip
        self._bench.receipts.add(waiting, done)
        self._bench.answered()

    def _counting(self, community: str, checked: Passed | Stopped) -> Counting:
        """While something is awaited, only what is sent again counts."""
        awaits = self._bench.resyncs.of(community) is not None
        if isinstance(checked, Passed) and checked.resent:
            return Counting.REACHED if awaits else Counting.NOT_YET
        return Counting.NOT_YET if awaits else Counting.NEXT

    def _time(self, checked: Passed | Stopped) -> None:
        if isinstance(checked, Passed) and checked.place is not None:
            Metric.hop.labels("written").observe(max(0.0, (self._bench.clock() - checked.place.admitted_at).total_seconds()))

    def _delivery(self, record: UnverifiedRecord, checked: Passed | Stopped, said: Verdicted) -> Delivery:
        event, digest = (
            (checked.event, checked.digest)
            if isinstance(checked, Stopped)
            else (checked.verified.event.envelope.id, checked.verified.event.digest)
        )
        return Delivery(
            event=event,
            event_digest=digest,
            community=record.lane,
            sequence=max(0, checked.number),
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            verdict=said.verdict,
            at=self._bench.clock(),
            reason=said.reason,
            native_id=said.native_id,
            native_version=said.native_version,
            correlation=checked.correlation,
        )

    async def _give_up(self, record: UnverifiedRecord, error: str, done: Callable[[], None]) -> None:
        """A dead letter for a record that made us fail; tried until both Kafka and the ledger have it, whatever they fail of."""
        failures = 0
        while True:
            try:
                checked = self._bench.door.check(record, await self._bench.trust.wait())
                await self._dead_letter(record, HANDLER_ERROR, error)
                given_up = Verdicted(Verdict.REFUSED, HANDLER_ERROR, keys=await self._begun(checked))
                return await self._close(record, checked, given_up, done)
            except (LedgerUnavailable, NotAcknowledged):
                await self._bench.sleep(RETRY_SECONDS)
            except Exception as again:  # noqa: BLE001 - the lane must not end with records in it
                failures += 1
                Metric.records.labels(f"node.{self._bench.instance.node}", self._bench.instance.node, "not_given_up").inc()
                log.error("record_not_given_up", instance=self._bench.name, offset=record.offset, failures=failures, **told(again))  # noqa: TRY400 - as above
                await self._bench.sleep(delay(failures, None, 1.0))

    async def _dead_letter(self, record: UnverifiedRecord, reason: str, detail: str) -> None:
        """The record's bytes untouched, its headers as they were, and ours that say why; once, however often it is tried. Raises NotAcknowledged."""
        if _place(record) in self._lettered:
            return
        source = topics.outbound(self._bench.instance.node)
        ours = {
            "dlq_reason": reason,
            "dlq_error": detail,
            "dlq_topic": source.name,
            "dlq_partition": str(record.partition),
            "dlq_offset": str(record.offset),
            "dlq_attempts": "1",
            "dlq_at": timestamp(self._bench.clock()),
        }
        headers = [(name, raw or b"") for name, raw in record.headers if name not in ours]
        headers += [(name, said.encode()) for name, said in ours.items()]
        letter = Record(source.dead_letters.name, record.key or b"", record.value or b"", headers)
        await self._bench.publisher.publish([letter])
        self._lettered.add(_place(record))
        Metric.dead_letters.labels(source.name, reason).inc()


def _place(record: UnverifiedRecord) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


def _key(checked: Passed | Stopped) -> str | None:
    """The intent that a verdict closes, however it came about: one left open would make every change of its space wait."""
    return checked.verified.event.envelope.id if isinstance(checked, Passed) else None
