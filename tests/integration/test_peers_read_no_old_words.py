"""What strangers read of words that were taken back or changed: nothing, wherever they ask; out of a real database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hub.communities import animation
from hub.federation.doorway import application
from hub.federation.published import ActorKeys, ShownKey
from hub.federation.serving import Here, Pages
from hub.peer_reading import SqlPublished
from schemas.envelope import object_id
from schemas.words import Ground
from tests.fakes_abroad import GROUP, HERE, PUBLIC
from tests.fakes_asgi import call
from tests.fakes_federation import present
from tests.fakes_peer_town import ALICE, Town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from hub.unit_of_work import UnitOfWork
    from tests.fakes_asgi import Answer

AS = {"accept": "application/activity+json"}
POST = object_id("wifip", "post:1")


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    made = await Town.make(database_url)
    yield made
    await made.world.close()


async def shown(town: Town, address: str, accept: str = AS["accept"]) -> Answer:
    pages = SqlPublished(town.world.engine, "hub", HERE, town.world.clock)
    door = application(Pages(Here(HERE, lambda: ActorKeys((ShownKey("z6Mk"),), "PEM"), pages, town.world.clock, "0")), (), list)
    return await call(door, address.removeprefix(HERE.base), headers={"accept": accept})


async def outbox(town: Town) -> list[dict[str, Any]]:
    """What the community's outbox shows of messages, the newest first, as long as it is."""
    box, page = (await shown(town, f"{GROUP}/outbox")).json(), (await shown(town, f"{GROUP}/outbox?page=1")).json()
    assert box["totalItems"] == len(page["orderedItems"])
    return list(page["orderedItems"])


async def activities(town: Town, subject: str = POST) -> list[str]:
    """The addresses of what was done to a message, in order."""
    rows = await town.world.rows(f"SELECT id FROM hub.events WHERE subject = '{subject}' AND sequence IS NOT NULL ORDER BY sequence")  # noqa: S608 - ours
    return [HERE.activity(row["id"]) for row in rows]


async def moderate(town: Town) -> None:
    async def act(work: UnitOfWork) -> bool:
        return await animation.take_away(POST, Ground.PERSONAL_DATA, "", await present(work), work)

    assert await town.world.work(act)


async def lift(town: Town) -> None:
    async def act(work: UnitOfWork) -> bool:
        return await animation.bring_back(POST, await present(work), work) is not None

    assert await town.world.work(act)


async def everything(town: Town) -> str:
    """All that a stranger can read of a message."""
    asked = [f"{GROUP}/outbox?page=1", HERE.note(POST), *await activities(town)]
    return " ".join([(await shown(town, address, accept)).text for address in asked for accept in (AS["accept"], "text/html")])


async def test_words_that_their_author_took_back_are_read_nowhere(town: Town) -> None:
    await town.world.hear(town.world.posted("wifip", "post:1", "De trop"), town.world.edited("wifip", "post:1", "De trop encore"))
    assert "De trop" in await everything(town)
    await town.world.hear(town.world.deleted("wifip", "post:1"))
    assert "De trop" not in await everything(town)
    assert [one["object"]["type"] for one in await outbox(town)] == ["Delete"]
    *said, deleted = await activities(town)
    for address in said:
        gone = await shown(town, address)
        assert (gone.status, gone.json()["type"], gone.json()["id"]) == (410, "Tombstone", address)
        page = await shown(town, address, "text/html")
        assert (page.status, "n’est plus montré" in page.text) == (410, True)
    assert (await shown(town, deleted)).json()["type"] == "Delete"


async def test_words_that_moderator_and_author_both_took_away_stay_away_when_the_moderator_lifts_hers(town: Town) -> None:
    await town.world.hear(town.world.posted("wifip", "post:1", "De trop"))
    await moderate(town)
    assert "De trop" not in await everything(town)
    await town.world.hear(town.world.deleted("wifip", "post:1"))
    await lift(town)
    assert "De trop" not in await everything(town)
    assert [one["object"]["type"] for one in await outbox(town)] == ["Delete", "Delete"]


async def test_of_an_edited_message_the_last_words_alone_are_read_under_every_activity_that_said_it(town: Town) -> None:
    await town.world.hear(
        town.world.posted("wifip", "post:1", "Premiers mots"), town.world.edited("wifip", "post:1", "Autres", marker="e1")
    )
    await town.world.hear(town.world.edited("wifip", "post:1", "Derniers mots", marker="e2"))
    assert not {"Premiers", "Autres"} & set((await everything(town)).replace(">", " ").split())
    assert [one["object"]["type"] for one in await outbox(town)] == ["Update", "Create"]
    created, first, last = await activities(town)
    note = (await shown(town, HERE.note(POST))).json()
    for address, kind in ((created, "Create"), (first, "Update"), (last, "Update")):
        found = (await shown(town, address)).json()
        assert (found["id"], found["type"]) == (address, kind)
        assert {**found["object"], "@context": note["@context"]} == note
    assert [one["object"]["object"] for one in await outbox(town)] == [found["object"]] * 2


async def test_what_was_written_while_a_message_was_away_is_what_its_first_activity_shows(town: Town) -> None:
    await town.world.hear(town.world.posted("wifip", "post:1", "Premiers mots"))
    await moderate(town)
    await town.world.hear(town.world.edited("wifip", "post:1", "Derniers mots"))
    await lift(town)
    found = await everything(town)
    assert ("Premiers mots" in found, "Derniers mots" in found) == (False, True)
    assert [one["object"]["type"] for one in await outbox(town)] == ["Undo", "Delete", "Create"]


async def test_of_what_a_peer_said_first_and_changed_its_address_alone_is_shown(town: Town) -> None:
    await town.hear((ALICE, ALICE.creates(ALICE.note(content="<p>Premiers mots</p>"))))
    changed = {**ALICE.note(content="<p>Derniers mots</p>"), "updated": "2026-11-22T10:00:00Z"}
    await town.hear((ALICE, ALICE.does("Update", changed, "acts/u", to=[PUBLIC])))
    [message] = await town.messages()
    page = (await shown(town, f"{GROUP}/outbox?page=1")).json()["orderedItems"]
    assert "Premiers" not in json.dumps(page)
    assert ALICE.note()["id"] in [one["object"] for one in page]
    created, _ = await activities(town, message["id"])
    assert (await shown(town, created)).json()["object"] == ALICE.note()["id"]
    await town.hear((ALICE, ALICE.does("Delete", ALICE.note()["id"], "acts/d", to=[PUBLIC])))
    assert "mots" not in (await shown(town, f"{GROUP}/outbox?page=1")).text
    assert (await shown(town, created)).status == 410
