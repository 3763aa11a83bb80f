"""Source offsets, stored in the transaction whose effects they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from hub.storage.rows import Rows
from hub.storage.tables import stream_offsets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.ports import Record
    from hub.storage.rows import Change

ROWS = Rows(
    stream_offsets,
    then='ON CONFLICT ("group", topic, partition) DO UPDATE SET next_offset = greatest(stream_offsets.next_offset, excluded.next_offset)',
)


def reached(group: str, records: Sequence[Record]) -> Change | None:
    """The next offset to read of each partition in the batch."""
    after: dict[tuple[str, int], int] = {}
    for record in records:
        place = (record.topic, record.partition)
        after[place] = max(after.get(place, 0), record.offset + 1)
    return ROWS.change(
        [{"group": group, "topic": topic, "partition": part, "next_offset": offset} for (topic, part), offset in sorted(after.items())]
    )


async def stored(connection: AsyncConnection, group: str) -> dict[tuple[str, int], int]:
    """The next offset of each partition, as this database knows it."""
    rows = await connection.execute(select(stream_offsets).where(stream_offsets.c.group == group))
    return {(row.topic, row.partition): row.next_offset for row in rows}
