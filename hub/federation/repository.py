"""All the SQL of federation with peers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import and_, delete, func, or_, select, text, true
from sqlalchemy.dialects.postgresql import insert as upsert

from hub.federation.followers import ExternalObject, Follow, Follower, FollowState, Report
from hub.federation.work import GONE, REACTION
from hub.storage.federation_tables import (
    activities_seen,
    early_deletions,
    external_objects,
    followers,
    follows,
    peer_registries,
    reports,
)
from hub.storage.rows import Rows, among, renewing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from hub.access import Permit
    from hub.ports import Clock
    from schemas.manifest import KeyEntry

OBJECTS = Rows(external_objects, then=renewing(["id"], ["subject", "kind", "at", "via", "withdrawal", "withdrawn_by"]))
EARLY = Rows(early_deletions, then="ON CONFLICT (object, actor) DO NOTHING")
REPORTS = Rows(reports, then=renewing(["id"], ["comment", "at"]))

way_in: Final = func.coalesce(func.nullif(followers.c.shared_inbox, ""), followers.c.inbox)
"""The inbox by which a follower is told."""
REPORTS_PAGE: Final = 100
REPORTS_KEPT: Final = timedelta(days=90)
"""A season: animators who were away still find it, and a stranger's name is not kept for ever."""
FORGET = text("""
    DELETE FROM hub.activities_seen AS one
    USING unnest(CAST(:names AS text[]), CAST(:actors AS text[])) AS given (id, actor)
    WHERE one.id = given.id AND one.actor = given.actor
""")


def _behind(community: str, peer: str, inbox: str) -> tuple[ColumnElement[bool], ...]:
    return followers.c.community == community, followers.c.peer == peer, way_in == inbox


class SqlFollowers:
    """Who follows our communities."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def number(self, community: str) -> int:
        """How many follow a community."""
        return int(await self._connection.scalar(select(func.count()).where(followers.c.community == community)) or 0)

    async def number_of(self, peer: str) -> int:
        """How often somebody of a peer follows something here."""
        return int(await self._connection.scalar(select(func.count()).where(followers.c.peer == peer)) or 0)

    async def inboxes(self, community: str) -> dict[str, tuple[str, ...]]:
        """Peer → the inboxes behind which somebody follows a community, each once: a server's shared one, where it is known."""
        query = select(followers.c.peer, way_in).where(followers.c.community == community).distinct()
        found: dict[str, list[str]] = {}
        for peer, inbox in await self._connection.execute(query.order_by(followers.c.peer, way_in)):
            found.setdefault(peer, []).append(inbox)
        return {peer: tuple(inboxes) for peer, inboxes in found.items()}

    async def behind(self, community: str, peer: str, inbox: str, most: int) -> Sequence[str]:
        """So many of the actors who follow a community by this inbox."""
        query = select(followers.c.actor).where(*_behind(community, peer, inbox)).order_by(followers.c.actor).limit(most)
        return list(await self._connection.scalars(query))

    async def remove_behind(self, community: str, peer: str, inbox: str) -> None:
        """Who follows a community by this inbox follows nothing any more."""
        actors = select(followers.c.actor).where(*_behind(community, peer, inbox))
        await self._connection.execute(delete(followers).where(followers.c.actor.in_(actors)))

    async def all(self) -> Sequence[Follower]:
        """Every follower."""
        return await self._where(followers.c.actor != "")

    async def add(self, one: Follower) -> None:
        """A follower, or the same one with other inboxes, who follows since she first asked."""
        row = {column.name: getattr(one, column.name) for column in followers.columns}
        await self._connection.execute(
            upsert(followers)
            .values(**row)
            .on_conflict_do_update(index_elements=["community", "actor"], set_={name: row[name] for name in row if name != "since"})
        )

    async def remove(self, actor: str, community: str | None = None) -> int:
        """An actor follows a community, or any, no longer; returns how many it left."""
        gone = delete(followers).where(followers.c.actor == actor)
        result = await self._connection.execute(gone if community is None else gone.where(followers.c.community == community))
        return int(result.rowcount)

    async def remove_follow(self, actor: str, follow: str) -> int:
        """What an actor asked by this Follow ends; returns how many that were."""
        result = await self._connection.execute(delete(followers).where(followers.c.actor == actor, followers.c.follow == follow))
        return int(result.rowcount)

    async def by(self, actor: str) -> Sequence[Follower]:
        """What an actor follows here."""
        return await self._where(followers.c.actor == actor)

    async def _where(self, condition: Any) -> Sequence[Follower]:
        rows = await self._connection.execute(select(followers).where(condition).order_by(followers.c.community, followers.c.actor))
        return [Follower(*row) for row in rows]


class SqlFollows:
    """Groups elsewhere that our communities follow: few, so a transaction reads them all at once."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], Follow] | None = None

    async def all(self) -> dict[tuple[str, str], Follow]:
        """Every follow of ours, by community and group."""
        if self._known is None:
            rows = await self._connection.execute(select(follows).order_by(follows.c.community, follows.c.group))
            self._known = {(row.community, row.group): _follow(row) for row in rows}
        return self._known

    async def communities_following(self, group: str) -> Sequence[str]:
        """Our communities that hear a Group."""
        return [one.community for one in (await self.all()).values() if one.group == group and one.state is FollowState.ACCEPTED]

    async def save(self, one: Follow) -> None:
        """Insert or renew a follow."""
        row = {column.name: getattr(one, column.name) for column in follows.columns} | {"state": one.state.value}
        await self._connection.execute(upsert(follows).values(row).on_conflict_do_update(index_elements=["community", "group"], set_=row))
        (await self.all())[one.community, one.group] = one


class ActivityName(NamedTuple):
    """An activity as who sent it named it: its server proves no more than that, and a neighbour there may give the same name."""

    id: str
    actor: str
    peer: str


class SqlAbroad:
    """What came from elsewhere, read ahead and written together: objects and the activities seen."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        self._connection, self._clock = connection, clock
        self._unheard: set[tuple[str, str]] = set()
        self._known: dict[str, ExternalObject | None] = {}
        self._changed: set[str] = set()
        self._early: dict[str, set[str]] = {}
        self._deleted: set[tuple[str, str]] = set()
        self._reports: dict[str, Report] = {}

    async def see(self, sent: Collection[ActivityName]) -> None:
        """Note activities as seen with this transaction; those that were never seen before are unheard."""
        if not sent:
            return
        rows = [{**one._asdict(), "at": self._clock()} for one in sorted(set(sent))]
        statement = upsert(activities_seen).on_conflict_do_nothing().returning(activities_seen.c.id, activities_seen.c.actor)
        self._unheard = {(row.id, row.actor) for row in await self._connection.execute(statement.values(rows))}

    def unheard(self, name: str, actor: str) -> bool:
        """Whether it was seen with this transaction for the first time, and is not heard yet."""
        return (name, actor) in self._unheard

    def heard(self, name: str, actor: str) -> None:
        """From now on it is one that came before."""
        self._unheard.discard((name, actor))

    async def forget_unheard(self) -> None:
        """What was refused was not heard: it may be brought again, and read again by who was killed before its dead letter was sent."""
        if self._unheard:
            names, actors = zip(*sorted(self._unheard), strict=True)
            await self._connection.execute(FORGET, {"names": list(names), "actors": list(actors)})
            self._unheard = set()

    async def came_before(self, name: str, actor: str) -> bool:
        """Whether an act of this name by this actor was seen, and not just now for the first time."""
        if self.unheard(name, actor):
            return False
        found = select(activities_seen.c.id).where(activities_seen.c.id == name, activities_seen.c.actor == actor)
        return await self._connection.scalar(found) is not None

    async def load(self, ids: Iterable[str]) -> None:
        """Read several objects at once."""
        wanted = set(ids) - set(self._known)
        if not wanted:
            return
        self._known.update(dict.fromkeys(wanted))
        for row in await self._connection.execute(select(external_objects).where(among(external_objects.c.id, wanted))):
            self._known[row.id] = _external(row)
        for row in await self._connection.execute(select(early_deletions).where(among(early_deletions.c.object, wanted))):
            self._early.setdefault(row.object, set()).add(row.actor)

    async def object(self, name: str) -> ExternalObject | None:
        """Something from elsewhere that stands here, or stood here."""
        await self.load([name])
        return self._known[name]

    async def deleted_early(self, name: str, actor: str) -> bool:
        """Whether this actor deleted something before it came."""
        await self.load([name])
        return actor in self._early.get(name, ())

    def delete_early(self, name: str, actor: str) -> None:
        """Remember that this actor deleted what has not come; written with the transaction."""
        self._early.setdefault(name, set()).add(actor)
        self._deleted.add((name, actor))

    async def made_by(self, owner: str) -> Sequence[ExternalObject]:
        """What somebody made and that stands, or that a Group's moderation may still bring back."""
        await self.flush()
        alive = or_(external_objects.c.kind != GONE, external_objects.c.withdrawal.isnot(None))
        query = select(external_objects).where(external_objects.c.owner == owner, alive).order_by(external_objects.c.at)
        return [_external(row) for row in await self._connection.execute(query)]

    async def last_set(self, owner: str, about: str, emoji: str) -> ExternalObject | None:
        """The newest of these emoji that somebody set on a message and that stands."""
        await self.flush()
        ours = external_objects.c
        alike = (ours.owner == owner, ours.about == about, ours.emoji == emoji, ours.kind == REACTION)
        found = (await self._connection.execute(select(external_objects).where(*alike).order_by(ours.at.desc()).limit(1))).first()
        return _external(found) if found is not None else None

    def save(self, one: ExternalObject) -> None:
        """Remember an object; written with the transaction."""
        self._known[one.id] = one
        self._changed.add(one.id)

    def report(self, one: Report) -> None:
        """Remember a report, in place of the same one; written with the transaction."""
        self._reports[one.id] = one

    async def flush(self) -> None:
        """Write what changed in one statement."""
        names = [column.name for column in external_objects.columns]
        changed = [one for name in sorted(self._changed) if (one := self._known[name])]
        await OBJECTS.write(self._connection, [{name: getattr(one, name) for name in names} for one in changed])
        now = self._clock()
        await EARLY.write(self._connection, [{"object": name, "actor": actor, "at": now} for name, actor in sorted(self._deleted)])
        columns = [column.name for column in reports.columns]
        await REPORTS.write(self._connection, [{name: getattr(one, name) for name in columns} for one in self._reports.values()])
        self._changed, self._deleted, self._reports = set(), set(), {}


async def address_of(connection: AsyncConnection, subject: str | None) -> str | None:
    """Where something that stands here stands at its own server; None for what was made here."""
    if subject is None:
        return None
    found: str | None = await connection.scalar(select(external_objects.c.id).where(external_objects.c.subject == subject).limit(1))
    return found


async def reports_of(connection: AsyncConnection, permit: Permit, before: str | None = None, limit: int = REPORTS_PAGE) -> Sequence[Report]:
    """A page of reports, the newest first, for who holds a permit; behind one of them."""
    del permit
    query, at = select(reports), select(reports.c.at).where(reports.c.id == before).scalar_subquery()
    query = query if before is None else query.where(or_(reports.c.at < at, and_(reports.c.at == at, reports.c.id < before)))
    rows = await connection.execute(query.order_by(reports.c.at.desc(), reports.c.id.desc()).limit(limit))
    return [Report(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's documented way to a row as a mapping


async def forget_seen(connection: AsyncConnection, before: datetime) -> None:
    """Forget activities that the topics have forgotten too, and what was deleted before it came and never did; objects keep their owners."""
    await connection.execute(delete(activities_seen).where(activities_seen.c.at < before))
    await connection.execute(delete(early_deletions).where(early_deletions.c.at < before))


async def forget_reports(connection: AsyncConnection, before: datetime) -> None:
    """Forget what people elsewhere reported, and who they were."""
    await connection.execute(delete(reports).where(reports.c.at < before))


def _external(row: Any) -> ExternalObject:
    return ExternalObject(**row._mapping)  # noqa: SLF001 - as above


def _follow(row: Any) -> Follow:
    return Follow(row.community, row.group, row.peer, FollowState(row.state), row.activity, row.asked_at, row.answered_at, row.reason)


@dataclass(frozen=True, slots=True)
class Shown:
    """A peer's registry as it was believed: its bytes, and its hub's keys, by which receipts are signed."""

    document: bytes
    hub_keys: tuple[KeyEntry, ...]

    def row(self) -> dict[str, Any]:
        """As it is kept."""
        keys = [key.model_dump(mode="json", exclude_none=True) for key in self.hub_keys]
        return {"document": self.document, "hub_keys": keys}


class Remembered(NamedTuple):
    """The highest version seen of a peer's registry: from which anchor on, its document, where that was kept, and when it was believed last."""

    peer: str
    anchor: str
    version: int
    document: bytes | None
    at: datetime


class KeptVersions:
    """The highest version seen of each peer's registry, kept where a restart does not forget it."""

    def __init__(self, database: AsyncEngine) -> None:
        self._database = database

    async def last(self, peer: str) -> Remembered | None:
        """What is remembered; None where nothing was seen, or nobody knows any more from which anchor on."""
        return next(iter(await self._where(peer_registries.c.peer == peer)), None)

    async def every(self) -> Sequence[Remembered]:
        """The same of every peer."""
        return await self._where(true())

    async def _where(self, condition: ColumnElement[bool]) -> Sequence[Remembered]:
        known = peer_registries.c
        query = select(known.peer, known.anchor, known.version, known.document, known.at).where(condition, known.anchor.isnot(None))
        async with self._database.connect() as connection:
            return [Remembered(*row) for row in await connection.execute(query)]

    async def keep(self, peer: str, anchor: str, version: int, now: datetime, shown: Shown | None = None) -> None:
        """Remember a version and what a new one showed. A lower one changes nothing, but under another anchor, whose versions begin anew."""
        row = upsert(peer_registries).values(
            peer=peer, anchor=anchor, version=version, at=now, **(shown.row() if shown is not None else {})
        )
        given, known = row.excluded, peer_registries.c
        told = {name: given[name] for name in ("anchor", "version", "at", *(("document", "hub_keys") if shown is not None else ()))}
        newer = or_(known.anchor.is_distinct_from(given.anchor), known.version <= given.version)
        async with self._database.begin() as connection:
            await connection.execute(row.on_conflict_do_update(index_elements=["peer"], set_=told, where=newer))
