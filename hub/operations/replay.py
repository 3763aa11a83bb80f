"""Parked records of a node or peer that is released, or whose manifest is renewed, produced again where they were first read: oldest first, each once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy.dialects.postgresql import insert

from hub.access import MANIFEST_EXPIRED
from hub.operations import dlq, readmission
from hub.operations.broker import reader, writer
from hub.storage import offsets
from hub.storage.tables import stream_offsets
from schemas.application import Kind
from schemas.topics import PEER_INBOUND, RSE_INBOUND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.operations.dlq import Letter
    from hub.ports import Headers
    from schemas.keys import SigningKey
    from schemas.topics import Topic
    from schemas.wire.kafka import KafkaSettings, TopicNames

OURS: Final = "dlq_"


@dataclass(frozen=True, slots=True)
class Parking:
    """Where a kind of sender's records wait: the topic by which they came, why they were parked, and the header that names the sender."""

    topic: Topic
    reasons: frozenset[str]
    sender: str


PARKINGS: Final[Mapping[Kind, Parking]] = {
    Kind.NODE: Parking(RSE_INBOUND, frozenset({"node_quarantined", MANIFEST_EXPIRED}), "ce_source"),
    Kind.PEER: Parking(PEER_INBOUND, frozenset({"peer_quarantined"}), "peer_server"),
}
"""Only what was proved to be the sender's own is parked, so that the header may be believed."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a release did: how many records were produced again, and the next parked offset to look at by partition."""

    records: int
    reached: dict[int, int]


def group(sender: str) -> str:
    """Under which name a release remembers how far it came; each sender has its own, since they are released one by one."""
    return f"release.{sender}"


async def progress(connection: AsyncConnection, kind: Kind, sender: str, names: TopicNames) -> dict[int, int]:
    """Partition → next offset to look at."""
    known, letters = await offsets.stored(connection, group(sender)), names.of(PARKINGS[kind].topic.dead_letters)
    return {partition: offset for (topic, partition), offset in known.items() if topic == letters}


async def remember(connection: AsyncConnection, kind: Kind, sender: str, names: TopicNames, reached: dict[int, int]) -> None:
    """Store how far a release came."""
    topic = names.of(PARKINGS[kind].topic.dead_letters)
    rows = [{"group": group(sender), "topic": topic, "partition": part, "next_offset": offset} for part, offset in reached.items()]
    if rows:
        statement = insert(stream_offsets)
        changed = {"next_offset": statement.excluded.next_offset}
        await connection.execute(statement.on_conflict_do_update(index_elements=["group", "topic", "partition"], set_=changed), rows)


def replay(settings: KafkaSettings, names: TopicNames, kind: Kind, sender: str, start: dict[int, int], key: SigningKey) -> Replayed:
    """Produce a sender's parked records again, byte for byte; returns when the broker has them all. Raises BrokerUnreachable.

    Beside each stands the hub's word, by its `key`, on when it first came: its sender's own may have been retired since.
    Ended half-way, it may produce some twice: the workers know them by their id.
    """
    parking, reached, count = PARKINGS[kind], dict(start), 0
    with reader(settings) as client, writer(settings) as producer:
        sent = []
        for letter in dlq.read(client, names.of(parking.topic.dead_letters), start):
            reached[letter.partition] = letter.offset + 1
            if letter.reason in parking.reasons and letter.said(parking.sender) == sender:
                headers = list(_original(letter, key))
                sent.append(producer.send(names.of(parking.topic), value=letter.unverified_value, key=letter.key, headers=headers))
        for acknowledged in sent:
            acknowledged.get(timeout=30)
            count += 1
    return Replayed(count, reached)


def _original(letter: Letter, key: SigningKey) -> Headers:
    """Its own headers; what was parked twice keeps the word of the first time."""
    kept = tuple((name, raw) for name, raw in letter.headers if not name.startswith(OURS))
    parked_at = _moment(letter.said("dlq_at"))
    if parked_at is None or any(name == readmission.HEADER for name, _ in kept):
        return kept
    return readmission.vouched(key, letter.key, letter.unverified_value, kept, parked_at)


def _moment(said: str) -> datetime | None:
    """When a worker set a letter aside, having proved it; None for what says none."""
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
