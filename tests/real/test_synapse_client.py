"""The connector against a real Synapse, over HTTP, both ways."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from adapters.matrix import MatrixClient
from adapters.parts import placed
from adapters.people import Member
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
    Placed,
    RosterAltered,
    SpaceReport,
    Unused,
    Written,
)
from deploy.local.application_service import ApplicationService
from deploy.local.matrix_user import MatrixUser
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.synapse import LocalSynapse, SynapseMissing
from schemas.facts.message import Content
from schemas.words import Audience
from tests.fakes_matrix import AS_TOKEN, HS_TOKEN, Sink, matrix_instance, posting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from adapters.port import Order

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

BOT = "@traitdunion:tchap.example"
SERVICE = ApplicationService(url=f"http://{LOOPBACK}:{free_port()}/webhooks/education", as_token=AS_TOKEN, hs_token=HS_TOKEN)


@dataclass
class House:
    """The homeserver, our application service, the connector."""

    url: str
    session: ClientSession
    client: MatrixClient
    sink: Sink
    number: int = 0

    async def person(self, name: str | None = "Claire Moreau") -> MatrixUser:
        House.number += 1
        return await MatrixUser.register(self.session, self.url, f"claire{House.number}", name)

    async def room(self, version: str = "12", **more: Any) -> tuple[MatrixUser, str]:
        """A closed room that the bot has entered; a first message that came proves that the homeserver's pushes flow again."""
        person = await self.person()
        room = await person.create_room("Futurs Publics", invite=[BOT], version=version, **more)
        assert isinstance(await self.client.report_space(room), SpaceReport)
        return person, room


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
    """One for all tests: a homeserver that finds its service gone waits longer and longer before it sends again."""
    instance = matrix_instance(synapse.url)
    async with AsyncExitStack() as stack:
        sink = Sink(lambda: instance)
        server = TestServer(sink.application(), host=LOOPBACK, port=int(SERVICE.url.split(":")[2].split("/")[0]))
        await server.start_server()
        stack.push_async_callback(server.close)
        session = await stack.enter_async_context(ClientSession())
        client = sink.client = MatrixClient(instance)
        stack.push_async_callback(client.close)
        yield House(synapse.url, session, client, sink)


async def written(house: House, *args: str, **changes: Any) -> Written:
    outcome = await house.client.write(posting(*args, **changes))
    assert isinstance(outcome, Written), outcome
    return outcome


async def test_what_the_connector_writes_is_there_for_people(house: House) -> None:
    claire, room = await house.room()
    asked = await claire.say(room, "Qui vient ?")
    first = await written(house, "r1", "Moi", room, parent=asked)
    seen = await claire.event(room, first.native_id)
    assert seen["content"]["body"] == "Moi"
    assert seen["content"]["m.relates_to"] == {"m.in_reply_to": {"event_id": asked}}
    assert seen["origin_server_ts"] == 1_772_452_800_000
    profile = await claire.call("GET", f"profile/{seen['sender']}")
    assert profile["displayname"] == "Léa Martin (Finances)"


async def test_an_edit_and_a_deletion_follow_and_come_back_with_the_answered_versions(house: House) -> None:
    claire, room = await house.room()
    first = await written(house, "e1", "Bonjour", room)
    edit = await written(house, "e2", "Bonsoir", room, act=Act.EDITED, native_id=first.native_id)
    relations = await claire.call("GET", f"rooms/{room}/event/{first.native_id}")
    assert relations["unsigned"]["m.relations"]["m.replace"]["event_id"] == edit.version
    gone = await written(house, "e3", "", room, act=Act.DELETED, native_id=first.native_id)
    for act, answer in ((Act.POSTED, first), (Act.EDITED, edit), (Act.DELETED, gone)):
        assert (await house.sink.change(act, first.native_id)).version == answer.version
    assert (await claire.event(room, first.native_id))["content"] == {}
    back = await written(house, "e4", "Me revoilà", room, act=Act.EDITED, native_id=first.native_id)
    assert (await claire.event(room, back.native_id))["content"]["body"] == "Me revoilà"


@pytest.mark.parametrize("version", ["10", "12"])
async def test_no_word_of_a_copy_stays_in_the_room_when_its_author_deletes_it(house: House, version: str) -> None:
    claire, room = await house.room(version)
    copy = await written(house, f"w1-{version}", "sésame", room)
    for word in ("capucine", "pivoine"):
        await written(house, f"w-{word}-{version}", word, room, act=Act.EDITED, native_id=copy.native_id)
    before = json.dumps(await claire.call("GET", f"rooms/{quote(room)}/messages?dir=b&limit=50"), ensure_ascii=False)
    deletion = posting(f"w3-{version}", "", room, act=Act.DELETED, native_id=copy.native_id)
    assert isinstance(await house.client.write(deletion), Written)
    after = json.dumps(await claire.call("GET", f"rooms/{quote(room)}/messages?dir=b&limit=50"), ensure_ascii=False)
    assert all(word in before for word in ("sésame", "capucine", "pivoine"))
    assert not [word for word in ("sésame", "capucine", "pivoine") if word in after]
    assert isinstance(await house.client.find(deletion), Written)


async def test_an_edit_never_brings_back_what_somebody_here_took_away(house: House) -> None:
    claire, room = await house.room()
    first = await written(house, "e1", "Bonjour", room)
    await claire.redact(room, first.native_id)
    assert await house.client.write(posting("e2", "x", room, act=Act.EDITED, native_id=first.native_id)) == Never(WITHDRAWN)


@pytest.mark.parametrize("version", ["10", "11", "12"])
async def test_what_people_write_is_understood_in_rooms_of_any_version(house: House, version: str) -> None:
    claire, room = await house.room(version)
    first = await claire.say(room, "Bonjour")
    reply = await claire.reply(room, first, "Et encore")
    edit = await claire.edit(room, first, "Bonsoir")
    await house.sink.change(Act.POSTED, reply)  # a redaction that comes first empties what Synapse has not sent yet
    gone = await claire.redact(room, reply)
    await house.sink.change(Act.DELETED, reply)
    changes = [outcome for outcome in house.sink.outcomes if isinstance(outcome, Change) and outcome.space == room]
    assert [(change.act, change.native_id, change.version, change.parent) for change in changes] == [
        (Act.POSTED, first, first, None),
        (Act.POSTED, reply, reply, first),
        (Act.EDITED, first, edit, None),
        (Act.DELETED, reply, gone, None),
    ]
    assert await house.client.display_name(changes[0].actor) == "Claire Moreau"


async def test_who_never_chose_a_name_has_none_though_her_homeserver_shows_her_local_part(house: House) -> None:
    jean = await house.person(None)
    room = await jean.create_room("Salon", invite=[BOT])
    assert isinstance(await house.client.report_space(room), SpaceReport)
    shown = (await jean.call("GET", f"rooms/{room}/joined_members"))["joined"][jean.user_id]["display_name"]
    assert shown == jean.user_id[1:].partition(":")[0]
    assert await house.client.display_name(jean.user_id) is None
    assert await house.client.members(room) == (Member(jean.user_id, ""),)


@pytest.mark.parametrize("version", ["10", "11"])
async def test_a_redaction_comes_with_its_target_in_both_places(house: House, version: str) -> None:
    claire, room = await house.room(version)
    first = await claire.say(room, "Bonjour")
    await claire.redact(room, first)
    await house.sink.change(Act.DELETED, first)
    (redaction,) = [event for event in house.sink.raw if event["type"] == "m.room.redaction" and event["room_id"] == room]
    assert (redaction["redacts"], redaction["content"]["redacts"]) == (first, first)


async def test_a_ghost_that_was_put_out_comes_back_unless_it_is_banned(house: House) -> None:
    claire, room = await house.room("11")
    first = await written(house, "g1", "Bonjour", room)
    ghost = {"user_id": (await claire.event(room, first.native_id))["sender"]}
    await claire.call("POST", f"rooms/{room}/kick", ghost)
    await written(house, "g2", "Encore", room)
    await claire.call("POST", f"rooms/{room}/ban", ghost)
    assert await house.client.write(posting("g3", "Trop", room)) == Never("ghost_banned", "HTTP 403")


async def test_what_was_said_outlives_a_restart_and_the_connector_goes_on(house: House, synapse: LocalSynapse) -> None:
    claire, room = await house.room()
    before = await written(house, "s1", "Avant", room)
    synapse.stop()
    assert await house.client.write(posting("s2", "Après", room)) == Later("unreachable")
    synapse.start()
    await written(house, "s2", "Après", room)
    # What a service has sent is remembered in the homeserver's memory alone: without a look the same order is another message.
    order = posting("s1", "Avant", room)
    assert await house.client.find(order) == before
    assert await house.client.write(order) != before
    bodies = [event["content"]["body"] for event in await claire.read(room) if event["type"] == "m.room.message"]
    assert bodies == ["Avant", "Après", "Avant"]


async def test_a_write_whose_answer_was_lost_is_found_behind_all_that_followed(house: House) -> None:
    claire, room = await house.room()
    order = posting("l1", "Une fois", room)
    once = await house.client.write(order)
    for number in range(110):
        await claire.say(room, str(number))
    assert await house.client.find(order) == once
    assert await house.client.find(posting("l2", "Jamais", room)) is None


async def test_the_same_order_twice_is_one_message_and_is_found(house: House) -> None:
    claire, room = await house.room()
    order = posting("t1", "Une fois", room)
    assert await house.client.find(order) is None
    once = await house.client.write(order)
    assert await house.client.write(order) == once
    assert await house.client.find(order) == once
    bodies = [event["content"].get("body") for event in await claire.read(room)]
    assert bodies.count("Une fois") == 1


async def test_a_very_long_message_passes_under_the_homeservers_limit(house: House) -> None:
    _, room = await house.room()
    text = "“très” <long> & 'dit' " * 20_000
    content = Content(html=f"<p>{text}</p>", text=text)
    first, *others = await house.client.divided(posting("l1", "", room, content=content, link="https://wifip.example/t/9"))
    begun = await house.client.write(first)
    assert isinstance(begun, Written), begun
    assert others
    for part in others:
        assert isinstance(await house.client.write(placed(part, begun.native_id, None)), Written)
    edited, *_ = await house.client.divided(posting("l2", "", room, act=Act.EDITED, native_id=begun.native_id, content=content))
    assert isinstance(await house.client.write(edited), Written)


async def test_spaces_are_reported_as_their_state_says(house: House) -> None:
    _, room = await house.room()
    assert await house.client.report_space(room) == SpaceReport("Futurs Publics", Audience.MEMBERS, externals=False)
    claire = await house.person()
    secret = {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    encrypted = await claire.create_room("Secret", invite=[BOT], initial_state=[secret])
    assert await house.client.report_space(encrypted) == Closed("space_encrypted")
    closed = await claire.create_room("Fermé")
    assert await house.client.report_space(closed) == Closed("bot_not_in_space")
    assert isinstance(await house.client.write(posting("c1", "x", closed)), Never)


async def test_the_homeserver_reaches_our_gateway(house: House) -> None:
    assert await house.client.ping("traitdunion") is not None


async def test_the_deepest_event_that_the_homeserver_takes_blocks_nothing_after_it(house: House) -> None:
    claire, room = await house.room()
    deep: Any = "x"
    for _ in range(100):
        deep = [deep]
    first = await claire.say(room, "profond", deep=deep)
    following = await claire.say(room, "la suite")
    assert (await house.sink.change(Act.POSTED, first)).space == room
    assert (await house.sink.change(Act.POSTED, following)).space == room


async def test_a_transaction_is_sent_again_until_our_answer_is_taken(house: House) -> None:
    claire, room = await house.room()
    first = await claire.say(room, "Bonjour")
    await house.sink.change(Act.POSTED, first)
    house.sink.failing = 1
    again = await claire.say(room, "Encore")
    await house.sink.change(Act.POSTED, again)
    attempts = [request.path for request in house.sink.seen if again.encode() in request.body]
    assert len(attempts) >= 2  # what was answered late comes once more
    assert len(set(attempts)) == 1


# --- what is set on messages -----------------------------------------------------------------------------------------


def reacting(message: str, room: str, key: str, **changes: Any) -> Order:
    return posting(key, space=room, act=Act.REACTED, content=None, emoji="👍", target=message, **changes)


@pytest.mark.parametrize("version", ["10", "12"])
async def test_a_persons_reaction_and_its_redaction_are_understood_in_rooms_of_any_version(house: House, version: str) -> None:
    claire, room = await house.room(version)
    message = await claire.say(room, "Qui vient ?")
    reaction = await claire.react(room, message, "👍")
    change = await house.sink.change(Act.REACTED, reaction)
    assert (change.parent, change.emoji, change.space, change.by_us) == (message, "👍", room, False)
    redaction = await claire.redact(room, reaction)
    gone = await house.sink.change(Act.DELETED, reaction)
    assert (gone.marker, gone.by_us) == (redaction, False)


async def test_a_reaction_from_elsewhere_is_a_ghosts_own_and_its_removal_redacts_it(house: House) -> None:
    claire, room = await house.room()
    message = await claire.say(room, "Qui vient ?")
    given = reacting(message, room, f"react-{message[:8]}")
    copy = await house.client.write(given)
    assert isinstance(copy, Written)
    seen = await claire.event(room, copy.native_id)
    assert seen["content"]["m.relates_to"] == {"rel_type": "m.annotation", "event_id": message, "key": "👍"}
    assert (await claire.call("GET", f"profile/{seen['sender']}"))["displayname"] == "Léa Martin (Finances)"
    assert await house.client.find(given) == copy
    assert (await house.sink.change(Act.REACTED, copy.native_id)).by_us  # before its redaction: a homeserver pushes what is pruned pruned
    removal = posting(f"unreact-{message[:8]}", space=room, act=Act.UNREACTED, content=None, native_id=copy.native_id)
    assert await house.client.find(removal) is None
    redacted = await house.client.write(removal)
    assert await house.client.find(removal) == redacted
    assert (await claire.event(room, copy.native_id))["content"] == {}
    assert (await house.sink.change(Act.DELETED, copy.native_id)).by_us


async def test_a_real_homeserver_refuses_the_second_same_reaction_of_one_ghost(house: House) -> None:
    claire, room = await house.room()
    message = await claire.say(room, "Qui vient ?")
    assert isinstance(await house.client.write(reacting(message, room, f"one-{message[:8]}")), Written)
    assert await house.client.write(reacting(message, room, f"two-{message[:8]}")) == Never(UNSUPPORTED, "same_name_reacted")


async def test_the_mark_of_an_accepted_answer_moves_and_goes(house: House) -> None:
    claire, room = await house.room()
    first, second = await claire.say(room, "Ainsi."), await claire.say(room, "Ou mieux, ainsi.")
    mark = await house.client.write(posting(f"m1-{first[:8]}", space=room, act=Act.ACCEPTED, content=None, target=first))
    assert isinstance(mark, Written)
    moved = posting(f"m2-{first[:8]}", space=room, act=Act.ACCEPTED, content=None, target=second, native_id=mark.native_id)
    again = await house.client.write(moved)
    assert isinstance(again, Written)
    assert (await claire.event(room, mark.native_id))["content"] == {}
    assert (await claire.event(room, again.native_id))["content"]["m.relates_to"]["key"] == "✅ Réponse retenue"
    gone = posting(f"m3-{first[:8]}", space=room, act=Act.UNACCEPTED, content=None, target=second, native_id=again.native_id)
    assert isinstance(await house.client.write(gone), Written)
    assert (await claire.event(room, again.native_id))["content"] == {}


# --- rooms that do not want us, or are no longer what they were ----------------------------------------------------------

VERSIONS = pytest.mark.parametrize("version", ["10", "11", "12"])


async def hinted(house: House, room: str, what: str) -> None:
    await house.sink.until(lambda found: Altered(room, what) in found)


@VERSIONS
async def test_a_room_that_becomes_encrypted_hints_so_and_says_so(house: House, version: str) -> None:
    claire, room = await house.room(version)
    await claire.call("PUT", f"rooms/{room}/state/m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    await hinted(house, room, "m.room.encryption")
    assert await house.client.report_space(room) == Closed("space_encrypted")


@VERSIONS
async def test_a_room_that_another_has_replaced_hints_so_and_says_so(house: House, version: str) -> None:
    claire, room = await house.room(version)
    await written(house, f"u{version}", "Avant", room)
    await claire.call("POST", f"rooms/{room}/upgrade", {"new_version": "12"})
    await hinted(house, room, "m.room.tombstone")
    assert await house.client.report_space(room) == Closed("space_upgraded")
    assert await house.client.write(posting(f"v{version}", "Après", room)) == Never("forbidden", "HTTP 403")


async def test_a_bot_that_was_put_out_says_so_and_comes_back_only_when_it_is_invited(house: House) -> None:
    claire = await house.person()
    room = await claire.create_room("Place", preset="public_chat")
    assert isinstance(await house.client.report_space(room), SpaceReport)
    await claire.call("POST", f"rooms/{room}/kick", {"user_id": BOT})
    await hinted(house, room, "bot_put_out")
    assert await house.client.report_space(room) == Closed("bot_put_out")
    fresh = MatrixClient(matrix_instance(house.url))
    try:
        assert await fresh.write(posting("p1", space=room)) == Never("bot_put_out", "HTTP 403")
        assert await fresh.report_space(room) == Closed("bot_put_out")
    finally:
        await fresh.close()
    assert BOT not in (await claire.call("GET", f"rooms/{room}/joined_members"))["joined"]
    await claire.call("POST", f"rooms/{room}/invite", {"user_id": BOT})
    assert isinstance(await house.client.report_space(room), SpaceReport)


@VERSIONS
async def test_a_bot_that_was_banned_says_so(house: House, version: str) -> None:
    claire, room = await house.room(version)
    await claire.call("POST", f"rooms/{room}/ban", {"user_id": BOT})
    await hinted(house, room, "bot_put_out")
    assert await house.client.report_space(room) == Closed("bot_banned")


async def test_a_room_that_lets_no_ghost_in_says_so(house: House) -> None:
    claire, room = await house.room()
    levels = await claire.call("GET", f"rooms/{room}/state/m.room.power_levels")
    await claire.call("PUT", f"rooms/{room}/state/m.room.power_levels", {**levels, "invite": 50})
    assert await house.client.write(posting("n1", space=room)) == Never("ghost_not_admitted", "HTTP 403")


async def test_an_invitation_enters_no_room_and_what_is_said_there_stays_unheard(house: House) -> None:
    claire, tied = await house.room()
    asking = await claire.create_room("Et nous ?", invite=[BOT])
    await claire.say(asking, "cela reste ici")
    heard = await claire.say(tied, "cela part")
    await house.sink.change(Act.POSTED, heard)
    assert [event["content"] for event in house.sink.raw if event["room_id"] == asking] == [
        {"displayname": "traitdunion", "membership": "invite"}
    ]


async def test_comings_and_goings_of_our_own_users_are_nobodys(house: House) -> None:
    claire, room = await house.room()
    first = await written(house, "o1", "Bonjour", room)
    ghost = (await claire.event(room, first.native_id))["sender"]
    await claire.call("POST", f"rooms/{room}/kick", {"user_id": ghost})
    await written(house, "o2", "Encore", room)
    await house.sink.change(Act.POSTED, await claire.say(room, "fin"))
    ours = [event for event in house.sink.raw if event["room_id"] == room and event.get("state_key") in {BOT, ghost}]
    assert [(event["state_key"] == BOT, event["content"]["membership"]) for event in ours] == [
        (True, "invite"), (True, "join"), (False, "invite"), (False, "join"), (False, "leave"), (False, "invite"), (False, "join"),
    ]  # fmt: skip
    assert not [outcome for outcome in house.sink.outcomes if isinstance(outcome, Change) and outcome.space == room and not outcome.by_us][
        :-1
    ]


@VERSIONS
async def test_an_edit_of_somebody_elses_message_is_read_as_little_as_it_is_shown(house: House, version: str) -> None:
    claire, room = await house.room(version)
    bob = await house.person("Bob Diallo")
    await claire.call("POST", f"rooms/{room}/invite", {"user_id": bob.user_id})
    await bob.join(room)
    hers = await claire.say(room, "D’accord.")
    await bob.edit(room, hers, "Pas d’accord.")
    own = await claire.edit(room, hers, "D’accord, donc.")
    await bob.edit(room, hers, "Pas d’accord du tout.")
    await house.sink.change(Act.POSTED, await claire.say(room, "fin"))
    edits = [change for change in house.sink.changes(hers) if change.act is Act.EDITED]
    assert {(change.version, change.actor) for change in edits} == {(own, claire.user_id)}


async def test_a_real_room_tells_who_takes_part_hints_at_who_comes_and_lets_a_ghost_leave(house: House) -> None:
    person, room = await house.room()
    copy = await written(house, space=room)
    guest = await house.person("Bob Diallo")
    await person.call("POST", f"rooms/{room}/invite", {"user_id": guest.user_id})
    await guest.join(room)
    await house.sink.until(lambda outcomes: RosterAltered(room) in outcomes)
    found = await house.client.members(room)
    assert isinstance(found, tuple)
    assert {(member.actor, member.name) for member in found} == {(person.user_id, "Claire Moreau"), (guest.user_id, "Bob Diallo")}
    author = posting().author
    assert author is not None
    stranger = author.model_copy(update={"name": "Personne d’ici"})
    assert await house.client.depart(stranger, room) is False
    assert [await house.client.depart(author, room) for _ in range(2)] == [True, True]  # who left may leave
    joined = (await person.call("GET", f"rooms/{room}/joined_members"))["joined"]
    assert set(joined) == {person.user_id, guest.user_id, BOT}
    assert (await person.event(room, copy.native_id))["content"]["body"]
    await person.call("PUT", f"rooms/{room}/state/m.room.name/", {"name": "Atelier"})
    await house.sink.until(lambda outcomes: Altered(room, "m.room.name") in outcomes)
    assert isinstance(report := await house.client.report_space(room), SpaceReport)
    assert report.name == "Atelier"


async def test_a_real_homeserver_places_what_was_said_before_its_room_was_tied_and_since(house: House) -> None:
    """The last one of before, too, and however far behind; a message and its edit each by its own event."""
    claire, room = await house.room()
    before = [await claire.say(room, f"Avant, {number}") for number in range(3)]
    behind = await house.client.end_of(room)
    assert isinstance(behind, str)
    since = [await claire.say(room, f"Après, {number}") for number in range(25)]
    await claire.edit(room, before[0], "Avant, corrigé après")

    async def placed(native_id: str, act: Act = Act.POSTED, behind: str = behind) -> Placed | None:
        found = await house.client.complete(Incomplete(native_id, act, space=room, behind=behind))
        assert isinstance(found, Change), found
        return found.placed

    assert [await placed(one) for one in before] == [Placed.BEFORE] * 3
    assert [await placed(one) for one in (since[0], since[1], since[-1])] == [Placed.SINCE] * 3
    assert await placed(before[0], Act.EDITED) is Placed.SINCE
    assert await placed(since[0], behind="ailleurs") is Placed.UNTOLD
    await claire.redact(room, before[1])
    assert isinstance(await house.client.complete(Incomplete(before[1], Act.POSTED, space=room, behind=behind)), Unused)
