"""The connector against the twin, over HTTP: both ways, faults, restarts; and the twin's own manners."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession

from adapters.matrix import MatrixClient
from adapters.port import (
    UNSUPPORTED,
    WITHDRAWN,
    Act,
    Altered,
    Change,
    Closed,
    Incomplete,
    Later,
    Never,
    RosterAltered,
    SpaceReport,
    Written,
)
from deploy.local.application_service import ApplicationService
from deploy.local.matrix_user import MatrixRefused, MatrixUser
from deploy.local.ports import answers, free_port
from deploy.local.process import Process, Program
from schemas.facts.message import Author, Content
from schemas.words import Audience
from tests.fakes_matrix import AS_TOKEN, posting
from tests.fakes_matrix_twin import BOT, House

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from adapters.port import Order


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        house = House(tmp_path, stack)
        await house.open()
        yield house


async def written(house: House, *args: Any, **kwargs: Any) -> Written:
    outcome = await house.client.write(posting(*args, **kwargs))
    assert isinstance(outcome, Written), outcome
    return outcome


async def closed_room(house: House) -> tuple[MatrixUser, str]:
    claire = await house.person()
    room = await claire.create_room("Futurs Publics", invite=[BOT])
    return claire, room


# --- out of the house ------------------------------------------------------------------------------------------------


async def test_a_message_is_shown_under_its_authors_name_and_ministry(house: House) -> None:
    _, room = await closed_room(house)
    await written(house, space=room)
    (shown,) = await house.visible(room)
    assert (shown["name"], shown["body"]) == ("Léa Martin (Finances)", "Bonjour à tous")
    assert shown["ts"] == 1_772_452_800_000


async def test_an_edit_is_applied_even_when_its_author_has_another_name_since(house: House) -> None:
    _, room = await closed_room(house)
    first = await written(house, space=room)
    renamed = Author(name="Léa Dupont", organisation="Finances")
    edit = await written(house, "k2", "Bonsoir", room, act=Act.EDITED, native_id=first.native_id, author=renamed)
    (shown,) = await house.visible(room)
    assert (shown["body"], shown["edited"]) == ("Bonsoir", True)
    assert edit.native_id == first.native_id
    assert edit.version != first.version


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


# --- into the house --------------------------------------------------------------------------------------------------


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


# --- the twin's own manners ------------------------------------------------------------------------------------------


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


# --- set up from outside ------------------------------------------------------------------------------------------------


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


# --- what is set on messages -----------------------------------------------------------------------------------------


def reacting(message: str, room: str, key: str = "r1", **changes: Any) -> Order:
    return posting(key, space=room, act=Act.REACTED, content=None, emoji="👍", target=message, **changes)


async def test_a_reaction_stands_under_the_ghost_of_who_reacted(house: House) -> None:
    claire, room = await closed_room(house)
    hers = await claire.say(room, "À moi")
    await house.client.write(reacting(hers, room))
    (shown,) = await house.visible(room)
    assert [(one["key"], one["name"]) for one in shown["reactions"]] == [("👍", "Léa Martin (Finances)")]


async def test_two_people_of_one_name_in_one_ministry_are_one_ghost_and_the_second_reaction_says_so(house: House) -> None:
    claire, room = await closed_room(house)
    hers = await claire.say(room, "À moi")
    await house.client.write(reacting(hers, room))
    assert await house.client.write(reacting(hers, room, "r2")) == Never(UNSUPPORTED, "same_name_reacted")


async def test_a_reaction_that_somebody_here_made_is_never_taken_back_by_us(house: House) -> None:
    claire, room = await closed_room(house)
    hers = await claire.react(room, await claire.say(room, "À moi"), "👍")
    order = posting("r2", space=room, act=Act.UNREACTED, content=None, native_id=hers)
    assert await house.client.write(order) == Never("copy_not_ours")
    assert len((await house.visible(room))[0]["reactions"]) == 1


async def test_the_mark_of_an_accepted_answer_says_in_words_what_it_is_and_whose(house: House) -> None:
    claire, room = await closed_room(house)
    hers = await claire.say(room, "Voici comment faire.")
    await house.client.write(posting("a1", space=room, act=Act.ACCEPTED, content=None, target=hers))
    (shown,) = await house.visible(room)
    assert [(one["key"], one["sender"]) for one in shown["reactions"]] == [("✅ Réponse retenue", BOT)]


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


# --- rooms that do not want us, or are no longer what they were ----------------------------------------------------------


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


# --- threads ---------------------------------------------------------------------------------------------------------


async def test_an_answer_follows_what_it_answers_into_its_thread_and_stays_out_of_it_elsewhere(house: House) -> None:
    claire, room = await closed_room(house)
    root = await claire.say(room, "Le sujet")
    within = await claire.say_in_thread(room, root, root, "Dans le fil")
    inside = await written(house, "k1", "Moi aussi", room, parent=within)
    deeper = await written(house, "k2", "Et moi", room, parent=inside.native_id)
    outside = await written(house, "k3", "À côté", room, parent=root)
    shown = {one["event_id"]: (one["reply_to"], one["thread"]) for one in await house.visible(room)}
    assert shown == {
        root: (None, None),
        within: (None, root),
        inside.native_id: (within, root),
        deeper.native_id: (inside.native_id, root),
        outside.native_id: (root, None),
    }


async def test_the_thread_of_what_is_gone_is_nowhere(house: House) -> None:
    claire, room = await closed_room(house)
    root = await claire.say(room, "Le sujet")
    within = await claire.say_in_thread(room, root, root, "Dans le fil")
    await claire.redact(room, within)
    await written(house, "k1", "Trop tard", room, parent=within)
    await written(house, "k2", "Jamais là", room, parent="$never")
    assert [one["thread"] for one in await house.visible(room)] == [None, None, None]


# --- whose edit counts -----------------------------------------------------------------------------------------------


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


# --- what a homeserver forgets, and what it limits --------------------------------------------------------------------


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
