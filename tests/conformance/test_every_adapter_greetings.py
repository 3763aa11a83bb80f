"""The private notice to an author, on the platforms that have one: to her alone, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.capabilities import Feature
from adapters.offers import Greeting, Greets
from adapters.port import Later, Never, Written
from schemas.facts.message import Content
from tests.fakes_discourse_twin import Forum, forum
from tests.fakes_matrix_twin import BOT, House

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from deploy.local.matrix_user import MatrixUser
    from tests.rses.rse import Rse

KEY = "tdu-bienvenue-0123456789abcdef01234567"


def greeting(native_id: str, space: str, *, again: bool = False) -> Greeting:
    content = Content(html="<p>Ce que vous y écrivez est lu aussi par : Éducation.</p>", text="Ce que vous y écrivez est lu aussi.")
    return Greeting(KEY, native_id, space, "Votre message est lu aussi dans d’autres ministères", content, again)


def test_a_connector_offers_it_exactly_where_its_capabilities_say_so(rse: Rse) -> None:
    assert isinstance(rse.client, Greets) is rse.platform().capabilities.writes(Feature.PRIVATE_NOTICE)


# --- Discourse: a private message ---------------------------------------------------------------------------------


@pytest.fixture
async def wifip(tmp_path: Path) -> AsyncIterator[Forum]:
    async with forum(tmp_path) as found:
        yield found


async def by_camille(rse: Forum) -> str:
    status, post = await rse.call("POST", "/posts.json", title="Des nouvelles de l’atelier", raw="Bonjour à tous, voici.", category=97)
    assert status == 200, post
    return f"post:{post['id']}"


async def test_in_discourse_her_alone_gets_it_and_it_is_no_message_of_the_category(wifip: Forum) -> None:
    post = await by_camille(wifip)
    outcome = await wifip.client.greet(greeting(post, "97"))
    assert isinstance(outcome, Written)
    (_, sent) = await wifip.posts()
    assert (sent["recipients"], sent["category"], sent["username"]) == (["camille"], 0, "traitdunion")
    await wifip.sink.until(lambda found: any(getattr(one, "type", "") == "post_created:private_message" for one in found))
    assert not wifip.sink.changes(outcome.native_id)


async def test_in_discourse_a_lost_answer_sends_no_second_one(wifip: Forum) -> None:
    post = await by_camille(wifip)
    await wifip.fault(kind="lost_answer", count=1)
    outcome: Any = await wifip.client.greet(greeting(post, "97"))
    if isinstance(outcome, Later):  # aiohttp may have asked again by itself
        outcome = await wifip.client.greet(greeting(post, "97", again=True))
    assert isinstance(outcome, Written)
    assert len([one for one in await wifip.posts() if one["recipients"]]) == 1


async def test_in_discourse_an_author_who_is_gone_is_refused_for_ever_and_a_busy_forum_is_waited_for(wifip: Forum) -> None:
    assert await wifip.client.greet(greeting("post:999999", "97")) == Never("author_gone")
    post = await by_camille(wifip)
    await wifip.fault(kind="status", status=429, retry_after=9, count=5)
    assert isinstance(await wifip.client.greet(greeting(post, "97")), Later)


# --- Matrix: an invitation to a room for two ----------------------------------------------------------------------


async def by_claire(house: House) -> tuple[MatrixUser, str, str]:
    claire = await house.person()
    room = await claire.create_room("Futurs Publics", invite=[BOT])
    return claire, room, await claire.say(room, "Bonjour à tous")


def rooms_of(house: House, user: str) -> list[str]:
    return [room for room in house.twin_rooms.rooms() if house.twin_rooms.members(room).get(user) in {"join", "invite"}]


async def test_in_matrix_she_is_invited_to_a_room_for_two_where_it_is_said_without_ringing(house: House) -> None:
    claire, room, message = await by_claire(house)
    assert isinstance(await house.client.greet(greeting(message, room)), Written)
    (direct,) = [one for one in rooms_of(house, claire.user_id) if one != room]
    assert house.twin_rooms.members(direct) == {BOT: "join", claire.user_id: "invite"}
    await claire.join(direct)
    (said,) = await house.visible(direct)
    assert (said["sender"], said["content"]["msgtype"], said["content"]["m.mentions"]) == (BOT, "m.notice", {})
    assert "est lu aussi" in said["body"]


@pytest.mark.parametrize("path", ["/createRoom", "/send/"])
async def test_in_matrix_a_lost_answer_makes_no_second_room_and_says_nothing_twice(house: House, path: str) -> None:
    claire, room, message = await by_claire(house)
    await house.fault("status", path=path, status=502, count=1)
    assert isinstance(await house.client.greet(greeting(message, room)), Later)
    await house.client.greet(greeting(message, room, again=True))
    await house.client.greet(greeting(message, room, again=True))
    (direct,) = [one for one in rooms_of(house, claire.user_id) if one != room]
    assert len(await house.visible(direct)) == 1


async def test_in_matrix_our_own_are_never_greeted(house: House) -> None:
    claire, room, _ = await by_claire(house)
    await house.client.report_space(room)
    ours = house.twin_rooms.send(room, BOT, "m.room.message", {"msgtype": "m.text", "body": "Moi"})
    assert await house.client.greet(greeting(ours, room)) == Never("author_gone")
    assert rooms_of(house, claire.user_id) == [room]
