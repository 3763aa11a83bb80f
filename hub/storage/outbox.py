"""The outbox: what a transaction says to the world, written with it and published after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text

from hub.ports import Outgoing
from hub.storage.rows import Rows
from hub.storage.tables import outbox

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.storage.rows import Change

CHANNEL = "hub_outbox"
ROWS = Rows(
    outbox, "topic", "key", "value", "headers", "event", "digest", "community", "sequence", "targets", "admitted_at",
    then=f"RETURNING pg_notify('{CHANNEL}', '')",  # in the same statement: the relay is woken once, whatever the number of rows
)  # fmt: skip


class SqlOutbox:
    """Rows gathered in memory, written in one statement when the transaction commits."""

    def __init__(self) -> None:
        self._rows: list[Outgoing] = []

    def add(self, outgoing: Outgoing) -> None:
        """Remember a row."""
        self._rows.append(outgoing)

    def change(self) -> Change | None:
        """The rows, in order; it wakes the relay."""
        rows, self._rows = self._rows, []
        return ROWS.change([_row(row) for row in rows])


async def unpublished(connection: AsyncConnection, limit: int, without: Collection[str] = ()) -> list[tuple[int, Outgoing]]:
    """The oldest rows that the broker has not acknowledged, but those of the topics named by `without`."""
    waiting = select(outbox).where(outbox.c.published_at.is_(None), outbox.c.topic.not_in(without))
    rows = await connection.execute(waiting.order_by(outbox.c.id).limit(limit))
    return [(row.id, kept_row(row)) for row in rows]


MARK = text("""
    UPDATE hub.outbox AS row SET published_at = :now, partition = done.partition, "offset" = done."offset"
    FROM unnest(CAST(:ids AS bigint[]), CAST(:partitions AS integer[]), CAST(:offsets AS bigint[])) AS done (id, partition, "offset")
    WHERE row.id = done.id
""")


async def mark_published(connection: AsyncConnection, done: Sequence[tuple[int, int, int]], now: datetime) -> None:
    """Note (id, partition, offset) of what the broker acknowledged, in one statement."""
    ids, partitions, offsets = (list(column) for column in zip(*done, strict=True))
    await connection.execute(MARK, {"now": now, "ids": ids, "partitions": partitions, "offsets": offsets})


async def oldest_unpublished(connection: AsyncConnection) -> datetime | None:
    """When the oldest waiting row was admitted."""
    found: datetime | None = await connection.scalar(select(func.min(outbox.c.admitted_at)).where(outbox.c.published_at.is_(None)))
    return found


async def forget_published(connection: AsyncConnection, before: datetime) -> int:
    """Delete rows that the topics have forgotten too; the rest of the way stays in `deliveries`."""
    result = await connection.execute(outbox.delete().where(outbox.c.published_at < before))
    return int(result.rowcount)


def _row(outgoing: Outgoing) -> dict[str, Any]:
    return {
        "topic": outgoing.topic, "key": outgoing.key, "value": outgoing.value,
        "headers": [[name, raw.decode()] for name, raw in outgoing.headers],
        "event": outgoing.event, "digest": outgoing.digest, "community": outgoing.community, "sequence": outgoing.sequence,
        "targets": dict(outgoing.targets), "admitted_at": outgoing.admitted_at,
    }  # fmt: skip


def kept_row(row: Any) -> Outgoing:
    """A row as it was added."""
    headers = tuple((name, text.encode()) for name, text in row.headers)
    return Outgoing(
        row.topic, row.key, bytes(row.value), headers, row.event, row.digest, row.admitted_at, row.community, row.sequence, row.targets
    )
