"""What stands between an API key and the twin: its rate limit, and the faults that a test asks for."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

WINDOW = 60.0  # seconds


class Rate:
    """So many API requests a minute; none refused where `limit` is 0."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: deque[float] = deque()

    def wait(self) -> int:
        """Count a request; the seconds to wait where it is one too many."""
        now = time.monotonic()
        while self._seen and self._seen[0] <= now - WINDOW:
            self._seen.popleft()
        if not self._limit or len(self._seen) < self._limit:
            self._seen.append(now)
            return 0
        return max(int(self._seen[0] + WINDOW - now) + 1, 1)


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


def too_many(wait: float, status: int = 429) -> web.Response:
    """429 as Discourse words it."""
    document = {
        "errors": ["You’ve performed this action too many times, please try again later."],
        "error_type": "rate_limit",
        "extras": {"wait_seconds": wait, "time_left": f"{wait:g} seconds"},
    }
    return web.json_response(document, status=status, headers={"Retry-After": f"{wait:g}"})


def _status(fault: Fault) -> web.Response:
    if fault.status == web.HTTPTooManyRequests.status_code:
        return too_many(fault.retry_after if fault.retry_after is not None else 1)
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    return web.Response(status=fault.status, text="<html><body>Oops</body></html>", content_type="text/html", headers=headers)
