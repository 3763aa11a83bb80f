"""Asks an RSE again for what it could not tell when its webhook came."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from adapters.gateway import completed, named
from adapters.ledger import LedgerUnavailable
from adapters.sorting import Stored
from adapters.spool import Kind, unpack_incomplete
from schemas.wire.records import CORRELATION, new_correlation

if TYPE_CHECKING:
    from adapters.admission import Admission
    from adapters.port import RseClient
    from adapters.spool import Row, Spool

AGAIN_SECONDS = 2.0
AT_ONCE = 20
log = structlog.get_logger()


class Completions:
    """The incomplete changes of one instance."""

    def __init__(self, name: str, client: RseClient, spool: Spool, admission: Admission) -> None:
        self._name, self._client, self._spool, self._admission = name, client, spool, admission

    async def run(self) -> None:
        """Ask for ever, oldest first."""
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            try:
                await self.ask()
            except LedgerUnavailable as error:
                log.warning("completions_wait", instance=self._name, error=type(error).__name__)

    async def ask(self) -> None:
        """Ask for the oldest ones; stop at the first that the RSE still cannot tell."""
        if not self._spool.waiting[Kind.INCOMPLETE]:
            return
        for row in await self._spool.first(Kind.INCOMPLETE, AT_ONCE):
            if not await self._settled(row):
                return

    async def _settled(self, row: Row) -> bool:
        async with self._admission.asking:
            return await self._asked(row)

    async def _asked(self, row: Row) -> bool:
        incomplete = unpack_incomplete(row.value)
        found = await completed(self._client, incomplete)
        if found is None:
            return False
        correlation = dict(row.record.headers).get(CORRELATION, b"").decode() or new_correlation()
        answer = await self._admission.admit([await named(self._client, found)], row.value, correlation, leaving=True)
        if isinstance(answer, Stored):
            await self._spool.remove(Kind.INCOMPLETE, [row.position])
        return isinstance(answer, Stored)
