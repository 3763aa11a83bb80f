"""A room as the connector reports it: its name, who reads it, who takes part, and why it may no longer be tied."""

from __future__ import annotations

import pytest

from adapters.matrix import MatrixClient
from adapters.port import (
    Altered,
    Closed,
    Never,
    RosterAltered,
    SpaceReport,
)
from schemas.facts.message import Author
from schemas.words import Audience
from tests.fakes_matrix import posting
from tests.fakes_matrix_twin import BOT, House, closed_room, written


async def test_a_space_is_reported_with_its_name_and_who_can_read_it(house: House) -> None:
    _, room = await closed_room(house)
    assert await house.client.report_space(room) == SpaceReport("Futurs Publics", Audience.MEMBERS, externals=False)


async def test_an_encrypted_space_is_respected(house: House) -> None:
    claire = await house.person()
    encryption = {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    room = await claire.create_room("Secret", invite=[BOT], initial_state=[encryption])
    assert await house.client.report_space(room) == Closed("space_encrypted")


async def test_a_space_that_never_invited_us_is_not_reported(house: House) -> None:
    claire = await house.person()
    assert await house.client.report_space(await claire.create_room("Fermé")) == Closed("bot_not_in_space")


async def test_a_bot_that_was_put_out_says_so_and_comes_back_only_when_it_is_invited(house: House) -> None:
    claire = await house.person()
    room = await claire.create_room("Place", preset="public_chat")
    assert isinstance(await house.client.report_space(room), SpaceReport)
    await claire.call("POST", f"rooms/{room}/kick", {"user_id": BOT})
    assert await house.client.report_space(room) == Closed("bot_put_out")
    fresh = MatrixClient(house.instance)
    house.stack.push_async_callback(fresh.close)
    assert await fresh.write(posting(space=room)) == Never("bot_put_out", "HTTP 403")
    assert await fresh.report_space(room) == Closed("bot_put_out")
    assert BOT not in (await claire.call("GET", f"rooms/{room}/joined_members"))["joined"]
    await claire.call("POST", f"rooms/{room}/invite", {"user_id": BOT})
    assert isinstance(await house.client.report_space(room), SpaceReport)


async def test_a_bot_that_was_banned_says_so(house: House) -> None:
    claire, room = await closed_room(house)
    await house.client.report_space(room)
    await claire.call("POST", f"rooms/{room}/ban", {"user_id": BOT})
    assert await house.client.report_space(room) == Closed("bot_banned")
    assert isinstance(await house.sink.until(lambda found: Altered(room, "bot_put_out") in found), list)


@pytest.mark.parametrize("version", ["10", "11", "12"])
async def test_a_room_that_another_has_replaced_says_so(house: House, version: str) -> None:
    claire = await house.person()
    room = await claire.create_room("Salon", invite=[BOT], version=version)
    await written(house, space=room)
    await claire.call("POST", f"rooms/{room}/upgrade", {"new_version": "12"})
    assert await house.client.report_space(room) == Closed("space_upgraded")
    assert await house.client.write(posting("k2", space=room)) == Never("forbidden", "HTTP 403")
    await house.sink.until(lambda found: Altered(room, "m.room.tombstone") in found)


async def test_a_room_that_becomes_encrypted_says_so(house: House) -> None:
    claire, room = await closed_room(house)
    await house.client.report_space(room)
    await claire.call("PUT", f"rooms/{room}/state/m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    await house.sink.until(lambda found: Altered(room, "m.room.encryption") in found)
    assert await house.client.report_space(room) == Closed("space_encrypted")


async def test_a_room_that_lets_no_ghost_in_says_so(house: House) -> None:
    claire, room = await closed_room(house)
    levels = await claire.call("GET", f"rooms/{room}/state/m.room.power_levels")
    await claire.call("PUT", f"rooms/{room}/state/m.room.power_levels", {**levels, "invite": 50})
    assert await house.client.write(posting(space=room)) == Never("ghost_not_admitted", "HTTP 403")


async def test_the_ghost_of_who_takes_part_no_longer_leaves_and_comes_back_with_her_next_word(house: House) -> None:
    claire, room = await closed_room(house)
    first = await written(house, space=room)
    lea = Author(name="Léa Martin", organisation="Finances")
    assert [await house.client.depart(lea, room) for _ in range(2)] == [True, True]  # as a real Synapse has it: who left may leave
    joined = (await claire.call("GET", f"rooms/{room}/joined_members"))["joined"]
    assert set(joined) == {claire.user_id, BOT}
    assert [message["event_id"] for message in await house.visible(room)] == [first.native_id]
    await written(house, "k2", "Me revoilà", space=room)
    assert len((await claire.call("GET", f"rooms/{room}/joined_members"))["joined"]) == 3


async def test_ghosts_and_the_bot_are_no_members_and_their_comings_no_hints(house: House) -> None:
    claire, room = await closed_room(house)
    await written(house, space=room)
    found = await house.client.members(room)
    assert isinstance(found, tuple)
    assert [(member.actor, member.name) for member in found] == [(claire.user_id, "Claire Moreau")]
    last = house.twin_rooms.events(room)[-1]["event_id"]
    await house.sink.until(lambda _: any(event["event_id"] == last for event in house.sink.raw))
    assert not any(isinstance(outcome, RosterAltered) for outcome in house.sink.outcomes)


async def test_who_is_banned_takes_part_no_longer_and_her_messages_stay(house: House) -> None:
    claire, room = await closed_room(house)
    bob = await house.person("bob", "Bob Diallo")
    await claire.call("POST", f"rooms/{room}/invite", {"user_id": bob.user_id})
    await bob.join(room)
    said = await bob.say(room, "Bonjour")
    await claire.call("POST", f"rooms/{room}/ban", {"user_id": bob.user_id})
    found = await house.client.members(room)
    assert isinstance(found, tuple)
    assert [member.actor for member in found] == [claire.user_id]
    assert said in [message["event_id"] for message in await house.visible(room)]
