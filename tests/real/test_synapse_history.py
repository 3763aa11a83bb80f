"""What a room held before its tie, and who takes part in it, through everything that is real: Synapses, Kafka, PostgreSQL, the hub, a connector."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pytest
import pytest_asyncio

from deploy.demo.spaces import Room
from deploy.local import ports
from deploy.local.kafka import JARS
from deploy.local.matrix_user import MatrixUser
from deploy.local.synapse import PYTHON
from tests.fakes_synapse import LIKER, Whole, seen
from tests.fakes_watched import lacks, shows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from tests.servers import Kafka

pytestmark = [
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not PYTHON.exists(), reason="no Synapse in the clone: run `make synapse`"),
    pytest.mark.skipif(not any(JARS.glob("kafka_*.jar")), reason="no Kafka in the clone: run `make kafka`"),
]
OLD: Final = "passe"
LIVING: Final = "presents"
ROOMS: dict[str, dict[str, Any]] = {OLD: {"version": "12"}, LIVING: {"version": "10"}}
ASKED, ANSWERED, MOVED, FAREWELL, TO_CHANGE, TO_DROP = (
    "Qui garde les clés du local ?",
    "La gardienne, au premier étage.",
    "Rendez-vous mardi, à midi.",
    "Je pars demain, bonne suite à tous !",
    "La réunion se tient en salle bleue.",
    "Il reste des croissants en cuisine.",
)
SAID: Final = (ASKED, ANSWERED, MOVED, FAREWELL)
NEVER: Final = ("sésame", "rez-de-chaussée", "lundi", "que nous", "🎉")
"""Words of the past that were changed or taken back, or may not leave."""


class Remembering(Whole):
    """The first homeserver's room of `OLD` has a past to bring and waits for its tie; the others' spaces are tied with it already."""

    async def _furnish(self) -> None:
        await super()._furnish()
        self.old = self.education.spaces.pop(OLD)
        self.education.offered.append(self.old)
        self.education.settings = {"backfill_days": {self.old: 30}, "history_per_minute": 600}

    async def newcomer(self, username: str, name: str, room: str) -> MatrixUser:
        """Somebody more, in a room of Claire's."""
        person = await MatrixUser.register(self.http, self.education.url, username, name)
        await Room(self.claire, room).invite(person.user_id)
        await person.join(room)
        return person

    async def announced(self, community: str, about: str) -> list[Told]:
        """What the hub told everybody of a community's messages, reactions or memberships, in its order."""
        rows = await self.ask("SELECT event, headers, value FROM hub.outbox WHERE community = $1 ORDER BY sequence", community)
        told = [Told(row["event"], dict(json.loads(row["headers"])), row["value"]) for row in rows]
        return [one for one in told if one.kind.partition(".")[0] in about.split()]

    async def participants(self, community: str, node: str) -> set[str]:
        """Who takes part from a ministry, as the hub shows it."""
        async with self.http.get(f"http://{ports.LOOPBACK}:{self._site_port}/api/communities/{community}/participants") as answer:
            shown = await answer.json()
        return {name for one in shown["participants"] if one["node"] == node for name in one["names"]}


@dataclass(frozen=True)
class Told:
    """An event as the hub announced it."""

    id: str
    headers: Mapping[str, str]
    value: bytes

    @property
    def kind(self) -> str:
        return self.headers["ce_type"].removeprefix("fr.gouv.rse.").removesuffix(".v1")

    @property
    def fact(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.value)
        return found

    def said(self, attribute: str) -> str | None:
        return self.headers.get(f"ce_{attribute}")


@dataclass(frozen=True)
class Past:
    """What stands in the room when it is tied, oldest first, and when the last of it was said."""

    messages: Sequence[str]
    reactions: Sequence[str]
    until: datetime


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(
    kafka: Kafka, topics_of_module: str, database_of_module: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Remembering]:
    folder = tmp_path_factory.mktemp("remembering-synapse")
    async with Remembering(folder, kafka.bootstrap, topics_of_module, database_of_module, ROOMS) as whole:
        yield whole


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def past(whole: Remembering) -> Past:
    """People talk in a room that nobody has tied; it is tied then, and its past is brought."""
    claire, bob, room = whole.claire, whole.bob, whole.old
    asked = await claire.say(room, ASKED)
    answered = await bob.say_in_thread(room, asked, asked, "La gardienne, au rez-de-chaussée.")
    moved = await claire.say(room, "Rendez-vous lundi, à midi.")
    liked = await bob.react(room, asked, "👍")
    await claire.redact(room, await claire.react(room, answered, "🎉"))
    gone = await bob.say(room, "Le code du portail est sésame.")
    await bob.edit(room, answered, ANSWERED)
    await claire.edit(room, moved, MOVED)
    await bob.redact(room, gone)
    await claire.say(room, "#interne Cela ne regarde que nous.")
    leaver = await whole.newcomer("nadia", "Nadia Petit", room)
    farewell = await leaver.say(room, FAREWELL)
    await leaver.leave(room)
    to_change, to_drop = await bob.say(room, TO_CHANGE), await claire.say(room, TO_DROP)
    to_take_back = await claire.react(room, to_change, "❤️")
    until = datetime.now(UTC)
    await whole.propose(whole.education, room, OLD)
    await seen(lambda: whole.ask("SELECT 1 FROM adapters.backfills WHERE state = 'done'"), bool)
    return Past((asked, answered, moved, farewell, to_change, to_drop), (liked, to_take_back), until)


# --- what was said before -----------------------------------------------------------------------------------------------


async def test_the_hub_holds_the_past_of_a_room_in_order_as_it_stands_and_as_history(whole: Remembering, past: Past) -> None:
    told = await whole.announced(OLD, "message reaction")
    brought = [one for one in told if one.said("history") == "backfill"]
    messages = [one for one in brought if one.kind == "message.posted"]
    reactions = [one for one in brought if one.kind == "reaction.added"]
    assert [one.said("nativeid") for one in messages] == list(past.messages)
    assert [one.said("nativeid") for one in reactions] == list(past.reactions)
    assert len(brought) == len(messages) + len(reactions)
    question = messages[0].said("subject")
    assert [one.said("parent") for one in messages] == [None, question, None, None, None, None]
    assert [one.said("parent") for one in reactions] == [question, messages[4].said("subject")]
    assert [one.fact["content"]["text"] for one in messages] == [*SAID, TO_CHANGE, TO_DROP]
    names = ["Claire Moreau", "Bob Diallo", "Claire Moreau", "Nadia Petit", "Bob Diallo", "Claire Moreau"]
    assert [one.fact["author"]["name"] for one in messages] == names
    assert [(one.fact["author"]["name"], one.fact["emoji"]) for one in reactions] == [("Bob Diallo", "👍"), ("Claire Moreau", "❤️")]
    at = [datetime.fromisoformat(str(one.said("time"))) for one in messages]
    assert at == sorted(at)
    assert at[-1] <= past.until
    assert not [word for word in NEVER if word.encode() in b"".join(one.value for one in told)]
    held = await whole.ask("SELECT html, history FROM hub.messages WHERE community = $1 AND id = $2", OLD, question)
    assert [row["history"] for row in held] == [True]
    here = {"Claire Moreau", "Bob Diallo"}  # and nobody who left before
    await seen(lambda: whole.participants(OLD, "education"), lambda found: found == here)


async def test_a_forum_takes_the_past_in_at_its_date_and_tells_nobody(whole: Remembering, past: Past) -> None:
    forum = whole.forum(OLD)
    await shows(forum, ASKED, lambda shown: ("❤", LIKER) in shown.reactions)
    copies = [await shows(forum, words) for words in SAID]
    assert [copy.parent for copy in copies] == [None, copies[0].id, None, None]
    assert copies[3].by == "Nadia Petit (Éducation nationale)"
    async with whole.http.get(f"{whole.finances.url}/twin/posts") as page:
        posts = {str(post["id"]): post for post in await page.json()}
    for copy in copies:
        assert posts[copy.id]["alerted"] is False
        assert datetime.fromisoformat(posts[copy.id]["created_at"]) <= past.until
    assert not [word for word in NEVER if word in json.dumps(posts, ensure_ascii=False)]


async def test_another_homeserver_takes_the_past_in_at_its_date_and_rings_nobody(whole: Remembering, past: Past) -> None:
    room, place = whole.elsewhere(OLD), whole.research.spaces[OLD]
    await shows(room, ASKED, lambda shown: ("👍", "Bob Diallo (Éducation nationale)") in shown.reactions)
    copies = [await shows(room, words) for words in SAID]
    assert [copy.parent for copy in copies] == [None, copies[0].id, None, None]
    for copy in copies:
        event = await whole.luc.event(place, copy.id)
        assert (event["content"]["msgtype"], event["content"]["m.mentions"]) == ("m.notice", {})
        assert event["origin_server_ts"] <= past.until.timestamp() * 1000
    assert not [word for word in NEVER if word in json.dumps(await whole.luc.read(place, 500), ensure_ascii=False)]


async def test_what_becomes_of_the_past_after_the_tie_follows_and_is_new(whole: Remembering, past: Past) -> None:
    spaces = (whole.forum(OLD), whole.elsewhere(OLD))
    for space in spaces:
        await shows(space, TO_CHANGE, lambda shown: shown.reactions)
        await shows(space, TO_DROP)
    await whole.claire.redact(whole.old, past.reactions[1])
    await whole.bob.edit(whole.old, past.messages[4], "La réunion se tient en salle rouge.")
    await whole.claire.redact(whole.old, past.messages[5])
    await whole.bob.reply(whole.old, past.messages[4], "Voici enfin du neuf.")
    for space in spaces:
        answer = await shows(space, "Voici enfin du neuf.")
        changed = await shows(space, "salle rouge", lambda shown: not shown.reactions)
        assert answer.parent == changed.id
        await lacks(space, TO_DROP)
    told = await whole.announced(OLD, "message reaction")
    since = [one.kind for one in told if one.said("history") is None]
    assert since == ["reaction.removed", "message.edited", "message.deleted", "message.posted"]
    greeted = await seen(lambda: whole.ask("SELECT 1 FROM adapters.greetings WHERE community = $1", OLD), bool)
    assert len(greeted) == 1  # of three who spoke, the one who spoke after the tie


# --- who takes part -----------------------------------------------------------------------------------------------------


async def test_who_is_in_a_room_who_comes_and_who_goes_is_told_to_the_hub_and_to_the_others(whole: Remembering) -> None:
    room, before = whole.education.spaces[LIVING], {"Claire Moreau", "Bob Diallo"}
    await whole.forum(LIVING).open_topic("Un sujet des Finances", "Camille écrit ceci par son forum.")
    await shows(whole.room(LIVING), "Camille écrit ceci")  # by a ghost, who takes part in nothing

    async def are(*others: str) -> None:
        await seen(lambda: whole.participants(LIVING, "education"), lambda found: found == before | set(others))

    await are()
    alice = await whole.newcomer("alice", "Alice Nguyen", room)
    await are("Alice Nguyen")
    await alice.call("PUT", f"profile/{alice.user_id}/displayname", {"displayname": "Alice Nguyen-Roy"})
    await are("Alice Nguyen-Roy")
    await alice.leave(room)
    await are()
    await whole.claire.call("POST", f"rooms/{room}/invite", {"user_id": alice.user_id})
    await alice.join(room)
    await are("Alice Nguyen-Roy")
    await whole.claire.call("POST", f"rooms/{room}/kick", {"user_id": alice.user_id})
    await are()
    told = await whole.announced(LIVING, "membership")
    first, second = told[2].said("subject"), told[5].said("subject")
    assert {one.fact["member"]["name"] for one in told[:2]} == before
    assert [(one.kind, one.said("subject"), one.said("changemarker"), one.fact["member"]["name"]) for one in told[2:]] == [
        ("membership.joined", first, "joined:1", "Alice Nguyen"),
        ("membership.joined", first, "joined:2", "Alice Nguyen-Roy"),
        ("membership.left", first, "left", "Alice Nguyen-Roy"),
        ("membership.joined", second, "joined:1", "Alice Nguyen-Roy"),
        ("membership.left", second, "left", "Alice Nguyen-Roy"),
    ]
    assert first != second
    assert len({one.said("actor") for one in told[2:]}) == 1
    everywhere = {("education", one.id) for one in told} | {("wifip", one.id) for one in told}
    query = "SELECT node, event FROM hub.deliveries WHERE community = $1 AND verdict = 'confirmed'"
    await seen(lambda: whole.ask(query, LIVING), lambda rows: everywhere <= {(row["node"], row["event"]) for row in rows})
    assert await whole.ask("SELECT 1 FROM hub.members WHERE community = $1 AND state = 'left' AND name != ''", LIVING) == []
