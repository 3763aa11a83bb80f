"""What was said before a space was tied, brought to the connector by a late webhook: whole processes, real Kafka, real PostgreSQL, twins."""

from __future__ import annotations

import json
import secrets
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from pydantic import SecretStr

from adapters import backfill
from adapters.platforms import platform
from adapters.port import Act
from schemas import topics
from tests.fakes_adapters import Rig, until
from tests.fakes_matrix import AS_TOKEN, HS_TOKEN
from tests.fakes_matrix_twin import House, closed_room
from tests.fakes_tied_forum import SPACE, World, world_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from adapters.port import UnverifiedRequest
    from tests.servers import Kafka

DAY = 86_400.0


@pytest.fixture
def broker(kafka: Kafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> Kafka:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setattr(backfill, "IDLE_SECONDS", 0.1)
    monkeypatch.setattr("adapters.completions.AGAIN_SECONDS", 0.1)
    return kafka


@pytest.fixture
async def world(broker: Kafka, database_url: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world_of(broker, database_url, topic_prefix, tmp_path, history_per_minute=600) as found:
        yield found


async def posted(world: World, text: str) -> str:
    title = f"Des nouvelles du mois, {secrets.token_hex(4)}"
    status, post = await world.rse.call("POST", "/posts.json", "camille", title=title, raw=text, category=int(SPACE))
    assert status == 200, post
    await world.rse.sink.change(Act.POSTED, f"post:{post['id']}")
    return f"post:{post['id']}"


async def outcomes(rig: Rig, requests: Sequence[UnverifiedRequest]) -> list[str]:
    """What the process says that each change of these webhooks became, in order."""
    async with aiohttp.ClientSession() as session:
        return [word for request in requests for word in await _words(rig, session, request)]


async def _words(rig: Rig, session: aiohttp.ClientSession, request: UnverifiedRequest) -> list[str]:
    url = f"http://127.0.0.1:{rig.port}/webhooks/rse/{request.path}".rstrip("/")
    async with session.request(request.method, url, data=request.body, headers=dict(request.headers)) as answer:
        assert answer.status == 200, await answer.text()
        return ["told" if said.startswith("event=") else said for said in answer.headers["X-Traitdunion-Outcome"].split(";")]


async def counted(rig: Rig, reason: str) -> float:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{rig.port}/metrics") as answer:
        found = [line for line in (await answer.text()).splitlines() if f'_total{{instance="rse",outcome="{reason}"}}' in line]
    return sum(float(line.rpartition(" ")[2]) for line in found)


async def test_a_forum_s_late_webhook_tells_nothing_that_was_said_before_and_a_back_fill_still_brings_it(world: World) -> None:
    before = await posted(world, "Ceci se disait entre nous, avant le rattachement.")
    late = list(world.rse.sink.seen)
    async with world.rig.running():
        await world.tie()
        await world.rse.call("POST", "/twin/faults", "traitdunion", kind="clock", seconds=-DAY)
        since = await posted(world, "Ceci est pour tous, quoi que dise l’horloge.")
        at_once = world.rse.sink.seen[len(late) :]
        counted_before = await counted(world.rig, "said_before_tie")
        assert "dropped=said_before_tie" in await outcomes(world.rig, late)
        assert await counted(world.rig, "said_before_tie") == counted_before + 1
        assert "told" in await outcomes(world.rig, at_once)
        await world.told(1)
        assert [attributes["ce_nativeid"] for attributes, _ in await world.heard()] == [since]
        await world.rse.call("POST", "/twin/faults", "traitdunion", kind="none")
        await ask_for_the_past(world.rig)
        await world.told(2)
        brought = [(attributes["ce_nativeid"], attributes.get("ce_history")) for attributes, _ in await world.heard()]
        assert brought == [(since, None), (before, "backfill")]


async def ask_for_the_past(rig: Rig) -> None:
    """As `backfill start` notes it."""
    asked = (
        "INSERT INTO adapters.backfills (instance, space, community, days, since, until, state) "
        "SELECT instance, space, community, 30, now() - interval '30 days', now(), 'surveying' FROM adapters.ties RETURNING 1"
    )
    assert await rig.value(asked) == 1


@pytest.fixture
async def room(broker: Kafka, database_url: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[tuple[House, Rig]]:
    async with AsyncExitStack() as stack:
        house = House(tmp_path, stack)
        await house.open()
        told: dict[str, Any] = {
            "platform": "matrix", "url": house.url, "api_secret": SecretStr(AS_TOKEN), "webhook_secret": SecretStr(HS_TOKEN),
            "options": {"server_name": "tchap.example", "bot": "traitdunion"},
        }  # fmt: skip
        yield house, Rig(broker.bootstrap, topic_prefix, database_url, tmp_path, instance=told, find=platform)


async def test_a_homeserver_that_sends_again_for_days_tells_nothing_that_was_said_before(room: tuple[House, Rig]) -> None:
    house, rig = room
    claire, space = await closed_room(house)
    await house.client.report_space(space)
    rig.instance["spaces"] = frozenset({space})
    await rig.prepare()
    async with rig.registry(), rig.running():
        await claire.say(space, "Ceci se disait entre nous.")
        gone = await claire.say(space, "Ceci aussi, puis fut repris.")
        await house.sink.change(Act.POSTED, gone)
        late, counted_before = len(house.sink.taken), await counted(rig, "said_before_tie")
        await rig.tie(space)
        await house.fault("clock", seconds=-DAY)
        since = await claire.say(space, "Ceci est pour tous, quoi que dise l’horloge.")
        other = await claire.say(space, "Et cela aussi.")
        await claire.redact(space, gone)
        await house.sink.change(Act.DELETED, gone)
        for taken in (house.sink.taken[:late], house.sink.taken[late:]):
            assert "incomplete" in await outcomes(rig, taken)
            await until(lambda: rig.value("SELECT count(*) FROM adapters.spool"), 0)
        assert await counted(rig, "said_before_tie") == counted_before + 1  # the other one is gone from there
        again = await claire.say(space, "L’homeserver n’a plus à le dire.")
        await house.sink.change(Act.POSTED, again)
        assert await outcomes(rig, house.sink.taken[-1:]) == ["told"]
        assert await heard(rig) == [since, other, again]


async def heard(rig: Rig) -> list[str]:
    found = await rig.all_of(topics.RSE_INBOUND.name)
    return [headers["ce_nativeid"] for headers, value in found if ".message." in headers["ce_type"] and json.loads(value)]
