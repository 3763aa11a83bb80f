"""Whose an instance's records are: each process that begins to carry them out takes a new number, and who has an older one begins nothing more.

The broker gives the partition to another process as soon as it hears nothing of the one that had it. Cut off from Kafka alone, that one goes on with
what it has read, and would write older words over newer ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapters.ledger import LedgerUnavailable

if TYPE_CHECKING:
    from adapters.ledger import Ledger

TAKE: Final = """
    INSERT INTO tenures (instance, number) VALUES ($1, 1) ON CONFLICT (instance) DO UPDATE SET number = tenures.number + 1 RETURNING number
"""
"""Waits for what has just been found to be ours still, and is being noted (`STILL`): whoever comes next sees it."""
LOOK: Final = "SELECT true FROM tenures WHERE instance = $1 AND number = $2"


def still(instance: int, number: int) -> str:
    """A query for the instance, by the numbers of its parameters, as long as it is ours; held until the statement has taken effect."""
    return f"SELECT instance FROM tenures WHERE instance = ${instance} AND number = ${number} FOR SHARE"  # noqa: S608 - two numbers


class Overtaken(LedgerUnavailable):
    """Another process carries these records out now, and began where the ledger says that we ended."""


class Tenure:
    """One process's number; 0 before it has begun, when it carries nothing out but what is no record's."""

    def __init__(self, ledger: Ledger, instance: str) -> None:
        self._ledger, self._instance = ledger, instance
        self.number = 0
        self.over = False
        """Whether we were found to be overtaken since we began."""

    async def begin(self) -> None:
        """The records have become ours."""
        async with self._ledger.connection() as connection:
            self.number = await connection.fetchval(TAKE, self._instance)
        self.over = False

    async def look(self) -> None:
        """Raises Overtaken where they are another's."""
        if self.number:
            async with self._ledger.connection() as connection:
                self.sure(await connection.fetchval(LOOK, self._instance, self.number))

    def sure(self, found: Any) -> None:
        """Raises Overtaken where a statement found nothing because they are another's."""
        if found is None:
            self.over = True
            raise Overtaken(self._instance)
