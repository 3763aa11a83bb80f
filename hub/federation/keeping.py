"""What became of deliveries, written for many peers at once; nobody delivers on before its own is written."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hub.federation.positions import Writing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hub.federation.delivery import Standing
    from hub.federation.positions import Refusal, Told

    Write = Callable[[Writing], Awaitable[None]]


class Keeper:
    """Gathers what is to be written while the statement before it is under way."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._standings: dict[str, Standing] = {}
        self._told: list[Told] = []
        self._refusals: list[Refusal] = []
        self._wanted = asyncio.Event()
        self._written: asyncio.Future[None] | None = None

    async def keep(self, standing: Standing, *refusals: Refusal) -> None:
        """Wait until a peer's standing is written, so that a crash repeats one delivery to it at most."""
        self._standings[standing.peer] = standing
        self._refusals.extend(refusals)
        await asyncio.shield(self._next())

    def note(self, told: Told) -> None:
        """Remember whom an activity is for; written before any delivery of it is."""
        self._told.append(told)
        self._wanted.set()

    async def run(self) -> None:
        """Write for ever; ends with the error of a database that is gone, which everybody who waits gets too."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            writing = Writing(tuple(self._standings.values()), tuple(self._told), tuple(self._refusals))
            written, self._written = self._written, None
            self._standings, self._told, self._refusals = {}, [], []
            try:
                await self._write(writing)
            except BaseException:
                if written is not None:
                    written.cancel()
                raise
            if written is not None and not written.done():
                written.set_result(None)

    def _next(self) -> asyncio.Future[None]:
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        self._wanted.set()
        return self._written
