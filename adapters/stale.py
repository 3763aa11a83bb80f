"""Marks copies that repeat words which people of this RSE have taken away, or brought back, until they are rewritten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MARK: Final = """
    UPDATE objects AS quoting SET stale = true FROM objects AS copy, unnest($2::text[], $3::bool[]) AS given (native_id, withdrawn)
    WHERE copy.instance = $1 AND copy.native_id = given.native_id AND copy.withdrawn <> given.withdrawn
        AND quoting.instance = $1 AND quoting.quoted = copy.subject
"""


async def mark(connection: Any, instance: str, withdrawn: Mapping[str, bool]) -> None:
    """Before the ledger learns which copies are withdrawn, and which no longer: a quotation that is rewritten for nothing is as it was."""
    if withdrawn:
        await connection.execute(MARK, instance, list(withdrawn), list(withdrawn.values()))
