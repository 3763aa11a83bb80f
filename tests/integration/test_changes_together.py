"""Changes carried out as one statement on the hub's real tables: all of them or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from hub.storage import offsets
from hub.storage.engine import engine_for
from hub.storage.rows import Change, together
from hub.storage.tables import stream_offsets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncConnection


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[AsyncConnection]:
    engine = engine_for(database_url)
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


def at(partition: int, offset: int) -> Change | None:
    return offsets.ROWS.change([{"group": "essai", "topic": "t", "partition": partition, "next_offset": offset}])


async def kept(connection: AsyncConnection) -> list[tuple[int, int]]:
    query = select(stream_offsets.c.partition, stream_offsets.c.next_offset).order_by(stream_offsets.c.partition)
    return [(row.partition, row.next_offset) for row in await connection.execute(query)]


async def test_each_has_its_own_values_and_what_is_nothing_is_left_out(connection: AsyncConnection) -> None:
    await together(connection, [at(0, 5), None, at(1, 7)])
    await together(connection, [at(0, 3), at(1, 9)])
    await together(connection, [None])
    assert await kept(connection) == [(0, 5), (1, 9)]  # a position never goes back


async def test_where_one_fails_none_is_done(connection: AsyncConnection) -> None:
    broken = Change("INSERT INTO hub.stream_offsets (topic) SELECT unnest(CAST(:c0 AS text[]))", {"c0": ["t"]})
    with pytest.raises(DBAPIError):
        async with connection.begin_nested():
            await together(connection, [at(0, 5), broken])
    assert await kept(connection) == []
