"""The courier under a database role of its own: it delivers, and reads nothing of what is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest
from sqlalchemy.exc import ProgrammingError

from hub.courier import SqlSource
from hub.federation import positions
from hub.federation.delivery import Standing
from hub.federation.followers import Follow, Follower, FollowState
from hub.federation.positions import Refusal, Told, Wish, Writing
from hub.federation.repository import SqlFollowers, SqlFollows
from hub.storage.engine import engine_for
from hub.storage.roles import COURIER, COURIER_ROWS
from schemas.keys import SigningKey
from schemas.topics import PEERS_OUTBOUND
from tests.fakes_federation import admit_peer
from tests.fakes_roles import rights_of, role
from tests.hub_world import COMMUNITY, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PEER = "opsi.example"
ACTOR = "https://opsi.example/users/alice"
FORBIDDEN = (
    "SELECT html FROM hub.messages", "SELECT value FROM hub.outbox", "SELECT value FROM hub.held", "SELECT token_hash FROM hub.people",
    "SELECT document FROM hub.registry_documents", "SELECT multibase FROM hub.node_keys", "SELECT secret FROM adapters.persons",
    "UPDATE hub.peers SET grade = 'full'", "INSERT INTO hub.followers DEFAULT VALUES", "UPDATE hub.followers SET inbox = ''",
    "DELETE FROM hub.peer_positions", "DELETE FROM hub.stream_offsets", "TRUNCATE hub.peer_activities",
    "INSERT INTO hub.stream_offsets VALUES ('inbound', 'rse.inbound.v1', 0, 99)", "CREATE TABLE hub.mine (a int)",
    "INSERT INTO hub.follows DEFAULT VALUES", "DELETE FROM hub.follows",
    "UPDATE hub.follows SET \"group\" = ''", 'SELECT "group" FROM hub.follows',
)  # fmt: skip


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    """A peer with one follower, and a worker that has read something."""
    made = await World.make(database_url)
    await made.work(lambda work: admit_peer(SigningKey.generate(PEER), work))
    follower = Follower(COMMUNITY, ACTOR, PEER, f"{ACTOR}/inbox", "", "Person", f"{ACTOR}/f/1", NOW)
    await made.work(lambda work: SqlFollowers(work.connection).add(follower))
    async with made.engine.begin() as connection:
        await connection.exec_driver_sql("INSERT INTO hub.stream_offsets VALUES ('inbound', 'rse.inbound.v1', 0, 7)")
    yield made
    await made.close()


@pytest.fixture
async def courier_url(database_url: str) -> AsyncIterator[str]:
    async with role(database_url, COURIER, COURIER_ROWS) as url:
        yield url


@pytest.fixture
async def courier(courier_url: str) -> AsyncIterator[AsyncEngine]:
    engine = engine_for(courier_url)
    yield engine
    await engine.dispose()


async def test_under_its_role_the_courier_does_all_its_work(world: World, courier: AsyncEngine) -> None:
    source, topic = SqlSource(courier), PEERS_OUTBOUND.name
    assert await source.inboxes_of(COMMUNITY) == {PEER: (f"{ACTOR}/inbox",)}
    assert await source.behind(COMMUNITY, PEER, f"{ACTOR}/inbox", 3) == [ACTOR]
    assert list(await source.peers()) == [PEER]
    told = Told(3, "e-1", COMMUNITY, "announced", (PEER,), NOW)
    for _ in range(2):  # what a crash repeats
        async with courier.connect() as connection:
            await positions.write(connection, Writing([Standing(PEER, 3)], [told], [Refusal(PEER, 3, "peer_refuses_activity", NOW)]))
            await positions.save_mark(connection, topic, 4)
    async with world.engine.begin() as connection:
        assert await positions.wish(connection, PEER, Wish.PAUSE)
    async with courier.connect() as connection:
        assert await positions.take_wishes(connection) == {PEER: Wish.PAUSE}
        assert list(await positions.standings(connection)) == [PEER]
        assert await positions.mark(connection, topic) == 4
        assert await positions.told_to(connection, PEER, 3)
        assert await positions.forget(connection, NOW + timedelta(days=1)) == 1
    assert await source.drop(COMMUNITY, PEER, f"{ACTOR}/inbox") == 0


async def test_a_follow_that_its_server_would_not_take_is_said_to_be_refused_and_why(world: World, courier: AsyncEngine) -> None:
    """Who asked would wait for an answer for ever."""
    asked = Follow(COMMUNITY, f"https://{PEER}/g", PEER, FollowState.PENDING, "https://hub.example/a/1", NOW)
    async with world.engine.begin() as connection:
        await SqlFollows(connection).save(asked)
        await SqlFollows(connection).save(replace(asked, group=f"https://{PEER}/h", activity="https://hub.example/a/2"))
    refusal = Refusal(PEER, 3, "peer_refuses_activity", NOW, asked.activity)
    for late in (refusal, replace(refusal, reason="peer_inbox_gone", at=NOW + timedelta(days=1))):  # its first word stands
        async with courier.connect() as connection:
            await positions.write(connection, Writing([Standing(PEER, 4)], refusals=[late]))
    async with world.engine.connect() as connection:
        found = {one.activity: one for one in (await SqlFollows(connection).all()).values()}
    assert found[asked.activity] == replace(asked, state=FollowState.REFUSED, answered_at=NOW, reason="peer_refuses_activity")
    assert found["https://hub.example/a/2"].state is FollowState.PENDING


async def test_the_courier_can_neither_have_a_community_hear_a_group_nor_stop_it(world: World, courier: AsyncEngine) -> None:
    asked = Follow(COMMUNITY, f"https://{PEER}/g", PEER, FollowState.PENDING, "https://hub.example/a/1", NOW)
    async with world.engine.begin() as connection:
        await SqlFollows(connection).save(asked)
        await SqlFollows(connection).save(
            replace(asked, group=f"https://{PEER}/h", activity="https://hub.example/a/2", state=FollowState.ACCEPTED)
        )
    async with courier.connect() as connection:
        with pytest.raises(ProgrammingError, match="row-level security"):
            await connection.exec_driver_sql("UPDATE hub.follows SET state = 'accepted' WHERE activity = 'https://hub.example/a/1'")
    async with courier.connect() as connection:
        done = await connection.exec_driver_sql("UPDATE hub.follows SET state = 'refused' WHERE activity = 'https://hub.example/a/2'")
        assert done.rowcount == 0
        await connection.commit()


async def test_how_far_the_workers_have_read_is_neither_shown_to_it_nor_changed_by_it(world: World, courier: AsyncEngine) -> None:
    async with courier.connect() as connection:
        await positions.save_mark(connection, PEERS_OUTBOUND.name, 4)
        await connection.exec_driver_sql("UPDATE hub.stream_offsets SET next_offset = 99")
        assert list(await connection.exec_driver_sql('SELECT "group" FROM hub.stream_offsets')) == [("courier",)]
        await connection.commit()
    (row,) = await world.rows("SELECT next_offset FROM hub.stream_offsets WHERE \"group\" = 'inbound'")
    assert row["next_offset"] == 7


async def test_the_couriers_role_has_these_rights_and_no_more(courier_url: str) -> None:
    whole = {table: rights for table, rights in COURIER.items() if "(" not in rights}  # rights to columns are none to a table
    assert await rights_of(courier_url) == {(f"hub.{table}", right) for table, rights in whole.items() for right in rights.split(", ")}
    assert COURIER.keys() - whole.keys() == {"follows"}


@pytest.mark.parametrize("sql", FORBIDDEN)
async def test_under_its_role_the_courier_can_neither_read_what_is_said_nor_speak_nor_admit(courier_url: str, sql: str) -> None:
    connection = await asyncpg.connect(courier_url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(sql)
    finally:
        await connection.close()


async def test_a_server_with_many_followers_behind_one_inbox_is_one_inbox_to_the_courier(world: World, courier: AsyncEngine) -> None:
    """Read every two seconds, each of a large server's people would delay what is brought to all others."""
    shared, source = f"https://{PEER}/inbox", SqlSource(courier)
    async with world.engine.begin() as connection:
        for number in range(9):
            actor = f"https://{PEER}/u/{number}"
            await SqlFollowers(connection).add(Follower(COMMUNITY, actor, PEER, f"{actor}/inbox", shared, "Person", f"{actor}/f", NOW))
    assert await source.inboxes_of(COMMUNITY) == {PEER: tuple(sorted((shared, f"{ACTOR}/inbox")))}
    assert len(await source.behind(COMMUNITY, PEER, shared, 3)) == 3
    assert await source.drop(COMMUNITY, PEER, shared) == 1
    assert await source.inboxes_of(COMMUNITY) == {PEER: (f"{ACTOR}/inbox",)}
