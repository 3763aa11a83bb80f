"""The ledger's half of back-fills: what was asked for, who is at it, which messages wait. Never a word of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from adapters.ledger import Ledger
    from adapters.offers import Held

MOST_DAYS: Final = 366
MOST_ITEMS: Final = 20_000
LEASE_SECONDS: Final = 60.0
ASK: Final = """
    INSERT INTO backfills (instance, space, community, days, since, until, state) VALUES ($1, $2, $3, $4, $5, $6, 'surveying')
    ON CONFLICT (space, community, instance) DO
"""
AGAIN: Final = """
    UPDATE SET days = excluded.days, since = excluded.since, until = excluded.until, state = excluded.state, cursor = NULL, reason = ''
"""
CLAIM: Final = """
    UPDATE backfills SET holder = $2, leased_until = clock_timestamp() + make_interval(secs => $3)
    WHERE instance = $1 AND (space, community) IN (
        SELECT space, community FROM backfills
        WHERE instance = $1 AND state IN ('surveying', 'bringing', 'undoing') AND (holder = $2 OR leased_until < clock_timestamp())
        ORDER BY until, space LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING space, community, since, until, state, cursor
"""
HELD: Final = "instance = $1 AND space = $2 AND community = $3 AND holder = $4 AND leased_until >= clock_timestamp()"
NOTE: Final = f"UPDATE backfills SET cursor = $5, state = $6, reason = $7 WHERE {HELD} AND state = 'surveying' RETURNING 1"  # noqa: S608 - constants
ADD: Final = """
    INSERT INTO backfill_items (instance, space, community, native_id, created_at, locator)
    SELECT $1, $2, $3, n, t, l FROM unnest($4::text[], $5::timestamptz[], $6::text[]) AS found (n, t, l) ON CONFLICT DO NOTHING
"""
TRIED: Final = "tried"
NEXT: Final = f"""
    SELECT native_id, CASE reason WHEN '{TRIED}' THEN 'telling' ELSE state END AS state FROM backfill_items
    WHERE instance = $1 AND space = $2 AND community = $3 AND state = ANY($4) AND native_id <> ALL($5) AND {{which}}
    ORDER BY {{first}}created_at {{order}}, native_id {{order}} LIMIT 1
"""  # noqa: S608 - constants
MARK: Final = f"""
    UPDATE backfill_items SET state = $6, reason = $7
    WHERE instance = $1 AND space = $2 AND community = $3 AND native_id = $5 AND EXISTS (SELECT FROM backfills WHERE {HELD}) RETURNING 1
"""  # noqa: S608 - constants
KEEP: Final = f"UPDATE backfills SET leased_until = clock_timestamp() + make_interval(secs => $5) WHERE {HELD} RETURNING 1"  # noqa: S608 - constants
END: Final = f"UPDATE backfills SET state = $5, reason = $6 WHERE {HELD} AND state = $7"  # noqa: S608 - constants
LIST: Final = """
    SELECT b.instance, b.space, b.community, b.days, b.state, b.reason, b.until,
        count(i.native_id) AS found, count(*) FILTER (WHERE i.state IN ('waiting', 'telling')) AS waiting,
        count(*) FILTER (WHERE i.state IN ('brought', 'untelling')) AS brought, count(*) FILTER (WHERE i.state = 'left_out') AS left_out,
        count(*) FILTER (WHERE i.state = 'taken_back') AS taken_back
    FROM backfills b LEFT JOIN backfill_items i ON (i.instance, i.space, i.community) = (b.instance, b.space, b.community)
    WHERE $1::text IS NULL OR b.instance = $1
    GROUP BY b.instance, b.space, b.community ORDER BY b.instance, b.space, b.community
"""


class State(StrEnum):
    """A back-fill's life: the space is surveyed, then its messages are brought, oldest first; stopped or undone by an operator."""

    SURVEYING = "surveying"
    BRINGING = "bringing"
    DONE = "done"
    STOPPED = "stopped"
    UNDOING = "undoing"
    UNDONE = "undone"


class Item(StrEnum):
    """A message's: `telling` and `untelling` are noted before it is told to the hub, so that a crash does not forget whose doing it was."""

    WAITING = "waiting"
    TELLING = "telling"
    BROUGHT = "brought"
    LEFT_OUT = "left_out"
    UNTELLING = "untelling"
    TAKEN_BACK = "taken_back"


class BackfillLost(RuntimeError):
    """Another process holds the back-fill by now, or an operator has stopped it."""


@dataclass(frozen=True, slots=True)
class Job:
    """A back-fill that this process holds."""

    space: str
    community: str
    since: datetime
    until: datetime
    state: State
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a back-fill has come, for people and metrics."""

    instance: str
    space: str
    community: str
    days: int
    state: State
    reason: str
    until: datetime
    found: int
    waiting: int
    brought: int
    left_out: int
    taken_back: int


class Backfills:
    """The back-fills of one instance, as one process (`holder`) asks and tells."""

    def __init__(self, ledger: Ledger, instance: str, holder: str) -> None:
        self._ledger, self._instance, self._holder = ledger, instance, holder

    async def ask_once(self, space: str, community: str, days: int, since: datetime, until: datetime) -> None:
        """What the settings ask of a new tie; one that was asked for before stays as it is, whatever became of it."""
        await self._ask("NOTHING", space, community, days, since, until)

    async def ask(self, space: str, community: str, days: int, since: datetime, until: datetime) -> None:
        """What an operator asks: begun, or gone on with, or asked anew for other days. What was brought stays so."""
        await self._ask(AGAIN, space, community, days, since, until)

    async def _ask(self, otherwise: str, space: str, community: str, days: int, since: datetime, until: datetime) -> None:
        async with self._ledger.connection() as connection:
            await connection.execute(ASK + otherwise, self._instance, space, community, days, since, until)

    async def turn(self, space: str, state: State, *of: State) -> bool:
        """An operator stops or undoes what is in one of these states; False where nothing is."""
        async with self._ledger.connection() as connection:
            rows = await connection.fetch(
                "UPDATE backfills SET state = $3, reason = 'operator' WHERE instance = $1 AND space = $2 AND state = ANY($4) RETURNING 1",
                self._instance, space, state.value, [one.value for one in of],
            )  # fmt: skip
        return bool(rows)

    async def claim(self) -> Job | None:
        """Take or keep the oldest that nobody else is at; PostgreSQL's clock alone judges."""
        async with self._ledger.connection() as connection:
            row = await connection.fetchrow(CLAIM, self._instance, self._holder, LEASE_SECONDS)
        return Job(**{**dict(row), "state": State(row["state"])}) if row is not None else None

    async def found(self, job: Job, items: Sequence[Held], cursor: str | None, reason: str = "") -> None:
        """Note what a page of the survey showed, and where it goes on; without a cursor, bringing begins. Raises BackfillLost."""
        state = State.SURVEYING if cursor is not None else State.BRINGING
        async with self._ledger.transaction() as connection:
            if await connection.fetchval(NOTE, *self._held(job), cursor, state.value, reason) is None:
                raise BackfillLost(job.space)
            await connection.execute(
                ADD, self._instance, job.space, job.community, [one.native_id for one in items], [one.created_at for one in items],
                [one.locator for one in items],
            )  # fmt: skip

    async def count(self, job: Job) -> int:
        """How many messages the survey has found."""
        async with self._ledger.connection() as connection:
            found: int = await connection.fetchval(
                "SELECT count(*) FROM backfill_items WHERE instance = $1 AND space = $2 AND community = $3",
                self._instance, job.space, job.community,
            )  # fmt: skip
        return found

    async def oldest(self, job: Job, *, urgent: bool = False, but: Collection[str] = ()) -> tuple[str, Item] | None:
        """The next to bring, `but` for some; `urgent`, where others wait for it: it was being told, or somebody answers it already.

        These go first, and what one of them answers before it. `telling` where it may have been told: by a process that died, or in vain.
        """
        first = "state = 'telling' DESC, wanted DESC, "
        which = "(wanted OR state = 'telling')" if urgent else "true"
        return await self._next(job, "ASC", Item.WAITING, Item.TELLING, first=first, which=which, but=but)

    async def let_be(self, job: Job, native_id: str, *, tried: bool) -> None:
        """It cannot be told now: it waits again, and what happens to it meanwhile is not held up. `tried` where it may have been told. Raises BackfillLost."""
        await self.mark(job, native_id, Item.WAITING, TRIED if tried else "")

    async def keep(self, job: Job) -> None:
        """Hold it for as long again. Raises BackfillLost."""
        async with self._ledger.connection() as connection:
            if await connection.fetchval(KEEP, *self._held(job), LEASE_SECONDS) is None:
                raise BackfillLost(job.space)

    async def newest_brought(self, job: Job) -> tuple[str, Item] | None:
        """The next to take back: an answer before what it answers."""
        return await self._next(job, "DESC", Item.BROUGHT, Item.UNTELLING)

    async def _next(
        self, job: Job, order: str, *states: Item, first: str = "", which: str = "true", but: Collection[str] = ()
    ) -> tuple[str, Item] | None:
        query, wanted = NEXT.format(first=first, order=order, which=which), [state.value for state in states]
        async with self._ledger.connection() as connection:
            row = await connection.fetchrow(query, self._instance, job.space, job.community, wanted, list(but))
        return (row["native_id"], Item(row["state"])) if row is not None else None

    async def mark(self, job: Job, native_id: str, state: Item, reason: str = "") -> None:
        """What became of a message, or is about to. Raises BackfillLost."""
        async with self._ledger.connection() as connection:
            if await connection.fetchval(MARK, *self._held(job), native_id, state.value, reason) is None:
                raise BackfillLost(job.space)

    async def end(self, job: Job, state: State, reason: str = "") -> None:
        """Nothing is left to do, or nothing can be done any more; an operator's word of meanwhile counts more."""
        async with self._ledger.connection() as connection:
            await connection.execute(END, *self._held(job), state.value, reason, job.state.value)

    def _held(self, job: Job) -> tuple[str, str, str, str]:
        return self._instance, job.space, job.community, self._holder

    async def progress(self) -> list[Progress]:
        """How far those of this instance have come."""
        return await progress(self._ledger, self._instance)


async def progress(ledger: Ledger, instance: str | None = None) -> list[Progress]:
    """How far back-fills have come, of one instance or of all."""
    async with ledger.connection() as connection:
        rows: Iterable[Mapping[str, Any]] = await connection.fetch(LIST, instance)
    return [Progress(**{**dict(row), "state": State(row["state"])}) for row in rows]
