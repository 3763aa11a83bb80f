"""What becomes of webhooks that could not be kept: where one event is at fault each apart, and that one a dead letter; else all come again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from adapters.ledger import LedgerUnavailable
from adapters.port import Nonsense
from adapters.sorting import NotStored, Stored
from adapters.spool import SpoolFull
from schemas.wire.failures import told

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.sorting import Answer, Arrival

OWN_FAULTS: Final = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
"""How one event's own data makes our code fail, or PostgreSQL refuse it (`ledger.Unstorable`). Anything else is a server's trouble."""
UNFIT: Final = "event_unfit"
FAILED: Final = "admission_failed"
"""Why a webhook was not kept where a server failed in a way that nobody foresaw: it is to come again."""
NOT_TOGETHER: Final = NotStored(UNFIT)
"""Why a batch was not kept: it is never the answer to a webhook, which its platform would send again for ever."""
log = structlog.get_logger()


def unfit(error: Exception) -> Nonsense:
    """The event as a dead letter."""
    return Nonsense(UNFIT, type(error).__name__)


def reason_of(error: Exception, instance: str) -> str:
    """What a webhook's answer says of what failed; the log says more, and no content."""
    if isinstance(error, LedgerUnavailable):
        log.warning("ledger_unavailable", instance=instance, error=str(error))
        return "ledger_unavailable"
    log.error(FAILED, instance=instance, **told(error))
    return FAILED


async def fate(stored: Awaitable[None], instance: str) -> NotStored | None:
    """Why a batch was not kept; None if it was. What nobody foresaw may be one event's own fault."""
    try:
        await stored
    except LedgerUnavailable as error:
        return NotStored(reason_of(error, instance))
    except SpoolFull:
        return NotStored("spool_full")
    except Exception:  # noqa: BLE001 - apart, each is told what failed
        return NOT_TOGETHER
    return None


async def fate_apart(stored: Awaitable[None], instance: str) -> NotStored | None:
    """As `fate`, for one event alone; raises OWN_FAULTS, since it is its own then."""
    try:
        await stored
    except SpoolFull:
        return NotStored("spool_full")
    except OWN_FAULTS:
        raise
    except Exception as error:  # noqa: BLE001 - a server's trouble: it is to come again
        return NotStored(reason_of(error, instance))
    return None


class Apart:
    """Settles webhooks one outcome at a time; `through` decides and keeps one, and may raise OWN_FAULTS."""

    def __init__(self, instance: str, through: Callable[[Arrival], Awaitable[NotStored | None]]) -> None:
        self._instance, self._through = instance, through

    async def settle(self, arrival: Arrival) -> Answer:
        """What to answer one webhook, all of its outcomes kept in order or one of them not now."""
        said: list[str] = []
        for outcome in arrival.outcomes:
            sealed = any(word.startswith("nonsense=") for word in said)
            one = replace(arrival, outcomes=(outcome,), said=[], sealed=sealed)
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
