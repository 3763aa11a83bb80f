"""A whole connector process in front of a Discourse that keeps its limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from adapters.assembly import SettingsIncomplete
from adapters.observed import exposition, paces
from adapters.platforms import platform
from schemas.facts.message import MessageDeleted
from tests.fakes_adapters import Rig, posted, said_by, until
from tests.fakes_discourse import API_KEY, SECRET
from tests.fakes_discourse_twin import forum

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Kafka

pytestmark = pytest.mark.long

MESSAGES = 30
SPACE = "97"


@pytest.fixture(autouse=True)
def _kafka(kafka: Kafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)


async def test_a_process_learns_the_limit_of_its_rse_loses_nothing_and_tells_the_pace(
    kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with forum(tmp_path, rate=12, rate_window=3.0) as rse:
        told: dict[str, Any] = {
            "platform": "discourse", "url": rse.options.url, "webhook_secret": SecretStr(SECRET), "api_secret": SecretStr(API_KEY),
            "spaces": frozenset({SPACE}), "options": {"api_username": "traitdunion"},
        }  # fmt: skip
        rig = Rig(kafka.bootstrap, topic_prefix, database_url, tmp_path, instance=told, find=platform)
        await rig.prepare()
        async with rig.registry(), rig.running():
            author = rig.hub.nodes["education"]
            await rig.deliver(rig.hub.proposal(rig.node, SPACE))
            await until(lambda: rig.value("SELECT count(*) FROM adapters.ties WHERE state = 'accepted'"), 1)
            events = [said_by(author, posted(f"Message numéro {n} de la série."), f"${n}") for n in range(MESSAGES)]
            events.append(said_by(author, MessageDeleted(space="ailleurs"), "$0", marker="2"))
            await rig.deliver(*events, extra=[rig.hub.numbered(event, rig.node, SPACE) for event in events])
            await until(lambda: rig.value("SELECT count(*) FROM adapters.intents WHERE state <> 'open'"), MESSAGES + 1, 180)
            lines = paces(await exposition(rig.settings()))
            counted = (await rse.call("GET", "/twin/limits"))[1]
            posts = sorted((post for post in await rse.posts() if "Message numéro" in post["raw"]), key=lambda post: int(post["id"]))
    assert [f"numéro {n} de" in post["raw"] for n, post in enumerate(posts)] == [True] * MESSAGES
    assert [post["id"] for post in posts if post["deleted"]] == [posts[0]["id"]]
    assert counted["refused"] <= 6
    assert any(line.startswith("rse api : ") and "appels par minute" in line for line in lines), lines


async def test_a_limit_of_a_kind_of_call_that_the_platform_has_not_stops_the_start_by_name(
    kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    rig = Rig(kafka.bootstrap, topic_prefix, database_url, tmp_path, instance={"limits": {"chat": 5.0}})
    await rig.prepare()
    async with rig.registry():
        with pytest.raises(SettingsIncomplete, match="rse: limits chat"):
            async with rig.running():
                pass
