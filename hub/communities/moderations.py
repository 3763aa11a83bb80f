"""What moderators took away, and what the hub keeps to bring it back; all the SQL of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from hub.storage.moderation_tables import moderations
from hub.storage.registry_tables import people
from hub.storage.rows import among
from hub.storage.tables import copies, events, messages, outbox
from schemas import jcs
from schemas.facts.message import MessageEdited, MessagePosted
from schemas.facts.moderation import VALUE_LIMIT, MessageRestored, Said
from schemas.wire.records import texts, unverified_event
from schemas.words import Ground

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.access import Permit
    from hub.ports import Admitted, Headers

PAGE = 50
SAYING = (MessagePosted.event_type, MessageEdited.event_type, MessageRestored.event_type)


@dataclass(frozen=True, slots=True)
class Moderation:
    """A moderator's word that stands against a message: a person's of the federation, or one who withdrew her RSE's copy (`node`, `actor`)."""

    message: str
    community: str
    ground: Ground
    note: str
    at: datetime
    node: str | None = None
    actor: str | None = None
    person: str | None = None


@dataclass(frozen=True, slots=True)
class TakenAway:
    """A message that a moderator's word stands against, as those who may bring it back look at it; `by` is a person, or the node of one."""

    message: str
    author: str | None
    organisation: str | None
    state: str
    ground: Ground
    note: str
    at: datetime
    by: str


class SqlModerations:
    """The moderations of a transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._new: dict[str, Moderation] = {}
        self._withheld: dict[str, Admitted | None] = {}
        self._lifted: set[str] = set()

    async def get(self, message: str) -> Moderation | None:
        """The one that stands against a message."""
        if message in self._new or message in self._lifted:
            return self._new.get(message)
        row = (await self._connection.execute(select(moderations).where(moderations.c.message == message))).first()
        return moderation_of(row) if row else None

    def add(self, moderation: Moderation) -> None:
        """Remember one; written with the transaction."""
        self._new[moderation.message] = moderation

    def withhold(self, message: str, admitted: Admitted | None) -> None:
        """Keep what its author says meanwhile; None once she has taken it back: then nothing of it is kept."""
        self._withheld[message] = admitted

    def lift(self, message: str) -> None:
        """End one."""
        self._new.pop(message, None)
        self._lifted.add(message)

    async def last_words(self, message: str) -> Said | None:
        """The ministry's own event of a message as it stands, while that is kept and is not too long to be carried."""
        row = (await self._connection.execute(select(moderations).where(moderations.c.message == message))).first()
        if row is not None and row.value is not None:
            return _said(row)
        kept = select(outbox.c.value, outbox.c.headers, outbox.c.admitted_at, events.c.type).join(events, events.c.id == outbox.c.event)
        query = kept.where(events.c.subject == message, among(events.c.type, SAYING)).order_by(outbox.c.sequence.desc()).limit(1)
        row = (await self._connection.execute(query)).first()
        if row is not None and row.type == MessageRestored.event_type:  # what was edited while it was away is in there alone
            return MessageRestored.tolerant(jcs.parse(bytes(row.value))).said
        return _said(row) if row else None

    async def native_id(self, first_event: str) -> str:
        """The native id of a message in its own RSE, by its first event."""
        return str(await self._connection.scalar(select(events.c.native_id).where(events.c.id == first_event)))

    async def forget_withdrawal(self, message: str, node: str) -> None:
        """The copy stands there again."""
        await self._connection.execute(delete(copies).where(copies.c.object == message, copies.c.node == node))

    async def flush(self) -> None:
        """Write what changed; after the messages, to which it refers."""
        if self._lifted:
            await self._connection.execute(delete(moderations).where(among(moderations.c.message, self._lifted)))
        for one in self._new.values():
            await self._connection.execute(insert(moderations).values(**_row(one)).on_conflict_do_nothing())
        for message, admitted in self._withheld.items():
            kept = _kept(admitted)
            await self._connection.execute(update(moderations).where(moderations.c.message == message).values(**kept))
        self._new, self._withheld, self._lifted = {}, {}, set()


async def moderations_of(connection: AsyncConnection, messages: Iterable[str]) -> Mapping[str, Moderation]:
    """Those that stand against some messages, by message."""
    rows = await connection.execute(select(moderations).where(among(moderations.c.message, messages)))
    return {row.message: moderation_of(row) for row in rows}


async def taken_away(
    connection: AsyncConnection, permit: Permit, community: str, *, before: datetime | None = None, limit: int = PAGE
) -> Sequence[TakenAway]:
    """A page of what is taken away in a community now, the newest first, for who holds a permit; before a moment."""
    del permit
    told = select(moderations, messages.c.author, messages.c.organisation, messages.c.state, people.c.name.label("person_name"))
    told = told.join(messages, messages.c.id == moderations.c.message).outerjoin(people, people.c.id == moderations.c.person)
    query = told.where(moderations.c.community == community)
    query = query if before is None else query.where(moderations.c.at < before)
    rows = await connection.execute(query.order_by(moderations.c.at.desc()).limit(limit))
    return [
        TakenAway(
            row.message, row.author, row.organisation, row.state, Ground(row.ground), row.note, row.at, row.person_name or row.node or ""
        )
        for row in rows
    ]


def moderation_of(row: Any) -> Moderation:
    """One out of its row."""
    return Moderation(row.message, row.community, Ground(row.ground), row.note, row.at, row.node, row.actor, row.person)


def said_of(value: bytes, headers: Headers, admitted_at: datetime) -> Said | None:
    """A ministry's record as another event carries it; None where it is too long for that."""
    if len(value) > VALUE_LIMIT:
        return None
    event = unverified_event(texts(headers), value)
    return Said(
        attributes=jcs.canonical_strings(event.attributes).decode(), salt=event.salt.hex(), value=value.decode(), admitted_at=admitted_at
    )


def _row(one: Moderation) -> dict[str, object]:
    return {
        "message": one.message, "community": one.community, "ground": one.ground.value, "note": one.note, "at": one.at,
        "node": one.node, "actor": one.actor, "person": one.person,
    }  # fmt: skip


def _kept(admitted: Admitted | None) -> dict[str, object]:
    if admitted is None:
        return {"value": None, "headers": None, "admitted_at": None}
    headers = [[name, raw.decode()] for name, raw in admitted.headers]
    return {"value": admitted.verified.event.value, "headers": headers, "admitted_at": admitted.verified.admitted_at}


def _said(row: Any) -> Said | None:
    return said_of(bytes(row.value), tuple((name, said.encode()) for name, said in row.headers), row.admitted_at)
