"""What one of the twin's users may send: a bucket of its own for each, as Synapse's `rc_message` (0.2 a second, 10 at once by default)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from adapters.matrix.twin.users import MatrixError

if TYPE_CHECKING:
    from collections.abc import Callable

BURST = 10


class Allowance:
    """Messages and redactions per second of each user; none refused where it is 0."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._clock = per_second, clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self.taken = self.refused = 0

    def spend(self, user: str) -> None:
        """Take one from a user's bucket. What is refused does not count."""
        if self._per_second <= 0:
            return self.spend_nothing()
        now = self._clock()
        left, since = self._buckets.get(user, (float(BURST), now))
        left = min(float(BURST), left + (now - since) * self._per_second)
        if left < 1:
            self.refused += 1
            wait = int((1 - left) / self._per_second * 1000) + 1
            raise MatrixError(429, "M_LIMIT_EXCEEDED", "Too Many Requests", retry_after_ms=wait)
        self._buckets[user] = (left - 1, now)
        return self.spend_nothing()

    def spend_nothing(self) -> None:
        """For whom no limit holds: a service's users, unless its registration says that they are limited."""
        self.taken += 1
