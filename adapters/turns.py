"""Whose turn it is to read an instance's records: one process's at a time, by a lock that PostgreSQL takes back when its holder is gone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import structlog

from adapters.ledger import DOWN, LedgerUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from adapters.ledger import Ledger

TRY_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 2.0
TRY: Final = "SELECT pg_try_advisory_lock(hashtextextended('traitdunion.outbound.' || $1, 0))"
KEEPALIVES: Final = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
"""A machine that vanished says no farewell, and PostgreSQL would wait for it for hours (PostgreSQL 18 § 19.3.2)."""
log = structlog.get_logger()


@asynccontextmanager
async def turn(ledger: Ledger, instance: str) -> AsyncIterator[asyncio.Event]:
    """Wait for the turn, as a warm spare does. The event is set when it may be another's: end then what you do."""
    connection, over = await _connection_in_turn(ledger, instance), asyncio.Event()
    watching = asyncio.get_running_loop().create_task(_watch(connection, instance, over))
    try:
        yield over
    finally:
        watching.cancel()
        connection.terminate()  # PostgreSQL takes the lock back at once; one that does not answer is not waited for


async def _connection_in_turn(ledger: Ledger, instance: str) -> asyncpg.Connection:
    while True:
        try:
            connection = await ledger.apart()
            if await _comes(connection, instance):
                return connection
        except LedgerUnavailable as error:
            log.warning("turn_waits", instance=instance, error=type(error).__name__)
            await asyncio.sleep(TRY_SECONDS)


async def _comes(connection: asyncpg.Connection, instance: str) -> bool:
    """Wait until the turn has come; raises LedgerUnavailable where PostgreSQL goes away meanwhile."""
    ours, told = False, False
    try:
        await connection.execute(KEEPALIVES)
        while not (ours := await connection.fetchval(TRY, instance)):
            if not told:
                log.info("turn_of_another", instance=instance)
            told = True
            await asyncio.sleep(TRY_SECONDS)
    except DOWN as error:
        raise LedgerUnavailable(type(error).__name__) from error
    else:
        return True
    finally:
        if not ours:
            connection.terminate()


async def _watch(connection: asyncpg.Connection, instance: str, over: asyncio.Event) -> None:
    """PostgreSQL gives the turn to another as soon as this connection is gone, and tells nobody."""
    try:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await connection.execute("SELECT 1")
    except DOWN as error:
        log.warning("turn_lost", instance=instance, error=type(error).__name__)
    finally:
        over.set()
