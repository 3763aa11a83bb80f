"""All the SQL of communities, their messages, and events that wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from hub.communities.model import Community, Message, MessageState
from hub.storage.rows import Change, Rows, among, renewing
from hub.storage.tables import communities, copies, messages
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.access import Permit
    from hub.ports import Clock

PAGE = 100
COLUMNS = tuple(messages.c.keys())
FIRST = frozenset({"id", "first_event", "first_sequence"})
ROWS = Rows(messages, then=renewing(["id"], [name for name in COLUMNS if name not in FIRST]))

NUMBERS = """
    UPDATE hub.communities AS numbered SET sequence = given.sequence
    FROM unnest(CAST(:c0 AS text[]), CAST(:c1 AS bigint[])) AS given (id, sequence) WHERE numbered.id = given.id
"""


class SqlCommunities:
    """Communities, locked in the order of their ids so that no two transactions wait for each other."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._known: dict[str, Community | None] = {}
        self._numbered: set[str] = set()

    async def lock(self, ids: Iterable[str]) -> None:
        """Lock and read several communities."""
        wanted = sorted(set(ids) - set(self._known))
        if not wanted:
            return
        self._known.update(dict.fromkeys(wanted))
        query = select(communities).where(among(communities.c.id, wanted)).order_by(communities.c.id).with_for_update()
        for row in await self._connection.execute(query):
            self._known[row.id] = _community(row)

    async def get(self, community: str) -> Community | None:
        """A community, locked."""
        if community not in self._known:
            await self.lock([community])
        return self._known[community]

    async def add(self, community: Community) -> None:
        """Insert a new community."""
        values = {"id": community.id, "title": community.title, "audience": community.audience.value, "opened_at": community.opened_at}
        await self._connection.execute(insert(communities).values(**values, sequence=community.sequence))
        self._known[community.id] = community

    def save_sequence(self, community: Community) -> None:
        """Remember the last number given; written with the transaction."""
        self._known[community.id] = community
        self._numbered.add(community.id)

    def change(self) -> Change | None:
        """The numbers."""
        numbered = [community for name in sorted(self._numbered) if (community := self._known[name])]
        self._numbered = set()
        if not numbered:
            return None
        return Change(NUMBERS, {"c0": [community.id for community in numbered], "c1": [community.sequence for community in numbered]})


class SqlMessages:
    """Messages by id, read ahead and written together."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._known: dict[str, Message | None] = {}
        self._changed: set[str] = set()

    async def load(self, ids: Iterable[str]) -> None:
        """Read several messages at once."""
        wanted = set(ids) - set(self._known)
        if not wanted:
            return
        self._known.update(dict.fromkeys(wanted))
        for row in await self._connection.execute(select(messages).where(among(messages.c.id, wanted))):
            self._known[row.id] = _message(row)

    async def get(self, message: str) -> Message | None:
        """A message."""
        if message not in self._known:
            await self.load([message])
        return self._known[message]

    async def community_of(self, message: str) -> str | None:
        """Where a message stands, read apart: its community is to be locked before the message itself is read."""
        known = self._known.get(message)
        if known is not None:
            return known.community
        found: str | None = await self._connection.scalar(select(messages.c.community).where(messages.c.id == message))
        return found

    def save(self, message: Message) -> None:
        """Remember a message; written with the transaction."""
        self._known[message.id] = message
        self._changed.add(message.id)

    def change(self) -> Change | None:
        """What changed."""
        rows = [_message_row(message) for name in sorted(self._changed) if (message := self._known[name])]
        self._changed = set()
        return ROWS.change(rows)


class SqlCopies:
    """What became of copies in their own RSE."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._notes: dict[tuple[str, str], str] = {}

    def note(self, subject: str, node: str, state: str) -> None:
        """Remember a withdrawal or an edit; written with the transaction."""
        self._notes[subject, node] = state

    async def flush(self) -> None:
        """Write the notes."""
        rows = [{"object": subject, "node": node, "state": state, "at": self._clock()} for (subject, node), state in self._notes.items()]
        if rows:
            statement = upsert(copies)
            changed = {"state": statement.excluded.state, "at": statement.excluded.at}
            still_there = copies.c.state != "withdrawn"
            await self._connection.execute(
                statement.on_conflict_do_update(index_elements=["object", "node"], set_=changed, where=still_there), rows
            )
        self._notes = {}


async def all_communities(connection: AsyncConnection, permit: Permit) -> list[Community]:
    """Every community that a permit opens."""
    query = select(communities).where(among(communities.c.audience, permit.audiences)).order_by(communities.c.title)
    return [_community(row) for row in await connection.execute(query)]


async def community_of(connection: AsyncConnection, permit: Permit, community: str) -> Community | None:
    """One community, if the permit opens it."""
    query = select(communities).where(communities.c.id == community, among(communities.c.audience, permit.audiences))
    row = (await connection.execute(query)).first()
    return _community(row) if row else None


async def thread(connection: AsyncConnection, permit: Permit, community: str, *, after: int = 0, limit: int = PAGE) -> list[Message]:
    """A page of a community's messages in the order of their numbers, if the permit opens it."""
    query = select(messages).where(messages.c.community == community, messages.c.first_sequence > after, _opened(permit))
    return [_message(row) for row in await connection.execute(query.order_by(messages.c.first_sequence).limit(limit))]


async def page_up_to(connection: AsyncConnection, permit: Permit, community: str, last: int | None = None, *, limit: int = PAGE) -> int:
    """The number after which a page stands that ends with a number, or with the newest message; 0 for the first page."""
    query = select(messages.c.first_sequence).where(messages.c.community == community, _opened(permit))
    query = query if last is None else query.where(messages.c.first_sequence <= last)
    return int(await connection.scalar(query.order_by(messages.c.first_sequence.desc()).offset(limit).limit(1)) or 0)


async def message_of(connection: AsyncConnection, permit: Permit, name: str) -> Message | None:
    """A message by its own id or by its first event's, if the permit opens its community."""
    named = or_(messages.c.id == name, messages.c.first_event == name)
    row = (await connection.execute(select(messages).where(named, _opened(permit)))).first()
    return _message(row) if row else None


async def newest(connection: AsyncConnection, permit: Permit, community: str, *, limit: int = PAGE) -> list[Message]:
    """The last messages of a community, the newest first, if the permit opens it."""
    query = select(messages).where(messages.c.community == community, _opened(permit))
    return [_message(row) for row in await connection.execute(query.order_by(messages.c.first_sequence.desc()).limit(limit))]


@dataclass(frozen=True, slots=True)
class Count:
    """What was said, by how many: messages that open a thread, answers, and who wrote since two moments."""

    posts: int
    comments: int
    lately: int
    earlier: int


async def count(connection: AsyncConnection, permit: Permit, node: str, *, lately: datetime, earlier: datetime) -> Count:
    """How much is said in the communities that a permit opens, but for what this node says: a hub's is what peers said."""
    written = select(messages).where(messages.c.state == MessageState.VISIBLE.value, messages.c.node != node, _opened(permit)).subquery()
    who = func.row(written.c.node, written.c.author)
    query = select(
        func.count().filter(written.c.parent.is_(None)), func.count().filter(written.c.parent.is_not(None)),
        func.count(who.distinct()).filter(written.c.occurred_at >= lately),
        func.count(who.distinct()).filter(written.c.occurred_at >= earlier),
    )  # fmt: skip
    return Count(*(await connection.execute(query)).one())


async def copies_of(connection: AsyncConnection, ids: Iterable[str]) -> dict[tuple[str, str], tuple[str, datetime]]:
    """(object, node) → what became of the copy, and when."""
    rows = await connection.execute(select(copies).where(among(copies.c.object, ids)))
    return {(row.object, row.node): (row.state, row.at) for row in rows}


def _opened(permit: Permit) -> ColumnElement[bool]:
    """The message stands in a community that the permit opens."""
    return messages.c.community.in_(select(communities.c.id).where(among(communities.c.audience, permit.audiences)))


def _community(row: Any) -> Community:
    return Community(row.id, row.title, Audience(row.audience), row.sequence, row.opened_at)


def _message(row: Any) -> Message:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to a row as a mapping
    return Message(**{**values, "state": MessageState(row.state)})


def _message_row(message: Message) -> dict[str, object]:
    return {name: getattr(message, name) for name in COLUMNS} | {"state": message.state.value}
