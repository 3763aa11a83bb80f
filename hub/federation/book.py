"""The registry's peers as a door knows them: read every moment, since whoever is suspended is suspended now."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from hub.registry.peer_repository import SqlPeers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncEngine

    from hub.ports import Clock
    from hub.registry.peers import Peer

EVERY_SECONDS: Final = 1.0
OLDEST: Final = timedelta(seconds=60)
"""What a door that cannot reach the database goes on knowing; past that it knows nobody."""
log = structlog.get_logger()


class PeerBook:
    """Peers by their authority."""

    def __init__(self, database: AsyncEngine, clock: Clock) -> None:
        self.database, self._clock = database, clock
        self._peers: Mapping[str, Peer] = {}
        self._read_at: datetime | None = None

    def __call__(self, authority: str) -> Peer | None:
        """A peer of whatever grade, a candidate too; None for a server that never applied."""
        return self._peers.get(authority)

    @property
    def ready(self) -> bool:
        """Whether what is known was read not long ago."""
        return self._read_at is not None and self._clock() - self._read_at < OLDEST

    async def refresh(self) -> None:
        """Read them; on a failure what was known stays."""
        try:
            async with self.database.connect() as connection:
                self._peers = dict(await SqlPeers(connection).all())
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("peers_not_read", error=type(error).__name__)
        else:
            self._read_at = self._clock()

    async def run(self) -> None:
        """Refresh for ever."""
        while True:
            await self.refresh()
            await asyncio.sleep(EVERY_SECONDS)
