"""A Discourse whose post could not be remembered, and a reply that comes before it is sent again: real Kafka, real PostgreSQL, the twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.port import Act
from schemas.envelope import object_id
from tests import full_disk
from tests.fakes_tied_forum import World, world_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers import Kafka


@pytest.fixture
async def world(
    kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    async with world_of(kafka, database_url, topic_prefix, tmp_path) as world:
        yield world


async def refused(world: World) -> None:
    """The webhooks that have come are told to come again."""
    url = f"http://127.0.0.1:{world.rig.port}/webhooks/rse"
    for request in world.rse.sink.seen[world.forwarded :]:
        async with world.rse.session.post(url, data=request.body, headers=dict(request.headers)) as answer:
            if request.headers["x-discourse-event"] == "post_created":
                assert answer.status == 503


async def replied(world: World, first: dict[str, Any], number: int = 1) -> dict[str, Any]:
    given = {"reply_to_post_number": number} if number > 1 else {}
    raw = f"Merci beaucoup pour ces nouvelles, à {number}."
    status, post = await world.rse.call("POST", "/posts.json", "leo", topic_id=first["topic_id"], raw=raw, **given)
    assert status == 200, post
    await world.rse.sink.change(Act.POSTED, f"post:{post['id']}")
    return dict(post)


async def test_a_reply_keeps_its_thread_though_the_webhook_of_what_it_answers_was_not_taken(world: World) -> None:
    async with world.rig.running():
        await world.tie()
        await world.post("Bonjour à tous, je me présente.")
        await full_disk.install(world.rig.database_url)
        title, raw = "Des nouvelles de notre atelier", "Bonjour à tous, voici les nouvelles."
        _, first = await world.rse.call("POST", "/posts.json", title=title, raw=raw, category=97)
        await world.rse.sink.change(Act.POSTED, f"post:{first['id']}")
        async with full_disk.full(world.rig.database_url):
            await refused(world)
        again, world.forwarded = world.forwarded, len(world.rse.sink.seen)
        second = await replied(world, first)
        third = await replied(world, first, 2)
        await world.forward()
        await world.told(4)
        world.forwarded = again
        await world.forward()  # all once more
        heard = [headers for headers, _ in await world.heard()]
        assert await world.rig.value("SELECT count(*) FROM adapters.spool") == 0
    subjects = {post["id"]: object_id(world.rig.node, f"post:{post['id']}") for post in (first, second, third)}
    parents = {headers["ce_subject"]: headers.get("ce_parent") for headers in reversed(heard)}  # as each was told first
    assert parents[subjects[second["id"]]] == subjects[first["id"]]
    assert parents[subjects[third["id"]]] == subjects[second["id"]]
    told = [headers["ce_id"] for headers in heard if headers["ce_subject"] == subjects[first["id"]]]
    assert len(told) == 2
    assert len(set(told)) == 1
