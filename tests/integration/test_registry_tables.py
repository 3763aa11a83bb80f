"""The registry's tables: as the code declares them, and with nothing lost on the way to them."""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text

from hub.registry.peer_repository import SqlPeers
from hub.registry.peers import Peer, PeerKind
from hub.storage import engine, registry_tables
from hub.storage.engine import engine_for
from hub.storage.tables import metadata
from schemas.manifest import Grade

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPSI = Peer(
    "opsi.example", "Communautés de l’OPSI", "OPSI", PeerKind.TRAITDUNION, Grade.CANDIDATE, NOW, None, cavage=True,
    networks=("10.0.0.0/8",), anchor="z6MkOpsi",
)  # fmt: skip


async def test_a_peer_is_read_as_it_was_kept(database_url: str) -> None:
    database = engine_for(database_url)
    async with database.connect() as connection:
        await SqlPeers(connection).add(OPSI)
        admitted = replace(OPSI, grade=Grade.FULL, admitted_at=NOW, cavage=False)
        await SqlPeers(connection).save(admitted)
        assert await SqlPeers(connection).all() == {"opsi.example": admitted}
        assert await SqlPeers(connection).get("elsewhere.example") is None
    await database.dispose()


async def test_the_tables_that_migrations_make_are_those_that_the_code_declares(database_url: str) -> None:
    declared = {table.name: {column.name for column in table.columns} for table in metadata.tables.values()}
    assert registry_tables.peers.name in declared

    def found(connection: Connection) -> dict[str, set[str]]:
        looking = inspect(connection)
        return {name: {str(column["name"]) for column in looking.get_columns(name, "hub")} for name in looking.get_table_names("hub")}

    made = await _asked(database_url, found)
    assert {name: made.get(name) for name in declared} == declared


async def test_a_registry_from_before_keeps_its_keys_through_the_migration(database_url: str) -> None:
    await _asked(database_url, functools.partial(_moved, command.downgrade, "0005"))
    await _asked(database_url, _fill)
    await _asked(database_url, functools.partial(_moved, command.upgrade, "head"))
    assert await _asked(database_url, _keys) == [("wifip#z6MkOld", "z6MkOld", None, None)]


def _moved(step: Callable[[Config, str], None], to: str, connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(engine.MIGRATIONS))
    config.attributes["connection"] = connection
    step(config, to)
    connection.commit()


def _fill(connection: Connection) -> None:
    connection.execute(text("INSERT INTO hub.organisations VALUES ('finances', 'Finances')"))
    connection.execute(
        text(
            "INSERT INTO hub.nodes (id, organisation, platform, grade, applied_at) VALUES ('wifip', 'finances', 'discourse', 'full', now())"
        )
    )
    connection.execute(text("INSERT INTO hub.node_keys (id, node, multibase) VALUES ('wifip#z6MkOld', 'wifip', 'z6MkOld')"))
    connection.commit()


def _keys(connection: Connection) -> list[Any]:
    return [tuple(row) for row in connection.execute(text("SELECT id, multibase, custody, compromised_since FROM hub.node_keys"))]


async def _asked(url: str, question: Callable[[Connection], Any]) -> Any:
    database = engine_for(url)
    async with database.connect() as connection:
        answer = await connection.run_sync(question)
    await database.dispose()
    return answer
