"""What a Discourse said while nobody listened: real gateway, real Kafka, real PostgreSQL, a twin that loses webhooks as Discourse does."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from pydantic import SecretStr

from adapters import poller
from adapters.discourse import attempts, lost
from adapters.platforms import platform
from deploy.local.ports import free_port
from schemas import topics
from tests.fakes_adapters import PATIENCE, Rig, until
from tests.fakes_discourse import ACCOUNT, API_KEY, SECRET
from tests.fakes_discourse_twin import Forum, forum

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tests.servers import Kafka

TEXT = "Bonjour à tous, voici les nouvelles"
Told = tuple[str, str, str]


@dataclass
class World:
    """A connector process beside its forum."""

    rig: Rig
    forum: Forum

    async def topic(self, text: str, category: int = 97) -> dict[str, Any]:
        """Camille opens one."""
        title = f"Des nouvelles de l’atelier : {text[:30]}"
        return await self._done("POST", "/posts.json", title=title, raw=f"{text} {TEXT}", category=category)

    async def reply(self, topic: dict[str, Any], text: str) -> dict[str, Any]:
        """Léo answers."""
        return await self._done("POST", "/posts.json", "leo", topic_id=topic["topic_id"], raw=f"{text} {TEXT}")

    async def edit(self, post: dict[str, Any], text: str) -> None:
        await self._done("PUT", f"/posts/{post['id']}.json", "system", post={"raw": f"{text} {TEXT}"})

    async def delete(self, post: dict[str, Any]) -> None:
        await self._done("DELETE", f"/posts/{post['id']}.json", "system")

    async def recover(self, post: dict[str, Any]) -> None:
        await self._done("PUT", f"/posts/{post['id']}/recover", "system")

    async def given_up(self) -> None:
        """Wait until the forum has given up all that it had to tell."""
        await until(self._waiting, [])

    async def _waiting(self) -> Any:
        return [parcel for parcel in (await self.forum.call("GET", "/twin/webhooks"))[1] if not parcel["given_up"]]

    async def log(self) -> list[dict[str, Any]]:
        """The attempts that failed, oldest first."""
        found: list[dict[str, Any]] = (await self.forum.call("GET", "/admin/api/web_hook_events/1.json", ACCOUNT))[1]["web_hook_events"]
        return found[::-1]

    async def redeliver(self, attempt: dict[str, Any]) -> str:
        """An administrator sends one again; what became of it."""
        url = f"http://127.0.0.1:{self.rig.port}/webhooks/rse"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=attempt["payload"].encode(), headers=json.loads(attempt["headers"])) as answer,
        ):
            assert answer.status == 200
            return answer.headers["X-Traitdunion-Outcome"]

    async def heard(self) -> list[Told]:
        """What the hub was told, in order: the fact, the native id, its first word; what is told twice under one event id is taken once."""
        records = await self.rig.all_of(topics.RSE_INBOUND.name)
        once = {headers["ce_id"]: (headers, value) for headers, value in reversed(records)}
        return [_told(headers, value) for headers, value in reversed(once.values()) if ".tie." not in headers["ce_type"]]

    async def hears(self, expected: Sequence[Told]) -> None:
        """Wait until the hub has been told exactly this."""
        async with asyncio.timeout(PATIENCE):
            while (found := await self.heard()) != list(expected):
                assert len(found) <= len(expected), found

    async def _done(self, method: str, path: str, username: str = "camille", **body: Any) -> dict[str, Any]:
        status, said = await self.forum.call(method, path, username, **body)
        assert status == 200, said
        found: dict[str, Any] = said or {}
        return found


def _told(headers: dict[str, str], value: bytes) -> Told:
    text = json.loads(value).get("content", {}).get("text", "")
    return headers["ce_type"].split(".")[-2], headers["ce_nativeid"], text.partition(" ")[0]


def name(post: dict[str, Any]) -> str:
    return f"post:{post['id']}"


@pytest.fixture
async def world(
    kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setattr(attempts, "SHARE", 1_000.0)
    port = free_port()
    async with forum(tmp_path, webhook=f"http://127.0.0.1:{port}/webhooks/rse") as twin:
        told: dict[str, Any] = {
            "platform": "discourse", "url": twin.options.url, "api_secret": SecretStr(API_KEY), "webhook_secret": SecretStr(SECRET),
            "spaces": frozenset({"97"}), "options": {"api_username": ACCOUNT},
        }  # fmt: skip
        rig = Rig(kafka.bootstrap, topic_prefix, database_url, tmp_path, instance=told, find=platform, kept_port=port)
        await rig.prepare()
        async with rig.registry():
            yield World(rig, twin)


async def test_what_was_done_while_nobody_listened_is_told_once_and_in_order_after_the_restart(world: World) -> None:
    before = await world.topic("Avant")
    await world.given_up()
    async with world.rig.running():
        await world.rig.tie("97")
        root = await world.topic("Un")
        answer, unwanted = await world.reply(root, "Deux"), await world.reply(root, "Trois")
        known = [("posted", name(root), "Un"), ("posted", name(answer), "Deux"), ("posted", name(unwanted), "Trois")]
        await world.hears(known)
    await world.edit(root, "Unbis")
    late = await world.reply(root, "Quatre")
    await world.delete(unwanted)
    second = await world.topic("Cinq")
    await world.edit(second, "Cinqbis")
    inside = await world.topic("Six")
    await world.edit(inside, "#interne")
    brief = await world.reply(second, "Sept")
    await world.delete(brief)
    await world.topic("Ailleurs", category=98)
    await world.delete(answer)
    await world.recover(answer)
    await world.given_up()
    async with world.rig.running():
        expected = [
            *known, ("edited", name(root), "Unbis"), ("posted", name(late), "Quatre"), ("deleted", name(unwanted), ""),
            ("edited", name(second), "Cinqbis"), ("edited", name(answer), "Deux"),
        ]  # fmt: skip
        await world.hears(expected)
        assert name(before) not in [native for _, native, _ in await world.heard()]
        third = await world.reply(second, "Huit")
        await world.hears([*expected, ("posted", name(third), "Huit")])


async def test_what_is_delivered_late_adds_nothing_to_what_was_found(world: World) -> None:
    async with world.rig.running():
        await world.rig.tie("97")
    root = await world.topic("Un")
    await world.edit(root, "Deux")
    await world.edit(root, "Trois")
    await world.given_up()
    async with world.rig.running():
        await world.hears([("edited", name(root), "Trois")])
        (told,) = [headers["ce_id"] for headers, _ in await world.rig.read(topics.RSE_INBOUND.name, 2) if ".tie." not in headers["ce_type"]]
        posts = [attempt for attempt in await world.log() if json.loads(attempt["headers"])["X-Discourse-Event-Type"] == "post"]
        outcomes = [await world.redeliver(attempt) for attempt in posts]
        assert outcomes[:-1] == ["incomplete"] * (len(posts) - 1)  # overtaken: the forum is asked again
        assert outcomes[-1].startswith(f"event={told}@")  # the same event: the hub takes it once
        await until(lambda: world.rig.value("SELECT count(*) FROM adapters.spool"), 0)
        await world.hears([("edited", name(root), "Trois")])


async def test_nothing_is_asked_of_a_forum_that_is_well(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = lost.Recall.lost

    async def watched(self: lost.Recall, space: str, *given: Any) -> Any:
        asked.append(space)
        return await real(self, space, *given)

    async def looked() -> bool:
        return bool(asked)

    monkeypatch.setattr(lost.Recall, "lost", watched)
    monkeypatch.setattr(poller, "CLAIM_EVERY", poller.CLAIM_EVERY / 20)
    assert poller.REMINDED.idle.total_seconds() == 120
    async with world.rig.running():
        await world.rig.tie("97")
        root = await world.topic("Un")
        await world.hears([("posted", name(root), "Un")])
        await until(looked, wanted=True)
        await asyncio.sleep(1.5)
        assert asked == ["97"]
