"""The hub's own keys, which are the registry's anchors: one after another, each but the first by the word of the one that it follows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from hub.registry.federation_keys import EVER, FINAL
from hub.registry.repository import KEY_DATES
from hub.storage.registry_tables import hub_keys
from schemas.manifest import KeyEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Anchor:
    """A key of the hub; `succession` is the document by which the one before named it, empty where it was handed over out of band."""

    entry: KeyEntry
    succession: bytes = field(default=b"", repr=False)

    @property
    def withdrawn(self) -> bool:
        """Whether it was announced, and taken back before it signed anything."""
        entry = self.entry
        return entry.revoked_at is not None and entry.active_from is not None and entry.revoked_at <= entry.active_from


def entry(hub: str, multibase: str, active_from: datetime | None = None) -> KeyEntry:
    """A key of the hub, as the registry names it."""
    return KeyEntry(id=f"{hub}#{multibase}", multibase=multibase, active_from=active_from)


def chain(anchors: Sequence[Anchor]) -> list[Any]:
    """The successions that lead to the newest, for a document: they begin with the last key that was handed over out of band."""
    links: list[Any] = []
    for anchor in anchors:
        if not anchor.withdrawn:
            links = [*links, json.loads(anchor.succession)] if anchor.succession else []
    return links


class SqlAnchors:
    """The hub's keys in the database; before the first is followed, the one of the settings."""

    def __init__(self, connection: AsyncConnection, hub: str, first: str) -> None:
        """`first` is the public half (Multikey) of the key that the settings name."""
        self._connection, self._hub, self._first = connection, hub, first

    async def all(self) -> list[Anchor]:
        """Every key that ever signed or will, the oldest first."""
        rows = await self._connection.execute(select(hub_keys).order_by(hub_keys.c.active_from, hub_keys.c.multibase))
        return [self._anchor(row) for row in rows] or [Anchor(entry(self._hub, self._first, EVER))]

    async def save(self, anchors: Iterable[Anchor]) -> None:
        """Write them; what was revoked stays so."""
        for anchor in anchors:
            dates = {name: getattr(anchor.entry, name) for name in KEY_DATES}
            statement = upsert(hub_keys).values(multibase=anchor.entry.multibase, succession=anchor.succession or None, **dates)
            kept = dates | {name: func.coalesce(hub_keys.c[name], statement.excluded[name]) for name in FINAL}
            await self._connection.execute(statement.on_conflict_do_update(index_elements=["multibase"], set_=kept))

    def _anchor(self, row: Any) -> Anchor:
        dates = {name: getattr(row, name) for name in KEY_DATES}
        return Anchor(entry(self._hub, row.multibase).model_copy(update=dates), bytes(row.succession or b""))
