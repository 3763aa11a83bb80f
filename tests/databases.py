"""The databases of a test session: made once from a template, emptied between two tests, since making one costs more than most tests.

One whose tables, columns or rights a test has changed is dropped instead.
"""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_ALONE = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_SHAPE = """
SELECT md5(string_agg(one, '|' ORDER BY one)) FROM (
    SELECT concat_ws(' ', relnamespace::regnamespace, relname, relkind, relacl, relrowsecurity) FROM pg_class
     WHERE relnamespace::regnamespace::text !~ '^pg_'
    UNION ALL SELECT concat_ws(' ', attrelid::regclass, attname, atttypid, attnotnull, attisdropped, attacl) FROM pg_attribute
     WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace::regnamespace::text !~ '^pg_')
    UNION ALL SELECT concat_ws(' ', conrelid::regclass, conname, convalidated) FROM pg_constraint
    UNION ALL SELECT concat_ws(' ', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT concat_ws(' ', pronamespace::regnamespace, proname, md5(prosrc)) FROM pg_proc WHERE pronamespace::regnamespace::text !~ '^pg_'
    UNION ALL SELECT concat_ws(' ', nspname, nspacl) FROM pg_namespace WHERE nspname !~ '^pg_'
    UNION ALL SELECT concat_ws(' ', defaclrole, defaclnamespace, defaclobjtype, defaclacl) FROM pg_default_acl
    UNION ALL SELECT concat_ws(' ', setrole, setconfig) FROM pg_db_role_setting
     WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS things (one)"""
_EMPTYING = """
SELECT string_agg(format('DELETE FROM %I.%I', schemaname, tablename), '; ') FROM pg_tables
 WHERE schemaname !~ '^(pg_|information_schema$)' AND tablename <> 'alembic_version'"""
_RESTARTING = "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences"


class Databases:
    """Those of one server that nobody uses, all of one template."""

    def __init__(self, server: str, template: str) -> None:
        self._server = server
        self._template = template
        self._shape = ""
        self._spare: list[str] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[str]:
        """The address of a database with all its tables and no rows, which nobody else has."""
        url = self._spare.pop() if self._spare else await self._made()
        yield url
        if await self._emptied(url):
            self._spare.append(url)
        else:
            await drop(self._server, _name_of(url))

    async def discard(self) -> None:
        """Drop them all."""
        while self._spare:
            await drop(self._server, _name_of(self._spare.pop()))

    async def _made(self) -> str:
        name = f"t_{secrets.token_hex(6)}"
        await execute(self._server, f'CREATE DATABASE "{name}" TEMPLATE "{self._template}"')
        url = address_of(self._server, name)
        if not self._shape:
            async with _connected(url) as connection:
                self._shape = await connection.fetchval(_SHAPE)
        return url

    async def _emptied(self, url: str) -> bool:
        """Empty it as it was made; False where it is no longer the same."""
        async with _connected(url) as connection:
            await connection.execute(_ALONE)
            if await connection.fetchval(_SHAPE) != self._shape:
                return False
            async with connection.transaction():  # foreign keys asleep, no order of the tables matters
                await connection.execute(f"SET LOCAL session_replication_role = replica; {await connection.fetchval(_EMPTYING)}")
                await connection.execute(_RESTARTING)
        return True


def address_of(server: str, name: str) -> str:
    """The address of a server's database."""
    return urlsplit(server)._replace(path=f"/{name}").geturl()


async def execute(url: str, sql: str) -> None:
    """Run statements on a connection of their own."""
    async with _connected(url) as connection:
        await connection.execute(sql)


async def drop(server: str, name: str) -> None:
    """Remove a database, whoever is still connected to it."""
    await execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _name_of(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
