"""What must be done whole, whoever cancels meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine


async def to_its_end(work: Coroutine[None, None, None]) -> None:
    """See work through, then be cancelled if somebody wished it meanwhile: a `finally` that awaits is cut off by the next cancellation."""
    task = asyncio.ensure_future(work)
    wished: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as cancelled:
            wished = cancelled
    failed = None if task.cancelled() else task.exception()  # what cut itself off is over, and no wish of anybody that we end
    if wished is not None:
        raise wished
    if failed is not None:
        raise failed
