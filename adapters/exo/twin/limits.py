"""What stands between an account and the twin: an operator's rate limit, and the faults that a test asks for."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

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
    """What `POST /twin/faults` asks for, of requests by `username` with one of `methods` and `path` in their path; `none` ends them all.

    `clock` moves the clock of the whole eXo by `seconds`.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["none", "status", "lost_answer", "delay", "clock"]
    count: int = 1
    status: int = 503
    retry_after: float | None = None
    seconds: float = 0.0
    username: str | None = None
    methods: tuple[str, ...] = ("POST", "PUT", "DELETE")
    path: str = ""


class Faults:
    """Faults still to come, the oldest first."""

    def __init__(self) -> None:
        self._left: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Ask for one."""
        self._left.append(fault)

    def clear(self) -> None:
        """Do everything right again."""
        self._left.clear()

    async def around(self, username: str, request: web.Request, act: Callable[[], Awaitable[web.Response]]) -> web.Response:
        """Answer a request with the fault that awaits it."""
        fault = self._next(username, request)
        if fault is None:
            return await act()
        match fault.kind:
            case "none" | "clock":
                return await act()
            case "status":
                return refusal(fault.status, fault.retry_after)
            case "delay":
                await asyncio.sleep(fault.seconds)
                return await act()
            case "lost_answer":
                try:
                    return await act()
                finally:
                    if request.transport is not None:
                        request.transport.abort()

    def _next(self, username: str, request: web.Request) -> Fault | None:
        for fault in self._left:
            if fault.username in (None, username) and request.method in fault.methods and fault.path in request.path:
                fault.count -= 1
                if fault.count <= 0:
                    self._left.remove(fault)
                return fault
        return None


def refusal(status: int, retry_after: float | None = None) -> web.Response:
    """An error as Tomcat or a proxy before it shows it."""
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    return web.Response(status=status, text="<html><body>Oops</body></html>", content_type="text/html", headers=headers)
