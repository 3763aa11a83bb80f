"""Source offsets, stored in the transaction whose effects they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from hub.storage.tables import stream_offsets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.ports import Record


async def store(connection: AsyncConnection, group: str, records: Sequence[Record]) -> None:
    """Note the next offset to read of each partition in the batch."""
    reached: dict[tuple[str, int], int] = {}
    for record in records:
        place = (record.topic, record.partition)
        reached[place] = max(reached.get(place, 0), record.offset + 1)
    rows = [{"group": group, "topic": topic, "partition": part, "next_offset": offset} for (topic, part), offset in sorted(reached.items())]
    statement = insert(stream_offsets)
    keys = [stream_offsets.c.group, stream_offsets.c.topic, stream_offsets.c.partition]
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=keys, set_={"next_offset": func.greatest(stream_offsets.c.next_offset, statement.excluded.next_offset)}
        ),
        rows,
    )


async def stored(connection: AsyncConnection, group: str) -> dict[tuple[str, int], int]:
    """The next offset of each partition, as this database knows it."""
    rows = await connection.execute(select(stream_offsets).where(stream_offsets.c.group == group))
    return {(row.topic, row.partition): row.next_offset for row in rows}
