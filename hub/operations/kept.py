"""What the outbox still keeps of what communities said, with its proofs; read under a permit. Words that were taken back or changed stay in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, func, or_, select

from hub.communities.model import MessageState
from hub.storage.outbox import kept_row
from hub.storage.rows import among
from hub.storage.tables import communities, events, messages, outbox
from schemas.facts.message import MessageEdited, MessagePosted
from schemas.facts.moderation import MessageRestored
from schemas.sequence import PEERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.access import Permit
    from hub.ports import Outgoing

PASSED_ON: Final = '%"via":%'
"""A bearing that names a Group elsewhere: inside a text of it quotes are escaped, so that nothing that somebody wrote looks like this."""
POSTED: Final = (MessagePosted.event_type, MessageEdited.event_type)
SAYING: Final = (*POSTED, MessageRestored.event_type)
_SAYS: Final = among(events.c.type, SAYING)
_STANDS: Final = func.coalesce(messages.c.state == MessageState.VISIBLE.value, False)
"""Whether the message that is said is there for everybody: its author did not take it back, and no moderator took it away."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event that peers were told. Of one that says a message: whether that `stands`, and what says it now, where other words do since."""

    event: Outgoing
    stands: bool
    renewed: bool
    newest: Outgoing | None


async def newest(connection: AsyncConnection, permit: Permit, community: str, *, before: int | None, limit: int) -> Sequence[Told]:
    """A community's events that are kept and that peers are told by us, the newest before a number.

    Of those that say a message, the first and the last, as long as it stands.
    """
    mine = _shown(permit, community)
    page = mine if before is None else (*mine, outbox.c.sequence < before)
    return await _read(connection, _EVERY.where(*page).order_by(outbox.c.sequence.desc()).limit(limit))


async def total(connection: AsyncConnection, permit: Permit, community: str) -> int:
    """How many they are; it looks at each of them."""
    return int(await connection.scalar(_joined(select(func.count())).where(*_shown(permit, community))) or 0)


def _shown(permit: Permit, community: str) -> tuple[ColumnElement[bool], ...]:
    said = or_(~_SAYS, and_(_STANDS, or_(events.c.type != MessageEdited.event_type, outbox.c.sequence == messages.c.last_sequence)))
    return outbox.c.community == community, outbox.c.targets[PEERS].astext.not_like(PASSED_ON), *_told(permit), said


async def event(connection: AsyncConnection, permit: Permit, name: str) -> Told | None:
    """An event by its own id or, of a reaction, by the reaction's."""
    added = (events.c.subject == name, events.c.type == "fr.gouv.rse.reaction.added.v1")
    for named in ((outbox.c.event == name,), added):
        query = _EVERY.where(*named, *_told(permit)).order_by(outbox.c.sequence.desc()).limit(1)
        if found := await _read(connection, query):
            return found[0]
    return None


async def last_of(connection: AsyncConnection, permit: Permit, message: str) -> Outgoing | None:
    """The event that says a message as it stands; None where it does not."""
    saying = _EVERY.where(events.c.subject == message, _SAYS, _STANDS, *_told(permit)).order_by(outbox.c.sequence.desc())
    row = (await connection.execute(saying.limit(1))).first()
    return kept_row(row) if row else None


def _joined(query: Select[Any]) -> Select[Any]:
    """With what each event is, and the message that it says, where it says one."""
    said = and_(messages.c.id == events.c.subject, _SAYS)
    return query.select_from(outbox).join(events, events.c.id == outbox.c.event).outerjoin(messages, said)


_EVERY: Final = _joined(select(outbox, or_(~_SAYS, _STANDS).label("stands"), events.c.type, messages.c.last_sequence))


async def _read(connection: AsyncConnection, query: Select[Any]) -> Sequence[Told]:
    """A few events, each with the words that came in place of its own."""
    rows = (await connection.execute(query)).all()
    last = {(row.community, row.last_sequence) for row in rows if _renewed(row)}
    later = {}
    for community, sequence in last:
        found = select(outbox).where(outbox.c.community == community, outbox.c.sequence == sequence)
        later.update({(row.community, row.sequence): kept_row(row) for row in await connection.execute(found)})
    return [Told(kept_row(row), row.stands, _renewed(row), later.get((row.community, row.last_sequence))) for row in rows]


def _renewed(row: Any) -> bool:
    return bool(row.stands) and row.type in POSTED and row.last_sequence != row.sequence


def _told(permit: Permit) -> tuple[ColumnElement[bool], ...]:
    """Told to peers, in a community that the permit opens now: one that was closed since is closed."""
    opened = select(communities.c.id).where(among(communities.c.audience, permit.audiences))
    return outbox.c.community.in_(opened), outbox.c.targets.has_key(PEERS)
