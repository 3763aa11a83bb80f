"""Events that wait for what they speak of: their bytes, untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import delete, insert, or_, select

from hub.storage.rows import among
from hub.storage.tables import held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.ports import Admitted, Clock


log = structlog.get_logger()


class SqlHeld:
    """The waiting room of a transaction: what was held before, and what it holds itself."""

    def __init__(self, connection: AsyncConnection, clock: Clock, hold: timedelta, revive: Callable[[Any], Admitted | None]) -> None:
        self._connection = connection
        self._clock = clock
        self._hold = hold
        self._revive = revive
        self._waiting: dict[str, tuple[str, Admitted]] = {}  # event → (parent, admitted), in the order of arrival
        self._looked: set[str] = set()
        self._taken: set[str] = set()
        self._new: dict[str, Admitted] = {}

    async def load(self, names: Iterable[str]) -> None:
        """Read what waits for these objects, or is about them."""
        wanted = set(names) - self._looked
        if not wanted:
            return
        self._looked |= wanted
        query = select(held).where(or_(among(held.c.parent, wanted), among(held.c.subject, wanted))).order_by(held.c.position)
        self._remember(list(await self._connection.execute(query)))

    async def due_communities(self) -> Sequence[str]:
        """Communities in which somebody's time is over: to be locked before `due` is asked."""
        return list(await self._connection.scalars(select(held.c.community).where(held.c.until <= self._clock()).distinct()))

    async def due(self, communities: Iterable[str], limit: int) -> Sequence[Admitted]:
        """Those whose time is over in communities that this transaction has locked, oldest first."""
        query = select(held).where(held.c.until <= self._clock(), among(held.c.community, communities))
        rows = list(await self._connection.execute(query.order_by(held.c.position).limit(limit)))
        self._remember(rows)
        return [self._waiting[row.event][1] for row in rows if row.event in self._waiting]

    def hold(self, admitted: Admitted, parent: str) -> None:
        """Let an event wait for an object."""
        self._waiting[admitted.id] = (parent, admitted)
        self._new[admitted.id] = admitted

    async def holds(self, subject: str) -> bool:
        """Tell whether something about this object waits."""
        if subject not in self._looked:
            await self.load([subject])
        return any(admitted.subject == subject for _, admitted in self._waiting.values())

    async def take_waiting_for(self, parent: str, community: str) -> Sequence[Admitted]:
        """Take what waited for an object in its own community, which this transaction has locked, in the order of arrival."""
        await self.load([parent])
        return self._take(
            [name for name, (waits_for, admitted) in self._waiting.items() if waits_for == parent and admitted.community == community]
        )

    def take(self, admitted: Admitted) -> bool:
        """Take one out; False if another took it with it already."""
        return bool(self._take([admitted.id] if admitted.id in self._waiting else []))

    async def flush(self) -> None:
        """Write what still waits, and forget what was taken."""
        rows = [self._row(self._waiting[name][0], admitted) for name, admitted in self._new.items() if name in self._waiting]
        if rows:
            await self._connection.execute(insert(held), rows)
        if gone := self._taken - set(self._new):
            await self._connection.execute(delete(held).where(among(held.c.event, gone)))
        self._new, self._taken = {}, set()

    def _take(self, names: Sequence[str]) -> Sequence[Admitted]:
        self._taken |= set(names)
        return [self._waiting.pop(name)[1] for name in names]

    def _remember(self, rows: Sequence[Any]) -> None:
        for row in rows:
            if row.event in self._waiting or row.event in self._taken:
                continue
            if admitted := self._revive(row):
                self._waiting[row.event] = (row.parent, admitted)
            else:
                self._taken.add(row.event)  # nobody can read it any more: it must not stand before the others for ever
                log.error("held_event_unreadable", event_id=row.event)

    def _row(self, parent: str, admitted: Admitted) -> dict[str, object]:
        topic, partition, offset = admitted.position
        return {
            "event": admitted.id, "community": admitted.community, "subject": admitted.subject, "parent": parent,
            "value": admitted.verified.event.value, "headers": [[name, raw.decode()] for name, raw in admitted.headers],
            "topic": topic, "partition": partition, "offset": offset,
            "admitted_at": admitted.verified.admitted_at, "until": self._clock() + self._hold,
        }  # fmt: skip
