"""Notices, greetings and the past of a room, against a real Synapse."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from adapters.markup import words
from adapters.matrix import MatrixClient
from adapters.offers import Greeting, Notice, Recounted, Survey
from adapters.port import Act, Unused, Written
from deploy.local.application_service import ApplicationService
from deploy.local.matrix_user import MatrixUser
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.synapse import LocalSynapse, SynapseMissing
from schemas.facts.message import Content
from tests.fakes_matrix import AS_TOKEN, HS_TOKEN, matrix_instance, posting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

BOT = "@traitdunion:tchap.example"
SERVICE = ApplicationService(url=f"http://{LOOPBACK}:{free_port()}/webhooks/education", as_token=AS_TOKEN, hs_token=HS_TOKEN)
EVER = datetime(2020, 1, 1, tzinfo=UTC)
HTML = "<p>Cet espace est relié à d’autres ministères : Finances.</p>"


@dataclass
class House:
    """The homeserver and the connector; nobody listens to its pushes."""

    url: str
    session: ClientSession
    client: MatrixClient
    number: int = 0

    async def room(self, **more: Any) -> tuple[MatrixUser, str]:
        House.number += 1
        claire = await MatrixUser.register(self.session, self.url, f"claire{House.number}", "Claire Moreau")
        return claire, await claire.create_room("Futurs Publics", invite=[BOT], **more)


@pytest.fixture(scope="module")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSynapse]:
    try:
        server = LocalSynapse(tmp_path_factory.mktemp("synapse"), [SERVICE])
    except SynapseMissing as missing:
        pytest.skip(str(missing))
    with server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(synapse: LocalSynapse) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(ClientSession())
        client = MatrixClient(matrix_instance(synapse.url))
        stack.push_async_callback(client.close)
        yield House(synapse.url, session, client)


def notice(room: str, html: str = HTML, native_id: str | None = None, *, pinned: bool = True) -> Notice:
    return Notice(room, "tdu-avis-0123456789", "Espace relié", Content(html=html, text=words(html)), pinned, native_id)


async def pinned_in(claire: MatrixUser, room: str) -> list[str]:
    found: list[str] = (await claire.call("GET", f"rooms/{room}/state/m.room.pinned_events"))["pinned"]
    return found


async def test_a_notice_stands_once_is_pinned_edited_in_place_and_unpinned(house: House) -> None:
    claire, room = await house.room()
    assert isinstance(await house.client.show(notice(room)), Written)  # without the power to pin
    levels = await claire.call("GET", f"rooms/{room}/state/m.room.power_levels")
    await claire.call("PUT", f"rooms/{room}/state/m.room.power_levels", {**levels, "users": {**levels.get("users", {}), BOT: 50}})
    again = await house.client.show(notice(room))
    assert isinstance(again, Written)
    assert await pinned_in(claire, room) == [again.native_id]
    changed = await house.client.show(notice(room, HTML.replace("Finances", "Justice"), again.native_id, pinned=False))
    assert isinstance(changed, Written)
    assert changed.native_id == again.native_id
    assert await pinned_in(claire, room) == []
    said = [event for event in await claire.read(room) if event["sender"] == BOT and event["type"] == "m.room.message"]
    assert [event["content"].get("m.relates_to", {}).get("event_id") for event in said] == [None, again.native_id]


async def test_a_greeting_is_one_room_for_two_however_often_it_is_sent(house: House) -> None:
    claire, room = await house.room()
    message = await claire.say(room, "Bonjour à tous")
    content = Content(html="<p>Ce que vous y écrivez est lu ailleurs.</p>", text="Ce que vous y écrivez est lu ailleurs.")
    for again in (False, True, True):
        greeting = Greeting(f"tdu-bienvenue-{House.number}", message, room, "Votre message est lu ailleurs", content, again)
        assert isinstance(await house.client.greet(greeting), Written)
    invited = (await claire.call("GET", "sync"))["rooms"]["invite"]
    (direct,) = invited
    assert any(event["content"].get("is_direct") for event in invited[direct]["invite_state"]["events"] if event["type"] == "m.room.member")
    await claire.join(direct)
    said = [event["content"]["body"] for event in await claire.read(direct) if event["type"] == "m.room.message"]
    assert [body.count("lu ailleurs") for body in said] == [2]


async def test_the_past_of_a_room_is_named_and_told_as_it_stands(house: House) -> None:
    claire, room = await house.room()
    first = await claire.say(room, "Bonjour")
    edited = await claire.say(room, "Un mot")
    await claire.edit(room, edited, "Un autre mot")
    gone = await claire.say(room, "À effacer")
    await claire.redact(room, gone)
    await claire.call("PUT", f"rooms/{room}/send/m.room.encrypted/e1", {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"})
    assert isinstance(await house.client.write(posting(f"k{House.number}", space=room)), Written)
    page = await house.client.survey(room, EVER, None)
    assert isinstance(page, Survey)
    while page.cursor is not None:
        more = await house.client.survey(room, EVER, page.cursor)
        assert isinstance(more, Survey)
        page = Survey((*page.items, *more.items), more.cursor)
    assert {one.native_id for one in page.items} == {first, edited}
    told = await house.client.recount(room, edited)
    assert isinstance(told, Recounted)
    assert told.message.content is not None
    assert (told.message.act, told.message.native_id, told.message.marker, told.message.content.text) == (
        Act.POSTED,
        edited,
        edited,
        "Un autre mot",
    )
    assert isinstance(await house.client.recount(room, gone), Unused)


async def test_history_is_written_at_its_date_as_a_notice(house: House) -> None:
    claire, room = await house.room()
    long_ago = datetime(2026, 1, 5, 8, 30, tzinfo=UTC)
    copy = await house.client.write(posting(f"h{House.number}", space=room, occurred_at=long_ago, history=True))
    assert isinstance(copy, Written)
    event = await claire.event(room, copy.native_id)
    assert event["origin_server_ts"] == int(long_ago.timestamp() * 1000)
    assert (event["content"]["msgtype"], event["content"]["m.mentions"]) == ("m.notice", {})
