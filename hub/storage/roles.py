"""What the node door's own database role may do: read the registry, keep which signatures were taken, and nothing else."""

from __future__ import annotations

from typing import Final

import asyncpg

RIGHTS: Final = {"registry_documents": "SELECT", "signatures_seen": "SELECT, INSERT, DELETE"}
"""Tables of the schema `hub` and what the door does with them; the whole of what strangers reach if they take it over."""


class RoleMissing(LookupError):
    """No role of the server bears this name; making one is the business of who runs the server."""


async def admit_door(url: str, role: str) -> None:
    """Give a role these rights and take from it all others in the schema; safe to repeat. Raises RoleMissing.

    A role that is the owner of the tables or a superuser keeps what it has: rights bind neither.
    """
    connection = await asyncpg.connect(url)
    try:
        name = await connection.fetchval("SELECT quote_ident(rolname) FROM pg_roles WHERE rolname = $1", role)
        if name is None:
            raise RoleMissing(role)
        database = await connection.fetchval("SELECT quote_ident(current_database())")
        async with connection.transaction():
            for statement in (
                f"REVOKE ALL ON ALL TABLES IN SCHEMA hub FROM {name}",
                f"GRANT CONNECT ON DATABASE {database} TO {name}",
                f"GRANT USAGE ON SCHEMA hub TO {name}",
                *(f"GRANT {rights} ON hub.{table} TO {name}" for table, rights in RIGHTS.items()),
            ):
                await connection.execute(statement)
    finally:
        await connection.close()
