"""What the outbox still keeps of what communities said, with its proofs; read under a permit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, text

from hub.storage.outbox import kept_row
from hub.storage.rows import among
from hub.storage.tables import WITHHELD, communities, events, messages, outbox
from schemas.sequence import PEERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.access import Permit
    from hub.ports import Outgoing

PASSED_ON: Final = '%"via":%'
"""A bearing that names a Group elsewhere: inside a text of it quotes are escaped, so that nothing that somebody wrote looks like this."""
POSTED: Final = ("fr.gouv.rse.message.posted.v1", "fr.gouv.rse.message.edited.v1")
SAYING: Final = (*POSTED, "fr.gouv.rse.message.restored.v1")


async def newest(
    connection: AsyncConnection, permit: Permit, community: str, *, before: int | None, limit: int
) -> tuple[int, Sequence[Outgoing]]:
    """How many of a community's events are kept that peers are told by us, and the newest before a number."""
    mine = (outbox.c.community == community, outbox.c.targets[PEERS].astext.not_like(PASSED_ON), *_told(permit))
    total = await connection.scalar(select(func.count()).select_from(outbox).where(*mine))
    page = mine if before is None else (*mine, outbox.c.sequence < before)
    rows = await connection.execute(select(outbox).where(*page).order_by(outbox.c.sequence.desc()).limit(limit))
    return int(total or 0), [kept_row(row) for row in rows]


async def event(connection: AsyncConnection, permit: Permit, name: str) -> Outgoing | None:
    """An event by its own id or, of a reaction, by the reaction's."""
    return await _first(connection, select(outbox).where(outbox.c.event == name, *_told(permit))) or await _newest_of(
        connection, permit, name, events.c.type == "fr.gouv.rse.reaction.added.v1"
    )


async def last_of(connection: AsyncConnection, permit: Permit, message: str) -> Outgoing | None:
    """The event that says a message as it stands."""
    return await _newest_of(connection, permit, message, among(events.c.type, SAYING))


async def _newest_of(connection: AsyncConnection, permit: Permit, subject: str, kind: ColumnElement[bool]) -> Outgoing | None:
    named = select(outbox).join(events, events.c.id == outbox.c.event).where(events.c.subject == subject, kind, *_told(permit))
    return await _first(connection, named.order_by(outbox.c.sequence.desc()))


async def _first(connection: AsyncConnection, query: Select[Any]) -> Outgoing | None:
    row = (await connection.execute(query.limit(1))).first()
    return kept_row(row) if row else None


def _told(permit: Permit) -> tuple[ColumnElement[bool], ...]:
    """Told to peers, in a community that the permit opens now: one that was closed since is closed. Nothing of what a moderator took away, but that it is."""
    opened = select(communities.c.id).where(among(communities.c.audience, permit.audiences))
    away = select(events.c.id).join(messages, messages.c.id == events.c.subject).where(text(WITHHELD), among(events.c.type, SAYING))
    return outbox.c.community.in_(opened), outbox.c.targets.has_key(PEERS), outbox.c.event.not_in(away)
