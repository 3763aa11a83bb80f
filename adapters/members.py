"""Who takes part in each tied space: the roster's half of the ledger, and what a roster adds to what was told."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from adapters.overtaking import native_id_of, type_of
from schemas.facts.membership import MembershipJoined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from adapters.ledger import Ledger
    from adapters.people import Member
    from adapters.spool import Record

COLUMNS = "space, actor, native_id, community, name, revision, state"
EXPECT = f"""
    INSERT INTO members (instance, {COLUMNS})
    SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::text[])
    ON CONFLICT (space, actor, instance) DO UPDATE SET name = excluded.name, revision = excluded.revision, state = excluded.state
    WHERE members.native_id = excluded.native_id
    RETURNING native_id
"""  # noqa: S608 - made of constants alone


class Standing(StrEnum):
    """How far a membership was told."""

    COMING = "coming"  # told perhaps: told again after a crash, under the same id
    PRESENT = "present"
    LEAVING = "leaving"  # as coming; forgotten once it was told


@dataclass(frozen=True, slots=True)
class Row:
    """One membership. Its native id is drawn by lot: it leaves the RSE, and nothing in it may name a person.

    `revision` counts the names under which it was told.
    """

    native_id: str
    space: str
    community: str
    actor: str
    name: str
    revision: int
    state: Standing


def drawn() -> str:
    """A native id that says nothing."""
    return f"member:{secrets.token_hex(16)}"


def compared(
    rows: Mapping[str, Row], roster: Iterable[Member], space: str, community: str, new_id: Callable[[], str] = drawn
) -> list[Row]:  # fmt: skip
    """What is to be told, each row as it is to be noted before; `rows` are by actor. Departures first: they are what nobody may miss."""
    present = {member.actor: member for member in roster}
    leaving = [
        replace(row, state=Standing.LEAVING)
        for actor, row in rows.items()
        if actor not in present or row.community != community or row.state is Standing.LEAVING
    ]
    gone = {row.actor for row in leaving}
    staying = (member for actor, member in sorted(present.items()) if actor not in gone)
    coming = [row for member in staying if (row := _coming(rows.get(member.actor), member, space, community, new_id)) is not None]
    return [*leaving, *coming]


def _coming(row: Row | None, member: Member, space: str, community: str, new_id: Callable[[], str]) -> Row | None:
    if row is None:
        return Row(new_id(), space, community, member.actor, member.name, 1, Standing.COMING)
    if row.state is Standing.COMING:
        return row  # once more as it was: another name is news at the next look
    return replace(row, name=member.name, revision=row.revision + 1, state=Standing.COMING) if row.name != member.name else None


class Members:
    """The memberships of one instance, as they were told."""

    def __init__(self, ledger: Ledger, instance: str) -> None:
        self._ledger, self._instance = ledger, instance

    async def spaces(self) -> frozenset[str]:
        """Spaces of which somebody was told."""
        async with self._ledger.connection() as connection:
            rows = await connection.fetch("SELECT DISTINCT space FROM members WHERE instance = $1", self._instance)
        return frozenset(row["space"] for row in rows)

    async def of(self, space: str) -> dict[str, Row]:
        """The people of a space, by actor."""
        async with self._ledger.connection() as connection:
            found = await connection.fetch(
                f"SELECT {COLUMNS} FROM members WHERE instance = $1 AND space = $2",  # noqa: S608 - constants
                self._instance,
                space,
            )
        return {row["actor"]: _row(row) for row in found}

    async def expect(self, space: str, rows: Sequence[Row]) -> frozenset[str]:
        """Note what is about to be told; the native ids of those that stand: of others another process was quicker."""
        columns = zip(*((r.actor, r.native_id, r.community, r.name, r.revision, r.state.value) for r in rows), strict=True)
        async with self._ledger.connection() as connection:
            noted = await connection.fetch(EXPECT, self._instance, space, *map(list, columns))
        return frozenset(row["native_id"] for row in noted)

    async def unsaid(self, records: Sequence[Record]) -> None:
        """Arrivals that were noted and never left: whoever is here still when they may is told under the same id."""
        native_ids = [native_id_of(record) for record in records if type_of(record) == MembershipJoined.event_type]
        if not native_ids:
            return
        async with self._ledger.connection() as connection:
            await connection.execute(
                "UPDATE members SET state = 'coming' WHERE instance = $1 AND native_id = ANY($2) AND state = 'present'",
                self._instance,
                native_ids,
            )

    async def settle(self, rows: Sequence[Row]) -> None:
        """They were told: who came is present, who left is forgotten."""
        told = {state: [row.native_id for row in rows if row.state is state] for state in Standing}
        async with self._ledger.transaction() as connection:
            await connection.execute(
                "UPDATE members SET state = 'present' WHERE instance = $1 AND native_id = ANY($2)", self._instance, told[Standing.COMING]
            )
            await connection.execute(
                "DELETE FROM members WHERE instance = $1 AND native_id = ANY($2)", self._instance, told[Standing.LEAVING]
            )


def _row(row: Mapping[str, Any]) -> Row:
    return Row(row["native_id"], row["space"], row["community"], row["actor"], row["name"], row["revision"], Standing(row["state"]))
