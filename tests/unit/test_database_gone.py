"""Which errors of a database mean that it is gone, and not that it was asked for nonsense: the first are waited for, the second set aside."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import asyncpg
import pytest

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
