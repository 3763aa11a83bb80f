"""The pairs by which this hub signs for other servers: an Ed25519 and an RSA key that live and end together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from hub.registry.repository import KEY_DATES
from hub.storage.registry_tables import federation_keys
from schemas.manifest import KeyEntry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.ext.asyncio import AsyncConnection

OWNER: Final = "federation"
EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
FINAL: Final = ("revoked_at", "compromised_since")


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair: the life of its Ed25519 key, which is its own too; `rsa` is a Multikey, empty for the first pair, which nobody announced."""

    entry: KeyEntry
    rsa: str = ""


def entry(multibase: str, active_from: datetime | None = None) -> KeyEntry:
    """An Ed25519 key of the peers' door, as the registry names it."""
    return KeyEntry(id=f"{OWNER}#{multibase}", multibase=multibase, active_from=active_from)


class SqlPairs:
    """The pairs in the database; before the first is followed, the one that the settings name."""

    def __init__(self, connection: AsyncConnection, anchor: str = "") -> None:
        """`anchor` is the public key (Multikey) of the first pair, empty where this hub federates with nobody."""
        self._connection, self._anchor = connection, anchor

    async def all(self) -> list[Pair]:
        """Every pair that ever signed or will, the oldest first."""
        rows = await self._connection.execute(select(federation_keys).order_by(federation_keys.c.active_from, federation_keys.c.multibase))
        found = [_pair(row) for row in rows]
        return found or ([Pair(entry(self._anchor, EVER))] if self._anchor else [])

    async def save(self, pairs: Iterable[Pair]) -> None:
        """Write them; what was revoked stays so."""
        for pair in pairs:
            dates = {name: getattr(pair.entry, name) for name in KEY_DATES}
            statement = upsert(federation_keys).values(multibase=pair.entry.multibase, rsa=pair.rsa, **dates)
            kept = dates | {name: func.coalesce(federation_keys.c[name], statement.excluded[name]) for name in FINAL}
            await self._connection.execute(statement.on_conflict_do_update(index_elements=["multibase"], set_=kept))


def _pair(row: Any) -> Pair:
    dates = {name: getattr(row, name) for name in KEY_DATES}
    return Pair(entry(row.multibase).model_copy(update=dates), row.rsa)
