"""How long to wait for an RSE that does not take what we write: a pure policy, and the pause that a whole node shares."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import structlog

from adapters.port import Later
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FIRST_SECONDS = 0.5
MOST_SECONDS = 15.0
MOST_WISHED_SECONDS = 900.0
Outcome = TypeVar("Outcome")
log = structlog.get_logger()


def delay(failures: int, wished: float | None, chance: float) -> float:
    """Seconds to wait after the n-th failure in a row (from 1): doubling, half of it by chance (0 to 1), never less than the RSE wished.

    The RSE's own wish (Retry-After) is obeyed up to MOST_WISHED_SECONDS, so that a mistaken year does not stop a ministry.
    """
    ceiling = min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(failures - 1, 30))
    own = ceiling / 2 + ceiling / 2 * chance
    return max(own, min(wished or 0.0, MOST_WISHED_SECONDS))


class Pause:
    """A node's circuit breaker: one failure makes every lane wait, and one lane alone tries until the RSE takes something again."""

    def __init__(self, instance: str, sleep: Callable[[float], Awaitable[None]], chance: Callable[[], float]) -> None:
        self._instance, self._sleep, self._chance = instance, sleep, chance
        self._open = asyncio.Event()
        self._open.set()

    @property
    def paused(self) -> bool:
        """Whether the node waits now."""
        return not self._open.is_set()

    async def through(self, attempt: Callable[[], Awaitable[Outcome | Later]]) -> Outcome:
        """Attempt until the RSE gives an answer that is not Later."""
        await self._open.wait()
        outcome = await attempt()
        while isinstance(outcome, Later):
            if not self.paused:
                return await self._probe(attempt, outcome)
            await self._open.wait()
            outcome = await attempt()
        return outcome

    async def _probe(self, attempt: Callable[[], Awaitable[Outcome | Later]], outcome: Outcome | Later) -> Outcome:
        failures = 0
        self._open.clear()
        Metric.paused.labels(self._instance).set(1)
        try:
            while isinstance(outcome, Later):
                failures += 1
                log.warning("rse_paused", instance=self._instance, reason=outcome.reason, failures=failures)
                await self._sleep(delay(failures, outcome.after, self._chance()))
                outcome = await attempt()
        finally:
            self._open.set()
            Metric.paused.labels(self._instance).set(0)
        return outcome
