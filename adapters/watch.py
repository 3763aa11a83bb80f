"""The pollers' half of the ledger: who looks at which space, how far it was read, and how each object looked last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from adapters.port import Act
from adapters.ties import LOOKED_AT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from adapters.ledger import Ledger

CLAIM = """
    INSERT INTO polls (instance, space, since, holder, leased_until)
    SELECT $1, space, since, $4, clock_timestamp() + $5::interval
    FROM unnest($2::text[], $3::timestamptz[]) AS tied (space, since) ORDER BY space
    ON CONFLICT (instance, space) DO UPDATE SET
        holder = excluded.holder, leased_until = excluded.leased_until, since = greatest(polls.since, excluded.since),
        floor = CASE WHEN polls.since < excluded.since THEN NULL ELSE polls.floor END
    WHERE polls.holder = excluded.holder OR polls.leased_until < clock_timestamp()
    RETURNING space, since, cursor, changed_at, floor
"""
FORGET = """
    DELETE FROM polls WHERE instance = $1 AND (holder = $2 OR leased_until < clock_timestamp()) AND NOT EXISTS (
        SELECT FROM ties WHERE ties.instance = polls.instance AND ties.space = polls.space AND ties.state = ANY($3))
"""
KEEP = """
    INSERT INTO sightings (instance, native_id, space, thread, digest, revision, replies, likes, gone, created_at, seen_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (instance, native_id) DO UPDATE SET
        space = excluded.space, thread = excluded.thread, digest = excluded.digest, revision = excluded.revision,
        replies = excluded.replies, likes = excluded.likes, gone = excluded.gone, seen_at = excluded.seen_at
"""
HELD = "UPDATE polls SET {what} WHERE instance = $1 AND space = $2 AND holder = $3 RETURNING space"
REFRESHED = timedelta(days=7)
COLUMNS = "native_id, thread, digest, revision, replies, likes, gone, created_at"
MISSING = f"""
    UPDATE sightings SET asked_at = $5 WHERE instance = $1 AND native_id IN (
        SELECT native_id FROM sightings
        WHERE instance = $1 AND space = $2 AND NOT gone AND native_id <> ALL($4)
          AND (thread = ANY($6) OR (thread IS NULL AND created_at >= $3) OR native_id = ANY($8))
        ORDER BY asked_at NULLS FIRST, created_at DESC LIMIT $7)
    RETURNING {COLUMNS}
"""  # noqa: S608 - made of constants alone
UNDER = f"""
    SELECT {COLUMNS} FROM sightings WHERE instance = $1 AND thread = $2 AND NOT gone ORDER BY created_at DESC
"""  # noqa: S608 - made of constants alone

UNKEPT = """
    SELECT DISTINCT thread FROM sightings
    WHERE instance = $1 AND space = $2 AND (revision = 0 OR digest LIKE '?%') AND thread IS NOT NULL AND NOT gone
"""
REFRESH = """
    UPDATE sightings SET seen_at = $3
    WHERE instance = $1 AND (native_id = ANY($2) OR (thread = ANY($2) AND NOT gone)) AND seen_at < $4
"""
TAKEN_BY_US = """
    SELECT EXISTS (SELECT 1 FROM objects WHERE instance = $1 AND native_id = $2 AND ((origin = 'copy' AND deleted) OR moderated))
        OR EXISTS (SELECT 1 FROM intents WHERE instance = $1 AND native_id = $2 AND act = $3)
"""
"""What was brought back since stands under another id, and is no longer called deleted: that we took this one away, the intent still tells."""


class LeaseLost(RuntimeError):
    """Another poller holds the space by now: what was read is its business."""


@dataclass(frozen=True, slots=True)
class Poll:
    """A space that we hold; what was created there before `since`, a moment of ours, was never asked for.

    `floor` is the greatest of the RSE's own numbers that stood there then; None while no look has told.
    """

    space: str
    since: datetime
    cursor: str | None
    changed_at: datetime | None
    floor: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """How an object looked last. `revision` counts what was told of it: 0 while it is being told for the first time; Kafka may have it already.

    So it may an edit whose `digest` begins with `?`: the one that is being told, under the next number.
    """

    native_id: str
    thread: str | None
    digest: str
    revision: int
    replies: str
    likes: frozenset[str]
    gone: bool
    created_at: datetime


class Watch:
    """What the poller of one instance asks and tells; `holder` is this very process."""

    def __init__(self, ledger: Ledger, instance: str, holder: str) -> None:
        self._ledger, self._instance, self._holder = ledger, instance, holder

    async def claim(self, tied: Mapping[str, datetime], lease: timedelta) -> list[Poll]:
        """Take or renew the lease of every space that is free or ours; PostgreSQL's clock alone judges.

        `tied` tells since when what is said in a space is for others. A space whose tie has ended is forgotten: what is said there until another tie begins stays there,
        also where that one had begun before anybody came to forget it.
        """
        async with self._ledger.transaction() as connection:
            await connection.execute(FORGET, self._instance, self._holder, [state.value for state in LOOKED_AT])
            rows = await connection.fetch(CLAIM, self._instance, list(tied), list(tied.values()), self._holder, lease)
        return [Poll(row["space"], row["since"], row["cursor"], row["changed_at"], row["floor"]) for row in rows]

    async def release(self) -> None:
        """Let another poller go on at once."""
        async with self._ledger.connection() as connection:
            await connection.execute(
                "UPDATE polls SET leased_until = '-infinity' WHERE instance = $1 AND holder = $2", self._instance, self._holder
            )

    async def found(self, space: str, floor: int) -> None:
        """Note the greatest number that stood in a space before it was for others. Raises LeaseLost."""
        async with self._ledger.connection() as connection:
            if await connection.fetchval(HELD.format(what="floor = $4"), self._instance, space, self._holder, floor) is None:
                raise LeaseLost(space)

    async def rows(self, native_ids: Sequence[str]) -> dict[str, Row]:
        """What is remembered of these objects."""
        async with self._ledger.connection() as connection:
            found = await connection.fetch(
                f"SELECT {COLUMNS} FROM sightings WHERE instance = $1 AND native_id = ANY($2)",  # noqa: S608 - constants
                self._instance,
                list(native_ids),
            )
        return {row["native_id"]: _row(row) for row in found}

    async def expect(self, space: str, rows: Sequence[Row], now: datetime) -> None:
        """Note what is about to be told. Raises LeaseLost."""
        await self._keep(space, rows, now, "holder = holder")

    async def keep(self, space: str, rows: Sequence[Row], now: datetime, cursor: str | None) -> None:
        """After the ack: how objects look now, and where to go on. Raises LeaseLost."""
        await self._keep(space, rows, now, "cursor = coalesce($4, cursor), changed_at = CASE WHEN $5 THEN $6 ELSE changed_at END", cursor)

    async def refresh(self, native_ids: Iterable[str], now: datetime) -> None:
        """Remember these objects, and what stands under them, for as long again: they are still there, however long nothing has changed about them."""
        async with self._ledger.connection() as connection:
            await connection.execute(REFRESH, self._instance, list(native_ids), now, now - REFRESHED)

    async def settle(self, space: str, root: str, replies: str) -> None:
        """All that was announced under a root has been read and told. Raises LeaseLost."""
        async with self._ledger.transaction() as connection:
            if await connection.fetchval(HELD.format(what="holder = holder"), self._instance, space, self._holder) is None:
                raise LeaseLost(space)
            await connection.execute(
                "UPDATE sightings SET replies = $3 WHERE instance = $1 AND native_id = $2", self._instance, root, replies
            )

    async def missing(
        self, space: str, since: datetime, seen: Iterable[str], whole: Iterable[str], now: datetime, most: int, departed: Iterable[str] = ()
    ) -> list[Row]:
        """Objects no older than `since` that were not seen: roots, and what stood under a root that told all; those that left the window; longest unasked first."""
        wanted = space, since, list(seen), now, list(whole), most, list(departed)
        async with self._ledger.connection() as connection:
            return [_row(row) for row in await connection.fetch(MISSING, self._instance, *wanted)]

    async def under(self, root: str) -> list[Row]:
        """What stood under a root, newest first."""
        async with self._ledger.connection() as connection:
            return [_row(row) for row in await connection.fetch(UNDER, self._instance, root)]

    async def unkept(self, space: str) -> set[str]:
        """Roots under which something was seen that was perhaps never told: neither cursor nor window brings it again."""
        async with self._ledger.connection() as connection:
            return {row["thread"] for row in await connection.fetch(UNKEPT, self._instance, space)}

    async def taken_by_us(self, root: str) -> bool:
        """Whether it went by order, a copy or what a moderator took away, or is just going: what stood under it went by nobody's will."""
        async with self._ledger.connection() as connection:
            return bool(await connection.fetchval(TAKEN_BY_US, self._instance, root, Act.DELETED.value))

    async def tidy(self, before: datetime) -> None:
        """Forget objects that have not changed for so long that no window holds them."""
        async with self._ledger.connection() as connection:
            await connection.execute("DELETE FROM sightings WHERE instance = $1 AND seen_at < $2", self._instance, before)

    async def _keep(self, space: str, rows: Sequence[Row], now: datetime, what: str, cursor: str | None = None) -> None:
        given: list[Any] = [self._instance, space, self._holder]
        if "$4" in what:
            given += [cursor, bool(rows), now]
        async with self._ledger.transaction() as connection:
            if await connection.fetchval(HELD.format(what=what), *given) is None:
                raise LeaseLost(space)
            await connection.executemany(KEEP, [self._columns(space, row, now) for row in rows])

    def _columns(self, space: str, row: Row, now: datetime) -> tuple[Any, ...]:
        return (
            self._instance, row.native_id, space, row.thread, row.digest, row.revision, row.replies, sorted(row.likes), row.gone,
            row.created_at, now,
        )  # fmt: skip


def _row(row: Mapping[str, Any]) -> Row:
    return Row(
        row["native_id"], row["thread"], row["digest"], row["revision"], row["replies"], frozenset(row["likes"]), row["gone"],
        row["created_at"],
    )  # fmt: skip
