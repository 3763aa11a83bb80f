"""What peers are told of moderation in a public community, out of a real database: a Delete that they believe, its Undo, nothing more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from hub.communities import animation
from hub.federation.doorway import application
from hub.federation.parcel import Form
from hub.federation.published import ActorKeys, ShownKey
from hub.federation.serving import Here, Pages
from hub.federation.telling import Voice, parcels
from hub.peer_reading import SqlPublished
from hub.ports import Record
from schemas.envelope import object_id
from schemas.sequence import PEERS
from schemas.sequence import Sequence as Numbering
from schemas.words import Ground
from tests.fakes_abroad import GROUP, HERE, PUBLIC
from tests.fakes_asgi import call
from tests.fakes_federation import present
from tests.fakes_peer_town import ALICE, FORUM, MEMBER, Town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from hub.federation.parcel import Parcel
    from hub.unit_of_work import UnitOfWork
    from tests.fakes_asgi import Answer

AS = {"accept": "application/activity+json"}
POST = object_id("wifip", "post:1")
SECRET = "Appelez le 01 99 00 00 00."


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    made = await Town.make(database_url)
    yield made
    await made.world.close()


async def take_away(town: Town, message: str = POST) -> None:
    async def act(work: UnitOfWork) -> bool:
        return await animation.take_away(message, Ground.PERSONAL_DATA, SECRET, await present(work), work)

    assert await town.world.work(act)


async def bring_back(town: Town, message: str = POST) -> None:
    async def act(work: UnitOfWork) -> bool:
        return await animation.bring_back(message, await present(work), work) is not None

    assert await town.world.work(act)


async def told(town: Town, last: int) -> list[list[Parcel]]:
    """What the fan-out makes for peers of the last facts that were numbered."""
    rows = await town.world.rows("SELECT * FROM hub.outbox WHERE topic = 'hub.facts.v1' AND sequence IS NOT NULL ORDER BY id")
    return [list(parcels(_record(row, town), row["targets"], Voice(HERE, "hub"))) for row in rows[-last:]]


def _record(row: Mapping[str, Any], town: Town) -> Record:
    headers = [(name, said.encode()) for name, said in row["headers"]]
    place = Numbering(row["digest"], row["community"], row["sequence"], row["targets"], row["admitted_at"]).signed(town.world.hub_key)
    headers += [(name, said.encode()) for name, said in place.items()]
    return Record("hub.facts.v1", 0, row["id"], row["admitted_at"], row["community"].encode(), bytes(row["value"]), tuple(headers))


def bodies(found: list[Parcel]) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in found]


async def shown(town: Town, address: str) -> Answer:
    pages = SqlPublished(town.world.engine, "hub", HERE, town.world.clock)
    door = application(Pages(Here(HERE, lambda: ActorKeys((ShownKey("z6Mk"),), "PEM"), pages, town.world.clock, "0")), (), list)
    return await call(door, address.removeprefix(HERE.base), headers=AS)


async def outbox(town: Town) -> list[str]:
    page = (await shown(town, f"{GROUP}/outbox?page=1")).json()
    return [one["object"]["type"] for one in page["orderedItems"]]


async def test_a_message_that_is_moderated_is_deleted_by_the_actor_to_whom_it_is_attributed(town: Town) -> None:
    await town.world.hear(town.world.posted("wifip", "post:1"))
    await take_away(town)
    [found] = await told(town, 1)
    assert [(one.form, one.forgets) for one in found] == [(Form.ANNOUNCED, True), (Form.PLAIN, True)]
    announce, plain = bodies(found)
    delete = announce["object"]
    assert (announce["actor"], announce["type"]) == (GROUP, "Announce")
    assert (delete["type"], delete["actor"], delete["audience"]) == ("Delete", HERE.node("wifip"), GROUP)
    assert delete["object"] == {"id": HERE.note(POST), "type": "Tombstone", "formerType": "Note"}
    assert delete["summary"] == "Retiré par la modération : données personnelles"
    assert {name: said for name, said in plain.items() if name != "@context"} == delete
    assert not any(SECRET.encode() in one.body or b"Bonjour" in one.body for one in found)


async def test_what_is_moderated_is_gone_at_its_address_and_from_the_outbox_until_it_is_brought_back(town: Town) -> None:
    await town.world.hear(town.world.posted("wifip", "post:1"))
    await take_away(town)
    gone = await shown(town, HERE.note(POST))
    assert (gone.status, gone.json()["type"]) == (410, "Tombstone")
    listed = await outbox(town)
    assert (listed[0], "Create" in listed) == ("Delete", False)
    [[announced, _]] = await told(town, 1)
    delete = json.loads(announced.body)["object"]
    assert (await shown(town, delete["id"])).json()["type"] == "Delete"
    await bring_back(town)
    assert "Bonjour" in (await shown(town, HERE.note(POST))).json()["content"]
    assert (await outbox(town))[:3] == ["Undo", "Delete", "Create"]


async def test_a_restoration_undoes_that_very_deletion_and_has_the_message_shown_again(town: Town) -> None:
    await town.world.hear(town.world.posted("wifip", "post:1"))
    await take_away(town)
    await bring_back(town)
    away, back = await told(town, 2)
    (announced, boost), delete = bodies(back), bodies(away)[0]["object"]
    undo = announced["object"]
    assert [(one.form, one.forgets) for one in back] == [(Form.ANNOUNCED, False), (Form.PLAIN, False)]
    assert (undo["type"], undo["actor"]) == ("Undo", delete["actor"])
    assert {**undo["object"], "summary": delete["summary"]} == delete
    assert undo["object"]["summary"] == "Retiré par la modération"
    assert (boost["type"], boost["actor"], boost["object"]) == ("Announce", GROUP, HERE.note(POST))
    await take_away(town)
    [again] = await told(town, 1)
    assert bodies(again)[0]["object"]["id"] != delete["id"]


async def test_what_its_author_wrote_meanwhile_is_what_stands_at_its_address_afterwards(town: Town) -> None:
    await town.world.hear(town.world.posted("wifip", "post:1"))
    await take_away(town)
    await town.world.hear(town.world.edited("wifip", "post:1", "corrigé"))
    await bring_back(town)
    note = (await shown(town, HERE.note(POST))).json()
    assert "corrigé" in note["content"]
    assert note["ministryEvent"]["attributes"]["type"] == "fr.gouv.rse.message.edited.v1"


async def test_of_a_peers_message_the_group_announces_a_deletion_and_takes_its_boost_back(town: Town) -> None:
    await town.hear((ALICE, ALICE.creates()))
    address, [message] = ALICE.note()["id"], await town.messages()
    await take_away(town, message["id"])
    await bring_back(town, message["id"])
    await take_away(town, message["id"])
    posted, away, back, again = await told(town, 4)
    delete, unboost = bodies(away)[0]["object"], bodies(away)[1]
    assert (delete["type"], delete["actor"], delete["object"]) == ("Delete", HERE.node("hub"), address)
    assert (unboost["type"], unboost["actor"], unboost["object"]["id"]) == ("Undo", GROUP, bodies(posted)[1]["id"])
    undo, boost = bodies(back)[0]["object"], bodies(back)[1]
    assert (undo["type"], undo["object"]["id"]) == ("Undo", delete["id"])
    assert (boost["object"], PUBLIC in boost["to"]) == (address, False)
    assert bodies(again)[1]["object"]["id"] == boost["id"]
    actor = (await shown(town, delete["actor"])).json()
    assert (actor["type"], actor["id"]) == ("Organization", HERE.node("hub"))
    assert (await shown(town, HERE.note(message["id"]))).status == 410


async def test_of_what_a_group_elsewhere_passed_on_its_own_followers_are_told_by_that_group(town: Town) -> None:
    await town.follow()
    note = MEMBER.note("post/1")
    await town.hear((FORUM, FORUM.does("Announce", MEMBER.creates(note, "post/1#create"), "a/1")))
    [message] = await town.messages()
    await take_away(town, message["id"])
    await bring_back(town, message["id"])
    assert await told(town, 2) == [[], []]


@pytest.mark.parametrize("audience", ["members", "private"])
async def test_of_a_community_that_is_not_public_nothing_is_told(town: Town, audience: str) -> None:
    await town.world.hear(town.world.posted("wifip", "post:1"))
    async with town.world.engine.begin() as connection:
        await connection.execute(text("UPDATE hub.communities SET audience = :audience"), {"audience": audience})
    await take_away(town)
    await bring_back(town)
    rows = await town.world.rows("SELECT targets FROM hub.outbox WHERE sequence IS NOT NULL ORDER BY id DESC LIMIT 2")
    assert not any(PEERS in row["targets"] for row in rows)
