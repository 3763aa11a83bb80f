"""Secrets made once and kept: what was derived from a key must not change when another key follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.ledger import Ledger


async def kept_secret(ledger: Ledger, instance: str, name: str, made: str) -> str:
    """The secret that this instance keeps under a name; `made` where it keeps none yet. Another process may be quicker: what stands counts."""
    async with ledger.connection() as connection:
        await connection.execute("INSERT INTO kept_secrets VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", instance, name, made)
        return str(await connection.fetchval("SELECT secret FROM kept_secrets WHERE instance = $1 AND name = $2", instance, name))
