"""Carries an order out, in as many writes as its RSE needs: each intended first, looked for when its answer was lost, done once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import structlog

from adapters.ledger import LedgerUnavailable
from adapters.parts import PartCopy, placed, taken_away
from adapters.port import Act, Later, Never, Written
from adapters.spool import SpoolFull
from schemas.wire.failures import told
from schemas.wire.publisher import NotAcknowledged
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.bench import Bench
    from adapters.port import Order, WriteOutcome


UNANSWERED: Final = frozenset({"timeout", "unreachable", "status_502", "status_504"})
"""After these nobody knows whether a write was done, or will be; the last two are what a proxy says of an RSE that it did not hear."""
SETTLES_SECONDS: Final = 3.0
HANDLER_ERROR: Final = "handler_error"
PASSING: Final = (LedgerUnavailable, NotAcknowledged, SpoolFull)
"""What heals without us: the record is tried again."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LaterParts:
    """The later parts of a copy, and the keys of the intents of their writes."""

    parts: list[PartCopy] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of an order, and of its later parts; `failed` names the error by which one of them broke off the whole."""

    outcome: Written | Never
    later: LaterParts = field(default_factory=LaterParts)
    failed: str | None = None


class Carrier:
    """Does the writes of one instance."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.to_look_for: set[str] = set()
        """Keys of writes whose answer was never seen: looked for before they are written again."""

    async def carry_out(self, order: Order) -> Carried:
        """See an order through, with its later parts."""
        match order.act:
            case Act.POSTED | Act.EDITED:
                return await self._written(order)
            case Act.DELETED:
                return await self._deleted(order)
            case Act.REACTED | Act.UNREACTED | Act.ACCEPTED | Act.UNACCEPTED:
                return Carried(await self._done(order))

    async def once(self, order: Order) -> Written | Never:
        """See a single write through, in no parts: of what people of this RSE wrote themselves."""
        return await self._done(order)

    async def _written(self, order: Order) -> Carried:
        first, *others = await self._bench.client.divided(order)
        written, later = await self._done(first), LaterParts()
        if isinstance(written, Never):
            return Carried(written)
        try:
            return await self._continued(order, written, others, later)
        except PASSING:
            raise
        except Exception as error:  # noqa: BLE001 - what stands already is noted, or nothing could ever take it back
            log.error(HANDLER_ERROR, instance=self._bench.name, **told(error))  # noqa: TRY400 - its text may hold content
            return Carried(written, later, type(error).__name__)

    async def _continued(self, order: Order, written: Written, others: Sequence[Order], later: LaterParts) -> Carried:
        here = dict(enumerate(order.parts, 2))
        for number, part in enumerate(others, 2):
            step = placed(part, written.locator or written.native_id, here.pop(number, None))
            done = await self._done(step, later)
            if isinstance(done, Never):
                return await self._undone(order, written, later, done)
            later.parts.append(PartCopy(number, step.native_id or done.native_id, done))
        for number, native_id in here.items():
            await self._take_away(order, number, native_id, later)
        return Carried(written, later)

    async def _deleted(self, order: Order) -> Carried:
        """The message last: while it stands, what remains of it is found through it."""
        later = LaterParts()
        for number, native_id in reversed([*enumerate(order.parts, 2)]):
            await self._take_away(order, number, native_id, later)
        return Carried(await self._done(order), later)

    async def _undone(self, order: Order, written: Written, later: LaterParts, refused: Never) -> Carried:
        """A message of which the RSE refuses a part is refused: what of a new one was written goes again, none is left cut."""
        if order.act is Act.POSTED:
            for part in reversed([*later.parts]):
                await self._take_away(order, part.number, part.native_id, later)
            deletion = replace(order, act=Act.DELETED, key=f"{order.key}.0", native_id=written.native_id, content=None)
            await self._done(deletion, later)
        return Carried(refused, LaterParts(keys=later.keys))

    async def _take_away(self, order: Order, number: int, native_id: str, later: LaterParts) -> None:
        """A part that the RSE does not let go stays: it is somebody's act there, and no reason to leave the message."""
        deletion = taken_away(order, number, native_id)
        await self._done(replace(deletion, key=f"{deletion.key}.0"), later)
        later.parts.append(PartCopy(number, native_id, None))

    async def _done(self, order: Order, later: LaterParts | None = None) -> Written | Never:
        if later is not None:
            later.keys.append(order.key)
        attempt = _Attempt(self._bench, order, look_first=order.key in self.to_look_for)
        self.to_look_for.add(order.key)  # until the ledger has the answer, any further attempt must look first
        return await self._bench.pause.through(attempt)


class _Attempt:
    """One order's attempts: the intent first, and from the second time on a look at what the lost answer may have done."""

    def __init__(self, bench: Bench, order: Order, *, look_first: bool) -> None:
        self._bench, self._order, self._look_first = bench, order, look_first
        self._intended = False
        self._may_come = look_first
        """Whether an RSE may still be at a write of ours whose answer we no longer wait for."""

    async def __call__(self) -> WriteOutcome:
        await self._bench.client.turn(self._order)  # before the intent: people's own changes wait while one is open
        if not self._intended:
            if await self._intend():  # by another process, or by us before we forgot it
                self._look_first = self._may_come = True
            self._intended = True
        outcome = await self._once()
        self._look_first = True
        Metric.attempts.labels(self._bench.name, type(outcome).__name__.lower()).inc()
        return outcome

    async def _once(self) -> WriteOutcome:
        if self._look_first:
            found = await self._found()
            if found is not None:
                return found
            await self._intend()  # whatever time has passed since: another process may have written this, and what comes after it
        outcome = await self._bench.client.write(self._order)
        self._may_come = isinstance(outcome, Later) and outcome.reason in UNANSWERED
        return outcome

    async def _intend(self) -> bool:
        return await self._bench.applied.intend(self._order, self._bench.clock())

    async def _found(self) -> Written | Later | None:
        """A new message is looked for twice: an RSE that stood still does what it was asked to once it goes on, behind our first look."""
        found = await self._bench.client.find(self._order)
        if found is not None or not self._may_come or self._order.act is not Act.POSTED:
            return found
        await self._bench.sleep(SETTLES_SECONDS)
        return await self._bench.client.find(self._order)
