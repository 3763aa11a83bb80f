"""The pairs by which this hub signs for other servers, and the anchors of its registry, as operators see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.registry.anchors import SqlAnchors
from hub.registry.federation_keys import EVER, SqlPairs
from hub.registry.pair_roles import Role, roles
from hub.registry.repository import newest_signer

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.registry.anchors import Anchor
    from hub.registry.federation_keys import Pair


@dataclass(frozen=True, slots=True)
class OurPair:
    """A pair: what it is to us now, since when it signs or will (None: from the first day), until when it is believed (None: no end is set)."""

    multibase: str
    role: Role
    since: datetime | None
    until: datetime | None

    @classmethod
    def of(cls, pair: Pair | Anchor, role: Role) -> OurPair:
        """As the registry has it."""
        entry = pair.entry
        ends = [at for at in (entry.retired_at, entry.revoked_at) if at is not None]
        return cls(entry.multibase, role, None if entry.active_from == EVER else entry.active_from, min(ends, default=None))

    def plain(self) -> dict[str, object]:
        """For programs."""
        return {"key": self.multibase, "state": self.role.value, "since": self.since, "until": self.until}


async def our_anchors(connection: AsyncConnection, now: datetime) -> list[OurPair]:
    """Every key by which the registry was or will be signed, the oldest first; none before it is published."""
    known = await SqlAnchors(connection, "", await newest_signer(connection) or "").all()
    return [OurPair.of(anchor, role) for anchor, role in roles(known, now) if anchor.entry.multibase]


async def our_pairs(connection: AsyncConnection, anchor: str, now: datetime) -> list[OurPair]:
    """Every pair, the oldest first; `anchor` is the first one's public key."""
    return [OurPair.of(pair, role) for pair, role in roles(await SqlPairs(connection, anchor).all(), now)]
