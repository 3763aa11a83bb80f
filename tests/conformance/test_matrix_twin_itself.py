"""The Matrix twin's own manners: what it refuses, sends again, shows, and keeps when it is killed."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from adapters.port import (
    Act,
    Change,
    Later,
    Written,
)
from deploy.local.application_service import ApplicationService
from deploy.local.matrix_user import MatrixRefused, MatrixUser
from deploy.local.ports import answers, free_port
from deploy.local.process import Process, Program
from schemas.facts.message import Author, Content
from tests.fakes_matrix import AS_TOKEN, posting
from tests.fakes_matrix_twin import BOT, House, closed_room, written

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_transaction_comes_again_until_it_is_taken_and_nothing_overtakes_it(house: House) -> None:
    claire, room = await closed_room(house)
    await house.client.report_space(room)
    await house.sink.until(bool)
    house.sink.failing = 3
    first = await claire.say(room, "un")
    second = await claire.say(room, "deux")
    await house.sink.change(Act.POSTED, second)
    posted = [outcome.native_id for outcome in house.sink.outcomes if isinstance(outcome, Change)]
    assert posted == [first, second]
    assert max(house.sink.transactions.count(path) for path in house.sink.transactions) == 4


async def test_a_homeserver_that_starts_again_sends_what_it_still_owes(house: House) -> None:
    claire, room = await closed_room(house)
    await house.client.report_space(room)
    house.sink.failing = 1_000_000
    owed = await claire.say(room, "je dois encore partir")
    await house.twin.close()
    house.sink.failing = 0
    await house.start_twin()
    assert (await house.sink.change(Act.POSTED, owed)).content == Content(html="<p>je dois encore partir</p>", text="je dois encore partir")
    assert [shown["event_id"] for shown in await house.visible(room)] == [owed]


async def test_the_way_back_can_be_tried_with_a_ping(house: House) -> None:
    assert await house.client.ping("traitdunion") is not None
    assert await house.client.ping("another") is None


async def test_rooms_where_none_of_ours_is_stay_unheard(house: House) -> None:
    claire = await house.person()
    closed = await claire.create_room("Entre nous")
    await claire.say(closed, "cela reste ici")
    open_to_us = await claire.create_room("Avec tous", invite=[BOT])
    await house.client.report_space(open_to_us)
    heard = await claire.say(open_to_us, "cela part")
    await house.sink.change(Act.POSTED, heard)
    assert {event["room_id"] for event in house.sink.raw} == {open_to_us}


async def test_the_twin_refuses_what_a_homeserver_refuses(house: House) -> None:
    claire, room = await closed_room(house)
    bob = await house.person("bob", "Bob Diallo")
    for call, status, errcode in (
        (bob.say(room, "intrus"), 403, "M_FORBIDDEN"),
        (bob.join(room), 403, "M_FORBIDDEN"),
        (claire.say(room, "x" * 66_000), 413, "M_TOO_LARGE"),
        (MatrixUser(house.session, house.url, "", "wrong").join(room), 401, "M_UNKNOWN_TOKEN"),
        (MatrixUser(house.session, house.url, "", "").join(room), 401, "M_MISSING_TOKEN"),
        (house.person("_tdu_forged", "Faux"), 400, "M_EXCLUSIVE"),
        (claire.call("GET", "nowhere"), 404, "M_UNRECOGNIZED"),
    ):
        with pytest.raises(MatrixRefused) as refusal:
            await call
        assert (refusal.value.status, refusal.value.errcode) == (status, errcode)


async def test_the_service_speaks_for_nobody_outside_its_namespace(house: House) -> None:
    claire, room = await closed_room(house)
    service = MatrixUser(house.session, house.url, "", AS_TOKEN)
    with pytest.raises(MatrixRefused, match="403 M_FORBIDDEN"):
        await service.call("PUT", f"rooms/{room}/send/m.room.message/1?user_id={claire.user_id}", {"msgtype": "m.text", "body": "x"})


async def test_only_its_author_and_moderators_take_a_message_away(house: House) -> None:
    claire = await house.person()
    bob = await house.person("bob", "Bob Diallo")
    room = await claire.create_room("Place", preset="public_chat")
    await bob.join(room)
    hers, his = await claire.say(room, "hers"), await bob.say(room, "his")
    with pytest.raises(MatrixRefused, match="M_FORBIDDEN"):
        await bob.redact(room, hers)
    await claire.redact(room, his)
    assert [shown["event_id"] for shown in await house.visible(room)] == [hers]


async def test_an_edit_by_somebody_else_is_not_shown(house: House) -> None:
    claire = await house.person()
    bob = await house.person("bob", "Bob Diallo")
    room = await claire.create_room("Place", preset="public_chat")
    await bob.join(room)
    hers = await claire.say(room, "hers")
    await bob.edit(room, hers, "forged")
    assert [shown["body"] for shown in await house.visible(room)] == ["hers"]


async def test_the_page_shows_rooms_and_escapes_what_people_write(house: House) -> None:
    claire, room = await closed_room(house)
    asked = await claire.say(room, "<script>alert(1)</script>")
    await written(house, space=room, parent=asked)
    async with house.session.get(f"{house.url}/") as answer:
        shown = await answer.text()
    assert "<h2>Futurs Publics</h2>" in shown
    assert "<strong>Léa Martin (Finances)</strong>" in shown
    assert "<script>" not in shown
    assert "<q>&lt;script&gt;alert(1)&lt;/script&gt;</q>" in shown


async def test_the_twin_runs_as_a_process_and_keeps_its_rooms_when_it_is_killed(house: House, tmp_path: Path) -> None:
    port, files = free_port(), ["--state", str(tmp_path / "killed.db"), "--registration", str(tmp_path / "registration.yaml")]
    command = [sys.executable, "-m", "adapters.matrix.twin", "--port", str(port), *files]
    program = Program("twin", command, tmp_path / "twin.log")
    url = f"http://127.0.0.1:{port}"
    twin = Process(program)
    try:
        await asyncio.to_thread(twin.wait_until, lambda: answers(port))
        claire = await MatrixUser.register(house.session, url, "claire", "Claire Moreau")
        room = await claire.create_room("Futurs Publics")
        said = await claire.say(room, "Bonjour")
        twin.kill()
        twin = Process(program)
        await asyncio.to_thread(twin.wait_until, lambda: answers(port))
        assert (await claire.event(room, said))["content"]["body"] == "Bonjour"
    finally:
        twin.stop()


async def test_people_who_write_too_fast_are_slowed_down(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        house = House(tmp_path, stack, messages_per_second=0.001)
        await house.open()
        claire, room = await closed_room(house)
        for number in range(10):
            await claire.say(room, str(number))
        with pytest.raises(MatrixRefused, match="429 M_LIMIT_EXCEEDED"):
            await claire.say(room, "trop")
        for number in range(12):
            await written(house, f"k{number}", space=room)  # the registration says that our service is not limited


async def test_a_furnished_twin_has_its_people_and_their_closed_room_from_the_first_start_and_once(tmp_path: Path) -> None:
    registration = ApplicationService("http://127.0.0.1:1/webhooks/education").write(tmp_path / "service.yaml")
    words = tmp_path / "words"
    words.write_text("--password\nune phrase\n")
    port, room = free_port(), "!atelier:tchap.example"
    named = ["--port", str(port), "--state", str(tmp_path / "twin.db"), "--registration", str(registration)]
    people = ["--user", "claire:Claire Moreau", "--user", "omar:Omar Benali", "--room", "atelier:L’atelier"]
    for _ in range(2):  # the second start finds what the first one made
        twin = Process(Program("twin", [sys.executable, "-m", "adapters.matrix.twin", *named, *people, f"@{words}"], tmp_path / "twin.log"))
        try:
            await asyncio.to_thread(twin.wait_until, lambda: answers(port))
            async with ClientSession() as session:
                body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "claire"}, "password": "une phrase"}
                signed_in = await MatrixUser(session, f"http://127.0.0.1:{port}", "", "").call("POST", "login", body)
                claire = MatrixUser(session, f"http://127.0.0.1:{port}", signed_in["user_id"], signed_in["access_token"])
                await claire.say(room, "Bonjour")
                members = (await claire.call("GET", f"rooms/{room}/joined_members"))["joined"]
                said = [event for event in await claire.read(room) if event["type"] == "m.room.message"]
        finally:
            await asyncio.to_thread(twin.stop)
    assert {user: member.get("display_name") for user, member in members.items()} == {
        "@claire:tchap.example": "Claire Moreau",
        "@omar:tchap.example": "Omar Benali",
        BOT: "traitdunion",
    }
    assert len(said) == 2


async def test_a_rooms_past_ends_with_an_empty_page_as_a_real_synapse_tells_it(house: House) -> None:
    claire, room = await closed_room(house)
    first = await claire.call("GET", f"rooms/{room}/messages?dir=b&limit=1000")
    assert 0 < len(first["chunk"]) < 1000
    last = await claire.call("GET", f"rooms/{room}/messages?dir=b&from={first['end']}")
    assert (last["chunk"], "end" in last) == ([], False)


async def test_a_transaction_may_come_twice_and_late_but_never_out_of_order(house: House) -> None:
    claire, room = await closed_room(house)
    await house.client.report_space(room)  # the bot enters, so that all that follows is pushed
    await house.fault("webhook_late", seconds=0.2)
    await house.fault("webhook_twice", count=100)
    said = [await claire.say(room, text) for text in ("un", "deux", "trois")]
    await house.sink.until(lambda _: sum(event["event_id"] == said[-1] for event in house.sink.raw) == 2)
    came = [event["event_id"] for event in house.sink.raw if event["event_id"] in said]
    assert sorted(came, key=said.index) == [event_id for event_id in said for _ in range(2)]
    assert list(dict.fromkeys(came)) == said


async def test_the_servers_clock_may_be_wrong_and_is_right_again_once_faults_end(house: House) -> None:
    claire, room = await closed_room(house)
    await house.fault("clock", seconds=7200)
    ahead = await claire.event(room, await claire.say(room, "demain"))
    await house.fault("none")
    right = await claire.event(room, await claire.say(room, "aujourd'hui"))
    assert ahead["origin_server_ts"] - right["origin_server_ts"] > 3_600_000


async def test_a_twin_room_shows_those_who_were_put_out_its_state_of_then_and_the_banned_nothing(house: House) -> None:
    claire, bob = await house.person(), await house.person("bob", "Bob Diallo")
    room = await claire.create_room("Avant", invite=[bob.user_id])
    await bob.join(room)
    await claire.call("POST", f"rooms/{room}/kick", {"user_id": bob.user_id})
    await claire.call("PUT", f"rooms/{room}/state/m.room.name", {"name": "Après"})
    assert (await bob.call("GET", f"rooms/{room}/state/m.room.name"))["name"] == "Avant"
    await claire.call("POST", f"rooms/{room}/ban", {"user_id": bob.user_id})
    for call, errcode in ((bob.call("GET", f"rooms/{room}/state"), "M_FORBIDDEN"), (bob.join(room), "M_BAD_STATE")):
        with pytest.raises(MatrixRefused, match=f"403 {errcode}"):
            await call


async def test_a_creator_stands_above_all_levels_from_version_twelve_on_and_is_named_in_none(house: House) -> None:
    claire = await house.person()
    room = await claire.create_room("Salon", version="12")
    levels = await claire.call("GET", f"rooms/{room}/state/m.room.power_levels")
    assert (levels["users"], levels["events"]["m.room.tombstone"]) == ({}, 150)
    with pytest.raises(MatrixRefused, match="400 M_UNKNOWN"):
        await claire.call("PUT", f"rooms/{room}/state/m.room.power_levels", {**levels, "users": {claire.user_id: 100}})
    await claire.call("PUT", f"rooms/{room}/state/m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})


async def test_a_limited_service_enters_rooms_as_slowly_as_everybody(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        house = House(tmp_path, stack, messages_per_second=0.001, rate_limited=True)
        await house.open()
        _, room = await closed_room(house)
        outcomes = [
            await house.client.write(posting(f"k{number}", space=room, author=Author(name=f"Agent {number}", organisation="Finances")))
            for number in range(12)
        ]
    assert [type(outcome) for outcome in outcomes[:9]] == [Written] * 9  # one invitation of ten was the bot's own
    refused = outcomes[9]
    assert isinstance(refused, Later)
    assert (refused.reason, (refused.after or 0) > 0) == ("rate_limited", True)


async def test_of_two_edits_the_one_with_the_later_stamp_is_shown_as_clients_do(house: House) -> None:
    claire, room = await closed_room(house)
    said = await claire.say(room, "un")
    await house.fault("clock", seconds=3600)
    await claire.edit(room, said, "deux")
    await house.fault("clock", seconds=0)
    last = await claire.edit(room, said, "trois")
    (shown,) = await house.visible(room)
    assert shown["body"] == "deux"
    assert (await claire.event(room, said))["unsigned"]["m.relations"]["m.replace"]["content"]["m.new_content"]["body"] == "deux"
    assert last in {one["event_id"] for one in await claire.read(room)}
