"""What stands between an API key and the twin: its rate limit, and the faults that a test asks for."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

MINUTE = 60.0  # seconds


class Rate:
    """So many API requests in any `window` seconds; none refused where `limit` is 0. What is refused does not count."""

    def __init__(self, limit: int, window: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._window, self._clock = limit, window, clock
        self._unit = window / MINUTE  # a second of the vendor's, who tells whole ones
        self._seen: deque[float] = deque()
        self.taken = self.refused = 0

    def wait(self) -> float:
        """Count a request; the seconds to wait where it is one too many."""
        now = self._clock()
        while self._seen and self._seen[0] <= now - self._window:
            self._seen.popleft()
        if not self._limit or len(self._seen) < self._limit:
            self._seen.append(now)
            self.taken += 1
            return 0
        self.refused += 1
        return (int((self._seen[0] + self._window - now) / self._unit) + 1) * self._unit


class Fault(BaseModel):
    """What `POST /twin/faults` asks for; with `username`, for the requests of that account alone; `none` ends them all.

    `webhook_twice` and `webhook_late` concern the next `count` webhooks, `seconds` later; `clock` moves the forum's clock by `seconds`.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["none", "status", "lost_answer", "delay", "webhook_twice", "webhook_late", "clock"]
    count: int = 1
    status: int = 503
    retry_after: float | None = None
    seconds: float = 0.0
    username: str | None = None


class Faults:
    """Faults still to come, the oldest first."""

    def __init__(self) -> None:
        self._left: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Ask for one."""
        self._left.append(fault)

    def clear(self) -> None:
        """End them all."""
        self._left.clear()

    async def around(self, username: str, request: web.Request, act: Callable[[], Awaitable[web.Response]]) -> web.Response:
        """Carry out a write with the fault that awaits it."""
        fault = self._next(username)
        if fault is None:
            return await act()
        match fault.kind:
            case "none" | "webhook_twice" | "webhook_late" | "clock":
                return await act()
            case "status":
                return _status(fault)
            case "delay":
                await asyncio.sleep(fault.seconds)
                return await act()
            case "lost_answer":
                answer = await act()
                if request.transport is not None:
                    request.transport.abort()
                return answer

    def _next(self, username: str) -> Fault | None:
        for fault in self._left:
            if fault.username in (None, username):
                fault.count -= 1
                if fault.count <= 0:
                    self._left.remove(fault)
                return fault
        return None


ALL_CALLS = {"Discourse-Rate-Limit-Error-Code": "admin_api_key_rate_limit"}
"""What names the limit of all calls with administrators' keys, 60 a minute unless the site says otherwise; the limit of one act has no name.

A site limits calls by their address too (50 in ten seconds), but not from private ones such as a twin's.
"""


def too_many(wait: float, named: Mapping[str, str]) -> web.Response:
    """429 as Discourse words it."""
    document = {
        "errors": ["You’ve performed this action too many times, please try again later."],
        "error_type": "rate_limit",
        "extras": {"wait_seconds": wait, "time_left": f"{wait:g} seconds"},
    }
    return web.json_response(document, status=429, headers={"Retry-After": f"{wait:g}", **named})


def _status(fault: Fault) -> web.Response:
    if fault.status == web.HTTPTooManyRequests.status_code:
        return too_many(fault.retry_after if fault.retry_after is not None else 1, {})
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    return web.Response(status=fault.status, text="<html><body>Oops</body></html>", content_type="text/html", headers=headers)
