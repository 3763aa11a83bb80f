"""What the log is told of what opens and closes, a door first of all: each state at most once a minute, and how often it closed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY: Final = 60.0  # seconds
log = structlog.get_logger()


class StateLog:
    """A door, a broker, a spool. A hub that is restarted, or a limit, may close a door at every request: seven hundred lines would say no more than one."""

    def __init__(
        self,
        opened: str,
        closed: str,
        clock: Callable[[], float] = time.monotonic,
        *,
        open_before: bool = False,
        **whose: str,
    ) -> None:
        """`opened` and `closed` are the words of the log, and `whose` stands in each line. `open_before`: its first opening is no news."""
        self._whose, self._clock = whose, clock
        self._opened, self._closed = opened, closed
        self._told_open: bool | None = True if open_before else None
        self._closings, self._reason, self._told_reason = 0, "", ""
        self._not_before = float("-inf")

    def opened(self) -> None:
        """It is open; told where the last word was another."""
        if self._told_open is not True:
            self._told_open = True
            log.info(self._opened, **self._whose)

    def closed(self, reason: str) -> None:
        """It closed."""
        self._closings, self._reason = self._closings + 1, reason
        self.stays_closed()

    def stays_closed(self) -> None:
        """It is closed still; told within the minute, with all the closings since the last word, and again where the reason is another."""
        known = self._told_open is False and self._told_reason == self._reason
        if known or not self._closings or self._clock() < self._not_before:
            return
        log.warning(self._closed, **self._whose, reason=self._reason, closings=self._closings)
        self._told_open, self._closings, self._not_before = False, 0, self._clock() + EVERY
        self._told_reason = self._reason
