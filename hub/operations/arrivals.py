"""Where the messages of a page have arrived: one state for each node, from receipts, targets and what people did to copies."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from hub.communities.repository import copies_of
from hub.operations.trace import steps
from hub.storage.rows import among
from hub.storage.tables import events
from schemas.envelope import major_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.operations.peers import Transmission
    from hub.operations.trace import Arrival, Step


class Stand(StrEnum):
    """Where one message stands at one node."""

    WRITTEN = "written"
    CONFIRMED = "confirmed"
    PENDING = "pending"
    UNSUPPORTED = "unsupported"
    SKIPPED = "skipped"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Standing:
    """A message at a node: the state of its newest change there; `change` is `posted`, `edited` or `deleted`."""

    node: str
    stand: Stand
    change: str
    at: datetime | None = None
    latency_ms: int | None = None
    reason: str | None = None
    verified: bool = False
    copy_edited: bool = False


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where one message is: its standing at each node, and what became of its newest change at each peer."""

    nodes: Sequence[Standing] = ()
    peers: Sequence[Transmission] = ()


async def whereabouts(connection: AsyncConnection, ids: Sequence[str], now: datetime) -> dict[str, Whereabouts]:
    """Message → where it is, for a page of messages."""
    query = select(events).where(among(events.c.subject, ids), events.c.sequence.isnot(None)).order_by(events.c.sequence)
    rows = [row for row in await connection.execute(query) if _is_message(row.type)]
    copies = await copies_of(connection, ids)
    ways: dict[str, list[Step]] = {}
    for step in await steps(connection, rows, now):
        ways.setdefault(step.subject, []).append(step)
    return {message: Whereabouts(stand_of(message, ways.get(message, []), copies), _abroad(ways.get(message, []))) for message in ids}


def _abroad(way: Iterable[Step]) -> list[Transmission]:
    newest = {told.peer: told for step in way for told in step.transmissions}
    return [told for _, told in sorted(newest.items())]


def stand_of(message: str, way: Sequence[Step], copies: Mapping[tuple[str, str], tuple[str, datetime]]) -> list[Standing]:
    """One message's standings, by node; `way` is its numbered events in order."""
    newest: dict[str, tuple[Step, Arrival]] = {}
    for step in way:
        newest |= {arrival.node: (step, arrival) for arrival in step.arrivals}
    withdrawn = {node for object_, node in copies if object_ == message and copies[object_, node][0] == "withdrawn"}
    edited = {node for object_, node in copies if object_ == message and copies[object_, node][0] == "edited"}
    return [_standing(step, arrival, withdrawn, edited) for _, (step, arrival) in sorted(newest.items())]


def change_of(event_type: str) -> str:
    """`posted`, `edited` or `deleted` of a message's event type."""
    parsed = major_of(event_type)
    return parsed[0].partition(".")[2] if parsed else event_type


AWAY: Final = frozenset({"deleted", "moderated"})


def _is_message(event_type: str) -> bool:
    parsed = major_of(event_type)
    return parsed is not None and parsed[0].startswith("message.")


def _standing(step: Step, arrival: Arrival, withdrawn: Iterable[str], edited: Iterable[str]) -> Standing:
    stand = Stand(arrival.verdict) if arrival.verdict else Stand.PENDING
    change = change_of(step.type)
    if arrival.node in set(withdrawn) and change not in AWAY:
        stand = Stand.WITHDRAWN
    return Standing(
        arrival.node, stand, change, arrival.at, arrival.latency_ms, arrival.reason, arrival.verified, arrival.node in set(edited)
    )
