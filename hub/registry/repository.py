"""All the SQL of the registry."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from hub.registry.model import Node, Tie, TieState
from hub.storage.rows import among
from hub.storage.tables import node_keys, nodes, organisations, registry_documents, ties
from schemas import jcs
from schemas.anchors import named_signer
from schemas.manifest import Grade, KeyEntry
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from hub.access import Permit

KEY_DATES = ("active_from", "retiring_from", "retired_at", "revoked_at", "compromised_since")
KEY_COLUMNS = ("multibase", "custody", *KEY_DATES)
EVERY_NODE = (
    select(
        nodes, organisations.c.name.label("organisation_name"), node_keys.c.id.label("key"), *(node_keys.c[name] for name in KEY_COLUMNS)
    )
    .join(organisations, nodes.c.organisation == organisations.c.id)
    .outerjoin(node_keys, node_keys.c.node == nodes.c.id)
    .order_by(nodes.c.id, node_keys.c.id)
)
"""A row for each key of a node, one for a node without keys: each batch of the worker asks, and waits for every answer."""
PUBLISHING = 0x74647552  # advisory lock: one transaction at a time makes a registry version


class SqlNodes:
    """Nodes with their keys: few, so a transaction reads them all at once."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._nodes: dict[str, Node] | None = None

    async def lock(self) -> None:
        """Let one registry command work at a time: what it read must still be true when it signs a new document."""
        await self._connection.execute(select(func.pg_advisory_xact_lock(PUBLISHING)))
        self._nodes = None

    async def all(self) -> dict[str, Node]:
        """Every node by id."""
        if self._nodes is None:
            rows = await self._connection.execute(EVERY_NODE)
            self._nodes = {name: _node(list(found)) for name, found in groupby(rows, lambda row: str(row.id))}
        return self._nodes

    async def quarantined(self) -> frozenset[str]:
        """Ids of the nodes in quarantine."""
        return frozenset(node.id for node in (await self.all()).values() if node.quarantined_at is not None)

    async def get(self, node: str) -> Node | None:
        """A node."""
        return (await self.all()).get(node)

    async def add(self, node: Node) -> None:
        """Insert an applying node; its organisation too where it is new. One that is known keeps its name: whoever applies has shown nothing yet."""
        organisation = upsert(organisations).values(id=node.organisation, name=node.organisation_name)
        await self._connection.execute(organisation.on_conflict_do_nothing())
        row = {"id": node.id, "organisation": node.organisation, "platform": node.platform, "grade": node.grade.value}
        await self._connection.execute(
            insert(nodes).values(**row, applied_at=node.applied_at, approved_at=node.approved_at, manifest_expires=node.expires)
        )
        await self._save_keys(node)

    async def save(self, node: Node) -> None:
        """Update a node and its keys."""
        values = {"grade": node.grade.value, "approved_at": node.approved_at, "manifest_expires": node.expires}
        await self._connection.execute(update(nodes).where(nodes.c.id == node.id).values(**values))
        await self._save_keys(node)

    async def describe(self, node: Node) -> None:
        """Write whose network a node is, under which name and on which platform, as people accepted it: so its organisation's other nodes are named too."""
        named = upsert(organisations).values(id=node.organisation, name=node.organisation_name)
        await self._connection.execute(named.on_conflict_do_update(index_elements=["id"], set_={"name": named.excluded.name}))
        values = {"organisation": node.organisation, "platform": node.platform}
        await self._connection.execute(update(nodes).where(nodes.c.id == node.id).values(**values))
        self._nodes = None

    async def forget(self, node: str) -> None:
        """Remove a candidate that nobody ever admitted: its name is free again, and its organisation's that nobody else bears."""
        await self._connection.execute(delete(node_keys).where(node_keys.c.node == node))
        await self._connection.execute(delete(nodes).where(nodes.c.id == node, nodes.c.approved_at.is_(None)))
        borne = select(nodes.c.organisation)
        known = (await self.all()).pop(node, None)
        if known is not None:
            await self._connection.execute(
                delete(organisations).where(organisations.c.id == known.organisation, organisations.c.id.not_in(borne))
            )

    async def _save_keys(self, node: Node) -> None:
        for key in node.keys:
            said = {name: getattr(key, name) for name in KEY_DATES} | {"custody": key.custody.value if key.custody else None}
            statement = upsert(node_keys).values(id=key.id, node=node.id, multibase=key.multibase, **said)
            final = ("revoked_at", "compromised_since")
            kept = said | {name: func.coalesce(node_keys.c[name], statement.excluded[name]) for name in final}
            await self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=kept))
        (await self.all())[node.id] = node


class SqlTies:
    """The ties of the communities of a transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._by_community: dict[str, dict[str, Tie]] = {}
        self._changed: dict[tuple[str, str], Tie] = {}

    async def of(self, community: str) -> dict[str, Tie]:
        """Node → tie of a community."""
        await self.load([community])
        return self._by_community[community]

    async def load(self, communities: Iterable[str]) -> None:
        """Read the ties of several communities at once."""
        missing = sorted(set(communities) - set(self._by_community))
        if not missing:
            return
        for community in missing:
            self._by_community[community] = {}
        for row in await self._connection.execute(select(ties).where(among(ties.c.community, missing))):
            self._by_community[row.community][row.node] = _tie(row)

    async def get(self, node: str, community: str) -> Tie | None:
        """The tie of a node's space to a community."""
        return (await self.of(community)).get(node)

    def save(self, tie: Tie) -> None:
        """Remember a tie; written with the transaction."""
        self._by_community.setdefault(tie.community, {})[tie.node] = tie
        self._changed[tie.node, tie.community] = tie

    async def flush(self) -> None:
        """Write what changed."""
        for tie in self._changed.values():
            row = _tie_row(tie)
            statement = upsert(ties).values(**row)
            await self._connection.execute(statement.on_conflict_do_update(index_elements=["node", "community"], set_=row))
        self._changed = {}


async def all_ties(connection: AsyncConnection) -> list[Tie]:
    """Every tie, for the operators' page."""
    rows = await connection.execute(select(ties).order_by(ties.c.community, ties.c.node))
    return [_tie(row) for row in rows]


async def spaces_of(connection: AsyncConnection, permit: Permit, community: str) -> list[tuple[str, Tie]]:
    """The spaces that are or were tied to a community, each with the name that the registry gives its ministry; for who holds a permit."""
    del permit
    query = select(ties, organisations.c.name.label("ministry")).join(nodes, nodes.c.id == ties.c.node)
    query = query.join(organisations, organisations.c.id == nodes.c.organisation).where(ties.c.community == community)
    return [(row.ministry, _tie(row)) for row in await connection.execute(query.order_by(organisations.c.name, ties.c.node))]


async def newest_document(connection: AsyncConnection, known: int = 0) -> tuple[int, bytes] | None:
    """The newest registry document if its version is above the known one."""
    query = select(registry_documents).where(registry_documents.c.version > known).order_by(registry_documents.c.version.desc()).limit(1)
    row = (await connection.execute(query)).first()
    return (row.version, bytes(row.document)) if row else None


async def document_of(connection: AsyncConnection, version: int) -> bytes | None:
    """A version's document, byte for byte."""
    found = await connection.scalar(select(registry_documents.c.document).where(registry_documents.c.version == version))
    return bytes(found) if found is not None else None


async def newest_lifetime(connection: AsyncConnection) -> tuple[datetime, datetime] | None:
    """When the newest registry document was issued, and when it expires; None where there is none."""
    row = (await connection.execute(select(registry_documents).order_by(registry_documents.c.version.desc()).limit(1))).first()
    return (row.issued, row.expires) if row else None


async def newest_signer(connection: AsyncConnection) -> str | None:
    """The key (Multikey) that the newest registry document names as its signer; None where there is none."""
    newest = await newest_document(connection)
    return named_signer(jcs.parse(newest[1])) if newest else None


async def newest_expiry(connection: AsyncConnection) -> datetime | None:
    """When the newest registry document ends; None where there is none."""
    found: datetime | None = await connection.scalar(select(func.max(registry_documents.c.expires)))
    return found


async def next_version(connection: AsyncConnection) -> int:
    """The number of the registry's next version; held by this transaction until it ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(PUBLISHING)))
    return int(await connection.scalar(select(func.coalesce(func.max(registry_documents.c.version), 0))) or 0) + 1


async def add_document(connection: AsyncConnection, version: int, document: bytes, issued: datetime, expires: datetime) -> None:
    """Keep a document's bytes as published."""
    await connection.execute(insert(registry_documents).values(version=version, document=document, issued=issued, expires=expires))


def _key(row: Any) -> KeyEntry:
    dates = {name: getattr(row, name) for name in KEY_DATES}
    return KeyEntry.model_validate({"id": row.key, "multibase": row.multibase, "custody": row.custody, **dates}, by_name=True)


def _node(rows: Sequence[Any]) -> Node:
    row, keys = rows[0], tuple(_key(one) for one in rows if one.key is not None)
    return Node(
        row.id, row.organisation, row.organisation_name, row.platform, Grade(row.grade),
        row.applied_at, row.approved_at, row.quarantined_at, keys, row.manifest_expires,
    )  # fmt: skip


def _tie(row: Any) -> Tie:
    audience = Audience(row.audience) if row.audience else None
    return Tie(
        row.node, row.community, row.space, TieState(row.state), row.proposed_at, row.space_name, audience, row.reason, row.attested_at
    )


def _tie_row(tie: Tie) -> dict[str, object]:
    return {
        "node": tie.node, "community": tie.community, "space": tie.space, "space_name": tie.space_name, "state": tie.state.value,
        "audience": tie.audience.value if tie.audience else None, "reason": tie.reason,
        "proposed_at": tie.proposed_at, "attested_at": tie.attested_at,
    }  # fmt: skip
