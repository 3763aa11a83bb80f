"""What people do in a homeserver's rooms, as the gateway hears it: in order, from its author alone, told by name."""

from __future__ import annotations

import pytest

from adapters.matrix import MatrixClient
from adapters.people import Member
from adapters.port import (
    Act,
    Change,
    Incomplete,
    Later,
)
from schemas.facts.message import Author, Content, Mention
from tests.fakes_matrix_twin import BOT, House, closed_room, written


async def test_a_persons_name_is_asked_of_the_homeserver_and_kept_a_while(house: House) -> None:
    claire = await house.person()
    now = [0.0]
    client = MatrixClient(house.instance, clock=lambda: now[0])
    house.stack.push_async_callback(client.close)
    assert await client.display_name(claire.user_id) == "Claire Moreau"
    await claire.call("PUT", f"profile/{claire.user_id}/displayname", {"displayname": "Claire Petit"})
    assert await client.display_name(claire.user_id) == "Claire Moreau"
    now[0] = 301.0
    assert await client.display_name(claire.user_id) == "Claire Petit"
    assert await client.display_name("@personne:tchap.example") is None


async def test_who_never_chose_a_name_has_none_though_her_homeserver_shows_her_local_part(house: House) -> None:
    jean = await house.person("jean.martin-finances.example", None)
    room = await jean.create_room("Salon", preset="public_chat")
    assert await house.client.report_space(room)
    assert (await jean.call("GET", f"profile/{jean.user_id}"))["displayname"] == "jean.martin-finances.example"
    assert await house.client.display_name(jean.user_id) is None
    assert await house.client.members(room) == (Member(jean.user_id, ""),)


async def test_a_ghost_who_keeps_the_local_part_in_her_profile_is_called_all_the_same(house: House) -> None:
    claire, room = await closed_room(house)
    house.twin_rooms.fixed_names = True
    await written(house, space=room)
    mention = Mention(name="Léa Martin", organisation="Finances")
    called = Content(html='<p><span data-mention="0">@Léa Martin</span> merci</p>', text="@Léa Martin merci")
    copy = await written(house, "k2", space=room, content=called, mentions=(mention,), author=Author(name="Omar", organisation="Culture"))
    assert "https://matrix.to/#/@_tdu_" in (await claire.event(room, copy.native_id))["content"]["formatted_body"]


async def test_what_people_do_here_reaches_the_gateway_in_order(house: House) -> None:
    claire, room = await closed_room(house)
    await house.client.report_space(room)
    first = await claire.say(room, "Bonjour")
    reply = await claire.reply(room, first, "Et encore")
    edit = await claire.edit(room, first, "Bonsoir")
    gone = await claire.redact(room, reply)
    await house.sink.change(Act.DELETED, reply)
    changes = [outcome for outcome in house.sink.outcomes if isinstance(outcome, Change)]
    assert [(change.act, change.native_id, change.version, change.parent) for change in changes] == [
        (Act.POSTED, first, first, None),
        (Act.POSTED, reply, reply, first),
        (Act.EDITED, first, edit, None),
        (Act.DELETED, reply, gone, None),
    ]
    assert house.sink.refusals == 0


@pytest.mark.parametrize("version", ["10", "11", "12"])
async def test_a_redaction_is_understood_in_rooms_of_any_version(house: House, version: str) -> None:
    claire = await house.person()
    room = await claire.create_room("Salon", invite=[BOT], version=version)
    await house.client.report_space(room)
    first = await claire.say(room, "Bonjour")
    gone = await claire.redact(room, first)
    assert (await house.sink.change(Act.DELETED, first)).version == gone


async def test_an_edit_of_somebody_elses_message_is_read_as_little_as_it_is_shown(house: House) -> None:
    claire, bob = await house.person(), await house.person("bob", "Bob Diallo")
    room = await claire.create_room("Place", preset="public_chat")
    await house.client.report_space(room)
    await bob.join(room)
    hers = await claire.say(room, "D’accord.")
    await bob.edit(room, hers, "Pas d’accord.")
    own = await claire.edit(room, hers, "D’accord, donc.")
    await bob.edit(room, hers, "Pas d’accord du tout.")
    last = await claire.say(room, "fin")
    await house.sink.change(Act.POSTED, last)
    edits = [change for change in house.sink.changes(hers) if change.act is Act.EDITED]
    assert {(change.version, change.content.text if change.content else "") for change in edits} == {(own, "D’accord, donc.")}
    assert all(change.actor == claire.user_id for change in edits)


async def test_an_edit_cannot_reach_into_another_room(house: House) -> None:
    claire = await house.person()
    here = await claire.create_room("Ici", invite=[BOT])
    there = await claire.create_room("Là-bas", invite=[BOT])
    for room in (here, there):
        await house.client.report_space(room)
    hers = await claire.say(there, "Là-bas seulement")
    await claire.edit(here, hers, "Dit ici")
    await house.sink.change(Act.POSTED, await claire.say(here, "fin"))
    assert [change.act for change in house.sink.changes(hers)] == [Act.POSTED]


async def test_an_edit_that_the_homeserver_cannot_tell_now_is_asked_again_later(house: House) -> None:
    claire, room = await closed_room(house)
    await house.client.report_space(room)
    hers = await claire.say(room, "Bonjour")
    await house.fault("status", status=502, path="/event/", count=2)
    incomplete = Incomplete(hers, Act.EDITED, space=room)
    assert isinstance(await house.client.complete(incomplete), Later)
