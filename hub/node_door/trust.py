"""The registry by which the door judges keys: read again every second, so that a revocation holds at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from schemas.manifest import Registry, RegistryRefused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from hub.ports import Clock

EVERY_SECONDS: Final = 1.0
READ_SECONDS: Final = 5.0  # a connection that died in silence answers nothing, and would be waited for after the database is back
STALE_AFTER: Final = timedelta(seconds=60)
"""A database that does not answer hides revocations: past this the door closes."""
log = structlog.get_logger()


class DoorTrust:
    """The registry in force, or none; asking it costs nothing, since thousands of requests a second do."""

    def __init__(self, read: Callable[[], Awaitable[Registry]], clock: Clock) -> None:
        self._read, self._clock = read, clock
        self._registry: Registry | None = None
        self._seen: datetime | None = None

    def current(self) -> Registry | None:
        """The registry, unless it has expired or was not read again for too long."""
        now = self._clock()
        if self._registry is None or self._seen is None or now - self._seen > STALE_AFTER or now >= self._registry.document.expires:
            return None
        return self._registry

    async def refresh(self) -> None:
        """Read it once more; the last good one stands a while when that fails."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                self._registry = await self._read()
        except (RegistryRefused, SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("registry_not_read", error=type(error).__name__)
        else:
            self._seen = self._clock()

    async def run(self) -> None:
        """Refresh for ever."""
        while True:
            await self.refresh()
            await asyncio.sleep(EVERY_SECONDS)
