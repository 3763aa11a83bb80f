"""The registry's tables: as the code declares them, and with nothing lost on the way to them."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, select, text

from hub.federation.repository import KeptVersions, Remembered
from hub.registry.peer_repository import SqlPeers
from hub.registry.peers import Peer, PeerKind
from hub.storage import engine, registry_tables
from hub.storage.engine import engine_for
from hub.storage.tables import metadata
from schemas.manifest import Grade
from schemas.scalars import EXACT_INTEGERS

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


async def test_the_highest_version_that_a_neighbours_registry_can_bear_is_kept(database_url: str) -> None:
    database = engine_for(database_url)
    await KeptVersions(database).keep("opsi.example", "z6MkOpsi", EXACT_INTEGERS, NOW)
    assert await KeptVersions(database).last("opsi.example") == Remembered("opsi.example", "z6MkOpsi", EXACT_INTEGERS, None, NOW)
    await _asked(database_url, functools.partial(_moved, command.downgrade, "0020"))
    await _asked(database_url, functools.partial(_moved, command.upgrade, "head"))
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


async def test_a_manifest_accepted_before_is_known_to_end_after_the_migration(database_url: str) -> None:
    await _asked(database_url, functools.partial(_moved, command.downgrade, "0010"))
    await _asked(database_url, _accept)
    await _asked(database_url, functools.partial(_moved, command.upgrade, "head"))
    ends = await _asked(database_url, _ends)
    assert ends == [("culture", None), ("wifip", NOW), ("opsi.example", NOW), ("social.example", None)]


async def test_what_is_moderated_stays_away_and_can_be_read_by_the_code_of_before_once_moderation_is_taken_out(database_url: str) -> None:
    await _asked(database_url, _take_away)
    await _asked(database_url, functools.partial(_moved, command.downgrade, "0014"))
    assert await _asked(database_url, _said) == [
        ("m1", "deleted", None, ""),
        ("m2", "deleted", None, ""),
        ("m3", "visible", "Titre", "<p>x</p>"),
    ]
    await _asked(database_url, functools.partial(_moved, command.upgrade, "head"))


async def test_what_was_deleted_before_it_came_is_bound_to_who_deleted_it_by_the_migration(database_url: str) -> None:
    await _asked(database_url, functools.partial(_moved, command.downgrade, "0019"))
    await _asked(database_url, _delete_early)
    await _asked(database_url, functools.partial(_moved, command.upgrade, "head"))
    assert await _asked(database_url, _deleted_early) == ([("u/early", "u/alice")], ["u/gone", "u/stands"])
    await _asked(database_url, functools.partial(_moved, command.downgrade, "0019"))
    assert await _asked(database_url, _owners) == [("u/early", "u/alice"), ("u/gone", "u/alice"), ("u/stands", "u/alice")]
    await _asked(database_url, functools.partial(_moved, command.upgrade, "head"))


async def test_versions_of_a_neighbours_registry_from_before_anchors_were_kept_count_under_its_anchor_of_now(database_url: str) -> None:
    await _asked(database_url, functools.partial(_moved, command.downgrade, "0020"))
    await _asked(database_url, _see_registries)
    await _asked(database_url, functools.partial(_moved, command.upgrade, "head"))
    assert await _asked(database_url, _seen_from) == [("gone.example", None), ("opsi.example", "z6MkOpsi"), ("other.example", "z6MkOld")]


def _see_registries(connection: Connection) -> None:
    for peer in ("opsi.example", "other.example"):
        statement = text(
            "INSERT INTO hub.peers (id, name, organisation, kind, grade, cavage, networks, anchor, applied_at) "
            "VALUES (:id, 'x', 'x', 'traitdunion', 'full', false, '{}', 'z6MkOpsi', :at)"
        )
        connection.execute(statement, {"id": peer, "at": NOW})
    for peer, anchor in (("opsi.example", None), ("other.example", "z6MkOld"), ("gone.example", None)):
        statement = text("INSERT INTO hub.peer_registries (peer, version, at, anchor) VALUES (:peer, 7, :at, :anchor)")
        connection.execute(statement, {"peer": peer, "at": NOW, "anchor": anchor})
    connection.commit()


def _seen_from(connection: Connection) -> list[tuple[str, str | None]]:
    return [(row.peer, row.anchor) for row in connection.execute(text("SELECT peer, anchor FROM hub.peer_registries ORDER BY peer"))]


def _delete_early(connection: Connection) -> None:
    for name, community, kind in (("u/early", "", "gone"), ("u/gone", "futurs", "gone"), ("u/stands", "futurs", "message")):
        statement = text(
            "INSERT INTO hub.external_objects (id, subject, community, owner, peer, kind, at) "
            "VALUES (:id, :id, :community, 'u/alice', 'social.example', :kind, now())"
        )
        connection.execute(statement, {"id": name, "community": community, "kind": kind})
    connection.execute(text("INSERT INTO hub.activities_seen VALUES ('u/act', 'social.example', now())"))
    connection.commit()


def _deleted_early(connection: Connection) -> tuple[list[tuple[str, str]], list[str]]:
    early = [(row.object, row.actor) for row in connection.execute(text("SELECT object, actor FROM hub.early_deletions"))]
    return early, [name for name, _ in _owners(connection)]


def _owners(connection: Connection) -> list[tuple[str, str]]:
    return [(row.id, row.owner) for row in connection.execute(text("SELECT id, owner FROM hub.external_objects ORDER BY id"))]


def _take_away(connection: Connection) -> None:
    connection.execute(text("INSERT INTO hub.communities VALUES ('futurs', 'Futurs', 'members', 3, now())"))
    for message, state in (("m1", "moderated"), ("m2", "retracted"), ("m3", "visible")):
        statement = text(
            "INSERT INTO hub.messages (id, community, node, state, thread, author, organisation, title, html, occurred_at, first_sequence, "
            "last_sequence, first_event) VALUES (:id, 'futurs', 'wifip', :state, :id, 'Inès', 'Wifip', 'Titre', '<p>x</p>', now(), 1, 1, :id)"
        )
        connection.execute(statement, {"id": message, "state": state})
    connection.commit()


def _said(connection: Connection) -> list[tuple[str, str, str | None, str]]:
    rows = connection.execute(text("SELECT id, state, title, html FROM hub.messages ORDER BY id"))
    return [(row.id, row.state, row.title, row.html) for row in rows]


def _accept(connection: Connection) -> None:
    connection.execute(text("INSERT INTO hub.organisations VALUES ('finances', 'Finances')"))
    for node in ("wifip", "culture"):
        connection.execute(
            text("INSERT INTO hub.nodes (id, organisation, platform, grade, applied_at) VALUES (:id, 'finances', 'exo', 'full', :at)"),
            {"id": node, "at": NOW},
        )
    for peer in ("opsi.example", "social.example"):
        statement = text(
            "INSERT INTO hub.peers (id, name, organisation, kind, grade, cavage, networks, applied_at) "
            "VALUES (:id, 'x', 'x', 'activitypub', 'full', false, '{}', :at)"
        )
        connection.execute(statement, {"id": peer, "at": NOW})
    said = {"node/wifip": ("accepted", True), "node/culture": ("open", True), "peer/opsi.example": ("accepted", True), "peer/social.example": ("accepted", False)}  # fmt: skip
    for subject, (state, ends) in said.items():
        manifest = json.dumps({"name": "Forêt"} | ({"expires": NOW.isoformat()} if ends else {}), ensure_ascii=False).encode()
        statement = text("INSERT INTO hub.applications VALUES (:digest, :subject, :state, :manifest, :at, :at)")
        connection.execute(statement, {"digest": subject, "subject": subject, "state": state, "manifest": manifest, "at": NOW})
    connection.commit()


def _ends(connection: Connection) -> list[tuple[str, datetime | None]]:
    tables = (metadata.tables["hub.nodes"], registry_tables.peers)
    asked = [select(table.c.id, table.c.manifest_expires).order_by(table.c.id) for table in tables]
    return [(row.id, row.manifest_expires) for query in asked for row in connection.execute(query)]


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
