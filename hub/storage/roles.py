"""What the database roles of the doors, and of the courier, may do, each for itself: as little as it can work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NO_ROWS: Final[Mapping[str, str]] = {}
NODE_DOOR: Final[Mapping[str, str]] = {"registry_documents": "SELECT", "signatures_seen": "SELECT, INSERT, DELETE"}
"""Tables of the schema `hub` and what the node door does with them; the whole of what strangers reach if they take it over."""
PEER_DOOR: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "communities", "messages", "events", "outbox", "members", "organisations", "nodes", "node_keys", "followers", "peers",
            "external_objects", "federation_keys", "registry_documents",
        ), "SELECT",
    ),
    "peer_registries": "SELECT, INSERT, UPDATE",
}  # fmt: skip
"""What the peers' door reads to show public communities, and the one thing that it remembers. Rights are by table: who takes it over reads
what was said in the others too; she writes nothing of it, and sees neither tokens nor receipts nor what waits unread."""


COURIER: Final[Mapping[str, str]] = {
    "peer_positions": "SELECT, INSERT, UPDATE",
    **dict.fromkeys(("peer_activities", "peer_refusals"), "SELECT, INSERT, DELETE"),
    "stream_offsets": "SELECT, INSERT, UPDATE",
    "followers": "SELECT, DELETE",
    "follows": "SELECT (activity, state), UPDATE (state, answered_at, reason)",
    **dict.fromkeys(("peers", "peer_registries", "federation_keys"), "SELECT"),
}
"""Where each peer stands, what it was told and refused, who follows, and which question of ours met a refusal: what others say comes to the courier by Kafka, never from here."""
COURIER_ROWS: Final[Mapping[str, str]] = {
    "stream_offsets": "\"group\" = 'courier'",
    "follows": "state IN ('pending', 'refused')",
}
"""How far the workers have read stands in the same table, and is none of its business; nor is what a community follows, or has left."""


class RoleMissing(LookupError):
    """No role of the server bears this name; making one is the business of who runs the server."""


async def admit_role(url: str, role: str, rights: Mapping[str, str], rows: Mapping[str, str] = NO_ROWS) -> None:
    """Give a role these rights and take from it all others in the schema; safe to repeat. Raises RoleMissing.

    `rows` says which rows of a table are the role's, where not all are. A role that is the owner of the tables or a superuser keeps what
    it has: rights bind neither.
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
                *(step for table, which in rows.items() for step in _own_rows(table, name, which)),
            ):
                await connection.execute(statement)
    finally:
        await connection.close()


def _own_rows(table: str, name: str, which: str) -> Iterator[str]:
    """Statements after which a role sees and writes these rows alone; the tables' owner goes on seeing all."""
    yield f"ALTER TABLE hub.{table} ENABLE ROW LEVEL SECURITY"
    yield f"DROP POLICY IF EXISTS {name} ON hub.{table}"
    yield f"CREATE POLICY {name} ON hub.{table} TO {name} USING ({which}) WITH CHECK ({which})"
