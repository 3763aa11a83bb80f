"""Discourse's log of webhooks, page by page: which attempts failed since the last look at it.

Discourse keeps each attempt for 30 days (`retain_web_hook_events_period_days`), failed connections and those under way too, newest
first by its own clock, and shows them to administrators (`app/controllers/admin/web_hooks_controller.rb`, `app/models/web_hook_event.rb`).
"""

from __future__ import annotations

import asyncio
import hmac
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.discourse.payload import Attempt, Hook, moment
from adapters.discourse.search import read
from adapters.port import Later, Never

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from adapters.discourse.http import Answer, Api
    from adapters.discourse.payload import Told
    from adapters.settings import Instance

PAGE = 50  # attempts that Discourse shows at once
PAGES = 200
PAUSE_SECONDS = 2.0  # between two requests: half of what Discourse lets an administrator's key ask, the rest is the writer's
BURST = 20  # requests without a pause after a rest: what a restart costs is found at once
OUT_OF_PLACE = timedelta(days=2)
"""How far from its place an attempt may stand in the log: a clock that was set a day wrong sorts it there."""


class Pace:
    """Some requests at once, then one every two seconds, whoever asks."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, clock: Callable[[], float] = time.monotonic) -> None:
        self._sleep, self._clock = sleep, clock
        self._rested_at = float("-inf")

    async def turn(self) -> None:
        """Wait until the next request may leave."""
        now = self._clock()
        self._rested_at = max(self._rested_at, now) + PAUSE_SECONDS
        wait = self._rested_at - now - BURST * PAUSE_SECONDS
        if wait > 0.0:
            await self._sleep(wait)


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt that failed: the event's name, empty where it broke off before it said so, and what it spoke of."""

    id: int
    event: str
    told: Told


@dataclass(frozen=True, slots=True)
class Failed:
    """Attempts that failed, and how far the log has been read."""

    attempts: Sequence[Tried]
    newest: int


class Log:
    """The log of one instance's webhooks."""

    def __init__(self, instance: Instance, api: Api, pace: Pace) -> None:
        self._instance, self._api, self._pace = instance, api, pace

    async def failed(self, after: int, since: datetime) -> Failed | Later | Never:
        """Attempts after one that failed, oldest first; none that was made before a moment by its own clock."""
        hooks = await self._hooks()
        if isinstance(hooks, Later | Never):
            return hooks
        found: list[Tried] = []
        for hook in hooks:
            attempts = await self._of_hook(hook, after, since)
            if isinstance(attempts, Later | Never):
                return attempts
            found += attempts
        return Failed(sorted(found, key=lambda attempt: attempt.id), max([after, *(attempt.id for attempt in found)]))

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

    async def _of_hook(self, hook: Hook, after: int, since: datetime) -> list[Tried] | Later | Never:
        found: list[Tried] = []
        moments: list[datetime] = []
        for number in range(PAGES):
            page = await self._page(hook, number)
            if isinstance(page, Later | Never):
                return page
            attempts = [one for one in (read(Attempt, listed) for listed in page) if one is not None]
            fresh = [one for one in attempts if one.id > after and moment(one.created_at) >= since]
            found += [Tried(one.id, one.event, one.told) for one in fresh if not one.delivered]
            moments += [moment(one.created_at) for one in attempts]
            if len(page) < PAGE or (not fresh and moments and moments[-1] < moments[0] - OUT_OF_PLACE):
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
