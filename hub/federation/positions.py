"""All the SQL of the courier: where each peer stands, what was told to whom, what was refused, what operators wish."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert

from hub.federation.delivery import Scheme, Standing, State
from hub.federation.followers import FollowState
from hub.storage.courier_tables import peer_activities, peer_positions, peer_refusals
from hub.storage.federation_tables import follows
from hub.storage.rows import Rows, renewing
from hub.storage.tables import stream_offsets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Update
    from sqlalchemy.ext.asyncio import AsyncConnection

GROUP: Final = "courier"
COLUMNS: Final = tuple(field.name for field in fields(Standing))
STANDINGS: Final = Rows(peer_positions, *COLUMNS, then=renewing(["peer"], [name for name in COLUMNS if name != "peer"]))
ACTIVITIES: Final = Rows(peer_activities, then='ON CONFLICT ("offset") DO NOTHING')
REFUSALS: Final = Rows(peer_refusals, "peer", "offset", "reason", "at", then='ON CONFLICT (peer, "offset") DO NOTHING')
NO_DISK: Final = text("SET LOCAL synchronous_commit = off")
"""What a crash of the database server forgets is posted once more; waiting for its disk would cost each delivery milliseconds."""


class Wish(StrEnum):
    """What an operator asks of the courier about one peer."""

    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Told:
    """An activity, and the peers that it was for."""

    offset: int
    event: str
    community: str
    form: str
    peers: tuple[str, ...]
    at: datetime
    digest: str | None = None
    """SHA-256 of its bytes: a receipt of another Trait d'union names it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a peer did not take for ever."""

    peer: str
    offset: int
    reason: str
    at: datetime
    activity: str = ""
    """Its id, where it was a Follow of ours, which has its answer by this."""


@dataclass(frozen=True, slots=True)
class Writing:
    """What is written together."""

    standings: Sequence[Standing] = ()
    told: Sequence[Told] = ()
    refusals: Sequence[Refusal] = ()


async def write(connection: AsyncConnection, writing: Writing) -> None:
    """Write it all in one transaction; at most one standing of each peer."""
    await connection.execute(NO_DISK)
    await ACTIVITIES.write(connection, [_told(one) for one in writing.told])
    await REFUSALS.write(
        connection, [{"peer": one.peer, "offset": one.offset, "reason": one.reason, "at": one.at} for one in writing.refusals]
    )
    for one in writing.refusals:
        if one.activity:
            await connection.execute(_unheard(one))
    await STANDINGS.write(connection, [{name: getattr(one, name) for name in COLUMNS} for one in writing.standings])
    await connection.commit()


def _unheard(one: Refusal) -> Update:
    """A Follow of ours that its server would not take: who asked must not wait for its answer."""
    asked = follows.c.activity == one.activity, follows.c.state == FollowState.PENDING.value
    return update(follows).where(*asked).values(state=FollowState.REFUSED.value, answered_at=one.at, reason=one.reason)


async def standings(connection: AsyncConnection) -> dict[str, Standing]:
    """Every peer that was ever told anything."""
    return {row.peer: _standing(row) for row in await connection.execute(select(peer_positions))}


async def mark(connection: AsyncConnection, topic: str) -> int | None:
    """Up to which offset every peer that is not behind has all; None before the first."""
    found: int | None = await connection.scalar(
        select(stream_offsets.c.next_offset).where(stream_offsets.c.group == GROUP, stream_offsets.c.topic == topic)
    )
    return found


async def save_mark(connection: AsyncConnection, topic: str, offset: int) -> None:
    """Note that offset."""
    statement = insert(stream_offsets).values(group=GROUP, topic=topic, partition=0, next_offset=offset)
    keys = [stream_offsets.c.group, stream_offsets.c.topic, stream_offsets.c.partition]
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_={"next_offset": offset}))
    await connection.commit()


async def told_between(connection: AsyncConnection, first: int, end: int, limit: int) -> Sequence[tuple[int, str]]:
    """Activities between two offsets whose bytes are known, the newest first, and their digests."""
    known = peer_activities.c
    query = select(known.offset, known.digest).where(known.offset >= first, known.offset < end, known.digest.isnot(None))
    return [(row.offset, row.digest) for row in await connection.execute(query.order_by(known.offset.desc()).limit(limit))]


async def cut(connection: AsyncConnection, since: int, moved: Sequence[Standing]) -> None:
    """Forget what stood from an offset on, for something else will stand there; where peers stand now is written with it."""
    await connection.execute(peer_activities.delete().where(peer_activities.c.offset >= since))
    await connection.execute(peer_refusals.delete().where(peer_refusals.c.offset >= since))
    await write(connection, Writing(moved))


async def wish(connection: AsyncConnection, peer: str, wished: Wish) -> bool:
    """Leave a wish for the courier; False for a peer that was never told anything."""
    result = await connection.execute(update(peer_positions).where(peer_positions.c.peer == peer).values(wish=wished.value))
    return bool(result.rowcount)


async def take_wishes(connection: AsyncConnection) -> dict[str, Wish]:
    """What operators have wished since; each is taken once."""
    rows = await connection.execute(
        select(peer_positions.c.peer, peer_positions.c.wish).where(peer_positions.c.wish.isnot(None)).with_for_update()
    )
    found = {row.peer: Wish(row.wish) for row in rows}
    if found:
        await connection.execute(update(peer_positions).where(peer_positions.c.wish.isnot(None)).values(wish=None))
    await connection.commit()
    return found


async def told_to(connection: AsyncConnection, peer: str, offset: int) -> bool:
    """Whether this was for a peer when it was told."""
    query = select(peer_activities.c.offset).where(peer_activities.c.offset == offset, peer_activities.c.peers.has_key(peer))
    return await connection.scalar(query) is not None


async def forget(connection: AsyncConnection, before: datetime) -> int:
    """Forget what the topic has forgotten too; how many activities."""
    result = await connection.execute(peer_activities.delete().where(peer_activities.c.at < before))
    await connection.execute(peer_refusals.delete().where(peer_refusals.c.at < before))
    await connection.commit()
    return int(result.rowcount)


def _told(one: Told) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("offset", "event", "community", "form", "at", "digest")} | {"peers": list(one.peers)}


def _standing(row: Any) -> Standing:
    values = {name: getattr(row, name) for name in COLUMNS}
    return Standing(**values | {"state": State(row.state), "scheme": Scheme(row.scheme) if row.scheme else None})
