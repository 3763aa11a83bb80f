"""What strangers read of a real database: public communities alone, whatever name or number leads to another."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from hub.access import permit_everybody, permit_operator
from hub.communities import repository as rooms
from hub.federation.doorway import application
from hub.federation.published import ActorKeys, ShownKey
from hub.federation.serving import Here, Pages
from hub.peer_reading import SqlPublished
from schemas import jcs
from schemas.envelope import object_id
from tests.fakes_asgi import call
from tests.fakes_published import HERE
from tests.hub_world import COMMUNITY, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp

AS = {"accept": "application/activity+json"}
POSTED, REPLY, DELETED = (object_id("wifip", name) for name in ("1", "2", "3"))


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await World.make(database_url)
    await made.tie("wifip", "education")
    await made.hear(made.posted("wifip", "1", "Premier"), made.joined("wifip", "member:1"))
    await made.hear(made.posted("wifip", "2", "Second", parent=POSTED), made.posted("wifip", "3", "De trop"), made.deleted("wifip", "3"))
    yield made
    await made.close()


async def opened(world: World) -> None:
    """The community is public, and its events were told to peers."""
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE hub.communities SET audience = 'public'")
        await connection.exec_driver_sql("""UPDATE hub.outbox SET targets = targets || '{"peers": "{}"}' WHERE sequence IS NOT NULL""")


def door(world: World) -> ASGIApp:
    shown = SqlPublished(world.engine, "hub", HERE, world.clock)
    return application(Pages(Here(HERE, lambda: ActorKeys((ShownKey("z6Mk"),), "PEM"), shown, world.clock, "0")), (), list)


ADDRESSES = (f"/groups/{COMMUNITY}", f"/groups/{COMMUNITY}/outbox", f"/groups/{COMMUNITY}/followers", f"/notes/{POSTED}",
             f"/.well-known/webfinger?resource=acct:{COMMUNITY}@hub.example")  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_community_of_members_does_not_exist_for_strangers_until_it_is_public(world: World, address: str) -> None:
    assert (await call(door(world), address, headers=AS)).status == 404
    await opened(world)
    assert (await call(door(world), address, headers=AS)).status == 200


async def test_no_event_of_a_community_of_members_is_shown_even_after_it_was_told(world: World) -> None:
    await opened(world)
    [event] = [row.first_event for row in await world.rows(f"SELECT first_event FROM hub.messages WHERE id = '{POSTED}'")]  # noqa: S608 - ours
    assert (await call(door(world), f"/activities/{event}", headers=AS)).status == 200
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE hub.communities SET audience = 'members'")
    assert (await call(door(world), f"/activities/{event}", headers=AS)).status == 404


async def test_nothing_is_counted_that_is_not_public(world: World) -> None:
    before = (await call(door(world), "/nodeinfo/2.1")).json()["usage"]
    assert before == {"users": {"total": 0, "activeMonth": 0, "activeHalfyear": 0}, "localPosts": 0, "localComments": 0}
    await opened(world)
    after = (await call(door(world), "/nodeinfo/2.1")).json()["usage"]
    assert after == {"users": {"total": 1, "activeMonth": 1, "activeHalfyear": 1}, "localPosts": 1, "localComments": 1}


async def test_a_message_carries_what_proves_it_to_whoever_knows_its_ministrys_key(world: World) -> None:
    await opened(world)
    note = (await call(door(world), f"/notes/{POSTED}", headers=AS)).json()
    assert "Premier" in note["content"]
    said = note["ministryEvent"]
    attributes, value = dict(said["attributes"]), base64.b64decode(said["value"])
    signature = base64.urlsafe_b64decode(attributes.pop("proof") + "==")
    assert world.keys["wifip"].public.verifies(signature, jcs.canonical_strings(attributes))
    assert hmac.new(bytes.fromhex(said["salt"]), value, hashlib.sha256).hexdigest() == attributes["contentdigest"]


async def test_a_reply_names_what_it_answers_and_a_deleted_message_is_gone(world: World) -> None:
    await opened(world)
    assert (await call(door(world), f"/notes/{REPLY}", headers=AS)).json()["inReplyTo"] == HERE.note(POSTED)
    gone = await call(door(world), f"/notes/{DELETED}", headers=AS)
    assert (gone.status, gone.json()["type"]) == (410, "Tombstone")


async def test_the_outbox_is_what_was_announced_the_newest_first(world: World) -> None:
    await opened(world)
    box = (await call(door(world), f"/groups/{COMMUNITY}/outbox", headers=AS)).json()
    page = (await call(door(world), box["first"].removeprefix(HERE.base), headers=AS)).json()
    assert {one["type"] for one in page["orderedItems"]} == {"Announce"}
    assert [one["object"]["type"] for one in page["orderedItems"]] == ["Delete", "Create", "Create"]
    assert "De trop" not in json.dumps(page)  # peers were told it, and its deletion


async def test_how_long_the_outbox_is_is_counted_once_a_minute(world: World) -> None:
    await opened(world)
    app, found = door(world), []
    for seconds in (0, 59, 61):
        world.clock.moved = timedelta(seconds=seconds)
        found.append((await call(app, f"/groups/{COMMUNITY}/outbox", headers=AS)).json()["totalItems"])
        async with world.engine.begin() as connection:
            await connection.exec_driver_sql("DELETE FROM hub.outbox")
    assert (found[0] == found[1] > 0, found[2]) == (True, 0)


async def test_what_is_no_longer_kept_is_shown_without_its_proof(world: World) -> None:
    await opened(world)
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM hub.outbox")
    note = (await call(door(world), f"/notes/{POSTED}", headers=AS)).json()
    assert "ministryEvent" not in note
    assert "Premier" in note["content"]


async def test_a_ministry_is_shown_once_it_was_admitted(world: World) -> None:
    document = (await call(door(world), "/nodes/wifip", headers=AS)).json()
    assert (document["type"], document["name"]) == ("Organization", "Ministère wifip")
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE hub.nodes SET grade = 'candidate' WHERE id = 'wifip'")
    assert (await call(door(world), "/nodes/wifip", headers=AS)).status == 404


async def test_a_permit_opens_what_it_is_for(world: World) -> None:
    operator = permit_operator("127.0.0.1", None, None)
    assert operator is not None
    async with world.engine.connect() as connection:
        assert await rooms.all_communities(connection, permit_everybody()) == []
        assert await rooms.thread(connection, permit_everybody(), COMMUNITY) == []
        assert await rooms.newest(connection, permit_everybody(), COMMUNITY) == []
        assert await rooms.message_of(connection, permit_everybody(), POSTED) is None
        assert len(await rooms.all_communities(connection, operator)) == 1
        assert len(await rooms.thread(connection, operator, COMMUNITY)) == 3
