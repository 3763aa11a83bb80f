"""Conversations through everything that is real: two Synapses, Kafka, PostgreSQL, the hub's processes and a connector; a Discourse twin beside them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from deploy.demo.spaces import find
from deploy.local.kafka import JARS
from deploy.local.matrix_user import MatrixUser
from deploy.local.synapse import PYTHON
from tests.fakes_synapse import HURRIED, LIKER, Whole, seen
from tests.fakes_watched import lacks, shows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from deploy.demo.spaces import Shown, Space
    from tests.servers import Kafka

pytestmark = [
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not PYTHON.exists(), reason="no Synapse in the clone: run `make synapse`"),
    pytest.mark.skipif(not any(JARS.glob("kafka_*.jar")), reason="no Kafka in the clone: run `make kafka`"),
]
MARK = "✅ Réponse retenue"
ENCRYPTION = {"algorithm": "m.megolm.v1.aes-sha2"}
ROOMS: dict[str, dict[str, Any]] = {
    "douze": {"version": "12"},
    "onze": {"version": "11"},
    "dix": {"version": "10"},
    "bientot-chiffre": {"version": "11"},
    "remplace": {"version": "11"},
    "exclu": {"version": "12"},
    "banni": {"version": "10"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(
    kafka: Kafka, topics_of_module: str, database_of_module: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Whole]:
    folder = tmp_path_factory.mktemp("whole-synapse")
    async with Whole(folder, kafka.bootstrap, topics_of_module, database_of_module, ROOMS) as whole:
        yield whole


@pytest.mark.parametrize("community", ["dix", "onze", "douze"])
async def test_a_conversation_with_its_edits_and_deletions_crosses_in_rooms_of_any_version(whole: Whole, community: str) -> None:
    room, forum = whole.room(community), whole.forum(community)
    asked = await forum.open_topic(f"Une question en {community}", f"Qui vient jeudi, en {community} ?")
    copy = await shows(room, f"en {community} ?")
    assert copy.by == "Camille Roux (Finances publiques)"
    answer = await room.reply(copy.id, f"Claire viendra, en {community}.")
    second = await room.write(f"Une seconde parole en {community}.")
    answered = await shows(forum, f"Claire viendra, en {community}.")
    assert (answered.by, answered.parent) == ("Claire Moreau (Éducation nationale)", asked)
    await shows(forum, f"Une seconde parole en {community}.")
    await whole.claire.edit(whole.education.spaces[community], answer, f"Claire ne viendra pas, en {community}.")
    await shows(forum, f"Claire ne viendra pas, en {community}.")
    await room.redact(second)
    await lacks(forum, f"Une seconde parole en {community}.")
    await forum.edit(asked, f"Qui vient vendredi, en {community} ?")
    edited = await shows(room, f"vendredi, en {community} ?")
    assert edited.id == copy.id
    gone = await forum.reply(asked, f"À effacer bientôt, en {community}.")
    await shows(room, f"À effacer bientôt, en {community}.")
    await forum.delete(gone)
    await lacks(room, f"À effacer bientôt, en {community}.")


async def test_a_persons_reaction_and_its_end_reach_the_others(whole: Whole) -> None:
    room, forum, luc = whole.room("douze"), whole.forum("douze"), whole.elsewhere("douze")
    asked = await forum.open_topic("Une question à aimer", "Que pensez-vous de cette question ?")
    copy = await shows(room, "Que pensez-vous")
    reaction = await room.react(copy.id, "👍")
    await shows(forum, "Que pensez-vous", lambda shown: ("❤", LIKER) in shown.reactions)
    await shows(luc, "Que pensez-vous", lambda shown: ("👍", "Claire Moreau (Éducation nationale)") in shown.reactions)
    await room.redact(reaction)
    await shows(luc, "Que pensez-vous", lambda shown: not shown.reactions)
    await shows(forum, "Que pensez-vous", lambda shown: not shown.reactions)
    assert asked == (await shows(forum, "Que pensez-vous")).id


async def test_a_reaction_from_elsewhere_and_its_end_are_a_ghosts(whole: Whole) -> None:
    room, forum, luc = whole.room("douze"), whole.forum("douze"), whole.elsewhere("douze")
    await room.write("Voici ce que d’autres aimeront.")
    liked = await shows(forum, "d’autres aimeront")
    await forum.like(liked.id)
    await shows(room, "d’autres aimeront", lambda shown: ("❤️", "Camille Roux (Finances publiques)") in shown.reactions)
    reaction = await luc.react((await shows(luc, "d’autres aimeront")).id, "🎉")
    await shows(room, "d’autres aimeront", lambda shown: ("🎉", "Luc Petit (Recherche)") in shown.reactions)
    await luc.redact(reaction)
    left = await shows(room, "d’autres aimeront", lambda shown: len(shown.reactions) == 1)
    assert left.reactions == (("❤️", "Camille Roux (Finances publiques)"),)


async def test_the_mark_of_an_accepted_answer_comes_and_moves_to_another(whole: Whole) -> None:
    room, forum = whole.room("douze"), whole.forum("douze")
    await forum.open_topic("Une question à résoudre", "Comment ranger les salons ?")
    copy = await shows(room, "Comment ranger")
    for text in ("Par ministère, toujours.", "Par sujet, plutôt."):
        await room.reply(copy.id, text)
    await forum.accept((await shows(forum, "Par ministère")).id)
    marked = await shows(room, "Par ministère", lambda shown: shown.reactions)
    assert marked.reactions == ((MARK, "traitdunion"),)
    await forum.accept((await shows(forum, "Par sujet")).id)
    await shows(room, "Par sujet", lambda shown: [key for key, _ in shown.reactions] == [MARK])
    await shows(room, "Par ministère", lambda shown: not shown.reactions)


async def test_a_thread_goes_out_as_answers_and_answers_to_it_come_back_into_it(whole: Whole) -> None:
    room, forum, place = whole.room("onze"), whole.forum("onze"), whole.education.spaces["onze"]
    root = await room.write("Un fil sur les tuteurs.")
    first = await whole.bob.say_in_thread(place, root, root, "Premier mot du fil.")
    second = await whole.claire.say_in_thread(place, root, first, "Second mot du fil.")
    answer = await whole.bob.reply_in_thread(place, root, first, "Réponse au premier mot.")
    about = {words: await shows(forum, words) for words in ("Un fil sur", "Premier mot du", "Second mot", "Réponse au premier")}
    assert [shown.parent for shown in about.values()] == [
        None, about["Un fil sur"].id, about["Un fil sur"].id, about["Premier mot du"].id,
    ]  # fmt: skip
    await forum.reply(about["Réponse au premier"].id, "Une voix de plus dans ce fil.")
    copy = await shows(room, "Une voix de plus")
    relation = (await whole.claire.event(place, copy.id))["content"]["m.relates_to"]
    assert (relation["rel_type"], relation["event_id"], relation["is_falling_back"]) == ("m.thread", root, False)
    assert relation["m.in_reply_to"] == {"event_id": answer}
    assert second != answer


# --- rooms that close ------------------------------------------------------------------------------------------------


async def ended(whole: Whole, space: str) -> str | None:
    """The reason by which operators read that a tie is over."""
    state, reason = await seen(lambda: whole.tie(space), lambda tie: tie[0] not in {"active", "proposed"})
    assert state == "refused"
    return reason  # type: ignore[no-any-return]  # `seen` gives back what it saw


async def test_a_room_that_becomes_encrypted_is_left_alone_and_says_so(whole: Whole) -> None:
    community = "bientot-chiffre"
    room, forum, place = whole.room(community), whole.forum(community), whole.education.spaces[community]
    await room.write("Encore en clair.")
    await shows(forum, "Encore en clair.")
    await whole.claire.call("PUT", f"rooms/{place}/state/m.room.encryption", ENCRYPTION)
    assert await ended(whole, place) == "space_encrypted"
    before = await whole.counted('traitdunion_unused_total{platform="matrix",type="m.room.encrypted"}')
    secret = {"algorithm": ENCRYPTION["algorithm"], "ciphertext": "c2VjcmV0", "device_id": "A", "sender_key": "k", "session_id": "s"}
    await whole.claire.call("PUT", f"rooms/{place}/send/m.room.encrypted/{community}", secret)
    await room.write("En clair, mais dans un salon chiffré.")
    counted = 'traitdunion_unused_total{platform="matrix",type="m.room.encrypted"}'
    await seen(lambda: whole.counted(counted), lambda found: found == before + 1)
    await forum.open_topic("Pour le salon chiffré", "Ceci ne doit pas entrer dans le salon chiffré.")
    await seen(lambda: whole.ask("SELECT 1 FROM hub.messages WHERE community = $1", community), lambda found: len(found) == 2)
    assert find(await forum.shown(), "En clair, mais") is None
    assert find(await room.shown(), "Ceci ne doit pas") is None


async def test_a_room_that_is_encrypted_already_is_refused_by_name(whole: Whole) -> None:
    await whole.propose(whole.education, whole.encrypted, "chiffre", opening=True)
    assert await ended(whole, whole.encrypted) == "space_encrypted"


async def test_a_room_that_another_has_replaced_is_over_by_name(whole: Whole) -> None:
    place = whole.education.spaces["remplace"]
    await whole.claire.call("POST", f"rooms/{place}/upgrade", {"new_version": "12"})
    assert await ended(whole, place) == "space_upgraded"


@pytest.mark.parametrize(("community", "how", "reason"), [("exclu", "kick", "bot_put_out"), ("banni", "ban", "bot_banned")])
async def test_a_bot_that_is_put_out_ends_the_tie_and_operators_read_why(whole: Whole, community: str, how: str, reason: str) -> None:
    place = whole.education.spaces[community]
    await whole.claire.call("POST", f"rooms/{place}/{how}", {"user_id": "@traitdunion:tchap.example"})
    assert await ended(whole, place) == reason


async def test_a_banned_ghost_is_refused_by_name_and_the_others_go_on(whole: Whole) -> None:
    room, forum, luc = whole.room("douze"), whole.forum("douze"), whole.elsewhere("douze")
    await luc.write("Luc parle encore ici.")
    ghost = (await whole.claire.event(whole.education.spaces["douze"], (await shows(room, "Luc parle encore")).id))["sender"]
    await whole.claire.call("POST", f"rooms/{whole.education.spaces['douze']}/ban", {"user_id": ghost})
    await luc.write("Luc parle pour rien.")
    await whole.refused(whole.education.spaces["douze"], "ghost_banned")
    await forum.open_topic("Pendant ce temps", "Les autres continuent de parler.")
    await shows(room, "Les autres continuent")
    assert find(await room.shown(), "Luc parle pour rien.") is None
    await whole.claire.call("POST", f"rooms/{whole.education.spaces['douze']}/unban", {"user_id": ghost})
    await luc.write("Luc parle de nouveau.")
    await shows(room, "Luc parle de nouveau.")


# --- a homeserver that stops, a connector that dies, limits -----------------------------------------------------------------


def order_of(shown: Sequence[Shown], expected: Sequence[str]) -> list[str]:
    """The expected words as they stand in a space, doubles and all."""
    return [word for one in shown for word in expected if word in one.text]


async def everything(space: Space, expected: Sequence[str]) -> None:
    """Wait until all is there; then it must be there once, in the order in which it was said."""
    shown = await seen(space.shown, lambda shown: set(order_of(shown, expected)) == set(expected))
    assert order_of(shown, expected) == list(expected)


async def everything_as_numbered(whole: Whole, community: str, space: Space, expected: Sequence[str]) -> None:
    """As `everything`, in the hub's order: a Discourse webhook that has to come again comes a minute later, behind others."""
    shown = await seen(space.shown, lambda shown: set(order_of(shown, expected)) == set(expected))
    numbered = [word for text in await whole.numbered(community) for word in expected if word in text]
    assert sorted(numbered) == sorted(expected)
    assert order_of(shown, expected) == numbered


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_homeserver_that_ends_in_the_middle_catches_up_in_order_and_doubles_nothing(whole: Whole, how: str) -> None:
    room, forum = whole.room("dix"), whole.forum("dix")
    theirs = [f"Du forum, {how}, numéro {number:02} !" for number in range(16)]
    ours = [f"Du salon, {how}, numéro {number:02} !" for number in range(8)]
    topic = await forum.open_topic(f"Pendant que le serveur Matrix s’arrête ({how})", theirs[0])
    for text in ours[:4]:
        await room.write(text)
    for text in theirs[1:10]:
        await forum.reply(topic, text)
    await shows(room, theirs[2])
    await asyncio.to_thread(whole.synapse.kill if how == "kill" else whole.synapse.stop)
    for text in theirs[10:]:
        await forum.reply(topic, text)
    await asyncio.to_thread(whole.synapse.start)
    for text in ours[4:]:
        await room.write(text)
    await everything_as_numbered(whole, "dix", room, theirs)
    await everything(forum, ours)
    await everything(room, ours)


async def test_what_is_said_while_the_connector_is_dead_comes_when_it_lives_again(whole: Whole) -> None:
    room, forum = whole.room("onze"), whole.forum("onze")
    ours = [f"Sans connecteur, numéro {number:02} !" for number in range(8)]
    theirs = [f"Vers un connecteur mort, numéro {number:02} !" for number in range(8)]
    topic = await forum.open_topic("Quand le connecteur meurt", "Voici un sujet pour la suite.")
    await shows(room, "Voici un sujet pour la suite.")
    for before, text in zip(theirs[:4], ours[:4], strict=True):
        await forum.reply(topic, before)
        await room.write(text)
    await asyncio.to_thread(whole.connector.kill)
    for text in ours[4:]:
        await room.write(text)
    whole.start_connector()
    for text in theirs[4:]:
        await forum.reply(topic, text)
    await everything(forum, ours)
    await everything_as_numbered(whole, "onze", room, theirs)


async def test_a_burst_stays_within_a_homeservers_limits_in_order_and_whole(whole: Whole) -> None:
    forum, luc = whole.forum("douze"), whole.elsewhere("douze")
    expected = [f"Une rafale de réponses, numéro {number:02} !" for number in range(15)]
    began = time.monotonic()
    topic = await forum.open_topic("Une rafale de réponses", expected[0])
    for text in expected[1:]:
        await forum.reply(topic, text)
    await everything_as_numbered(whole, "douze", luc, expected)
    limit = HURRIED["rc_message"]
    assert time.monotonic() - began > (len(expected) - limit["burst_count"]) / limit["per_second"] - 1  # the limit was on


async def test_a_crowd_of_newcomers_enters_a_limited_room_one_after_the_other(whole: Whole) -> None:
    luc, place = whole.elsewhere("douze"), whole.education.spaces["douze"]
    expected = [f"Bonjour, je suis la personne {number:02} !" for number in range(8)]
    for number, text in enumerate(expected):
        person = await MatrixUser.register(whole.http, whole.education.url, f"foule{number}", f"Personne {number:02}")
        await whole.claire.call("POST", f"rooms/{place}/invite", {"user_id": person.user_id})
        await person.join(place)
        await person.say(place, text)
    await everything(luc, expected)
    shown = [one.by for one in await luc.shown() if "je suis la personne" in one.text]
    assert shown == [f"Personne {number:02} (Éducation nationale)" for number in range(8)]


# --- formatting ------------------------------------------------------------------------------------------------------

FORMATTED = (
    "<p>Voici <strong>l’essentiel</strong> et <code>le code</code> :</p><ul><li>un point</li><li>un autre</li></ul>"
    "<table><thead><tr><th>Nom</th><th>Jour</th></tr></thead><tbody><tr><td>Ada</td><td>jeudi</td></tr></tbody></table>"
    "<blockquote><p>une citation</p></blockquote><pre><code>ligne 1\nligne 2</code></pre>"
)


async def test_formatting_of_a_room_is_that_of_the_forum(whole: Whole) -> None:
    place, room = whole.education.spaces["douze"], whole.room("douze")
    asked = await whole.bob.say(place, "Qui met en forme ?")
    quoted = '<mx-reply><blockquote><a href="https://matrix.to/#/x">En réponse à</a> @bob<br>Qui met en forme ?</blockquote></mx-reply>'
    await whole.claire.say(
        place, "> <@bob:tchap.example> Qui met en forme ?\n\nVoici l’essentiel",
        format="org.matrix.custom.html", formatted_body=quoted + FORMATTED,
        **{"m.relates_to": {"m.in_reply_to": {"event_id": asked}}, "m.mentions": {"user_ids": [whole.bob.user_id]}},
    )  # fmt: skip
    answer = await shows(whole.forum("douze"), "l’essentiel")
    assert answer.parent == (await shows(whole.forum("douze"), "Qui met en forme ?")).id
    cooked = await whole.cooked("essentiel")
    for part in ("<strong>l’essentiel</strong>", "<code>le code</code>", "<li>un point</li>", "<td>jeudi</td>", "<blockquote>", "ligne 2"):
        assert part in cooked
    assert "mx-reply" not in cooked
    assert cooked.count("Qui met en forme") == 0
    luc = await shows(whole.elsewhere("douze"), "l’essentiel")
    event = await whole.luc.event(whole.research.spaces["douze"], luc.id)
    assert "<li>un autre</li>" in event["content"]["formatted_body"]
    assert "<td>Ada</td>" in event["content"]["formatted_body"]
    assert event["content"]["m.mentions"] == {}
    assert (await shows(room, "l’essentiel")).by == "Claire Moreau"


async def test_a_spoiler_stays_one_and_a_picture_emoji_says_its_name(whole: Whole) -> None:
    place = whole.education.spaces["douze"]
    html = 'Le gagnant est <span data-mx-spoiler="résultat">Ada</span> <img data-mx-emoticon src="mxc://tchap.example/abc" alt=":bravo:" height="32">'
    await whole.claire.say(place, "Le gagnant est [caché] :bravo:", format="org.matrix.custom.html", formatted_body=html)
    copy = await shows(whole.elsewhere("douze"), "Le gagnant est")
    content = (await whole.luc.event(whole.research.spaces["douze"], copy.id))["content"]
    assert "data-mx-spoiler" in content["formatted_body"]
    assert ":bravo:" in content["formatted_body"]
    assert "mxc:" not in content["formatted_body"]
    assert "masqué" in content["body"]


async def test_a_mention_is_a_name_elsewhere_and_rings_nobody(whole: Whole) -> None:
    place = whole.education.spaces["douze"]
    pill = f'Merci <a href="https://matrix.to/#/{whole.bob.user_id}">Bob Diallo</a> pour le compte rendu.'
    await whole.claire.say(
        place, "Merci Bob Diallo pour le compte rendu.", format="org.matrix.custom.html", formatted_body=pill,
        **{"m.mentions": {"user_ids": [whole.bob.user_id], "room": True}},
    )  # fmt: skip
    copy = await shows(whole.elsewhere("douze"), "pour le compte rendu")
    content = (await whole.luc.event(whole.research.spaces["douze"], copy.id))["content"]
    assert "Bob Diallo" in content["body"]
    assert content["m.mentions"] == {}
    assert whole.bob.user_id not in content["formatted_body"] + await whole.cooked("pour le compte rendu")


async def test_formatting_of_the_forum_is_that_of_the_room(whole: Whole) -> None:
    forum, room = whole.forum("douze"), whole.room("douze")
    await forum.open_topic(
        "Du Markdown vers Matrix", "Un **mot fort**, du `code` :\n\n- premier point\n- second point\n\n> une phrase citée"
    )
    copy = await shows(room, "mot fort")
    html = (await whole.claire.event(whole.education.spaces["douze"], copy.id))["content"]["formatted_body"]
    for part in ("<strong>mot fort</strong>", "<code>code</code>", "<li>premier point</li>", "<blockquote>"):
        assert part in html
