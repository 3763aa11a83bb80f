"""Writes into the RSE what other ministries said: proved at the last door, once, in order, answered by a receipt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from adapters.applied import RENAMING, Copy, Counting, Numbers, Refused
from adapters.carrying import Carrier
from adapters.failures import told
from adapters.last_door import KEY_REASONS, Passed, Stopped
from adapters.ledger import LedgerUnavailable
from adapters.orders import Gesture, Orders, Place, Verdicted
from adapters.people import Ghosted
from adapters.port import UNSUPPORTED, WITHDRAWN, Act, Never, Order, Written
from adapters.quotations import Quotations
from adapters.resyncs import Lost
from adapters.spool import Record, SpoolFull
from schemas import topics
from schemas.envelope import object_id
from schemas.facts import TakenBack
from schemas.facts.delivery import Delivery
from schemas.facts.membership import MembershipLeft
from schemas.facts.message import MessageDeleted, MessagePosted
from schemas.facts.resync import ResyncCompleted
from schemas.facts.tie import TieAccepted, TieProposed, TieRefused
from schemas.proof import timestamp
from schemas.wire.publisher import NotAcknowledged
from schemas.wire.telemetry import Metric
from schemas.words import Verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from adapters.applied import Applied
    from adapters.asking_again import Asking
    from adapters.handshake import Handshake
    from adapters.last_door import LastDoor, UnverifiedRecord
    from adapters.patience import Pause
    from adapters.port import RseClient
    from adapters.receipts import Receipts
    from adapters.registry import Trust
    from adapters.resyncs import Resyncs
    from adapters.settings import Instance
    from adapters.ties import Ties
    from schemas.wire.publisher import Publisher

RETRY_SECONDS = 0.5
STALE_SECONDS = 5.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that the writer of one instance works with."""

    name: str
    instance: Instance
    client: RseClient
    door: LastDoor
    trust: Trust
    applied: Applied
    ties: Ties
    resyncs: Resyncs
    asking: Asking
    handshake: Handshake
    pause: Pause
    receipts: Receipts
    publisher: Publisher
    answered: Callable[[], None]
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]


class Writer:
    """Handles one record at a time of each community; `handle` returns when its receipt lies in the ledger."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._orders = Orders(bench.applied, bench.instance.organisation)
        self._carrier = Carrier(bench)
        self._quotations = Quotations(bench)

    async def recall(self) -> None:
        """Read what was applied and what was left open, by the last run or by another process; done whenever records become ours."""
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
            except (LedgerUnavailable, NotAcknowledged, SpoolFull) as error:
                log.warning("writer_waits", instance=self._bench.name, error=type(error).__name__, offset=record.offset)
                await self._bench.sleep(RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever a record makes fail, it alone becomes a dead letter
                log.error("handler_error", instance=self._bench.name, offset=record.offset, **told(error))  # noqa: TRY400 - its text may hold content
                return await self._give_up(record, type(error).__name__, done)

    async def _handle(self, record: UnverifiedRecord, done: Callable[[], None]) -> None:
        checked = await self._check(record)
        if isinstance(checked, Stopped):
            await self._dead_letter(record, checked.reason, checked.detail)
            return await self._close(record, checked, Verdicted(Verdict.REFUSED, checked.reason), done)
        numbers = self._bench.applied.numbers(record.lane)
        if checked.number and numbers is not None and numbers.has(checked.number):
            return done()
        await self._note_gap(record.lane, checked, numbers)
        await self._note_company(record.lane, checked)
        said = await self._quotations.follow(await self._apply(record, checked), checked)
        if said.verdict is Verdict.REFUSED:
            await self._dead_letter(record, said.reason or "refused", "")
        await self._close(record, checked, said, done)
        if checked.resent:
            self._bench.resyncs.heard(record.lane, self._bench.clock())
        return None

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
        """Who hears the community now; what is taken back goes further, to where it was heard before, and what is sent again to us alone."""
        if passed.place is not None and not passed.resent and not isinstance(passed.verified.fact, TakenBack):
            await self._bench.ties.heard_by(community, passed.place.targets)

    def _tell_gap(self, what: str, passed: Passed, numbers: Numbers) -> None:
        Metric.records.labels(f"node.{self._bench.instance.node}", self._bench.instance.node, what).inc()
        log.warning(what, instance=self._bench.name, applied=numbers.applied, sequence=passed.number)

    async def _apply(self, record: UnverifiedRecord, passed: Passed) -> Verdicted:
        envelope, fact = passed.verified.event.envelope, passed.verified.fact
        if fact is None:
            return Verdicted(Verdict.UNSUPPORTED, "type_unknown")
        if isinstance(fact, TieProposed | TieAccepted | TieRefused):
            return await self._tie(fact, record, passed)
        if isinstance(fact, ResyncCompleted):
            return await self._completed(fact, record.lane, passed)
        if isinstance(fact, MembershipLeft) and envelope.source != self._bench.instance.node:
            return await self._left(fact, record.lane, passed)
        if envelope.source == self._bench.instance.node or not isinstance(fact, MessagePosted | MessageDeleted | Gesture):
            return Verdicted(Verdict.CONFIRMED)  # our own, or an announcement that asks nothing of the RSE
        return await self._said(fact, record.lane, passed)

    async def _tie(self, fact: TieProposed | TieAccepted | TieRefused, record: UnverifiedRecord, passed: Passed) -> Verdicted:
        envelope, node, ties = passed.verified.event.envelope, self._bench.instance.node, self._bench.ties
        community = envelope.community or record.lane
        from_hub = envelope.source == self._bench.door.hub
        match fact:
            case TieProposed() if from_hub and fact.node == node:
                await self._bench.handshake.answer(fact, community, passed.correlation)
            case TieProposed() | TieRefused() if fact.node != node and passed.place is None:
                return Verdicted(Verdict.REFUSED, "not_for_this_node")
            case TieAccepted() if envelope.source == node:
                await ties.confirm(fact.space, community, fact.audience)
            case TieRefused() if from_hub and fact.node == node:
                await ties.refuse(fact.space, community, fact.reason)
            case TieProposed() | TieAccepted() | TieRefused():
                pass  # another node's handshake: everybody in the community hears of it
        return Verdicted(Verdict.CONFIRMED)

    async def _completed(self, fact: ResyncCompleted, community: str, passed: Passed) -> Verdicted:
        """All that was missed has come, if it is our last asking that is answered: from here on what comes is written as usual."""
        awaited = self._bench.resyncs.of(community)
        from_hub = passed.verified.event.envelope.source == self._bench.door.hub and passed.place is None
        if from_hub and fact.node == self._bench.instance.node and awaited is not None and fact.request == awaited.request:
            await self._bench.applied.reach(community, fact.through)
            await self._bench.resyncs.end(community, self._bench.clock())
            log.info("resync_completed", instance=self._bench.name, community=community, through=fact.through)
        return Verdicted(Verdict.CONFIRMED)

    async def _said(self, fact: MessagePosted | MessageDeleted | Gesture, community: str, passed: Passed) -> Verdicted:
        place = await self._place(fact, community, passed)
        if isinstance(place, Verdicted):
            return place
        if isinstance(fact, Gesture):
            order = await self._orders.of_gesture(fact, place, passed)
        else:
            order = await self._orders.of_message(fact, place, passed)
        return order if isinstance(order, Verdicted) else await self._carry_out(order, community)

    async def _left(self, fact: MembershipLeft, community: str, passed: Passed) -> Verdicted:
        """Where people of other ministries stand under names of their own, who takes part no longer stands there no longer."""
        place, client = await self._place(fact, community, passed), self._bench.client
        if isinstance(place, Verdicted):
            return place
        if not isinstance(client, Ghosted) or not place.space:
            return Verdicted(Verdict.CONFIRMED)
        outcome: bool | Never = await self._bench.pause.through(lambda: client.depart(fact.member, place.space))
        if isinstance(outcome, Never):
            return Verdicted(Verdict.UNSUPPORTED, outcome.reason)
        return Verdicted(Verdict.WRITTEN if outcome else Verdict.CONFIRMED)

    async def _place(
        self, fact: MessagePosted | MessageDeleted | MembershipLeft | Gesture, community: str, passed: Passed
    ) -> Place | Verdicted:
        """Where the community's events go here, for a node that speaks of its own objects."""
        if not self._speaks_for_it(passed):
            return Verdicted(Verdict.REFUSED, "object_of_another_node")
        if (why := self._bench.resyncs.why_not(community, passed)) is not None:
            return Verdicted(Verdict.SKIPPED, why)
        space = (passed.place.targets if passed.place is not None else {}).get(self._bench.instance.node, "")
        if not isinstance(fact, TakenBack) and not await self._tied(space, community):  # a copy is taken away wherever it lies
            return Verdicted(Verdict.REFUSED, "space_not_tied")
        return Place(community, space)

    def _speaks_for_it(self, passed: Passed) -> bool:
        """A node speaks for its own objects alone; the hub for another's only where it sends again what nobody else keeps."""
        envelope, owner = passed.verified.event.envelope, passed.verified.event.envelope.onbehalf
        if owner is None:
            return envelope.subject == object_id(envelope.source, envelope.nativeid)
        by_hub = envelope.source == self._bench.door.hub and passed.resent and owner != self._bench.instance.node
        return by_hub and envelope.subject == object_id(owner, envelope.nativeid)

    async def _tied(self, space: str, community: str) -> bool:
        """Tell whether the community's messages may be written there; waits until who can read it is attested anew where that is old."""
        while space in self._bench.instance.spaces:
            tie = self._bench.ties.of(space)
            if tie is None or tie.community != community:
                return False
            if self._bench.handshake.fresh(tie):
                return True
            log.warning("tie_not_fresh", instance=self._bench.name, community=community)
            await self._bench.handshake.refresh(tie)
            if (again := self._bench.ties.of(space)) is not None and not self._bench.handshake.fresh(again):
                await self._bench.sleep(STALE_SECONDS)
        return False

    async def _carry_out(self, order: Order, community: str) -> Verdicted:
        carried = await self._carrier.carry_out(order)
        keys = tuple(carried.later.keys)
        match carried.outcome:
            case Written() as outcome:
                native_id = outcome.native_id if order.act in RENAMING else order.native_id or outcome.native_id
                copy = Copy(order, outcome, community, tuple(carried.later.parts))
                return Verdicted(Verdict.WRITTEN, None, native_id, outcome.version, copy, keys=keys)
            case Never(reason=reason) if reason == WITHDRAWN:
                return Verdicted(Verdict.SKIPPED, reason, order.native_id, keys=keys)
            case Never(reason=reason, detail=detail) if reason == UNSUPPORTED:
                return Verdicted(Verdict.UNSUPPORTED, detail or reason, refused=_refused(order, reason), keys=keys)
            case Never(reason=reason):
                return Verdicted(Verdict.REFUSED, reason, refused=_refused(order, reason), keys=keys)

    async def _close(self, record: UnverifiedRecord, checked: Passed | Stopped, said: Verdicted, done: Callable[[], None]) -> None:
        waiting = await self._bench.applied.close(
            self._delivery(record, checked, said),
            key=_key(checked),
            copy=said.copy,
            refused=said.refused,
            parts=said.keys,
            requoted=said.requoted,
            counting=self._counting(record.lane, checked),
        )
        self._carrier.to_look_for -= {_key(checked) or "", *said.keys}
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
        """A dead letter for a record that made us fail; tried until both Kafka and the ledger have it."""
        while True:
            try:
                checked = self._bench.door.check(record, await self._bench.trust.wait())
                await self._dead_letter(record, "handler_error", error)
                return await self._close(record, checked, Verdicted(Verdict.REFUSED, "handler_error"), done)
            except (LedgerUnavailable, NotAcknowledged):
                await self._bench.sleep(RETRY_SECONDS)

    async def _dead_letter(self, record: UnverifiedRecord, reason: str, detail: str) -> None:
        """The record's bytes untouched, its headers as they were, and ours that say why. Raises NotAcknowledged."""
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
        Metric.dead_letters.labels(source.name, reason).inc()


def _key(checked: Passed | Stopped) -> str | None:
    """The intent that a verdict closes, however it came about: one left open would make every change of its space wait."""
    return checked.verified.event.envelope.id if isinstance(checked, Passed) else None


def _refused(order: Order, reason: str) -> Refused | None:
    return Refused(order.subject, reason) if order.act is Act.POSTED else None
