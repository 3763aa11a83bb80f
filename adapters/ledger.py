"""The adapters' own memory in PostgreSQL: its schema, the pool of connections, and one voice for all that can fail there."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

ACQUIRE_SECONDS = 3.0
STATEMENT_SECONDS = 5.0
DOWN = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server went away in the middle of an answer
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,  # the password was replaced on one side: it heals once it is on both
    asyncpg.InsufficientResourcesError,  # class 53: its disk is full, its memory, its connections
    asyncpg.OperatorInterventionError,  # class 57: it shuts down, starts, or took too long
    asyncpg.PostgresSystemError,  # class 58: its disk fails
    asyncpg.TransactionRollbackError,  # class 40: a deadlock, a serialization failure; the next attempt finds the way free
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
)
WITHOUT_ROOM = (asyncpg.InsufficientResourcesError, asyncpg.PostgresSystemError, asyncpg.ReadOnlySQLTransactionError)
"""It answers, and keeps nothing: a question that only reads would not show it."""
LATELY_SECONDS = 30.0  # who writes tries again every fifteen seconds at most
UNFIT = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)


class LedgerUnavailable(ConnectionError):
    """PostgreSQL does not answer, or can keep nothing now (a full disk): it heals without us; its text is the type of the error, no content."""


class Unstorable(ValueError):
    """PostgreSQL answers, but cannot hold these values: a fault of what is said, which no waiting heals."""


def plain_url(url: str) -> str:
    """The URL as asyncpg reads it, without SQLAlchemy's driver name."""
    scheme, separator, rest = url.partition("://")
    return scheme.partition("+")[0] + separator + rest


def migrate(url: str) -> None:
    """Bring the ledger's schema to its newest version; runs an event loop of its own."""
    from alembic import command  # noqa: PLC0415 - Alembic is heavy, and only `migrate` needs it
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = plain_url(url)
    command.upgrade(config, "head")


def _living_password(now: Callable[[], str | None]) -> dict[str, Any]:
    """For an address that stands in a file: its password at each new connection, since it may have been replaced there."""
    if (first := now()) is None or urlsplit(first).password is None:
        return {}
    return {"password": lambda: unquote(urlsplit(now() or first).password or "")}


class _Plain(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection that is given back as it is: we leave no lock, listener, cursor or setting on one."""

    def get_reset_query(self) -> str:
        """Ask the server nothing more: it would cost each of our statements a second journey."""
        return ""


class Ledger:
    """A pool of connections to schema `adapters`; says LedgerUnavailable in one voice."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        connect: Callable[[], Awaitable[asyncpg.Connection]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` counts seconds from anywhere."""
        self._pool, self._connect, self._clock = pool, connect, clock
        self._full_at: float | None = None

    @classmethod
    async def open(cls, url: str, *, size: int = 10, now: Callable[[], str | None] = lambda: None) -> Self:
        """Connect; `now` tells the address as it stands in its file, for the password of each new connection. Raises LedgerUnavailable."""
        said: dict[str, Any] = {
            **_living_password(now),
            "timeout": ACQUIRE_SECONDS,
            "command_timeout": STATEMENT_SECONDS,
            "server_settings": {"search_path": "adapters", "application_name": "traitdunion-adapters"},
        }
        try:
            pool = await asyncpg.create_pool(plain_url(url), **said, min_size=1, max_size=size, connection_class=_Plain)
        except DOWN as error:
            raise LedgerUnavailable(type(error).__name__) from error
        return cls(pool, lambda: asyncpg.connect(plain_url(url), **said))

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection outside any transaction; raises LedgerUnavailable, Unstorable."""
        try:
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                yield connection
        except LedgerUnavailable:
            raise
        except UNFIT as error:
            raise Unstorable(type(error).__name__) from error
        except DOWN as error:
            if isinstance(error, ValueError):  # asyncpg calls a value that it cannot encode an error of the interface
                raise Unstorable(type(error).__name__) from error
            if isinstance(error, WITHOUT_ROOM):
                self._full_at = self._clock()
            raise LedgerUnavailable(type(error).__name__) from error

    async def apart(self) -> asyncpg.Connection:
        """A connection of its own beside the pool, for who holds a lock and terminates it. Raises LedgerUnavailable."""
        if self._connect is None:
            raise LedgerUnavailable("apart")
        try:
            return await self._connect()
        except DOWN as error:
            raise LedgerUnavailable(type(error).__name__) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """One transaction: committed at the end of the block, rolled back on any exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def answers(self) -> bool:
        """Tell whether PostgreSQL answers now, and has kept what it was given lately."""
        if self._full_at is not None and self._clock() - self._full_at < LATELY_SECONDS:
            return False
        try:
            async with self.connection() as connection:
                await connection.execute("SELECT 1")
        except LedgerUnavailable:
            return False
        return True

    async def close(self) -> None:
        """Close every connection, not waiting for a dead server."""
        self._pool.terminate()
