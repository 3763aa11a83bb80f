"""What the connector writes into a homeserver, over HTTP against the twin: once, under ghosts, whatever fails on the way."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.matrix import MatrixClient
from adapters.matrix.twin.users import MatrixError
from adapters.port import (
    WITHDRAWN,
    Act,
    Later,
    Never,
    Written,
)
from schemas.facts.message import Author, Content
from tests.fakes_matrix import NOON, posting
from tests.fakes_matrix_twin import BOT, House, closed_room, written


async def test_a_message_is_shown_under_its_authors_name_and_ministry(house: House) -> None:
    _, room = await closed_room(house)
    await written(house, space=room)
    (shown,) = await house.visible(room)
    assert (shown["name"], shown["body"]) == ("Léa Martin (Finances)", "Bonjour à tous")
    assert shown["ts"] == 1_772_452_800_000


async def test_where_a_homeserver_lets_nobody_name_herself_the_room_shows_the_authors_name(house: House) -> None:
    _, room = await closed_room(house)
    house.twin_rooms.fixed_names = True
    await written(house, space=room)
    assert [shown["name"] for shown in await house.visible(room)] == ["Léa Martin (Finances)"]
    again = MatrixClient(house.instance)
    await again.write(posting("k2", "Bonsoir", room))
    await again.close()
    assert [shown["name"] for shown in await house.visible(room)] == ["Léa Martin (Finances)"] * 2


async def test_a_message_under_no_name_at_all_waits_for_an_operator(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _, room = await closed_room(house)
    house.twin_rooms.fixed_names = True

    def refuse(*_: object) -> str:
        raise MatrixError(403, "M_FORBIDDEN", "Changing display name is disabled on this server")

    monkeypatch.setattr(house.twin_rooms, "set_state", refuse)
    assert await house.client.write(posting(space=room)) == Later("ghost_not_named")
    assert await house.visible(room) == []


async def test_an_edit_is_applied_even_when_its_author_has_another_name_since(house: House) -> None:
    _, room = await closed_room(house)
    first = await written(house, space=room)
    renamed = Author(name="Léa Dupont", organisation="Finances")
    edit = await written(house, "k2", "Bonsoir", room, act=Act.EDITED, native_id=first.native_id, author=renamed)
    (shown,) = await house.visible(room)
    assert (shown["body"], shown["edited"]) == ("Bonsoir", True)
    assert edit.native_id == first.native_id
    assert edit.version != first.version


async def test_the_last_edit_is_the_one_that_stands_whatever_its_authors_clock_said(house: House) -> None:
    _, room = await closed_room(house)
    first = await written(house, "k1", "Bonjour", room)
    for key, text, said in (("k2", "Demain", NOON + timedelta(hours=15)), ("k3", "Bonsoir", NOON), ("k4", "Bonne nuit", NOON)):
        await written(house, key, text, room, act=Act.EDITED, native_id=first.native_id, occurred_at=said)
    (shown,) = await house.visible(room)
    assert shown["body"].startswith("Bonne nuit")


async def test_an_edit_never_brings_back_what_somebody_here_took_away(house: House) -> None:
    claire, room = await closed_room(house)
    first = await written(house, space=room)
    await claire.redact(room, first.native_id)
    outcome = await house.client.write(posting("k2", "Bonsoir", room, act=Act.EDITED, native_id=first.native_id))
    assert outcome == Never(WITHDRAWN)


async def test_what_its_author_deleted_and_brought_back_is_said_anew_and_found_again_after_a_crash(house: House) -> None:
    _, room = await closed_room(house)
    first = await written(house, space=room)
    await written(house, "k2", space=room, act=Act.DELETED, native_id=first.native_id)
    back = posting("k3", "Bonsoir", room, act=Act.EDITED, native_id=first.native_id)
    again = await house.client.write(back)
    (shown,) = await house.visible(room)
    assert again == Written(shown["event_id"], shown["event_id"])
    assert (shown["body"], shown["name"]) == ("Bonsoir", "Léa Martin (Finances)")
    assert shown["event_id"] != first.native_id
    assert await house.client.find(back) == again


@pytest.mark.parametrize("act", [Act.EDITED, Act.DELETED])
async def test_what_a_person_here_wrote_herself_is_never_touched(house: House, act: Act) -> None:
    claire, room = await closed_room(house)
    hers = await claire.say(room, "À moi")
    assert await house.client.write(posting(space=room, act=act, native_id=hers)) == Never("copy_not_ours")
    assert [shown["body"] for shown in await house.visible(room)] == ["À moi"]


async def test_the_same_order_twice_is_one_message(house: House) -> None:
    _, room = await closed_room(house)
    assert await written(house, space=room) == await written(house, space=room)
    assert len(await house.visible(room)) == 1


@pytest.mark.parametrize("act", [Act.POSTED, Act.REACTED])
async def test_a_write_whose_answer_was_lost_is_found_behind_all_that_followed(house: House, act: Act) -> None:
    claire, room = await closed_room(house)
    emoji = {"emoji": "👍", "target": await claire.say(room, "Qui vient ?")} if act is Act.REACTED else {}
    order = posting(space=room, act=act, **emoji)
    once = await house.client.write(order)
    for number in range(250):
        house.twin_rooms.send(room, claire.user_id, "m.room.message", {"msgtype": "m.text", "body": str(number)})
    assert await house.client.find(order) == once


async def test_a_write_is_looked_for_no_further_back_than_when_it_was_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    claire, room = await closed_room(house)
    for number in range(250):
        house.twin_rooms.send(room, claire.user_id, "m.room.message", {"msgtype": "m.text", "body": str(number)})
    pages, call = list[str](), house.client._homeserver.call

    async def counted(method: str, *path: str, **given: Any) -> dict[str, Any]:
        pages.extend(path[-1:] if path[-1] == "messages" else ())
        return await call(method, *path, **given)

    monkeypatch.setattr(house.client._homeserver, "call", counted)
    assert await house.client.find(posting(space=room, occurred_at=datetime.now(UTC) + timedelta(hours=1))) is None
    assert len(pages) == 1
    assert await house.client.find(posting(space=room)) is None  # said long before
    assert len(pages) == 1 + 4


async def test_a_marker_that_somebody_copied_hides_nothing(house: House) -> None:
    claire, room = await closed_room(house)
    order = posting(space=room)
    await claire.say(room, "je fais croire", **{"fr.traitdunion.key": order.key, "fr.traitdunion.subject": order.subject})
    assert await house.client.find(order) is None


async def test_what_was_never_written_is_not_found(house: House) -> None:
    _, room = await closed_room(house)
    assert await house.client.find(posting(space=room)) is None


async def test_a_homeserver_in_trouble_is_asked_again_later(house: House) -> None:
    _, room = await closed_room(house)
    await house.fault("status", status=502, errcode="", path="/send/")
    assert await house.client.write(posting(space=room)) == Later("http_502")


async def test_a_homeserver_that_is_stopped_is_asked_again_later(house: House) -> None:
    _, room = await closed_room(house)
    await house.twin.close()
    assert await house.client.write(posting(space=room)) == Later("unreachable")
    assert await house.client.find(posting(space=room)) == Later("unreachable")
    await house.start_twin()
    await written(house, space=room)


async def test_a_room_that_never_invited_us_is_never_written(house: House) -> None:
    claire = await house.person()
    room = await claire.create_room("Fermé")
    assert await house.client.write(posting(space=room)) == Never("bot_not_in_space", "HTTP 403")


async def test_a_room_that_is_not_there_is_never_written(house: House) -> None:
    assert await house.client.write(posting(space="!nowhere:tchap.example")) == Never("not_found", "HTTP 404")


async def test_a_public_room_needs_no_invitation(house: House) -> None:
    claire = await house.person()
    room = await claire.create_room("Place", preset="public_chat")
    await written(house, space=room)


async def test_a_ghost_that_was_put_out_comes_back_unless_it_is_banned(house: House) -> None:
    claire, room = await closed_room(house)
    await written(house, space=room)
    ghost = (await house.visible(room))[0]["sender"]
    await claire.call("POST", f"rooms/{room}/kick", {"user_id": ghost})
    await written(house, "k2", space=room)
    await claire.call("POST", f"rooms/{room}/ban", {"user_id": ghost})
    assert await house.client.write(posting("k3", space=room)) == Never("ghost_banned", "HTTP 403")


async def test_a_banned_ghosts_message_goes_where_the_bot_moderates(house: House) -> None:
    claire, room = await closed_room(house)
    first, second = await written(house, "k1", space=room), await written(house, "k2", space=room)
    ghost = (await house.visible(room))[0]["sender"]
    await claire.call("POST", f"rooms/{room}/ban", {"user_id": ghost})
    order = posting("k3", space=room, act=Act.DELETED, native_id=first.native_id)
    assert isinstance(await house.client.write(order), Never)
    await claire.call("PUT", f"rooms/{room}/state/m.room.power_levels", {"users": {claire.user_id: 100, BOT: 50}})
    assert isinstance(await house.client.write(order), Written)
    assert [shown["event_id"] for shown in await house.visible(room)] == [second.native_id]


async def test_a_deletion_after_a_restart_of_the_connector_finds_its_ghost(house: House) -> None:
    _, room = await closed_room(house)
    first = await written(house, space=room)
    fresh = MatrixClient(house.instance)
    house.stack.push_async_callback(fresh.close)
    assert isinstance(await fresh.write(posting("k3", space=room, act=Act.DELETED, native_id=first.native_id)), Written)
    assert await house.visible(room) == []


async def test_one_person_who_writes_twice_at_once_is_registered_once(house: House) -> None:
    _, room = await closed_room(house)
    await asyncio.gather(*(written(house, f"k{number}", space=room) for number in range(5)))
    assert len({shown["sender"] for shown in await house.visible(room)}) == 1


async def test_a_homeserver_takes_no_very_long_message_so_it_is_divided_before(house: House) -> None:
    _, room = await closed_room(house)
    text = "très long " * 20_000
    order = posting(space=room, content=Content(html=f"<p>{text}</p>", text=text))
    assert await house.client.write(order) == Never("too_large", "HTTP 413")
    assert len(await house.client.divided(order)) > 1


async def test_identifiers_cannot_name_another_address_of_the_homeserver(house: House) -> None:
    outcome = await house.client.write(posting(space="../../../twin/faults?x=", key="a/b?c#d"))
    assert isinstance(outcome, Never)


async def test_a_homeserver_forgets_with_its_end_what_a_service_has_sent_so_we_look_before_we_write_again(house: House) -> None:
    _, room = await closed_room(house)
    order = posting("t1", "Une fois", room)
    once = await house.client.write(order)
    assert await house.client.write(order) == once
    await house.twin.close()
    await house.start_twin()
    assert await house.client.find(order) == once
    assert await house.client.write(order) != once
    assert len(await house.visible(room)) == 2
