"""What PostgreSQL says when it can keep nothing: the ledger is away then, and nobody is told that the data is at fault."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from adapters.ledger import LATELY_SECONDS, Ledger, LedgerUnavailable, Unstorable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NO_ROOM = "53100"
STATES = [
    "53000",
    NO_ROOM,
    "53200",
    "53300",
    "53400",
    "40001",
    "40P01",
    "55P03",
    "57P01",
    "57P02",
    "57P03",
    "57014",
    "58000",
    "58030",
    "25006",
]
"""Full disk, memory or connections; deadlock and serialization; a lock that is held; shutting down, starting, cancelled; a disk that fails."""


class Failing:
    """A pool of connections that all meet one error."""

    def __init__(self, state: str) -> None:
        self.state = state

    @asynccontextmanager
    async def acquire(self, timeout: float) -> AsyncIterator[Any]:  # noqa: ASYNC109 - asyncpg's own
        del timeout
        yield self

    async def execute(self, _: str) -> None:
        raise asyncpg.PostgresError.new({"C": self.state, "S": "ERROR", "M": "content of a person"})


@pytest.mark.parametrize("state", STATES)
async def test_what_heals_without_us_is_the_ledger_being_away(state: str) -> None:
    ledger = Ledger(Failing(state))
    with pytest.raises(LedgerUnavailable) as said:
        async with ledger.connection() as connection:
            await connection.execute("INSERT")
    assert "person" not in str(said.value)


class Full:
    """A pool whose server answers questions and keeps nothing."""

    def __init__(self, state: str) -> None:
        self.state = state

    @asynccontextmanager
    async def acquire(self, timeout: float) -> AsyncIterator[Any]:  # noqa: ASYNC109 - asyncpg's own
        del timeout
        yield self

    async def execute(self, statement: str) -> None:
        if not statement.startswith("SELECT"):
            raise asyncpg.PostgresError.new({"C": self.state, "S": "ERROR", "M": "could not extend file"})


@pytest.mark.parametrize("state", [NO_ROOM, "58030", "25006"])
async def test_a_ledger_that_answers_and_keeps_nothing_is_not_well_until_it_has_been_left_alone_for_a_while(state: str) -> None:
    now = [0.0]
    ledger = Ledger(Full(state), clock=lambda: now[0])
    assert await ledger.answers()
    with pytest.raises(LedgerUnavailable):
        async with ledger.connection() as connection:
            await connection.execute("INSERT")
    assert not await ledger.answers()
    now[0] = LATELY_SECONDS
    assert await ledger.answers()


async def test_what_two_statements_did_to_each_other_says_nothing_of_its_room() -> None:
    ledger = Ledger(Full("40P01"))
    with pytest.raises(LedgerUnavailable):
        async with ledger.connection() as connection:
            await connection.execute("INSERT")
    assert await ledger.answers()


@pytest.mark.parametrize("state", ["22021", "23502", "54000"])
async def test_what_no_waiting_heals_is_the_values_own_fault(state: str) -> None:
    with pytest.raises(Unstorable):
        async with Ledger(Failing(state)).connection() as connection:
            await connection.execute("INSERT")
