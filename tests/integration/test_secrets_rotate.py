"""Secrets replaced under load, through the real doors: nothing lost, nothing valid refused, a wrong one heals."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from adapters.platforms import platform
from adapters.secret import Rotating
from schemas import topics
from schemas.wire.telemetry import Metric
from tests.fakes_adapters import Rig, posted, said_by, until
from tests.fakes_discourse import API_KEY
from tests.fakes_discourse_twin import forum
from tests.fakes_plain import SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.servers import Kafka

OVERLAP = 300.0
NEW = "another-s3cret"


def replace(path: Path, text: str) -> None:
    """As tools that rotate secrets do it: a new file in the place of the old one."""
    beside = path.with_suffix(".new")
    beside.write_text(text + "\n")
    os.replace(beside, path)  # noqa: PTH105 - the act itself


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.rotation.LOOK_SECONDS", 0.05)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock by which overlaps end: nobody waits for it, and nobody who is slow comes too late."""
    moved = [0.0]
    monkeypatch.setattr(Rotating.__init__, "__defaults__", (lambda: time.monotonic() + sum(moved),))
    return moved.append


@asynccontextmanager
async def rig_of(kafka: Kafka, database_url: str, prefix: str, folder: Path, told: dict[str, Any], **more: Any) -> AsyncIterator[Rig]:
    """A rig whose settings name files in place of secrets."""
    rig = Rig(kafka.bootstrap, prefix, database_url, folder, **more)
    await rig.prepare()
    file = folder / "instances.yaml"
    instance: dict[str, Any] = yaml.safe_load(file.read_text())["instances"]["rse"] | told
    instance = {name: said for name, said in instance.items() if not (said is None or f"{name}_file" in told)}
    file.write_text(yaml.safe_dump({"instances": {"rse": instance}}))
    async with rig.registry():
        yield rig


@pytest.fixture(autouse=True)
def _kafka(kafka: Kafka, topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)


async def test_a_webhooks_secret_is_replaced_under_load_and_the_old_one_is_refused_after_the_overlap(
    kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, passes: Callable[[float], None]
) -> None:
    hook = tmp_path / "hook"
    hook.write_text(SECRET + "\n")
    told = {"webhook_secret_file": str(hook), "webhook_overlap_seconds": OVERLAP}
    async with rig_of(kafka, database_url, topic_prefix, tmp_path, told) as rig, rig.running():
        await rig.tie()
        statuses: list[int] = []

        async def say(first: int, token: str) -> None:
            for number in range(first, first + 10):
                answer = await rig.post({"what": "post", "id": f"post:{number}"}, token=token)
                statuses.append(answer.status)

        before = (await rig.post({"what": "post", "id": "post:99"}, token=NEW)).status
        await asyncio.gather(say(100, SECRET), say(200, SECRET))
        replace(hook, NEW)
        await asyncio.sleep(0.1)
        await asyncio.gather(say(300, SECRET), say(400, NEW))
        passes(OVERLAP)
        after = (await rig.post({"what": "post", "id": "post:98"})).status
        await say(500, NEW)
        heard = {headers["ce_nativeid"] for headers, _ in await rig.read(topics.RSE_INBOUND.name, 51)}
    assert (before, after) == (401, 401)
    assert statuses == [200] * 50
    assert heard >= {f"post:{first + number}" for first in (100, 200, 300, 400, 500) for number in range(10)}
    assert not heard & {"post:98", "post:99"}


async def test_a_wrong_key_for_the_api_pauses_by_name_loses_nothing_and_heals_when_the_right_one_is_written(
    kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text(API_KEY + "\n")
    async with forum(tmp_path) as rse:
        told = {
            "platform": "discourse", "url": rse.options.url, "api_secret_file": str(key), "spaces": ["97"],
            "options": {"api_username": "traitdunion"},
        }  # fmt: skip
        async with rig_of(kafka, database_url, topic_prefix, tmp_path, told, find=platform) as rig, rig.running():
            author = rig.hub.nodes["education"]
            await rig.deliver(rig.hub.proposal(rig.node, "97"))
            await until(lambda: rig.value("SELECT count(*) FROM adapters.ties WHERE state = 'accepted'"), 1)
            events = [said_by(author, posted(f"Message numéro {n} de la série."), f"${n}") for n in range(12)]
            await rig.deliver(*events[:4], extra=[rig.hub.numbered(event, rig.node, "97") for event in events[:4]])
            await rig.receipts(5)
            replace(key, "a-wrong-key")
            await asyncio.sleep(0.1)
            await rig.deliver(*events[4:], extra=[rig.hub.numbered(event, rig.node, "97") for event in events[4:]])
            await until(_paused, 1.0)
            replace(key, API_KEY)
            verdicts = [one["verdict"] for one in await rig.receipts(13)][1:]
            texts = [post["raw"] for post in sorted(await rse.posts(), key=lambda post: int(post["id"]))]
    assert verdicts == ["written"] * 12
    assert [f"numéro {n} de" in text for n, text in enumerate(texts)] == [True] * 12


async def _paused() -> float:
    return float(Metric.paused.labels("rse")._value.get())
