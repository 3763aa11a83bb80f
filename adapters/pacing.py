"""Turns to call an RSE: as fast as it lets us, the pressing first, nobody starved, shared by all that one instance does."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from adapters.learning import UNFELT, UNWISHED, Learned, Seen
from adapters.port import ENDINGS, Act
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

TOLERANCE = 0.05
"""Seconds by which a turn may be made up for: timers are late."""
LOOK_SECONDS = 1.0
LONGEST = 600.0
"""Seconds: a wait beyond them is a day's own limit, which is no pace. Who called decides what to do then."""
KNOWN_SUBJECTS = 1_000
MARGIN = 0.97
"""Of a limit that the settings state: calls that leave evenly arrive unevenly."""


class Urgency(IntEnum):
    """What goes first where calls must wait. A question of our own, of a webhook or a poll, is under way as soon as it is asked."""

    TAKE_BACK = 0
    UNDER_WAY = 1
    CORRECT = 2
    SAY = 3


def urgency_of(act: Act) -> Urgency:
    """What is read and should not be goes before what is not read yet."""
    if act in ENDINGS:
        return Urgency.TAKE_BACK
    return Urgency.CORRECT if act is Act.EDITED else Urgency.SAY


@dataclass(frozen=True, slots=True)
class Turn:
    """Leave to call once; `number` tells whether it was given before something was learned."""

    subject: str
    number: int
    waited: bool


@dataclass(slots=True)
class Errand:
    """What the running task calls for, and the turn that it has waited for already."""

    urgency: Urgency
    pace: Pace | None = None
    turn: Turn | None = None

    def spend(self, pace: Pace, subject: str) -> Turn | None:
        """The turn, once, where it was waited for here; from now on the errand is under way, and holds others up while it waits."""
        turn = self.turn if self.pace is pace and self.turn is not None and self.turn.subject == subject else None
        self.urgency = min(self.urgency, Urgency.UNDER_WAY)
        if turn is not None:
            self.turn = None
        return turn


_errand: ContextVar[Errand | None] = ContextVar("errand", default=None)


def set_out(urgency: Urgency) -> None:
    """From now on this task calls for that, without having waited yet."""
    _errand.set(Errand(urgency))


@dataclass(slots=True)
class _Book:
    """What is known of one subject: whoever has a limit of her own, as each of a homeserver's users has."""

    free_at: float = float("-inf")
    seen: Seen = field(default_factory=Seen)


@dataclass(eq=False, slots=True)
class _Waiter:
    urgency: Urgency
    arrival: int
    subject: str
    granted: asyncio.Future[Turn]


class Pace:
    """One kind of call to one RSE: one learned rate, and a place in time for each subject."""

    def __init__(
        self, name: str, kind: str, stated: float | None, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._learned = Learned(stated)
        self._books: OrderedDict[str, _Book] = OrderedDict()
        self._waiting: list[_Waiter] = []
        self._arrivals, self._given, self._learned_at = 0, 0, 0
        self._taken_since = False
        self._server: asyncio.Task[None] | None = None
        self._rate = Metric.rse_pace.labels(name, kind)
        self._calls, self._limited = Metric.rse_calls.labels(name, kind), Metric.rse_limited.labels(name, kind)
        self._waited = Metric.rse_waited.labels(name, kind)
        self._show()

    @property
    def rate(self) -> float | None:
        """Calls per second, None while no limit is felt."""
        return self._learned.rate

    async def turn(self, subject: str = "") -> Turn:
        """Wait until the RSE may be called; at once for the turn that this task has waited for already."""
        errand = _errand.get()
        urgency = errand.urgency if errand is not None else Urgency.UNDER_WAY
        spent = errand.spend(self, subject) if errand is not None else None
        return spent or await self._wait(urgency, subject)

    async def set_out(self, urgency: Urgency, subject: str = "") -> None:
        """Wait for the first call of an errand before it begins: what has begun is awaited by others."""
        set_out(urgency)
        turn = await self._wait(urgency, subject)
        _errand.set(Errand(urgency, self, turn))

    def taken(self, turn: Turn) -> None:
        """The RSE answered the call, whatever it said."""
        now = self._clock()
        self._calls.inc()
        self._taken_since = True
        self._book(turn.subject).seen.add(now)
        if turn.waited:
            self._learned.taken()
            self._show()

    def refused(self, turn: Turn, wish: float | None) -> None:
        """The RSE refused the call for there were too many; `wish` is how long it wants to be left alone, in seconds."""
        self._calls.inc()
        self._limited.inc()
        self._slow_down(turn, wish)

    def doubted(self, turn: Turn, wish: float | None) -> None:
        """A refusal that may mean a limit (a proxy's 503) or an outage: it teaches where calls were taken since the last one."""
        self._calls.inc()
        if self._taken_since:
            self._slow_down(turn, wish)

    async def close(self) -> None:
        """Give no more turns."""
        if self._server is not None:
            self._server.cancel()
            await asyncio.wait([self._server])

    def _slow_down(self, turn: Turn, wish: float | None) -> None:
        if wish is not None and wish > LONGEST:
            return
        now, waits, book = self._clock(), UNWISHED if wish is None else wish, self._book(turn.subject)
        if turn.number > self._learned_at:  # those that were on their way beside it tell the same
            if self.rate is None:
                self._learned.refused(book.seen.first_guess(now, wish))
            else:
                fruitless = not self._taken_since  # whatever was taken before: refused again at once is too fast still
                self._learned.refused(min(book.seen.sustainable(now, wish), self.rate if fruitless else UNFELT))
            self._learned_at, self._taken_since = self._given, False
            self._show()
        book.free_at = max(book.free_at, now + waits)
        book.seen.since = max(book.seen.since, now + waits)

    async def _wait(self, urgency: Urgency, subject: str) -> Turn:
        if not self._waiting and self._book(subject).free_at <= self._clock():
            return self._give(subject, waited=False)
        self._arrivals += 1
        waiter = _Waiter(urgency, self._arrivals, subject, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        begun = self._clock()
        if self._server is None or self._server.done():
            self._server = asyncio.get_running_loop().create_task(self._serve())
        try:
            return await waiter.granted
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            self._waited.inc(self._clock() - begun)

    async def _serve(self) -> None:
        """Give turns while somebody waits."""
        while self._waiting:
            now = self._clock()
            free = [waiter for waiter in self._waiting if self._book(waiter.subject).free_at <= now]
            if free:
                self._grant(self._first(free))
            else:
                soonest = min(self._book(waiter.subject).free_at for waiter in self._waiting)
                await self._sleep(min(soonest - now, LOOK_SECONDS))

    def _first(self, free: list[_Waiter]) -> _Waiter:
        """The most pressing, and every second time who has waited longest, so that nobody starves behind what is more pressing."""
        if self._given % 2:
            return min(free, key=lambda waiter: waiter.arrival)
        return min(free, key=lambda waiter: (waiter.urgency, waiter.arrival))

    def _grant(self, waiter: _Waiter) -> None:
        self._waiting.remove(waiter)
        if not waiter.granted.done():
            waiter.granted.set_result(self._give(waiter.subject, waited=True))

    def _give(self, subject: str, *, waited: bool) -> Turn:
        self._given += 1
        if self._learned.rate is not None:
            book = self._book(subject)
            now = self._clock()
            book.free_at = (book.free_at if book.free_at > now - TOLERANCE else now) + 1 / self._learned.rate
        return Turn(subject, self._given, waited)

    def _book(self, subject: str) -> _Book:
        book = self._books.get(subject)
        if book is None:
            if len(self._books) >= KNOWN_SUBJECTS:
                self._books.popitem(last=False)
            book = self._books[subject] = _Book()
        return book

    def _show(self) -> None:
        self._rate.set(float("nan") if self._learned.rate is None else self._learned.rate)


class Paces:
    """All kinds of calls to one instance's RSE; `limits` are what its settings state, in calls per minute."""

    def __init__(
        self,
        name: str,
        limits: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name, self._limits, self._clock, self._sleep = name, limits or {}, clock, sleep
        self._paces: dict[str, Pace] = {}

    def of(self, kind: str) -> Pace:
        """The pace of a kind of call."""
        if kind not in self._paces:
            stated = self._limits.get(kind)
            self._paces[kind] = Pace(self.name, kind, MARGIN * stated / 60 if stated else None, self._clock, self._sleep)
        return self._paces[kind]

    @property
    def unknown(self) -> list[str]:
        """What is limited by the settings and is no kind of call of this platform."""
        return sorted(self._limits.keys() - self._paces.keys())

    async def close(self) -> None:
        """Give no more turns."""
        for pace in self._paces.values():
            await pace.close()
