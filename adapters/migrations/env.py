"""Runs the ledger's migrations; the URL comes from the caller, never from a file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
from alembic import context
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from sqlalchemy import Connection

SCHEMA = "adapters"
ALONE = 7_482_311_001  # one migration at a time, however many processes start at once


def _migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ALONE})
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    context.configure(connection=connection, version_table_schema=SCHEMA)
    context.run_migrations()


async def _connect() -> asyncpg.Connection:
    """The driver reads the address itself, as the ledger's does: SQLAlchemy knows neither `sslmode` nor two hosts."""
    return await asyncpg.connect(context.config.attributes["url"])


async def _run() -> None:
    engine = create_async_engine("postgresql+asyncpg://", async_creator=_connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


asyncio.run(_run())
