"""Several statements as one on a real PostgreSQL: each with its own values, all of them or none."""

from __future__ import annotations

import asyncpg
import pytest

from adapters.together import Together


async def test_each_statement_has_its_own_values_and_the_last_one_answers(bare_database_url: str) -> None:
    connection = await asyncpg.connect(bare_database_url)
    try:
        await connection.execute("CREATE TABLE one (a text, b int); CREATE TABLE two (a text)")
        together = Together()
        together.add("INSERT INTO one VALUES ($1, $2)", "x", 1)
        together.add("INSERT INTO one SELECT name, $1 FROM unnest($2::text[]) AS given (name)", 2, ["y", "z"])
        assert await together.fetchval(connection, "INSERT INTO two VALUES ($1) RETURNING a", "last") == "last"
        assert [tuple(row) for row in await connection.fetch("SELECT a, b FROM one ORDER BY a")] == [("x", 1), ("y", 2), ("z", 2)]
    finally:
        await connection.close()


async def test_nothing_is_done_where_one_of_them_fails(bare_database_url: str) -> None:
    connection = await asyncpg.connect(bare_database_url)
    try:
        await connection.execute("CREATE TABLE one (a text PRIMARY KEY); CREATE TABLE two (a text NOT NULL)")
        together = Together()
        together.add("INSERT INTO one VALUES ($1)", "x")
        with pytest.raises(asyncpg.NotNullViolationError):
            await together.fetchval(connection, "INSERT INTO two VALUES ($1) RETURNING a", None)
        assert await connection.fetchval("SELECT count(*) FROM one") == 0
    finally:
        await connection.close()


async def test_one_alone_is_carried_out_as_it_stands(bare_database_url: str) -> None:
    connection = await asyncpg.connect(bare_database_url)
    try:
        assert await Together().fetchval(connection, "SELECT $1::int + $2::int", 1, 2) == 3
    finally:
        await connection.close()
