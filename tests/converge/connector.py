"""One ministry's connector in a story: all its real parts, run by hand, killed and started anew."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nacl.public import PrivateKey

from adapters.admission import Admission
from adapters.applied import Applied
from adapters.asking_again import Asking
from adapters.backfill import Backfiller, Bringing
from adapters.backfills import Backfills, State
from adapters.bench import Bench
from adapters.completions import Completions
from adapters.gateway import Counter, application
from adapters.handshake import Handshake
from adapters.last_door import LastDoor, UnverifiedRecord
from adapters.looks import Looked, Looker, View
from adapters.members import Members
from adapters.memory import Memory
from adapters.offers import Recalls
from adapters.outgoing import Outgoing
from adapters.pacing import Paces
from adapters.patience import Pause
from adapters.people import Rostered
from adapters.port import Polled
from adapters.pseudonyms import pseudonym
from adapters.receipts import Receipts
from adapters.registry import LedgerShelf, Trust
from adapters.resyncs import Lost, Resyncs
from adapters.rosters import Office, Rosters
from adapters.sorting import Seat, Stored
from adapters.spool import Kind, Spool
from adapters.ties import Ties
from adapters.watch import Watch
from adapters.writer import Writer
from schemas import topics
from schemas.wire.telemetry import Health
from tests.converge.window import Window

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from adapters.ledger import Ledger
    from adapters.port import Order, RseClient, WriteOutcome
    from hub.ports import Record
    from schemas.facts.delivery import Delivery
    from tests.converge.hub import Hub
    from tests.converge.rse import Rse

LEASE = timedelta(seconds=30)
SPOOL = 1_000
PAST_DAYS = 30
SEALING = PrivateKey.generate().public_key


class Killed(BaseException):
    """The process ended between two steps."""


@dataclass
class Hand:
    """What the story does around the connector's next HTTP call."""

    before: Callable[[], Awaitable[None]] | None = None
    after: Callable[[], Awaitable[None]] | None = None


class Handled:
    """The real client, with the story's hand before and after each write."""

    def __init__(self, client: RseClient, hand: Hand) -> None:
        self._client, self._hand = client, hand

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def write(self, order: Order) -> WriteOutcome:
        """The HTTP calls of a write, and what happens before anybody notes their answer."""
        before, self._hand.before = self._hand.before, None
        if before is not None:
            await before()
        outcome = await self._client.write(order)
        after, self._hand.after = self._hand.after, None
        if after is not None:
            await after()
        return outcome


@dataclass
class Connector:
    """A connector process of one instance."""

    name: str
    rse: Rse
    hub: Hub
    ledger: Ledger
    hand: Hand = field(default_factory=Hand)
    receipts: list[Delivery] = field(default_factory=list)
    handled: int = 0
    """Records of the node's topic whose offset was committed."""

    async def start(self) -> None:
        """Read what the process before left in the ledger, and serve."""
        clock, kafka, instance = self.hub.world.clock, self.hub.kafka, self.rse.instance
        key = self.hub.world.keys[instance.node]
        real = self.rse.platform.client(instance, Paces(self.name, instance.limits))
        client: Any = Handled(real, self.hand)
        self._ties, self._spool, applied = (
            Ties(self.ledger, self.name),
            Spool(self.ledger, self.name, SPOOL),
            Applied(self.ledger, self.name),
        )
        await self._ties.load()
        await self._spool.count()
        outgoing = Outgoing(kafka, self._spool, self.name, clock)
        self._memory = memory = Memory(self.ledger, self.name)
        assert isinstance(real, Rostered)
        members = Members(self.ledger, self.name)
        self._rosters = Rosters(Office(self.name, instance, key, real, self._ties, members, memory, outgoing, clock, _at_once, lambda: 0.0))
        self.admission = Admission(
            Seat(self.name, instance, key, memory, self._ties, self._spool, outgoing, SEALING, clock, _nobody, self._rosters.touched)
        )
        trust = Trust(self.hub.world.hub_key.public.multibase, self.hub.registry, LedgerShelf(self.ledger), clock)
        await trust.refresh()
        pause = Pause(self.name, _at_once, lambda: 0.0)
        handshake = Handshake(instance, key, real, self._ties, outgoing, pause, clock)
        self._receipts = Receipts(key, instance.platform, kafka, applied, clock)
        resyncs = Resyncs(self.ledger, self.name)
        self._asking = Asking(self.name, instance, key, self._ties, applied, resyncs, outgoing, clock, _at_once)
        bench = Bench(
            self.name, instance, client, LastDoor(instance.node, "hub"), trust, applied, self._ties, resyncs, self._asking, handshake, pause,
            self._receipts, kafka, self.admission.wake, clock, _at_once,
        )  # fmt: skip
        self._writer = Writer(bench)
        await self._writer.recall()
        self._receipts._waiting.clear()  # noted before
        self._completions = Completions(self.name, real, self._spool, self.admission)
        self._backfills = Backfills(self.ledger, self.name, self.name)
        assert isinstance(real, Recalls)
        self._backfiller = Backfiller(
            Bringing(
                self.name,
                instance,
                real,
                self._ties,
                self._backfills,
                memory,
                self._spool,
                pause,
                self.admission.admit,
                self.admission.asking,
                clock,
            )
        )
        counter = Counter(self.name, instance, self.rse.platform.adapter, real, self.admission)
        self.window = Window(application({self.name.partition("-")[0]: counter}, Health({})))
        self._client, self._watch = real, Watch(self.ledger, self.name, self.name)
        self._view: View | None = None
        self._admitting = asyncio.create_task(self.admission.run())

    async def stop(self) -> None:
        """The process is gone; what it had not noted is lost with it."""
        self._admitting.cancel()
        with suppress(asyncio.CancelledError):
            await self._admitting
        await self._client.close()

    async def restart(self) -> None:
        """Its supervisor starts it again."""
        await self.stop()
        await self.start()

    # --- in ------------------------------------------------------------------------------------------------------------

    async def hear(self, which: int, *, again: bool) -> bool:
        """Take one webhook; False where none waits."""
        if not self.rse.waiting():
            return False
        await self.rse.deliver(which, self.window, again=again)
        return True

    async def look(self) -> bool:
        """Look at a polled RSE; True where something was new."""
        if not isinstance(self._client, Polled):
            return False
        if self._view is None:
            tied = {tie.space: tie.renewed_at for tie in self._ties.looked_at()}
            self._view = next((View(poll, poll.cursor) for poll in await self._watch.claim(tied, LEASE)), None)
        if self._view is None:
            return False
        looked = await Looker(self._client, self._watch, self.admission.admit, lambda: SPOOL, self.hub.world.clock).look(self._view)
        assert isinstance(looked, Looked), looked
        return looked.changed

    async def miss(self) -> None:
        """The node was away for so long that its topic has forgotten all that it had not read."""
        self.handled = len(self.topic)
        await self._writer.missed(Lost.EXPIRED)

    async def tidy(self) -> bool:
        """Decide what is parked, publish what is spooled, ask what was left out; True where anything moved."""
        before = dict(self._spool.waiting)
        assert isinstance(await self.admission.admit((), b"", "0" * 32), Stored)
        await self._completions.ask()
        await self._asking.ask_due()
        return before != self._spool.waiting

    async def ask_for_the_past(self) -> None:
        """An operator asks for what the space held before its tie."""
        (tie,) = self._ties.all()
        now = self.hub.world.clock()
        await self._backfills.ask(tie.space, tie.community, PAST_DAYS, now - timedelta(days=PAST_DAYS), now)

    async def bring(self) -> bool:
        """Survey a page of the past, or bring a message of it; True where there was any to bring."""
        await self._backfiller.step()
        return any(one.state in {State.SURVEYING, State.BRINGING} for one in await self._backfills.progress())

    async def ask_who_is_there(self) -> bool:
        """Ask the RSE who takes part, where that is due; True where somebody came or went."""
        before = (len(self.hub.said), dict(self._spool.waiting))
        await self._rosters.round()
        return before != (len(self.hub.said), self._spool.waiting)

    async def pseudonym(self, actor: str) -> str:
        """By which the hub knows somebody of this RSE."""
        await self._memory.recall((), [actor])
        return pseudonym(self._memory.secret(actor), self.name, actor)

    @property
    def waits(self) -> dict[Kind, int]:
        """What its spool holds."""
        return self._spool.waiting

    # --- out -----------------------------------------------------------------------------------------------------------

    @property
    def topic(self) -> Sequence[Record]:
        """The node's own topic."""
        return self.hub.kafka.topics[topics.outbound(self.rse.instance.node).name]

    async def write(self) -> bool:
        """Handle the next record; False where there is none. A process that is killed at it has not committed its offset."""
        if self.handled >= len(self.topic):
            return False
        record = self.topic[self.handled]
        unverified = UnverifiedRecord(
            record.topic,
            record.partition,
            record.offset,
            int(record.timestamp.timestamp() * 1000),
            record.key,
            record.value,
            record.headers,
        )
        try:
            await self._writer.handle(unverified, lambda: None)
        except Killed:
            await self.restart()
            return True
        self.handled += 1
        self.receipts += [waiting.delivery for waiting, _ in self._receipts._waiting]
        self._receipts._waiting.clear()
        return True


async def _at_once(_: float) -> None:
    await asyncio.sleep(0)


def _nobody(_: str) -> None:
    """A story's ties do not change."""
