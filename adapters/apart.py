"""What becomes of webhooks whose batch could not be kept for the sake of one event: each apart, and that one a dead letter."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from adapters.failures import told
from adapters.port import Nonsense
from adapters.sorting import NotStored, Stored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.sorting import Answer, Arrival

OWN_FAULTS: Final = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
"""How one event's own data makes our code fail, or PostgreSQL refuse it (`ledger.Unstorable`). Anything else is a server's trouble."""
UNFIT: Final = "event_unfit"
NOT_TOGETHER: Final = NotStored(UNFIT)
"""Why a batch was not kept: it is never the answer to a webhook, which its platform would send again for ever."""
log = structlog.get_logger()


def unfit(error: Exception) -> Nonsense:
    """The event as a dead letter."""
    return Nonsense(UNFIT, type(error).__name__)


class Apart:
    """Settles webhooks one outcome at a time; `through` decides and keeps one, and may raise OWN_FAULTS."""

    def __init__(self, instance: str, through: Callable[[Arrival], Awaitable[NotStored | None]]) -> None:
        self._instance, self._through = instance, through

    async def settle(self, arrival: Arrival) -> Answer:
        """What to answer one webhook, all of its outcomes kept in order or one of them not now."""
        said: list[str] = []
        for outcome in arrival.outcomes:
            one = replace(arrival, outcomes=(outcome,), said=[])
            failed = await self._settled(one)
            if failed is not None:
                return failed
            said += one.said
        return Stored(tuple(said))

    async def _settled(self, one: Arrival) -> NotStored | None:
        try:
            return await self._through(one)
        except OWN_FAULTS as error:
            log.error(UNFIT, instance=self._instance, correlation=one.correlation, **told(error))  # noqa: TRY400 - its text may hold content
            one.said.clear()
            one.outcomes = (unfit(error),)
            return await self._through(one)
