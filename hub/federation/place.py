"""From where the courier goes on: what is noted, unless the topic ends before that, made anew or cut off by its brokers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from hub.federation import positions
from hub.federation.parcel import ParcelMalformed
from hub.federation.unpacking import Earlier, parcel_of, record_at
from schemas.provenance import sha256
from schemas.topics import PEERS_OUTBOUND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.federation.delivery import Standing

LOOKED_AT: Final = 200
log = structlog.get_logger()


class Log(Earlier, Protocol):
    """The topic as it is now."""

    async def first(self) -> int:
        """The oldest offset that is still kept."""
        ...

    async def end(self) -> int:
        """The offset that will be given next."""
        ...


@dataclass(frozen=True, slots=True)
class Noted:
    """Where each peer stands, and up to where all have everything that are not behind."""

    standings: Mapping[str, Standing]
    mark: int


async def noted(connection: AsyncConnection, past: Log) -> Noted:
    """What the database knows, as far as the topic goes.

    Offsets of a topic that is no more would have peers miss everything, until the new one has become as long.
    """
    found = Noted(await positions.standings(connection), await positions.mark(connection, PEERS_OUTBOUND.name) or 0)
    end = await past.end()
    if max([found.mark, *(one.position for one in found.standings.values())]) <= end:
        return found
    since = await _known_until(connection, past, await past.first(), end)
    log.error("topic_shorter_than_noted", topic=PEERS_OUTBOUND.name, noted=found.mark, ends=end, goes_on_from=since)
    moved = {peer: _moved(one, since) for peer, one in found.standings.items()}
    await positions.cut(connection, since, list(moved.values()))
    return Noted(moved, min(found.mark, since))


async def _known_until(connection: AsyncConnection, past: Log, first: int, end: int) -> int:
    """The offset after the last activity that stands where it was told; the topic's first, where none does."""
    for offset, digest in await positions.told_between(connection, first, end, LOOKED_AT):
        if await _stands(offset, digest, past):
            return offset + 1
    return first


async def _stands(offset: int, digest: str, past: Log) -> bool:
    try:
        parcel = await parcel_of(await record_at(offset, past), past)
    except ParcelMalformed:
        return False
    return sha256(parcel.body) == digest


def _moved(standing: Standing, since: int) -> Standing:
    if standing.position <= since:
        return standing
    return replace(standing, position=since, tries=0, errors=0, errors_since=None)
