"""What a space held before its tie, brought by a whole connector process: real Kafka, real PostgreSQL, a Discourse twin."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adapters import backfill
from adapters.port import Act
from schemas import topics
from schemas.envelope import event_id
from tests.fakes_adapters import posted, said_by, until
from tests.fakes_tied_forum import SPACE, World, world_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers import Kafka

pytestmark = pytest.mark.long

FAST = {"history_per_minute": 600}


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "IDLE_SECONDS", 0.1)
    monkeypatch.setattr(backfill, "TROUBLE_SECONDS", 0.2)


@pytest.fixture(params=[FAST])
async def world(
    request: pytest.FixtureRequest, kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    request.getfixturevalue("hasty")
    async with world_of(kafka, database_url, topic_prefix, tmp_path, **request.param) as found:
        yield found


async def before(world: World, days: float, text: str, username: str = "camille", **body: Any) -> dict[str, Any]:
    """Somebody wrote so many days ago; no webhook of it comes."""
    at = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    opened = {} if "topic_id" in body else {"title": f"Un sujet d’il y a {days} jours", "category": int(SPACE)}
    told = {"raw": text, "created_at": at, "import_mode": True, **opened, **body}
    status, post = await world.rse.call("POST", "/posts.json", username, **told)
    assert status == 200, post
    said: dict[str, Any] = post
    return said


def command(world: World, *words: str) -> subprocess.CompletedProcess[str]:
    """A command as an operator types it."""
    environment = {"TRAITDUNION_LEDGER_URL": world.rig.database_url, "PATH": "/usr/bin:/bin"}
    line = [sys.executable, "-m", "adapters", "backfill", *words]
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=False, timeout=180)  # noqa: S603 - our own program


async def said_to(world: World, *words: str) -> str:
    done = await asyncio.to_thread(command, world, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def state(world: World, wanted: str) -> None:
    await until(lambda: world.rig.value("SELECT state FROM adapters.backfills"), wanted)


@pytest.mark.parametrize("world", [FAST | {"backfill_days": {SPACE: 30}}], indirect=True)
async def test_a_new_tie_brings_its_last_days_once_oldest_first_marked_as_history(world: World) -> None:
    await before(world, 40, "Ceci est trop ancien pour être apporté.")
    first = await before(world, 20, "Le premier message qui compte ici.")
    second = await before(world, 10, "Un autre sujet, plus récent que le premier.", "leo")
    reply = await before(world, 5, "Une réponse au premier des sujets.", "leo", topic_id=first["topic_id"])
    await before(world, 4, "#interne Ceci reste entre nous, bien entendu.")
    status, answer = await world.rse.call("POST", "/solution/accept.json", "camille", id=reply["id"])
    assert status == 200, answer
    gone = await before(world, 3, "Ceci sera supprimé avant d’être apporté.")
    await world.rse.call("DELETE", f"/posts/{gone['id']}.json", "system")
    async with world.rig.running():
        await world.tie()
        await state(world, "done")
        live = await world.post("Et voici ce qui s’écrit aujourd’hui.")
    async with world.rig.running():
        await world.told(4)
        await asyncio.sleep(1)
        heard = await world.heard()
        every = [headers for headers, _ in await world.rig.all_of(topics.RSE_INBOUND.name)]
    told = [(attributes["ce_nativeid"], attributes.get("ce_history")) for attributes, _ in heard]
    brought = [(f"post:{post['id']}", "backfill") for post in (first, second, reply)]
    assert told == [*brought, (f"post:{live['id']}", None)]
    answers = [one for one in every if one["ce_type"] == "fr.gouv.rse.answer.accepted.v1"]
    assert (answers[0]["ce_parent"], answers[0]["ce_history"]) == (heard[2][0]["ce_subject"], "backfill")
    assert len({one["ce_id"] for one in answers}) == 1  # its webhook, which came later, told the same event
    assert [attributes["ce_time"][:10] for attributes, _ in heard[:3]] == [post["created_at"][:10] for post in (first, second, reply)]
    assert heard[2][0]["ce_parent"] == heard[0][0]["ce_subject"]
    assert await world.rig.value("SELECT count(*) FROM adapters.greetings") <= 1  # who wrote before is told nothing


@pytest.mark.parametrize("world", [{"history_per_minute": 30, "backfill_days": {SPACE: 30}}], indirect=True)
async def test_what_is_answered_while_it_is_still_to_come_is_brought_at_once_and_keeps_its_answer(world: World) -> None:
    for day in range(6):
        await before(world, 20 - day, f"Un sujet d’il y a longtemps, numéro {day}.")
    asked = await before(world, 3, "Une question qui attend encore sa réponse.")
    async with world.rig.running():
        await world.tie()
        await until(lambda: world.rig.value("SELECT count(*) > 6 FROM adapters.backfill_items"), wanted=True)
        status, answer = await world.rse.call(
            "POST", "/posts.json", "leo", raw="Voici la réponse, enfin trouvée.", topic_id=asked["topic_id"]
        )
        assert status == 200, answer
        await world.rse.sink.change(Act.POSTED, f"post:{answer['id']}")
        await world.forward()
        await state(world, "done")
        await world.told(8)
        heard = [attributes for attributes, _ in await world.heard()]
    by_name = {attributes["ce_nativeid"]: attributes for attributes in heard}
    assert by_name[f"post:{answer['id']}"]["ce_parent"] == by_name[f"post:{asked['id']}"]["ce_subject"]
    assert [one["ce_nativeid"] for one in heard if "ce_history" in one][-1] != f"post:{asked['id']}"  # the newest of them was not the last


@pytest.mark.parametrize("world", [{"history_per_minute": 60, "backfill_days": {SPACE: 30}}], indirect=True)
async def test_what_is_brought_first_keeps_what_it_answers_itself(world: World) -> None:
    for day in range(4):
        await before(world, 20 - day, f"Un sujet d’il y a longtemps, numéro {day}.")
    asked = await before(world, 4, "Une question qui attend encore sa réponse.")
    asked_back = await before(world, 3, "De quelle version parlez-vous ?", topic_id=asked["topic_id"], reply_to_post_number=1)
    async with world.rig.running():
        await world.tie()
        await until(lambda: world.rig.value("SELECT count(*) > 5 FROM adapters.backfill_items"), wanted=True)
        reply = {"raw": "De la dernière, bien entendu.", "topic_id": asked["topic_id"], "reply_to_post_number": 2}
        status, answer = await world.rse.call("POST", "/posts.json", "leo", **reply)
        assert status == 200, answer
        await world.rse.sink.change(Act.POSTED, f"post:{answer['id']}")
        await world.forward()
        await state(world, "done")
        await world.told(7)
        heard = [attributes["ce_nativeid"] for attributes, _ in await world.heard() if "ce_history" in attributes]
    assert heard.index(f"post:{asked['id']}") < heard.index(f"post:{asked_back['id']}")


async def test_an_operator_asks_stops_goes_on_and_takes_back(world: World) -> None:
    posts = [await before(world, days, f"Un message d’il y a {days} jours, pour l’histoire.") for days in (9, 8, 7)]
    async with world.rig.running():
        assert (await asyncio.to_thread(command, world, "start", "rse", SPACE, "--days", "30")).returncode == 1  # not tied yet
        await world.tie()
        await until(lambda: world.rig.value("SELECT state FROM adapters.ties"), "confirmed")
        assert "Aucun historique" in await said_to(world, "list")
        await said_to(world, "start", "rse", SPACE, "--days", "30")
        await state(world, "done")
        assert "3 apportés, 0 à venir, 0 laissés, 0 retirés, sur 3" in await said_to(world, "list")
        assert (await asyncio.to_thread(command, world, "stop", "rse", SPACE)).returncode == 1  # nothing is under way
        await said_to(world, "undo", "rse", SPACE)
        await state(world, "undone")
        heard = [(attributes["ce_type"].split(".")[-2], attributes["ce_nativeid"]) for attributes, _ in await world.heard()]
        names = [f"post:{post['id']}" for post in posts]
        assert heard == [*(("posted", name) for name in names), *(("deleted", name) for name in reversed(names))]
        assert not any(post["deleted"] for post in await world.rse.posts())  # in their own RSE they stand
        await world.rse.call("PUT", f"/posts/{posts[0]['id']}.json", "camille", post={"raw": "Ce message revient par une modification."})
        await world.rse.sink.change(Act.EDITED, names[0])
        await world.forward()
        await world.told(7)
        assert (await world.heard())[-1][0]["ce_type"].endswith("message.edited.v1")


@pytest.mark.parametrize("world", [FAST | {"backfill_days": {SPACE: 30}}], indirect=True)
async def test_a_process_that_dies_in_the_middle_brings_nothing_twice_and_forgets_nothing(world: World) -> None:
    posts = [await before(world, 20 - number, f"Le message d’autrefois, numéro {number}.") for number in range(6)]
    for _ in range(3):
        async with world.rig.running():
            if await world.rig.value("SELECT count(*) FROM adapters.ties") == 0:
                await world.tie()
            await until(lambda: world.rig.value("SELECT count(*) > 0 FROM adapters.backfill_items WHERE state = 'brought'"), wanted=True)
        # as kill -9 leaves it: told, and not noted; the lease not given back
        await world.rig.value("UPDATE adapters.backfill_items SET state = 'telling' WHERE state = 'brought' RETURNING 1")
        await world.rig.value("UPDATE adapters.backfills SET leased_until = now() + interval '2 seconds' RETURNING 1")
    async with world.rig.running():
        await state(world, "done")
    told = [attributes["ce_id"] for attributes, _ in await world.heard()]
    expected = [
        event_id("wifip", "fr.gouv.rse.message.posted.v1", f"post:{post['id']}", f"post_created:{post['updated_at']}") for post in posts
    ]
    assert list(dict.fromkeys(told)) == expected  # what may have been told in vain is told again: the same event, whose double dies
    assert await world.rig.value("SELECT count(*) FROM adapters.backfill_items WHERE state = 'brought'") == 6


@pytest.mark.parametrize("world", [{"history_per_minute": 60, "backfill_days": {SPACE: 30}}], indirect=True)
async def test_what_is_said_today_does_not_wait_for_history_and_history_keeps_its_pace(world: World) -> None:
    for number in range(8):
        await before(world, 20 - number, f"Le message d’autrefois, numéro {number}.")
    async with world.rig.running():
        await world.tie()
        await until(lambda: world.rig.value("SELECT count(*) > 0 FROM adapters.backfill_items WHERE state = 'brought'"), wanted=True)
        began = asyncio.get_running_loop().time()
        brought = await world.rig.value("SELECT count(*) FROM adapters.backfill_items WHERE state = 'brought'")
        for number in range(5):
            await world.post(f"Ce qui s’écrit aujourd’hui, numéro {number}.")
        since = await world.rig.value("SELECT count(*) FROM adapters.backfill_items WHERE state = 'brought'") - brought
        took = asyncio.get_running_loop().time() - began
        await until(lambda: _live(world), 5)
        live = [attributes for attributes, _ in await world.heard() if "ce_history" not in attributes]
    assert len(live) == 5
    assert since <= took + 1  # 60 a minute: one a second


async def _live(world: World) -> int:
    return sum("ce_history" not in attributes for attributes, _ in await world.heard())


async def test_a_double_of_history_that_comes_by_webhook_is_the_same_event(world: World) -> None:
    post = await before(world, 5, "Un message dont le webhook viendra tard.", import_mode=False)
    async with world.rig.running():
        await world.tie()
        await until(lambda: world.rig.value("SELECT state FROM adapters.ties"), "confirmed")
        await said_to(world, "start", "rse", SPACE, "--days", "30")
        await state(world, "done")
        await world.rse.sink.change(Act.POSTED, f"post:{post['id']}")
        await world.forward()
        heard = await world.heard()
    assert len({attributes["ce_id"] for attributes, _ in heard}) == 1
    assert heard[0][0]["ce_history"] == "backfill"


async def test_history_from_elsewhere_is_written_at_its_date_and_alerts_nobody(world: World) -> None:
    async with world.rig.running():
        await world.tie()
        event = said_by(world.rig.hub.nodes["education"], posted("Un message d’un autre temps, d’ailleurs."), "$1", history="backfill")
        await world.number(event, "education")
        deliveries = await world.rig.receipts(3)
        assert [one["verdict"] for one in deliveries][-1] == "written"
        copy = next(post for post in await world.rse.posts() if "autre temps" in post["cooked"])
        assert copy["alerted"] is False
        assert await world.rig.read(topics.RSE_RECEIPTS.name, 1)
