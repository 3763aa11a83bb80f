"""The database engine, and which of its errors mean that the database is gone."""

from __future__ import annotations

import socket
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.pool import ConnectionPoolEntry

UNABLE: Final = frozenset({"08", "25", "53", "57", "58"})
"""Classes of SQLSTATE by which a server says that it cannot: connection, read-only, no room (53100), shutting down, its disk fails."""
KEEPALIVES: Final = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
"""A machine that vanished says no farewell, and PostgreSQL would keep its lock for two hours (PostgreSQL 18 § 19.3.2)."""
HEARD: Final = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 25_000}
"""The same towards a server that vanished, 25 seconds after its last word (tcp(7); the last in milliseconds): what waits for its answer would wait for ever."""
RESTED_SECONDS: Final = 0.2
RESTS_SINCE: Final = "rests_since"
MIGRATIONS = Path(__file__).parent / "migrations"


def engine_for(url: str, *, pool: int = 5) -> AsyncEngine:
    """An engine for a `postgresql://` URL; a connection that has rested is tried before use: a restarted database costs nobody an error.

    Statements are planned at each use: few and large ones here, and a plan kept from when a table was young reads all of it later.
    """
    made = create_async_engine(
        "postgresql+asyncpg://", async_creator=partial(_connect, url), pool_size=pool, pool_recycle=1800, hide_parameters=True
    )
    _try_the_rested(made)
    return made


class _Heard(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection whose other end is asked whether it is still there: asyncpg knows no `keepalives` of its own."""

    def __init__(self, protocol: Any, transport: Any, *rest: Any) -> None:
        super().__init__(protocol, transport, *rest)
        found = transport.get_extra_info("socket")
        if found.family in {socket.AF_INET, socket.AF_INET6}:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in HEARD.items():
                if hasattr(socket, option):  # Linux has them all
                    found.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


async def _connect(url: str) -> asyncpg.Connection:
    """The driver reads the address itself, as its authors mean it: SQLAlchemy knows neither `sslmode` nor two hosts."""
    said = {"plan_cache_mode": "force_custom_plan"}
    return await asyncpg.connect(url.replace("+asyncpg", "", 1), server_settings=said, connection_class=_Heard)


async def alone(url: str, number: int) -> asyncpg.Connection:
    """The connection that holds an advisory lock, once nobody else does: of two processes one works, the other waits to take over."""
    connection = await asyncpg.connect(url, server_settings=KEEPALIVES, connection_class=_Heard)
    await connection.execute("SELECT pg_advisory_lock($1)", number)
    return connection


def _try_the_rested(made: AsyncEngine) -> None:
    """SQLAlchemy tries every connection, each time; a worker that takes one fifty times a second would wait for as many answers more."""
    engine = made.sync_engine

    @event.listens_for(engine, "checkin")
    def rests(_: Any, record: ConnectionPoolEntry) -> None:
        record.info[RESTS_SINCE] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def tried(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
        since = record.info.get(RESTS_SINCE)
        if since is None or time.monotonic() - since < RESTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def connection_lost(error: BaseException) -> bool:
    """Tell a database that is unreachable, restarted or without room from data that it refuses."""
    if isinstance(error, DBAPIError):
        if isinstance(getattr(error.orig, "__cause__", None), ValueError):
            return False  # asyncpg calls a value that it cannot encode an error of the interface
        state = getattr(error.orig, "sqlstate", None) or ""
        return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError) or state[:2] in UNABLE
    return isinstance(error, OSError | TimeoutError | asyncpg.InternalClientError)  # the last: gone in the middle of an answer


async def migrate(url: str) -> None:
    """Bring the schema `hub` to this program's version."""
    engine = engine_for(url)
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade)
    await engine.dispose()


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - a tenth of every process's start that only this one needs
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
