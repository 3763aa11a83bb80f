"""One loop for every platform that must be asked: which spaces are ours to look at, which are due, and how late we are."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import structlog

from adapters.ledger import LedgerUnavailable
from adapters.looks import Looked, View
from adapters.patience import delay
from adapters.port import Later, Never
from adapters.telling import NotKeptError
from adapters.watch import LeaseLost
from schemas.wire.failures import told
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from adapters.settings import Instance
    from adapters.ties import Ties
    from adapters.watch import Watch

IDLE_EVERY = timedelta(seconds=50)
ACTIVE_FOR = timedelta(minutes=10)  # after the last change that was seen
UNREADABLE_EVERY = timedelta(seconds=60)
LEASE = timedelta(seconds=30)
CLAIM_EVERY = timedelta(seconds=10)
TIDY_EVERY = timedelta(hours=1)
REMEMBERED = timedelta(days=90)
TICK_SECONDS = 0.25
AT_ONCE = 4  # looks of one instance: an RSE is asked gently
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a space is looked at: `active` for as long as `lively` after the last change seen, else `idle`; `unreadable` after a refusal."""

    active: timedelta
    idle: timedelta
    lively: timedelta
    unreadable: timedelta


REMINDED = Rhythm(timedelta(seconds=2), timedelta(minutes=2), timedelta(seconds=1), timedelta(hours=1))
"""For what an RSE could not tell by itself: every two minutes, and again at once while there is more."""
HURRY = timedelta(minutes=1)  # after we told a platform to come again: it may have come for the last time


def asked(instance: Instance) -> Rhythm:
    """For an RSE that says nothing by itself."""
    return Rhythm(timedelta(seconds=instance.poll_seconds), IDLE_EVERY, ACTIVE_FOR, UNREADABLE_EVERY)


class Looks(Protocol):
    """How one space is looked at once."""

    async def look(self, view: View) -> Looked | Later | Never:
        """Look once. Raises NotKeptError, LeaseLost, LedgerUnavailable."""
        ...

    def left(self, space: str) -> None:
        """It is another's to look at, or nobody's."""
        ...


@dataclass(frozen=True, slots=True)
class Outlook:
    """Everything that the poller of one instance works with."""

    name: str
    instance: Instance
    looker: Looks
    rhythm: Rhythm
    ties: Ties
    watch: Watch
    refusals: Callable[[], int]
    """How often this process could store nothing of what a platform sent it."""
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]
    chance: Callable[[], float]


@dataclass(slots=True)
class Turn:
    """When a space is to be looked at. `good_at` is the last whole look at it, `look` the one under way."""

    view: View
    due_at: datetime
    good_at: datetime
    changed_at: datetime | None
    rhythm: Rhythm
    busy: bool = False
    look: asyncio.Task[None] | None = None

    def every(self, now: datetime) -> timedelta:
        """An active space is looked at more often."""
        active = self.changed_at is not None and now - self.changed_at < self.rhythm.lively
        return self.rhythm.active if active else self.rhythm.idle


class Poller:
    """Looks at every tied space of one instance, each held by one process alone."""

    def __init__(self, outlook: Outlook) -> None:
        self._out = outlook
        self._turns: dict[str, Turn] = {}
        self._claimed: Mapping[str, datetime] = {}
        self._claim_at = self._not_before = outlook.clock()
        self._tidy_at = self._claim_at + TIDY_EVERY  # by then every space has been looked at, however long this instance was away
        self._failures, self._refusals = 0, outlook.refusals()

    async def run(self) -> None:
        """Look for ever; other processes may go on at once when this one ends in order."""
        try:
            async with asyncio.TaskGroup() as looks:
                while True:
                    await self.round(looks)
                    await self._out.sleep(TICK_SECONDS)
        finally:
            with contextlib.suppress(LedgerUnavailable):  # the leases end by themselves
                await self._out.watch.release()

    async def round(self, looks: asyncio.TaskGroup) -> None:
        """Renew what we hold, begin what is due."""
        now = self._out.clock()
        try:
            await self._hold(now)
        except LedgerUnavailable:
            log.warning("poller_waits", instance=self._out.name)
            self._claim_at = now + CLAIM_EVERY / 10
        Metric.late.labels(self._out.name).set(self._late(now))
        self._hurry(now)
        if now < self._not_before:
            return
        free = AT_ONCE - sum(turn.busy for turn in self._turns.values())
        due = sorted((turn for turn in self._turns.values() if not turn.busy and turn.due_at <= now), key=lambda turn: turn.due_at)
        for turn in due[: max(free, 0)]:
            turn.busy = True
            turn.look = looks.create_task(self._look(turn))

    async def _hold(self, now: datetime) -> None:
        """Only spaces that our settings allow and that have a tie; a suspended one too, so that what is said there meanwhile is not news.

        A tie that began since, or lives again, begins anew: what was said in between is nobody's news.
        """
        if now < self._claim_at and self._tied() == self._claimed:
            return
        await self._out.ties.load()  # another process may have served this instance meanwhile
        tied = self._tied()
        held = {poll.space: poll for poll in await self._out.watch.claim(tied, LEASE)}
        for space in [space for space, turn in self._turns.items() if space not in held or held[space].since > turn.view.poll.since]:
            self._leave(space)
        for space, poll in held.items():
            if space not in self._turns:
                begun = poll.changed_at if poll.cursor is not None else now  # a space that has just been tied is a lively one
                self._turns[space] = Turn(View(poll, poll.cursor), now, now, begun, self._out.rhythm)
        self._claimed, self._claim_at = tied, now + CLAIM_EVERY
        if now >= self._tidy_at:
            await self._out.watch.tidy(now - REMEMBERED)
            self._tidy_at = now + TIDY_EVERY

    def _leave(self, space: str) -> None:
        """It is another's, nobody's, or begins anew: a look under way tells no more of it."""
        turn = self._turns.pop(space)
        if turn.look is not None:
            turn.look.cancel()
        self._out.looker.left(space)

    def _hurry(self, now: datetime) -> None:
        refusals = self._out.refusals()
        if refusals == self._refusals:
            return
        self._refusals = refusals
        for turn in self._turns.values():
            turn.due_at = min(turn.due_at, now + HURRY)

    def _tied(self) -> dict[str, datetime]:
        """The spaces to look at, and since when without a break what is said there is for others."""
        return {tie.space: tie.begun_at for tie in self._out.ties.looked_at() if tie.space in self._out.instance.spaces}

    def _late(self, now: datetime) -> float:
        """Seconds; 0 while every space was looked at in time."""
        return max([0.0, *(((now - turn.good_at) - turn.every(now)).total_seconds() for turn in self._turns.values())])

    async def _look(self, turn: Turn) -> None:
        said = await self._looked(turn)
        Metric.looks.labels(self._out.name, said).inc()
        turn.busy = False

    async def _looked(self, turn: Turn) -> str:
        """One look and when the next one is due; its outcome in a word."""
        try:
            outcome = await self._out.looker.look(turn.view)
        except LeaseLost:
            space = turn.view.poll.space
            if self._turns.get(space) is turn:  # and not a new one, of a lease that was given again meanwhile
                del self._turns[space]
                self._out.looker.left(space)
            return "lease_lost"
        except (LedgerUnavailable, NotKeptError) as error:
            return self._wait(turn, Later("not_kept"), type(error).__name__)
        except Exception as error:  # noqa: BLE001 - whatever one space makes fail, the others are looked at
            log.error("look_failed", instance=self._out.name, **told(error))  # noqa: TRY400 - its text may hold content
            turn.due_at = self._out.clock() + turn.rhythm.unreadable
            return "failed"
        match outcome:
            case Looked(changed=changed):
                return self._rest(turn, changed=changed)
            case Later(reason=reason):
                return self._wait(turn, outcome, reason)
            case Never(reason=reason):
                turn.due_at = self._out.clock() + turn.rhythm.unreadable
                log.warning("space_unreadable", instance=self._out.name, reason=reason)
                return "unreadable"

    def _rest(self, turn: Turn, *, changed: bool) -> str:
        now = self._out.clock()
        self._failures = 0
        turn.good_at = now
        turn.changed_at = now if changed else turn.changed_at
        turn.due_at = now + turn.every(now) * (0.9 + 0.1 * self._out.chance())
        return "changed" if changed else "same"

    def _wait(self, turn: Turn, later: Later, reason: str) -> str:
        """The whole instance rests: one RSE answers for all of its spaces."""
        now = self._out.clock()
        self._failures += 1
        self._not_before = turn.due_at = now + timedelta(seconds=delay(self._failures, later.after, self._out.chance()))
        log.warning("rse_not_asked", instance=self._out.name, reason=reason, failures=self._failures)
        return "later"
