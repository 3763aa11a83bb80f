"""What animators are told of copies that people of an RSE edited or deleted; all the SQL of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, text, update

from hub.storage.moderation_tables import copy_reports as reports
from hub.storage.registry_tables import people
from hub.storage.tables import messages

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.access import Permit
    from hub.ports import Admitted, Clock

PAGE: Final = 50
ADD: Final = text("""
    INSERT INTO hub.copy_reports (community, message, node, kind, actor, times, first_at, last_at)
    VALUES (:community, :message, :node, :kind, :actor, 1, :at, :at)
    ON CONFLICT (message, node, kind) WHERE closed_at IS NULL
    DO UPDATE SET times = copy_reports.times + 1, last_at = excluded.last_at, actor = excluded.actor
""")


class ReportKind(StrEnum):
    """What was done to a copy."""

    EDITED = "edited"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Report:
    """One report: of the same copy and kind there is one open at a time, which counts how often. `by` closed it."""

    id: int
    community: str
    message: str
    node: str
    kind: ReportKind
    times: int
    first_at: datetime
    last_at: datetime
    author: str
    organisation: str
    state: str
    closed_at: datetime | None = None
    by: str | None = None
    word: str | None = None


class SqlReports:
    """The reports of a transaction."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection, self._clock = connection, clock
        self._new: list[dict[str, object]] = []

    def add(self, admitted: Admitted, kind: ReportKind) -> None:
        """Tell what a node's people did to its copy; written with the transaction."""
        said = {"message": admitted.subject, "node": admitted.node, "actor": admitted.verified.event.envelope.actor}
        self._new.append({**said, "community": admitted.community, "kind": kind.value, "at": self._clock()})

    async def flush(self) -> None:
        """Write what is new, one by one: the second of a kind is counted on the first."""
        for row in self._new:
            await self._connection.execute(ADD, row)
        self._new = []

    async def community_of(self, report: int) -> str | None:
        """Where a report stands: its community is to be locked before the report is."""
        found: str | None = await self._connection.scalar(select(reports.c.community).where(reports.c.id == report))
        return found

    async def open_one(self, report: int) -> Report | None:
        """An open report, locked."""
        await self._connection.execute(select(reports.c.id).where(reports.c.id == report).with_for_update())
        row = (await self._connection.execute(_told().where(reports.c.id == report, reports.c.closed_at.is_(None)))).first()
        return _report(row) if row else None

    async def close(self, report: int, word: str, person: str) -> None:
        """End a report with a word."""
        closed = {"closed_at": self._clock(), "closed_by": person, "word": word}
        await self._connection.execute(update(reports).where(reports.c.id == report).values(**closed))


async def reports_of(
    connection: AsyncConnection, permit: Permit, community: str, *, closed: bool, before: int | None = None, limit: int = PAGE
) -> Sequence[Report]:
    """A page of a community's reports, the newest first, for who holds a permit; before an id."""
    del permit
    ended = reports.c.closed_at.is_not(None) if closed else reports.c.closed_at.is_(None)
    query = _told().where(reports.c.community == community, ended)
    query = query if before is None else query.where(reports.c.id < before)
    return [_report(row) for row in await connection.execute(query.order_by(reports.c.id.desc()).limit(limit))]


async def open_reports(connection: AsyncConnection) -> dict[str, int]:
    """Community → how many reports are open."""
    query = select(reports.c.community, func.count()).where(reports.c.closed_at.is_(None)).group_by(reports.c.community)
    return {community: int(count) for community, count in await connection.execute(query)}


def _told() -> Select[Any]:
    told = select(reports, messages.c.author, messages.c.organisation, messages.c.state, people.c.name.label("by"))
    return told.join(messages, messages.c.id == reports.c.message).outerjoin(people, people.c.id == reports.c.closed_by)


def _report(row: Any) -> Report:
    return Report(
        row.id, row.community, row.message, row.node, ReportKind(row.kind), row.times, row.first_at, row.last_at,
        row.author, row.organisation, row.state, row.closed_at, row.by, row.word,
    )  # fmt: skip
