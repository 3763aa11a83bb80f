"""What the database roles of the doors that strangers reach may do, each for itself: as little as it can work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Mapping

NODE_DOOR: Final[Mapping[str, str]] = {"registry_documents": "SELECT", "signatures_seen": "SELECT, INSERT, DELETE"}
"""Tables of the schema `hub` and what the node door does with them; the whole of what strangers reach if they take it over."""
PEER_DOOR: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("communities", "messages", "events", "outbox", "members", "organisations", "nodes", "node_keys", "followers", "peers"), "SELECT"
    ),
    "peer_registries": "SELECT, INSERT, UPDATE",
}  # fmt: skip
"""What the peers' door reads to show public communities, and the one thing that it remembers. Rights are by table: who takes it over reads
what was said in the others too; she writes nothing of it, and sees neither tokens nor receipts nor what waits unread."""


class RoleMissing(LookupError):
    """No role of the server bears this name; making one is the business of who runs the server."""


async def admit_door(url: str, role: str, rights: Mapping[str, str]) -> None:
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
                *(f"GRANT {allowed} ON hub.{table} TO {name}" for table, allowed in rights.items()),
            ):
                await connection.execute(statement)
    finally:
        await connection.close()
