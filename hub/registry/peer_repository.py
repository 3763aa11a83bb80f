"""The SQL of peers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import TIMESTAMP, cast, func, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB

from hub.registry.peers import Peer, PeerKind
from hub.storage.federation_tables import peer_registries
from hub.storage.registry_tables import peers
from schemas.manifest import Grade, KeyEntry

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


SEEN = (peer_registries.c.peer == peers.c.id) & (peer_registries.c.anchor == peers.c.anchor)
EVERY_PEER = select(peers, peer_registries.c.hub_keys).outerjoin(peer_registries, SEEN).order_by(peers.c.id)
EXPIRES: Final = cast(cast(func.convert_from(peer_registries.c.document, "UTF8"), JSONB)["expires"].astext, TIMESTAMP(timezone=True))


@dataclass(frozen=True, slots=True)
class SeenRegistry:
    """Another Trait d'union's registry as our door believed it last: when that was, and until when it holds."""

    version: int
    read_at: datetime
    expires: datetime


class SqlPeers:
    """Peers by their authority: few, so a transaction reads them all at once."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._peers: dict[str, Peer] | None = None

    async def all(self) -> dict[str, Peer]:
        """Every peer by its authority."""
        if self._peers is None:
            self._peers = {row.id: _peer(row) for row in await self._connection.execute(EVERY_PEER)}
        return self._peers

    async def get(self, authority: str) -> Peer | None:
        """A peer, None for a server that never applied."""
        return (await self.all()).get(authority)

    async def registry_of(self, peer: Peer) -> bytes | None:
        """Its own registry as our door believed it last, from the anchor that it was admitted with on; None where none was asked for yet."""
        query = select(peer_registries.c.document).where(peer_registries.c.peer == peer.id, peer_registries.c.anchor == peer.anchor)
        found = await self._connection.scalar(query)
        return bytes(found) if found is not None else None

    async def registry_seen(self, peer: Peer) -> SeenRegistry | None:
        """Of the same, what people want to know; None where none was read."""
        known = peer_registries.c
        query = select(known.version, known.at, EXPIRES.label("expires")).where(
            known.peer == peer.id, known.anchor == peer.anchor, known.document.isnot(None)
        )
        row = (await self._connection.execute(query)).first()
        return SeenRegistry(row.version, row.at, row.expires) if row else None

    async def add(self, peer: Peer) -> None:
        """Insert an applying peer."""
        await self._connection.execute(insert(peers).values(id=peer.id, applied_at=peer.applied_at, **_facts(peer)))
        (await self.all())[peer.id] = peer

    async def save(self, peer: Peer) -> None:
        """Update a peer."""
        await self._connection.execute(update(peers).where(peers.c.id == peer.id).values(**_facts(peer)))
        (await self.all())[peer.id] = peer


def _facts(peer: Peer) -> dict[str, Any]:
    return {
        "name": peer.name, "organisation": peer.organisation, "kind": peer.kind.value, "grade": peer.grade.value,
        "cavage": peer.cavage, "networks": list(peer.networks), "anchor": peer.anchor, "declared": peer.declared, "admitted_at": peer.admitted_at,
        "manifest_expires": peer.expires,
    }  # fmt: skip


def _peer(row: Any) -> Peer:
    return Peer(
        row.id, row.name, row.organisation, PeerKind(row.kind), Grade(row.grade), row.applied_at, row.admitted_at,
        row.cavage, tuple(row.networks), row.anchor, row.declared, row.manifest_expires,
        tuple(KeyEntry.model_validate(key) for key in row.hub_keys or ()),
    )  # fmt: skip
