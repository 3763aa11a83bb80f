"""Several statements as one: all of them take effect or none does, after a single journey to PostgreSQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_PARAMETER = re.compile(r"\$([1-9][0-9]*)")


class Together:
    """Statements that change different rows: each sees what was there before all of them, and none what another does.

    They go out as one statement's WITH (PostgreSQL 18 § 7.8.4), committed with it: a transaction of six would be eight journeys.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._values: list[Any] = []

    def add(self, statement: str, *values: Any) -> None:
        """One more INSERT, UPDATE or DELETE, with its own values from $1 on."""
        self._parts.append(self._placed(statement, values))

    async def fetchval(self, connection: Any, statement: str, *values: Any) -> Any:
        """Carry all of them out with this one, which comes last; its first value."""
        last = self._placed(statement, values)
        before = ", ".join(f"part{place} AS ({part})" for place, part in enumerate(self._parts))
        return await connection.fetchval(f"WITH {before} {last}" if before else last, *self._values)

    def _placed(self, statement: str, values: Sequence[Any]) -> str:
        first = len(self._values)
        self._values += values
        return _PARAMETER.sub(lambda found: f"${int(found[1]) + first}", statement)
