"""Two whole hubs of two organisations, each with processes, database, topics, keys and a forum of its own, that follow each other."""

from __future__ import annotations

import asyncio
import json
import signal
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from deploy.demo.federated import USUAL_PORT
from deploy.demo.kafka_tap import Tap, text
from deploy.demo.operator import CommandFailed
from deploy.demo.spaces import LIKE, find
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.keys import SigningKey
from schemas.media_types import ACTIVITY_JSON
from schemas.proof import sign_event
from schemas.topics import RSE_INBOUND
from schemas.wire.records import new_correlation, to_headers
from schemas.words import Audience
from tests.fakes_demo import NOT_INSTALLED
from tests.fakes_strangers import answer, stranger
from tests.fakes_third_server import ThirdServer
from tests.fakes_two_hubs import OPSI, OURS, Side, Two, follow, until, until_so, value

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.long,
    pytest.mark.skipif(NOT_INSTALLED is not None, reason=str(NOT_INSTALLED)),
]
NOTHING_WITHIN = 4.0
NOTICED_WITHIN = 8.0
"""Seconds within which every process has read who takes part: they look every second or two, on a machine that is their own."""
STOPPED = (
    ("hub", "peer-door"),
    ("worker", "peers"),
    ("worker", "inbound"),
    ("hub", "relay"),
    ("hub", "courier"),
    ("adapters", "run"),
)
LEAD = 240.0
"""Seconds within which a connector has heard of a new key, and signs by it."""


async def test_a_ministrys_message_is_read_at_the_other_hub_and_answered_from_there(two: Two) -> None:
    asked, answered = "Qui connaît un bon guide d'accueil ?", "Nous en avons un, le voici."
    original = await two.ours.forum.open_topic("Un guide d'accueil pour tous", asked)
    copy = await two.opsi.reads(asked)
    assert copy.by == two.ours.via
    await two.opsi.forum.reply(copy.id, answered)
    reply = await two.ours.reads(answered)
    assert (reply.by, reply.parent) == (two.opsi.via, original)
    third = "Merci, nous le lisons aussitôt."
    await two.ours.forum.reply(reply.id, third)
    back = await two.opsi.reads(third)
    own = await two.opsi.reads(answered)
    assert back.parent == own.id
    for side in (two.ours, two.opsi):
        words = await side.words()
        assert [sum(said in text for text in words) for said in (asked, answered, third)] == [1, 1, 1]


@pytest.mark.parametrize("way", ["out", "in"])
async def test_edits_reactions_and_deletions_follow(two: Two, way: str) -> None:
    here, there = (two.ours, two.opsi) if way == "out" else (two.opsi, two.ours)
    first, changed = f"Un premier jet ({way}) à relire.", f"Une version relue ({way}) enfin."
    original = await here.forum.open_topic(f"Un texte à relire ensemble ({way})", first)
    copy = await there.reads(first)
    await here.forum.edit(original, changed)
    assert (await there.reads(changed)).id == copy.id
    await there.forum.like(copy.id)
    await here.sees(lambda shown: (found := find(shown, changed)) and any(emoji == LIKE for emoji, _ in found.reactions))
    await _take_back_the_like(there)
    await here.sees(lambda shown: (found := find(shown, changed)) and not found.reactions)
    await here.forum.delete(original)
    await there.loses(changed)


async def _take_back_the_like(side: Side) -> None:
    """What a connector says of a like that is no more, for its newest one: a Discourse tells nobody, so that its twin cannot."""
    tap = Tap(side.hub.federated.office.environment)
    likes = [record for record in await tap.read(RSE_INBOUND) if text(record, "ce_type") == ReactionAdded.event_type]
    newest = max(likes, key=lambda record: record.timestamp)
    said = {name: text(newest, f"ce_{name}") for name in ("subject", "nativeid", "actor", "audience", "community")}
    key = SigningKey.load(side.hub.who.ministry.node, side.hub.federated.place.keys / "node.pem", None)
    event = sign_event(
        key, ReactionRemoved(space=side.hub.who.ministry.space), subject=said["subject"], time=datetime.now(UTC), platform="discourse",
        native_id=said["nativeid"], change_marker="removed", actor=said["actor"], audience=Audience(said["audience"]),
        community=said["community"],
    )  # fmt: skip
    await tap.put(RSE_INBOUND, newest.key, event.value, to_headers(event, new_correlation()))


@pytest.mark.parametrize("process", ["peer-door", "courier"])
async def test_a_hub_whose_process_stands_still_catches_up_in_order(two: Two, process: str) -> None:
    side = two.opsi if process == "peer-door" else two.ours
    [victim] = side.processes("hub", process)
    victim.send_signal(signal.SIGSTOP)
    said = [f"Parole {number} pendant l'arrêt ({process})." for number in range(5)]
    for number, words in enumerate(said):
        await two.ours.forum.open_topic(f"Pendant l'arrêt de {process}, sujet {number}", words)
    await asyncio.sleep(NOTHING_WITHIN)
    assert find(await two.opsi.forum.shown(), said[0]) is None
    victim.kill()  # its supervisor starts another
    await two.opsi.reads(said[-1])
    assert [words for text in await two.opsi.words() for words in said if words in text] == said


async def test_a_hub_that_was_stopped_altogether_catches_up_in_order(two: Two) -> None:
    """Doors, workers, relay, courier and connector: nothing of it runs while the other speaks on."""
    said = [f"Parole {number} pendant l'absence." for number in range(6)]
    assert all(two.opsi.processes(*words) for words in STOPPED)
    await two.opsi.hub.stop_hub()
    try:
        assert not [one for words in STOPPED for one in two.opsi.processes(*words)]
        for number, words in enumerate(said):
            await two.ours.forum.open_topic(f"Pendant l'absence de l'observatoire, sujet {number}", words)
        await asyncio.sleep(NOTHING_WITHIN)
        assert not [words for text in await two.opsi.words() for words in said if words in text]
    finally:
        two.opsi.hub.start_hub()
    await two.opsi.reads(said[-1])
    assert [words for text in await two.opsi.words() for words in said if words in text] == said
    await two.ours.transmission(said[-1], two.opsi, "arrived")
    back = "De retour, nous avons tout lu."
    await two.opsi.forum.open_topic("Le retour de l'observatoire", back)
    await two.ours.reads(back)


async def test_neither_is_named_with_a_port(two: Two) -> None:
    """As servers on the Internet are: what is signed, compared and looked up is the bare host."""
    if two.ours.hub.federated.place.port != USUAL_PORT:
        pytest.skip("this machine gives us no address of its own with port 80: both are named with a port here")
    for here, there in ((two.ours, two.opsi), (two.opsi, two.ours)):
        assert ":" not in here.authority
        known = json.loads(await there.run("peers", "show", here.authority, "--json"))
        assert known["id"] == here.authority


async def test_a_nodes_key_that_is_rotated_loses_nothing(two: Two, tmp_path: Path) -> None:
    key, out = two.ours.hub.federated.place.keys / "node.pem", tmp_path / "annonce.json"
    await two.ours.run("keys", "announce", "wifip", "--key", str(key), "--out", str(out), "--clear")
    await two.ours.run_by_one("keys", "rotate", str(out), "--lead", "3", "--overlap", "1")
    said: list[str] = []
    log = two.ours.hub.logs / "connector-wifip.log"
    async with asyncio.timeout(LEAD):
        while "node_key_follows" not in log.read_text():  # told at the first word that the new key signs
            said.append(f"Parole {len(said)} pendant la rotation.")
            await two.ours.forum.open_topic(f"Pendant la rotation de la clé, sujet {len(said)}", said[-1])
            await asyncio.sleep(2.0)
    said.append("Parole dernière, après la rotation.")
    await two.ours.forum.open_topic("Après la rotation de la clé, le dernier", said[-1])
    await two.opsi.reads(said[-1])
    assert [words for text in await two.opsi.words() for words in said if words in text] == said
    deeds = json.loads(await _read(two.ours, f"/groups/{OURS.community}/outbox?page=1"))["orderedItems"]
    keys = [one["object"]["object"]["ministryEvent"]["attributes"]["keyid"] for one in deeds[: min(len(said), len(deeds))]]
    assert len(set(keys)) == 2
    assert keys[0].endswith(SigningKey.load("wifip", key.with_name("node.pem.next"), None).public.multibase)


async def test_a_hubs_own_pair_that_is_rotated_loses_nothing_either_way(two: Two, tmp_path: Path) -> None:
    out = tmp_path / "paire.json"
    await two.ours.run("keys", "announce-pair", "--out", str(out), "--clear")
    await two.ours.run_by_one("keys", "rotate", str(out), "--lead", "3")
    await two.opsi.run_by_one("keys", "rotate", str(out))
    logs = [two.ours.hub.logs / f"{name}.log" for name in ("peer-door", "courier")]
    ours: list[str] = []
    theirs: list[str] = []

    async def speak() -> None:
        for side, said in ((two.ours, ours), (two.opsi, theirs)):
            said.append(f"Parole {len(said)} de {side.hub.who.name} pendant le relais de la paire.")
            await side.forum.open_topic(f"Relais de la paire, sujet {len(said)} de {side.hub.who.name}", said[-1])

    async with asyncio.timeout(LEAD):
        while not all("federation_pair_follows" in log.read_text() for log in logs):
            await speak()
            await asyncio.sleep(2.0)
    await speak()
    for side, said in ((two.opsi, ours), (two.ours, theirs)):
        await side.reads(said[-1])
        assert [words for text in await side.words() for words in said if words in text] == said
    await two.ours.transmission(ours[-1], two.opsi, "arrived")
    await two.opsi.transmission(theirs[-1], two.ours, "arrived")
    states = [one["state"] for one in json.loads(await two.ours.run("keys", "list", "--json"))]
    assert states == ["former", "signing"]
    shown = json.loads(await _read(two.ours, f"/groups/{OURS.community}"))
    assert len(shown["assertionMethod"]) == 2
    [door] = two.ours.processes("hub", "peer-door")
    door.kill()  # its supervisor starts another, which finds the same two pairs
    await speak()
    await two.opsi.reads(ours[-1])
    await two.ours.reads(theirs[-1])
    assert "key_rotated" in await two.opsi.run("peers", "acts", two.ours.authority, "--json")


async def test_who_has_left_hears_nothing_more_and_hears_again_once_back(two: Two) -> None:
    await two.opsi.run("communities", "unfollow", OPSI.community, two.ours.group)
    await _not_followed_by(two.ours, two.opsi)
    await asyncio.sleep(NOTICED_WITHIN)
    unheard = "Ceci n'est plus pour l'observatoire."
    await two.ours.forum.open_topic("Après le départ de l'observatoire", unheard)
    await asyncio.sleep(NOTHING_WITHIN)
    assert find(await two.opsi.forum.shown(), unheard) is None
    await follow(two.opsi, two.ours)
    heard = "Ceci est de nouveau pour l'observatoire."
    await two.ours.forum.open_topic("Après le retour de l'observatoire", heard)
    await two.opsi.reads(heard)
    assert find(await two.opsi.forum.shown(), unheard) is None


async def test_a_suspended_hub_neither_speaks_nor_hears_but_may_forget(two: Two) -> None:
    before = "À retirer pendant la suspension."
    original = await two.opsi.forum.open_topic("Écrit avant la suspension", before)
    await two.ours.reads(before)
    await two.ours.run_by_one("peers", "suspend", two.opsi.authority, "--reason", "enquête en cours")
    await asyncio.sleep(NOTICED_WITHIN)
    out, into = "Rien de ceci ne sort pendant la suspension.", "Rien de ceci n'entre pendant la suspension."
    await two.ours.forum.open_topic("Pendant la suspension, d'ici", out)
    await two.opsi.forum.open_topic("Pendant la suspension, de là-bas", into)
    await two.opsi.forum.delete(original)
    await asyncio.sleep(NOTHING_WITHIN)
    assert find(await two.opsi.forum.shown(), out) is None
    assert find(await two.ours.forum.shown(), into) is None
    await two.ours.loses(before)
    await two.ours.run_by_both("peers", "approve", two.opsi.authority)
    again = "L'observatoire parle de nouveau ici."
    await two.opsi.forum.open_topic("Après la suspension, de là-bas", again)
    await two.ours.reads(again)


async def test_each_hub_tells_the_other_what_became_of_its_words_there(two: Two) -> None:
    for here, there in ((two.ours, two.opsi), (two.opsi, two.ours)):
        said = f"Une parole dont {there.hub.who.name} rend compte."
        await here.forum.open_topic(f"Ce qu'en fait {there.hub.who.name}", said)
        await there.reads(said)
        told = await here.transmission(said, there, "arrived")
        assert told["word"]["community"] == there.hub.who.community
        assert set(told["word"]["nodes"].values()) == {"written"}
        assert told["word"]["receipt"].startswith(there.hub.federated.place.base)


async def test_a_receipt_that_does_not_come_is_awaited_and_shown(two: Two) -> None:
    before = await _unacknowledged(two)  # another test may have ended before all its receipts came
    [worker] = two.opsi.processes("worker", "peers")
    worker.send_signal(signal.SIGSTOP)
    said = "Une parole prise, et dont rien n'est dit encore."
    await two.ours.forum.open_topic("Prise, sans un mot", said)
    await two.ours.transmission(said, two.opsi, "awaited")
    assert await _unacknowledged(two) >= 1
    worker.kill()  # its supervisor starts another
    await two.ours.transmission(said, two.opsi, "arrived")

    async def all_told() -> bool:
        return await _unacknowledged(two) <= before

    await until(all_told)


async def _unacknowledged(two: Two) -> int:
    return int(json.loads(await two.ours.run("peers", "show", two.opsi.authority, "--json"))["unacknowledged"])


async def test_what_somebody_elsewhere_takes_back_reaches_the_other_followers_as_she_said_it(two: Two) -> None:
    words = "Écrit par quelqu'un d'ailleurs, puis retiré."
    async with stranger() as first, stranger() as second, ClientSession() as http:
        alice, ear = (ThirdServer(one, two.ours.group) for one in (first, second))
        for server, sides in ((alice, (two.ours, two.opsi)), (ear, (two.ours,))):
            for side in sides:
                await side.declare(server.authority)
        for server, side in ((alice, two.ours), (alice, two.opsi), (ear, two.ours)):
            await until(partial(server.follows, http, side.group))  # its door knows a server a moment after two people have admitted it
            await until_so(partial(server.accepted, side.group))
        created = await alice.says(http, "Create", alice.note(words))
        for side in (two.ours, two.opsi):
            await side.reads(words)
        await until_so(lambda: ear.heard(created) == 1)
        deleted = await alice.says(http, "Delete", alice.bury())
        for side in (two.ours, two.opsi):
            await side.loses(words)
        await until_so(lambda: ear.heard(deleted) == 1)
        after = "Dit après, et entendu de tous."
        await two.ours.forum.open_topic("Après le retrait", after)
        await until_so(lambda: all(any(after.encode() in one.body for one in server.stranger.asked) for server in (alice, ear)))
        assert alice.heard(deleted) == 0  # in order: what came before has come by now


async def test_what_moderation_takes_away_there_is_gone_here_and_comes_back_with_it(two: Two) -> None:
    words, after = "Un mot retiré par la modération, puis rétabli.", "Dit après, et lu après."
    await two.ours.forum.open_topic("Ce que la modération retire", words)
    copy = await two.opsi.reads(words)
    assert copy.by == two.ours.via
    url = two.ours.hub.federated.office.environment["TRAITDUNION_DATABASE_URL"]
    message = await value(url, "SELECT id FROM hub.messages WHERE position($1 in html) > 0 AND node <> 'hub'", words)
    assert message is not None
    await two.ours.run_by_one("moderation", "remove", message, "--ground", "off_topic")
    await two.opsi.loses(words)
    await two.ours.run_by_one("moderation", "restore", message)
    assert (await two.opsi.reads(words)).by == two.ours.via  # under the ministry's own proof, as its hub shows it again
    await two.ours.forum.open_topic("Après la modération", after)
    await two.opsi.reads(after)
    assert sum(words in text for text in await two.opsi.words()) == 1


async def test_what_a_server_did_not_take_is_sent_to_it_again_as_it_was_told_but_nothing_that_was_deleted_since(two: Two) -> None:
    kept, gone = "Un mot que ce serveur refuse d'abord.", "Un autre, supprimé entre-temps."
    async with stranger() as one, ClientSession() as http:
        server = ThirdServer(one, two.ours.group)
        await two.ours.declare(server.authority)
        await until(partial(server.follows, http, two.ours.group))
        await until_so(partial(server.accepted, two.ours.group))
        one.answers["/users/alice/inbox"] = answer("422 Unprocessable Content")
        await two.ours.forum.open_topic("Un serveur qui refuse", kept)
        original = await two.ours.forum.open_topic("Un serveur qui refuse encore", gone)

        async def aside() -> list[str | None]:
            return [row["resend"] for row in json.loads(await two.ours.run("peers", "aside", server.authority, "--json"))]

        async def all_are() -> bool:
            return await aside() == [None] * 4

        await until(all_are)
        told = list(dict.fromkeys(said.body for said in one.asked if said.method == "POST"))[1:]  # after the answer to its Follow
        assert [kept.encode() in body for body in told][::2] == [True, False]
        one.answers["/users/alice/inbox"] = answer("202 Accepted")
        await two.ours.forum.delete(original)
        await until_so(lambda: any(b'"Delete"' in said.body for said in one.asked))
        assert await aside() == [None, None, "resend_taken_back", "resend_taken_back"]
        before = len(one.asked)
        await two.ours.run_by_one("peers", "resend", server.authority, "--all", "--reason", "réparé")
        await until_so(lambda: len([said for said in one.asked[before:] if said.body in told]) == 2)
        await two.ours.forum.open_topic("Un serveur qui prend", "Dit après le renvoi.")
        await until_so(lambda: any(b"renvoi" in said.body for said in one.asked[before:]))
        assert [said.body for said in one.asked[before:] if said.body in told] == told[:2]
        assert "activities_resent" in await two.ours.run("peers", "acts", server.authority, "--json")


async def test_one_person_alone_admits_nobody_twice(two: Two) -> None:
    with pytest.raises(CommandFailed):
        await two.ours.run("peers", "approve", "inconnu.example")


async def _not_followed_by(here: Side, there: Side) -> None:
    async def gone() -> bool:
        said = json.loads(await here.run("communities", "follows", "--json"))
        return not [row for row in said if row["direction"] != "suit" and f"//{there.authority}/" in row["actor"]]

    await until(gone)


async def _read(side: Side, path: str) -> str:
    """What anybody reads at a hub."""
    async with ClientSession() as http, http.get(side.hub.federated.place.base + path, headers={"Accept": ACTIVITY_JSON}) as answer:
        return await answer.text()
