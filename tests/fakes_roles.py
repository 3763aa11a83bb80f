"""A database role for one test: what it was given, and what it may do."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import pytest

from hub.storage.roles import NO_ROWS, admit_role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

ALL_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


@asynccontextmanager
async def role(database_url: str, rights: Mapping[str, str], rows: Mapping[str, str] = NO_ROWS) -> AsyncIterator[str]:
    """The database under a role that was given these rights, twice; skips where no role can be made."""
    name, password = f"role_{secrets.token_hex(4)}", secrets.token_hex(16)
    owner = await asyncpg.connect(database_url)
    if not await owner.fetchval("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"):
        await owner.close()
        pytest.skip("this PostgreSQL account may make no role")
    await owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    await owner.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA hub TO {name}")  # too much, from an earlier day
    for _ in range(2):
        await admit_role(database_url, name, rights, rows)
    parts = urlsplit(database_url)
    try:
        yield parts._replace(netloc=f"{name}:{password}@{parts.hostname}:{parts.port}").geturl()
    finally:
        await owner.execute(f"DROP OWNED BY {name}")
        await owner.execute(f"DROP ROLE {name}")
        await owner.close()


async def rights_of(url: str) -> set[tuple[str, str]]:
    """Every table that the role of this address may use, and how."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname IN ('hub', 'adapters')"
        )
        assert len(tables) > 20
        asked = "SELECT has_schema_privilege(split_part($1, '.', 1), 'USAGE') AND has_table_privilege($1, $2)"
        return {(row["name"], right) for row in tables for right in ALL_RIGHTS if await connection.fetchval(asked, row["name"], right)}
    finally:
        await connection.close()
