"""The peers' door under a database role of its own: it shows all that is public, and writes nothing of what is said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import asyncpg
import pytest
from starlette.applications import Starlette

from hub.federation.actors import REGISTRY
from hub.federation.addresses import Addresses
from hub.federation.book import PeerBook
from hub.federation.registries import own_registry
from hub.federation.repository import KeptVersions, Remembered, Shown
from hub.peer_reading import SqlPublished
from hub.registry.repository import newest_document
from hub.storage.engine import engine_for
from hub.storage.federation_tables import external_objects
from hub.storage.roles import PEER_DOOR
from schemas.keys import SigningKey
from schemas.manifest import KeyEntry
from tests.fakes_asgi import call
from tests.fakes_federation import admit_peer
from tests.fakes_roles import rights_of, role
from tests.hub_world import COMMUNITY, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine

NOW = datetime(2026, 11, 22, tzinfo=UTC)
STANDS = "https://opsi.example/notes/1"
FORBIDDEN = (
    "SELECT token_hash FROM hub.people", "SELECT value FROM hub.held", "SELECT * FROM hub.signatures_seen", "SELECT * FROM hub.reports",
    "SELECT secret FROM adapters.persons", "UPDATE hub.messages SET html = ''", "INSERT INTO hub.outbox DEFAULT VALUES",
    "UPDATE hub.peers SET grade = 'full'", "DELETE FROM hub.followers", "DELETE FROM hub.peer_registries", "CREATE TABLE hub.mine (a int)",
)  # fmt: skip


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await World.make(database_url)
    await made.tie()
    await made.hear(made.posted("wifip", "post:1"))
    await made.work(lambda work: admit_peer(SigningKey.generate("opsi.example"), work))
    async with made.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE hub.communities SET audience = 'public'")
        await connection.exec_driver_sql("""UPDATE hub.outbox SET targets = targets || '{"peers": "{}"}' WHERE sequence IS NOT NULL""")
    yield made
    await made.close()


@pytest.fixture
async def door_url(database_url: str) -> AsyncIterator[str]:
    """The database under a role that was given the peers' door's rights."""
    async with role(database_url, PEER_DOOR) as url:
        yield url


@pytest.fixture
async def door(door_url: str) -> AsyncIterator[AsyncEngine]:
    engine = engine_for(door_url)
    yield engine
    await engine.dispose()


async def test_under_its_role_the_door_shows_all_that_it_has_pages_for(world: World, door: AsyncEngine) -> None:
    shown = SqlPublished(door, "hub", Addresses("https://hub.example"), world.clock)
    (message,) = await shown.newest(COMMUNITY)
    assert [room.id for room in await shown.rooms()] == [COMMUNITY]
    for found in (await shown.room(COMMUNITY), await shown.seat("wifip"), await shown.said(message.id)):
        assert found is not None
    assert await shown.note(message.id) is not None
    assert len((await shown.deeds(COMMUNITY, None)).items) == 1
    assert await shown.deed("0" * 32) is None
    assert await shown.followers(COMMUNITY) == 0
    assert (await shown.figures()).posts == 1


async def test_under_its_role_the_door_knows_where_a_peers_message_stands_when_the_outbox_has_forgotten_it(
    world: World, door: AsyncEngine
) -> None:
    shown = SqlPublished(door, "hub", Addresses("https://hub.example"), world.clock)
    (message,) = await shown.newest(COMMUNITY)
    assert not message.abroad
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM hub.outbox")
        await connection.exec_driver_sql("UPDATE hub.messages SET node = 'hub'")
    found = await shown.said(message.id)
    assert found is not None
    assert (found.abroad, await shown.note(message.id)) == (True, None)
    async with world.engine.begin() as connection:
        row = {"id": STANDS, "subject": message.id, "community": COMMUNITY, "owner": "https://opsi.example/u/a", "peer": "opsi.example"}
        await connection.execute(external_objects.insert().values(**row, kind="message", at=NOW))
    assert await shown.note(message.id) == STANDS
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE hub.communities SET audience = 'members'")
    assert await shown.note(message.id) is None


async def test_under_its_role_the_door_knows_the_peers_and_remembers_their_registries(world: World, door: AsyncEngine) -> None:
    book, kept = PeerBook(door, world.clock), KeptVersions(door)
    await book.refresh()
    assert (book.ready, book("opsi.example") is not None) == (True, True)
    peer = book("opsi.example")
    assert peer is not None
    anchor, entry = str(peer.anchor), KeyEntry(id="hub#z6Mk", multibase="z6Mk", active_from=NOW)
    for version in (3, 5, 4):
        await kept.keep(peer.id, anchor, version, NOW)
    assert await kept.last(peer.id) == Remembered(peer.id, anchor, 5, None, NOW)
    await kept.keep(peer.id, anchor, 6, NOW, Shown(b"registry", (entry,)))
    await book.refresh()
    assert (await kept.last(peer.id), await kept.last("another.example")) == (Remembered(peer.id, anchor, 6, b"registry", NOW), None)
    known = book(peer.id)
    assert known is not None
    assert known.hub_keys == (entry,)
    await kept.keep(peer.id, "another", 2, NOW, Shown(b"other", ()))
    assert await kept.last(peer.id) == Remembered(peer.id, "another", 2, b"other", NOW)
    assert [one.version for one in await kept.every()] == [2]


async def test_under_its_role_the_door_shows_other_servers_our_registry(world: World, door: AsyncEngine) -> None:
    async with world.engine.connect() as connection:
        newest = await newest_document(connection)
    answer = await call(Starlette(routes=[own_registry(door)]), REGISTRY)
    assert newest is not None
    assert (answer.status, answer.body) == (200, newest[1])


async def test_the_doors_role_has_these_rights_and_no_more(door_url: str) -> None:
    assert await rights_of(door_url) == {(f"hub.{table}", right) for table, rights in PEER_DOOR.items() for right in rights.split(", ")}


@pytest.mark.parametrize("sql", FORBIDDEN)
async def test_under_its_role_the_door_can_neither_speak_nor_admit_nor_read_what_is_nobodys(door_url: str, sql: str) -> None:
    connection = await asyncpg.connect(door_url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(sql)
    finally:
        await connection.close()
