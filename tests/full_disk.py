"""A PostgreSQL whose disk is full when it is told so: one schema's tables take no row then, under PostgreSQL's own error (53100)."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SWITCH: Final = """
    CREATE SCHEMA full_disk;
    CREATE TABLE full_disk.now (full_since timestamptz NOT NULL DEFAULT now());
    CREATE FUNCTION full_disk.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM full_disk.now) THEN
                RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full';
            END IF;
            RETURN NULL;
        END
    $$
"""
EACH: Final = """
    DO $$
        DECLARE one name;
        BEGIN
            FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'SCHEMA' LOOP
                EXECUTE format('CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON SCHEMA.%I EXECUTE FUNCTION full_disk.refuse()', one);
            END LOOP;
        END
    $$
"""
"""Deletions go on: PostgreSQL needs room for none of theirs."""


async def install(url: str, schema: str = "adapters") -> None:
    """Make the disk of the ledger, or of the hub, one that can be full."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(SWITCH)
        await connection.execute(EACH.replace("SCHEMA", schema))
    finally:
        await connection.close()


@asynccontextmanager
async def full(url: str) -> AsyncIterator[None]:
    """No room until the block ends."""
    await _say(url, "INSERT INTO full_disk.now DEFAULT VALUES")
    try:
        yield
    finally:
        await _say(url, "DELETE FROM full_disk.now")


async def _say(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
