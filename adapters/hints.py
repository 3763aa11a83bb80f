"""Spaces of which the RSE hints that their tie may no longer hold: asked about at once, not at the next quarter of an hour."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from adapters.ledger import LedgerUnavailable
from adapters.spool import SpoolFull

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.handshake import Handshake

RETRY_SECONDS = 2.0
REST_SECONDS = 0.5  # who plays with a room's state has its homeserver asked twice a second, not a hundred times
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Hints:
    """What is to be asked; lost with the process, which looks at every tied space when it starts."""

    handshake: Handshake
    sleep: Callable[[float], Awaitable[None]]
    spaces: set[str] = field(default_factory=set)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def hint(self, space: str) -> None:
        """Something changed there on which its tie, if it has one, rests."""
        self.spaces.add(space)
        self.came.set()

    async def run(self) -> None:
        """Ask for ever; an RSE that does not answer, or an answer that cannot be told, is waited for."""
        while True:
            await self.came.wait()
            self.came.clear()
            await self._ask_all()
            if self.spaces:
                self.came.set()
            await self.sleep(RETRY_SECONDS if self.spaces else REST_SECONDS)

    async def _ask_all(self) -> None:
        for space in sorted(self.spaces):
            self.spaces.discard(space)  # before it is asked: a hint that comes meanwhile asks again
            if not await self._settled(space):
                self.spaces.add(space)

    async def _settled(self, space: str) -> bool:
        try:
            return await self.handshake.ask(space)
        except (LedgerUnavailable, SpoolFull) as error:
            log.warning("hint_waits", node=self.handshake.instance.node, error=type(error).__name__)
            return False
