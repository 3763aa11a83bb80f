"""Parked records of a released node, produced again where they were first read: oldest first, each once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy.dialects.postgresql import insert

from hub.operations import dlq
from hub.operations.broker import reader, writer
from hub.storage import offsets
from hub.storage.tables import stream_offsets
from schemas.topics import RSE_INBOUND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.operations.dlq import Letter
    from schemas.wire.kafka import KafkaSettings, TopicNames

PARKED: Final = "node_quarantined"
OURS: Final = "dlq_"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a release did: how many records were produced again, and the next parked offset to look at by partition."""

    records: int
    reached: dict[int, int]


def group(node: str) -> str:
    """Under which name a release remembers how far it came; each node has its own, since they are released one by one."""
    return f"release.{node}"


async def progress(connection: AsyncConnection, node: str, names: TopicNames) -> dict[int, int]:
    """Partition → next offset to look at."""
    known = await offsets.stored(connection, group(node))
    return {partition: offset for (topic, partition), offset in known.items() if topic == names.of(RSE_INBOUND.dead_letters)}


async def remember(connection: AsyncConnection, node: str, names: TopicNames, reached: dict[int, int]) -> None:
    """Store how far a release came."""
    topic = names.of(RSE_INBOUND.dead_letters)
    rows = [{"group": group(node), "topic": topic, "partition": part, "next_offset": offset} for part, offset in reached.items()]
    if rows:
        statement = insert(stream_offsets)
        changed = {"next_offset": statement.excluded.next_offset}
        await connection.execute(statement.on_conflict_do_update(index_elements=["group", "topic", "partition"], set_=changed), rows)


def replay(settings: KafkaSettings, names: TopicNames, node: str, start: dict[int, int]) -> Replayed:
    """Produce a node's parked records again, byte for byte; returns when the broker has them all. Raises BrokerUnreachable.

    Ended half-way, it may produce some twice: the inbound worker knows them by their id.
    """
    reached, count = dict(start), 0
    with reader(settings) as client, writer(settings) as producer:
        sent = []
        for letter in dlq.read(client, names.of(RSE_INBOUND.dead_letters), start):
            reached[letter.partition] = letter.offset + 1
            if letter.reason == PARKED and letter.said("ce_source") == node:
                headers = list(_original(letter))
                sent.append(producer.send(names.of(RSE_INBOUND), value=letter.unverified_value, key=letter.key, headers=headers))
        for acknowledged in sent:
            acknowledged.get(timeout=30)
            count += 1
    return Replayed(count, reached)


def _original(letter: Letter) -> Iterator[tuple[str, bytes]]:
    return ((name, raw) for name, raw in letter.headers if not name.startswith(OURS))
