"""Likes that people of a Discourse take back: real gateway, real Kafka, real PostgreSQL, and a twin that tells nobody of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from adapters import unliked
from adapters.platforms import platform
from deploy.local.ports import free_port
from schemas import topics
from tests.fakes_adapters import PATIENCE, Rig
from tests.fakes_discourse import ACCOUNT, API_KEY, SECRET
from tests.fakes_discourse_twin import Forum, forum

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers import Kafka

RAW = "Bonjour à tous, voici les nouvelles."


@pytest.fixture
async def world(
    kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Rig, Forum]]:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setattr(unliked, "ROUND_SECONDS", 0.2)
    monkeypatch.setattr(unliked, "AGAIN_SECONDS", 0.1)
    port = free_port()
    async with forum(tmp_path, webhook=f"http://127.0.0.1:{port}/webhooks/rse") as twin:
        told: dict[str, Any] = {
            "platform": "discourse", "url": twin.options.url, "api_secret": SecretStr(API_KEY), "webhook_secret": SecretStr(SECRET),
            "spaces": frozenset({"97"}), "options": {"api_username": ACCOUNT}, "limits": {"api": 6000.0},
        }  # fmt: skip
        rig = Rig(kafka.bootstrap, topic_prefix, database_url, tmp_path, instance=told, find=platform, kept_port=port)
        await rig.prepare()
        async with rig.registry():
            yield rig, twin


async def call(twin: Forum, method: str, path: str, username: str, **body: Any) -> Any:
    status, said = await twin.call(method, path, username, **body)
    assert status == 200, said
    return said


async def gestures(rig: Rig) -> list[tuple[str, str]]:
    """The reactions that the hub was told of, in order, once for each event id: what became of each, and its native id."""
    once = {headers["ce_id"]: headers for headers, _ in await rig.all_of(topics.RSE_INBOUND.name)}
    return [(one["ce_type"].split(".")[-2], one["ce_nativeid"]) for one in once.values() if ".reaction." in one["ce_type"]]


async def hears(rig: Rig, *expected: str) -> list[str]:
    """Wait until the hub has been told exactly this; the native ids."""
    async with asyncio.timeout(PATIENCE):
        found = await gestures(rig)
        while [what for what, _ in found] != list(expected):
            assert len(found) <= len(expected), found
            found = await gestures(rig)
    return [native for _, native in found]


async def test_a_like_taken_back_is_told_once_and_one_set_anew_is_another_whatever_comes_twice_or_starts_again(
    world: tuple[Rig, Forum],
) -> None:
    rig, twin = world
    async with rig.running():
        await rig.tie("97")
        post = await call(twin, "POST", "/posts.json", "camille", title="Des nouvelles de l’atelier", raw=RAW, category=97)
        await twin.fault(kind="webhook_twice", count=20, seconds=1.0)
        like = {"id": post["id"], "post_action_type_id": 2}
        await call(twin, "POST", "/post_actions.json", "leo", **like)
        await hears(rig, "added")
        await call(twin, "DELETE", f"/post_actions/{post['id']}.json", "leo", post_action_type_id=2)
        await hears(rig, "added", "removed")
        await call(twin, "POST", "/post_actions.json", "leo", **like)
        await hears(rig, "added", "removed", "added")
        await call(twin, "POST", "/post_actions.json", "system", **like)
        names = await hears(rig, "added", "removed", "added", "added")
    await call(twin, "DELETE", f"/post_actions/{post['id']}.json", "leo", post_action_type_id=2)
    async with rig.running():
        last = await hears(rig, "added", "removed", "added", "added", "removed")
        await asyncio.sleep(1.5)  # several rounds, and what comes twice
        assert await hears(rig, "added", "removed", "added", "added", "removed") == last
    assert last[:3] == [names[0], names[0], f"{names[0]}/2"]
    assert last[4] == f"{names[0]}/2"
    standing = await rig.value("SELECT count(*) FROM adapters.objects WHERE kind = 'reaction' AND NOT deleted")
    assert standing == 1


async def test_staffs_deletion_and_return_of_a_post_leaves_its_likes(world: tuple[Rig, Forum]) -> None:
    rig, twin = world
    async with rig.running():
        await rig.tie("97")
        post = await call(twin, "POST", "/posts.json", "camille", title="Des nouvelles de l’atelier", raw=RAW, category=97)
        await call(twin, "POST", "/post_actions.json", "leo", id=post["id"], post_action_type_id=2)
        await hears(rig, "added")
        await call(twin, "DELETE", f"/posts/{post['id']}.json", "system")
        await asyncio.sleep(1.0)
        await call(twin, "PUT", f"/posts/{post['id']}/recover", "system")
        await asyncio.sleep(1.0)
        await hears(rig, "added")
