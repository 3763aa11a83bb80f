"""Discourse's log of webhooks, page by page: which attempts failed since the last look at it.

Discourse keeps each attempt for 30 days (`retain_web_hook_events_period_days`), failed connections and those under way too, newest
first by its own clock, and shows them to administrators (`app/controllers/admin/web_hooks_controller.rb`, `app/models/web_hook_event.rb`).
The log is read whole at first and once an hour; between, its front alone, whichever space asks.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from adapters.discourse.payload import Attempt, Hook, moment
from adapters.discourse.search import read
from adapters.far_clock import ZERO, utc
from adapters.port import Later, Never

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from adapters.discourse.http import Answer, Api
    from adapters.discourse.payload import Told
    from adapters.settings import Instance

PAGE = 50  # attempts that Discourse shows at once
PAGES = 200
CALLS_PER_MINUTE = 60.0  # that Discourse lets an administrator's key make, where the settings state no other limit
SHARE = 0.5  # of them: the rest is the writer's
BURST = 20  # requests without a pause after a rest: what a restart costs is found at once
OUT_OF_PLACE = timedelta(days=2)
"""How far from its place an attempt may stand in the log: a clock that was set a day wrong sorts it there."""
WHOLE_EVERY = timedelta(hours=1)
FRESH = timedelta(seconds=30)
"""So long a reading is good for the other spaces of the instance."""
LATE = timedelta(minutes=10)
"""How far behind the last reading an attempt may be dated that was logged after it, by a clock that is kept."""


class Pace:
    """Some requests at once, then one after the other, whoever asks; `per_minute` is what may be asked in all."""

    def __init__(
        self,
        per_minute: float = CALLS_PER_MINUTE,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep, self._clock = sleep, clock
        self._pause = 60.0 / (per_minute * SHARE)
        self._rested_at = float("-inf")

    def now(self) -> float:
        """Seconds, by the clock that it waits by."""
        return self._clock()

    async def turn(self) -> None:
        """Wait until the next request may leave."""
        now = self._clock()
        self._rested_at = max(self._rested_at, now) + self._pause
        wait = self._rested_at - now - BURST * self._pause
        if wait > 0.0:
            await self._sleep(wait)


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt that failed: the event's name, empty where it broke off before it said so, what it spoke of, and when, by its clock."""

    id: int
    event: str
    told: Told
    at: datetime


@dataclass(frozen=True, slots=True)
class Failed:
    """Attempts that failed, and how far the log has been read."""

    attempts: Sequence[Tried]
    newest: int


@dataclass(slots=True)
class _Book:
    """What this process has read of the log: the attempts after one, dated since a moment, and the number of each that it met."""

    after: int
    since: datetime
    hooks: Sequence[Hook]
    whole_at: datetime
    read_at: datetime
    front: datetime
    """Nothing that was logged since the last reading is dated long before this, but by a clock that was set wrong."""
    asked: tuple[int, datetime]
    """The lowest that any space has asked for since: the next whole reading serves all of them."""
    failed: dict[int, Tried] = field(default_factory=dict)
    met: set[int] = field(default_factory=set)

    def note(self, after: int, since: datetime) -> None:
        """Remember what a space asks for."""
        self.asked = min(after, self.asked[0]), min(since, self.asked[1])

    def answers(self, after: int, since: datetime) -> bool:
        """Whether it holds all that is asked for."""
        return self.after <= after and self.since <= since

    def concerns(self, attempt: Attempt) -> bool:
        """Whether an attempt is one of those that it holds."""
        return attempt.id > self.after and moment(attempt.created_at) >= self.since

    def tried(self, attempt: Attempt) -> Tried | None:
        """An attempt as it is kept, without its words; None for one that is known, that nobody asks for, or that was taken."""
        if attempt.id in self.met or not self.concerns(attempt) or attempt.delivered:
            return None
        return Tried(attempt.id, attempt.event, attempt.told, moment(attempt.created_at))

    def take(self, pages: Mapping[int, Tried | None]) -> None:
        """Remember what was read, by number."""
        self.failed |= {number: tried for number, tried in pages.items() if tried is not None}
        self.met |= pages.keys()


class Log:
    """The log of one instance's webhooks."""

    def __init__(self, instance: Instance, api: Api, pace: Pace, clock: Callable[[], datetime] = utc) -> None:
        self._instance, self._api, self._pace, self._clock = instance, api, pace, clock
        self._book: _Book | None = None
        self._reading = asyncio.Lock()

    async def failed(self, after: int, since: datetime) -> Failed | Later | Never:
        """Attempts after one that failed, oldest first; none that was made before a moment by its own clock."""
        async with self._reading:
            book = await self._read(after, since)
        if isinstance(book, Later | Never):
            return book
        found = sorted((one for one in book.failed.values() if one.id > after and one.at >= since), key=lambda one: one.id)
        return Failed(found, max([after, *(one.id for one in found)]))

    async def _read(self, after: int, since: datetime) -> _Book | Later | Never:
        """The log as it stands now; nothing is remembered of what could not be read to its end."""
        book, now = self._book, self._clock()
        if book is not None:
            book.note(after, since)
        if book is None or not book.answers(after, since) or now - book.whole_at >= WHOLE_EVERY:
            hooks = await self._hooks()
            if isinstance(hooks, Later | Never):
                return hooks
            asked = after, since
            after, since = book.asked if book is not None else asked
            book = _Book(after, since, hooks, whole_at=now, read_at=now, front=now, asked=asked)
            pages = await self._pages(book, _is_past)
        elif now - book.read_at < FRESH:
            return book
        else:
            pages = await self._pages(book, _is_known)
        if isinstance(pages, Later | Never):
            return pages
        book.take(pages)
        book.read_at, book.front = now, now + min(self._api.offset, ZERO)
        self._book = book
        return book

    async def _hooks(self) -> list[Hook] | Later | Never:
        """The webhooks that bear our secret; where Discourse does not show secrets, all of them."""
        await self._pace.turn()
        answer = await self._api.get("/admin/api/web_hooks.json")
        if isinstance(answer, Later):
            return answer
        if not answer.done:
            return await self._refused(answer)
        listed = answer.document.get("web_hooks")
        hooks = [read(Hook, one) for one in listed] if isinstance(listed, list) else []
        ours = self._instance.webhook_secret.get_secret_value().encode()
        return [hook for hook in hooks if hook is not None and (hook.secret is None or hmac.compare_digest(hook.secret.encode(), ours))]

    async def _pages(
        self, book: _Book, ends: Callable[[_Book, Sequence[Attempt], Sequence[datetime]], bool]
    ) -> dict[int, Tried | None] | Later | Never:
        """The attempts of each webhook by number, newest first, until a page ends what is to be read."""
        found: dict[int, Tried | None] = {}
        for hook in book.hooks:
            moments: list[datetime] = []
            for number in range(PAGES):
                page = await self._page(hook, number)
                if isinstance(page, Later | Never):
                    return page
                attempts = [one for one in (read(Attempt, listed) for listed in page) if one is not None]
                moments += [moment(one.created_at) for one in attempts]
                found |= {one.id: book.tried(one) for one in attempts}
                if len(page) < PAGE or ends(book, attempts, moments):
                    break
        return found

    async def _page(self, hook: Hook, number: int) -> list[object] | Later | Never:
        await self._pace.turn()
        answer = await self._api.get(f"/admin/api/web_hook_events/{hook.id}.json", [("status", "failed"), ("offset", str(number * PAGE))])
        if isinstance(answer, Later):
            return answer
        if not answer.done:
            return await self._refused(answer)
        listed = answer.document.get("web_hook_events")
        return listed if isinstance(listed, list) else []

    async def _refused(self, answer: Answer) -> Later | Never:
        """404 is what Discourse answers to an account that is no administrator."""
        return Never("not_an_administrator") if answer.gone else await self._api.refused(answer)


def _is_past(book: _Book, page: Sequence[Attempt], moments: Sequence[datetime]) -> bool:
    """Nothing of this page is asked for, and so far down nothing stands that a wrong clock has put there."""
    return not any(map(book.concerns, page)) and bool(moments) and moments[-1] < moments[0] - OUT_OF_PLACE


def _is_known(book: _Book, page: Sequence[Attempt], moments: Sequence[datetime]) -> bool:
    """All of this page was met, down to what the last reading found at the front."""
    return all(one.id in book.met for one in page) and bool(moments) and moments[-1] < book.front - LATE
