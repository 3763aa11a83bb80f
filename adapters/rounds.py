"""What a connector does in rounds beside carrying messages: whatever goes wrong there ends nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from adapters.ledger import LedgerUnavailable
from schemas.wire.failures import told

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger()


async def outlived(work: str, instance: str, one: Callable[[], Awaitable[float]], again: float) -> float:
    """Do one round; seconds until the next, `again` where this one failed."""
    try:
        return await one()
    except LedgerUnavailable:
        log.warning("round_waits", work=work, instance=instance)
    except Exception as error:  # noqa: BLE001 - no courtesy is worth ending the process that carries messages
        log.error("round_failed", work=work, instance=instance, **told(error))  # noqa: TRY400 - its text may hold names and content
    return again
