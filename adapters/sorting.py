"""Puts outcomes into batches: each decided, and signed, sealed, parked or dropped as was decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from nacl.public import PublicKey as SealingKey
from nacl.public import SealedBox
from pydantic import ValidationError

from adapters.before import Beginnings
from adapters.decisions import Desk
from adapters.far_clock import ZERO
from adapters.greetings import Newcomer, Newcomers
from adapters.lately import Lately
from adapters.memory import Met
from adapters.observing import OBSERVES, is_speech, speaks
from adapters.port import Act, Altered, Change, Incomplete, Nonsense, RosterAltered, Unused
from adapters.pseudonyms import pseudonym
from adapters.spool import Record, pack_change, pack_incomplete
from adapters.verdicts import Doubt, Drop, Park, Publish
from schemas import topics
from schemas.envelope import BACKFILL
from schemas.facts.message import MessagePosted
from schemas.names import ANYBODY
from schemas.proof import sign_event, timestamp
from schemas.wire.records import CORRELATION, to_headers
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from adapters.memory import Known, KnownObject, Memory
    from adapters.outgoing import Outgoing
    from adapters.port import Outcome
    from adapters.settings import Instance
    from adapters.spool import Spool
    from adapters.ties import Ties
    from adapters.verdicts import Decision
    from schemas.keys import KeyHolder, SigningKey

MOST_SEALED: Final = 7 * 1024 * 1024
"""Bytes of a body in a dead letter: sealed, and as base64 through the hub's door, they are within what both take."""
IN_FIRST_LETTER: Final = "corps : dans la première lettre de ce webhook (même corrélation)"
CUT: Final = f"corps coupé à {MOST_SEALED // 1024**2} Mio"


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
    leaving: bool = False
    """Whether it stands in the spool, and leaves it once it is stored anew."""
    said: list[str] = field(default_factory=list)
    sealed: bool = False
    """Whether a dead letter holds its body already, where its outcomes are settled apart."""


@dataclass(slots=True)
class Batch:
    """What a batch will store, and whom each record answers; `key` signs all of it, since it is signed at one moment."""

    key: SigningKey
    records: list[Record] = field(default_factory=list)
    labels: list[tuple[Arrival, str]] = field(default_factory=list)
    objects: list[KnownObject] = field(default_factory=list)
    parked: list[Record] = field(default_factory=list)
    incomplete: list[Record] = field(default_factory=list)
    newcomers: list[Newcomer] = field(default_factory=list)
    people: list[Met] = field(default_factory=list)
    leaving: int = 0
    """How many rows of the spool go once this is stored."""
    wanted: list[str] = field(default_factory=list)
    """What is answered and still to be brought by a back-fill."""
    sealed: set[int] = field(default_factory=set)
    """The arrivals whose body a letter holds, by identity: somebody in a room may write a hundred senseless events of one body."""
    put_first: bool = False
    """Whether anything here would be decided otherwise once the ledger knew of it: another event, or none, though nobody has this one."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Everything that admission needs of one instance."""

    name: str
    instance: Instance
    key: KeyHolder
    memory: Memory
    ties: Ties
    spool: Spool
    outgoing: Outgoing
    sealing: SealingKey
    clock: Callable[[], datetime]
    hint: Callable[[str], None]
    """Told of each space on which something changed that its tie rests on."""
    roster_hint: Callable[[str], None]
    """Told of each space to which somebody came, or that somebody left; of any space where none is named."""
    newcomers: Newcomers = field(default_factory=Newcomers)
    observes: Callable[[], bool] = speaks
    """Whether the node may not say anything new (`adapters.observing`)."""
    lately: Lately = field(default_factory=Lately)
    """What somebody has just liked, and may like no longer without a word (`adapters.unliked`)."""
    ahead: Callable[[], timedelta] = lambda: ZERO
    """How far the RSE's clock is ahead of ours, as far as it tells."""


class Sorter:
    """What one instance's outcomes come to. `parked_spaces` are those whose changes must wait behind one that waits."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self.desk = Desk(seat.instance, seat.ties.known, beginnings=Beginnings(seat.ahead))
        self.parked_spaces: set[str] = set()

    def sort(self, arrivals: Sequence[Arrival], known: Known) -> Batch:
        """What these webhooks come to.

        All is decided before anything is signed: by turns, each would find the processor's caches full of the other.
        """
        changes = [(outcome, arrival) for arrival in arrivals for outcome in arrival.outcomes if isinstance(outcome, Change)]
        decisions = iter([self._decide(change, arrival, known) for change, arrival in changes])
        batch = Batch(self._seat.key.held(), leaving=sum(arrival.leaving for arrival in arrivals))
        for arrival in arrivals:
            arrival.said.clear()  # it may be sorted a second time, where the batch before was settled apart
            for outcome in arrival.outcomes:
                if isinstance(outcome, Change):
                    self.settle(outcome, next(decisions), arrival, batch)
                else:
                    self._note(outcome, arrival, batch)
        return batch

    def _note(self, outcome: Unused | Altered | RosterAltered | Nonsense | Incomplete, arrival: Arrival, batch: Batch) -> None:
        match outcome:
            case Unused(type=kind):
                Metric.unused.labels(self._seat.instance.platform, kind).inc()
                arrival.said.append(f"unused={kind}")
            case Altered(space=space, type=kind):
                self._seat.hint(space)
                arrival.said.append(f"altered={kind}")
            case RosterAltered(space=space):
                self._seat.roster_hint(space)
                arrival.said.append("altered=members")
            case Nonsense():
                self._seal(outcome, arrival, batch)
            case Incomplete():
                self._ask(outcome, arrival, batch)

    def _decide(self, change: Change, arrival: Arrival, known: Known) -> Decision:
        """What becomes of a change, unless its space has one that waits: then it waits behind that."""
        if change.space in self.parked_spaces and not change.history:  # which may be what those that wait are about
            return Park()
        decision = self.desk.decide(change, known, arrival.received_at, self._seat.clock())
        if isinstance(decision, Park) and not change.by_us:  # ours may wait for days, and nothing behind could need what becomes of it
            self.parked_spaces.add(change.space)
        return decision

    def _ask(self, incomplete: Incomplete, arrival: Arrival, batch: Batch) -> None:
        if (shut := self.desk.shut(incomplete)) is not None:
            return self._drop(shut.reason, arrival)
        self.desk.threads.wait([incomplete.native_id] if incomplete.act is Act.EDITED else [])
        batch.incomplete.append(Record("", b"", pack_incomplete(incomplete), [(CORRELATION, arrival.correlation.encode())]))
        arrival.said.append("incomplete")
        return None

    def _drop(self, reason: str, arrival: Arrival) -> None:
        Metric.webhooks.labels(self._seat.name, reason).inc()
        if reason == "echo":
            Metric.echoes.labels(self._seat.name).inc()
        arrival.said.append(f"dropped={reason}")

    def _park(self, change: Change, arrival: Arrival, batch: Batch) -> None:
        batch.parked.append(Record("", change.space.encode(), pack_change(change), [(CORRELATION, arrival.correlation.encode())]))
        arrival.said.append("parked")

    def _seal(self, nonsense: Nonsense, arrival: Arrival, batch: Batch) -> None:
        body, where = _once(arrival, batch)
        headers = {
            "dlq_reason": nonsense.reason,
            "dlq_error": " ; ".join(said for said in (nonsense.detail[:500], where) if said),
            "dlq_topic": "webhook",
            "dlq_at": timestamp(arrival.received_at),
            "node": self._seat.instance.node,
            "platform": self._seat.instance.platform,
            CORRELATION: arrival.correlation,
        }
        sealed = SealedBox(self._seat.sealing).encrypt(body)
        key = self._seat.instance.node.encode()
        Metric.dead_letters.labels(topics.ADAPTERS_DLQ.name, nonsense.reason).inc()
        batch.records.append(Record(topics.ADAPTERS_DLQ.name, key, sealed, [(name, said.encode()) for name, said in headers.items()]))
        batch.labels.append((arrival, f"nonsense={nonsense.reason}"))

    def _publish(self, change: Change, publish: Publish, arrival: Arrival, batch: Batch) -> None:
        try:
            event = sign_event(
                batch.key,
                publish.fact,
                subject=publish.subject,
                time=min(change.occurred_at, arrival.received_at),  # its clock may be wrong, and the hub admits nobody from the future
                platform=self._seat.instance.platform,
                native_id=publish.native_id or change.native_id,
                change_marker=publish.marker or change.marker,
                actor=pseudonym(self._seat.memory.secret(change.actor), self._seat.name, change.actor),
                audience=publish.tie.audience,
                community=publish.tie.community,
                parent=publish.parent,
                history=BACKFILL if change.history else None,
            )
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False)}))
            return self._seal(Nonsense("envelope_impossible", fields), arrival, batch)
        key = f"{self._seat.instance.node}/{publish.tie.space}".encode()
        headers = to_headers(event, arrival.correlation)
        batch.objects.append(publish.remembered)
        if change.recurs and change.act is Act.REACTED and publish.remembered.about is not None:
            self._seat.lately.note(publish.remembered.about, self._seat.clock())
        batch.put_first |= publish.marker is not None or change.history or bool(publish.remembered.settled)
        batch.wanted += [publish.wanted] if publish.wanted is not None else []
        if (
            change.author is not None
            and change.author.name not in {"", ANYBODY}
            and change.author.kind == "person"
            and change.handle is not None
        ):
            batch.people.append(Met(publish.tie.community, change.author.name, change.handle))
        batch.records.append(Record(topics.RSE_INBOUND.name, key, event.value, headers, publish.fact.event_type))
        batch.labels.append((arrival, f"event={event.envelope.id}"))
        if (
            isinstance(publish.fact, MessagePosted)
            and not change.history
            and change.act is Act.POSTED
            and publish.fact.author.kind == "person"
        ):
            batch.newcomers.append(Newcomer(publish.tie.community, event.envelope.actor, publish.tie.space, change.native_id))
        return None

    def settle(self, change: Change, decision: Decision, arrival: Arrival, batch: Batch) -> None:
        """Put into the batch what a decision comes to."""
        match decision:
            case Drop(reason=reason, remembered=remembered):
                self._drop(reason, arrival)
                batch.objects += [remembered] if remembered is not None else []
            case Park():
                self._park(change, arrival, batch)
            case Doubt(incomplete=incomplete):
                self._ask(incomplete, arrival, batch)
            case Nonsense():
                self._seal(decision, arrival, batch)
            case Publish(fact=fact, remembered=remembered) if is_speech(fact.event_type) and self._seat.observes():
                self._drop(OBSERVES, arrival)  # as if never said: an edit or a back-fill may tell it once the node speaks
                batch.objects += [remembered] if remembered.is_copy else []  # what people here did to a copy is true here all the same
            case Publish():
                self._publish(change, decision, arrival, batch)


def _once(arrival: Arrival, batch: Batch) -> tuple[bytes, str]:
    """The body of a webhook for the first of its dead letters, as much of it as one takes; and where it lies, or that it was cut."""
    if arrival.sealed or id(arrival) in batch.sealed:
        return b"", IN_FIRST_LETTER
    batch.sealed.add(id(arrival))
    return arrival.body[:MOST_SEALED], CUT if len(arrival.body) > MOST_SEALED else ""
