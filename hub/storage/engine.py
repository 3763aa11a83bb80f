"""The database engine, and which of its errors mean that the database is gone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

MIGRATIONS = Path(__file__).parent / "migrations"


def engine_for(url: str, *, pool: int = 5) -> AsyncEngine:
    """An engine for a `postgresql://` URL."""
    driver_url = url.replace("postgresql://", "postgresql+asyncpg://", 1)
    return create_async_engine(driver_url, pool_size=pool, pool_pre_ping=False, pool_recycle=1800)


def connection_lost(error: BaseException) -> bool:
    """Tell an unreachable or restarted database from data that it refuses."""
    if isinstance(error, DBAPIError):
        shutting_down = getattr(error.orig, "sqlstate", None) or ""
        return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError) or shutting_down[:2] in {"57", "08"}
    return isinstance(error, OSError | TimeoutError)


def migrate(connection: Connection) -> None:
    """Bring the schema `hub` to this program's version."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
