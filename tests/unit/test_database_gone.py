"""Which errors of a database mean that it is gone, and not that it was asked for nonsense: the first are waited for, the second set aside."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from adapters.ledger import Ledger, LedgerUnavailable
from hub.storage.engine import connection_lost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MID_ANSWER = asyncpg.InternalClientError("got result for unknown protocol state 3")
"""What asyncpg says when the server goes away while it reads an answer."""


class Pool:
    """A pool whose server goes away in the middle of an answer."""

    @asynccontextmanager
    async def acquire(self, timeout: float) -> AsyncIterator[Pool]:  # noqa: ASYNC109 - asyncpg's own signature
        del timeout
        yield self

    async def execute(self, _: str) -> None:
        raise MID_ANSWER


async def test_a_server_that_goes_away_in_the_middle_of_an_answer_is_a_ledger_that_is_away() -> None:
    ledger = Ledger(cast("asyncpg.Pool", Pool()))
    with pytest.raises(LedgerUnavailable):
        async with ledger.connection() as connection:
            await connection.execute("SELECT 1")


def test_a_server_that_goes_away_in_the_middle_of_an_answer_is_a_lost_connection_of_the_hub() -> None:
    assert connection_lost(MID_ANSWER)
    assert not connection_lost(ValueError("a value that nobody can encode"))


@pytest.mark.parametrize(
    ("state", "lost"),
    [("53100", True), ("53200", True), ("58030", True), ("57P01", True), ("25006", True), ("22021", False), ("40P01", False)],
)
def test_a_server_without_room_or_whose_disk_fails_is_no_fault_of_the_data(state: str, lost: bool) -> None:  # noqa: FBT001 - a table's column
    error = asyncpg.PostgresError.new({"C": state, "S": "ERROR", "M": "could not extend file"})
    assert connection_lost(DBAPIError("UPDATE", {}, error)) is lost
