"""What the hub remembers of every event: where it was read, by whose key, what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from hub.storage.rows import Change, Rows, among
from hub.storage.tables import events

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.ports import Admitted, Clock

ROWS = Rows(events)
SETTLED = """
    UPDATE hub.events AS waited SET outcome = given.outcome, sequence = given.number
    FROM unnest(CAST(:c0 AS text[]), CAST(:c1 AS text[]), CAST(:c2 AS bigint[])) AS given (id, outcome, number) WHERE waited.id = given.id
"""


class SqlEvents:
    """The events of a transaction: the second elimination of doubles, and their outcomes."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._new: dict[str, Admitted] = {}
        self._outcomes: dict[str, tuple[str, int | None]] = {}

    async def unknown(self, batch: Sequence[Admitted]) -> list[Admitted]:
        """Those of the batch that were never handled, a moment ago in this transaction neither, each once."""
        rows = await self._connection.scalars(select(events.c.id).where(among(events.c.id, [admitted.id for admitted in batch])))
        seen = {*rows, *self._new}
        return [admitted for admitted in batch if not (admitted.id in seen or seen.add(admitted.id))]  # type: ignore[func-returns-value]

    async def markers(self, node: str, kind: str, native_id: str) -> dict[str, datetime]:
        """What tells the changes of one kind that an object of a node's had, and when each was admitted."""
        mine = (events.c.node == node, events.c.type == kind, events.c.native_id == native_id)
        rows = await self._connection.execute(select(events.c.change_marker, events.c.admitted_at).where(*mine))
        new, now = (one.verified.event.envelope for one in self._new.values()), self._clock()
        pending = {one.changemarker: now for one in new if (one.source, one.type, one.nativeid) == (node, kind, native_id)}
        return {row.change_marker: row.admitted_at for row in rows} | pending

    def add(self, batch: Iterable[Admitted]) -> None:
        """Remember new events; written with the transaction once they have an outcome."""
        self._new.update((admitted.id, admitted) for admitted in batch)

    def drop(self, admitted: Admitted) -> None:
        """Forget a refused event: it may come again when the rule that refused it has changed."""
        self._new.pop(admitted.id, None)
        self._outcomes.pop(admitted.id, None)

    def settle(self, admitted: Admitted, outcome: str, sequence: int | None) -> None:
        """Note an outcome; a number, once given, stays."""
        known = self._outcomes.get(admitted.id)
        if known is None or known[1] is None:
            self._outcomes[admitted.id] = (outcome, sequence)

    def changes(self) -> list[Change | None]:
        """The new events, and what became of those that had waited."""
        rows = [self._row(self._new[name], *outcome) for name, outcome in self._outcomes.items() if name in self._new]
        later = [(name, *outcome) for name, outcome in self._outcomes.items() if name not in self._new]
        self._new, self._outcomes = {}, {}
        return [ROWS.change(rows), _settled(later)]

    def _row(self, admitted: Admitted, outcome: str, sequence: int | None) -> dict[str, object]:
        event = admitted.verified.event
        envelope, (topic, partition, offset) = event.envelope, admitted.position
        return {
            "id": envelope.id, "node": envelope.source, "type": envelope.type, "native_id": envelope.nativeid,
            "change_marker": envelope.changemarker, "subject": envelope.subject, "community": envelope.community,
            "outcome": str(outcome), "sequence": sequence, "digest": admitted.digest, "key_id": admitted.verified.key_id,
            "correlation": admitted.correlation, "topic": topic, "partition": partition, "offset": offset,
            "occurred_at": envelope.time, "admitted_at": admitted.verified.admitted_at, "handled_at": self._clock(),
            "door_key": admitted.door or None,
        }  # fmt: skip


def _settled(several: Sequence[tuple[str, str, int | None]]) -> Change | None:
    if not several:
        return None
    names, outcomes, numbers = (list(column) for column in zip(*several, strict=True))
    return Change(SETTLED, {"c0": names, "c1": [str(outcome) for outcome in outcomes], "c2": numbers})
