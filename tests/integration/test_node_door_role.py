"""The node door under a database role of its own: it works, and could do next to nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import asyncpg
import pytest
from typer.testing import CliRunner

from adapters.door_client import DoorClient
from deploy.local.ports import LOOPBACK, free_port
from hub.__main__ import app
from hub.storage.roles import NODE_DOOR, RoleMissing, admit_role
from schemas import node_door, topics
from schemas.envelope import CONTENT_TYPE
from schemas.node_door import to_http
from schemas.wire.records import new_correlation, to_headers
from tests.fakes_adapters import posted, said_by
from tests.fakes_roles import rights_of, role
from tests.fakes_streams import Hub, becomes, create_topics, until
from tests.hub_world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers import Kafka

NODE = "wifip"
FORBIDDEN = (
    "SELECT html FROM hub.messages", "SELECT value FROM hub.outbox", "SELECT value FROM hub.held", "SELECT * FROM hub.nodes",
    "SELECT * FROM adapters.spool", "SELECT secret FROM adapters.persons",
    "INSERT INTO hub.registry_documents VALUES (99, '', now(), now())", "UPDATE hub.registry_documents SET document = ''",
    "DELETE FROM hub.registry_documents", "UPDATE hub.signatures_seen SET until = now()", "TRUNCATE hub.signatures_seen",
    "UPDATE hub.nodes SET grade = 'full'", "CREATE TABLE hub.mine (a int)", "DROP TABLE hub.signatures_seen", "CREATE SCHEMA mine",
)  # fmt: skip


@pytest.fixture
async def door_url(database_url: str) -> AsyncIterator[str]:
    """The database under a role that was given the door's rights."""
    async with role(database_url, NODE_DOOR) as url:
        yield url


async def test_the_doors_role_may_read_the_registry_and_keep_signatures_and_no_more(door_url: str) -> None:
    assert await rights_of(door_url) == {(f"hub.{table}", right) for table, rights in NODE_DOOR.items() for right in rights.split(", ")}


@pytest.mark.parametrize("sql", FORBIDDEN)
async def test_under_its_role_the_door_can_neither_read_content_nor_write_anything_else(door_url: str, sql: str) -> None:
    connection = await asyncpg.connect(door_url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(sql)
    finally:
        await connection.close()


async def test_the_door_works_under_its_role(database_url: str, door_url: str, kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    world, hub = await World.make(database_url), Hub(kafka.bootstrap, "postgresql://127.0.0.1:1/nowhere", topic_prefix, tmp_path)
    create_topics(kafka.bootstrap, topic_prefix + topics.RSE_INBOUND.name)
    port = free_port()
    try:
        door = hub.start(
            "door", "-m", "hub", "door", TRAITDUNION_DOOR_PORT=str(port), TRAITDUNION_DOOR_DATABASE_URL=door_url,
            TRAITDUNION_REGISTRY_ANCHOR=world.hub_key.public.multibase,
        )  # fmt: skip
        await until(lambda: door.said("kafka_connected"))
        client = DoorClient(f"http://{LOOPBACK}:{port}", world.keys[NODE], lambda: datetime.now(UTC))
        await becomes(client.answers, wanted=True)
        event = said_by(world.keys[NODE], posted(), "post:1")
        said = await client.post(node_door.EVENTS, CONTENT_TYPE, event.value, to_http(to_headers(event, new_correlation())))
        await client.close()
        assert json.loads(said)["accepted"][0]["topic"] == topic_prefix + topics.RSE_INBOUND.name
        assert not door.said("witness_lost")
        assert not door.said("registry_not_read")
        assert await door.stop() == 0
    finally:
        hub.discard()
        await world.close()


async def test_rights_are_given_to_a_role_that_exists(database_url: str) -> None:
    with pytest.raises(RoleMissing):
        await admit_role(database_url, "nobody; DROP TABLE hub.nodes", NODE_DOOR)


def test_the_command_says_that_the_role_must_be_made_first(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAITDUNION_DATABASE_URL", database_url)
    said = CliRunner().invoke(app, ["migrate", "--door-role", "personne"])
    assert said.exit_code == 1
    assert "CREATE ROLE" in said.output
