"""The gateway through its HTTP door, on a real Kafka and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import aiohttp
import pytest
from nacl.public import SealedBox
from pydantic import SecretStr

from adapters.assembly import SettingsIncomplete
from schemas import topics
from schemas.envelope import object_id
from schemas.manifest import Registry
from schemas.proof import VerifiedEvent, verify_event
from schemas.wire import reception
from tests.fakes_adapters import NOWHERE, PATIENCE, Rig, event_in, until
from tests.fakes_plain import an_instance, change_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.servers import Kafka

from datetime import UTC, datetime

both_ways = pytest.mark.parametrize("rig", ["kafka", "door"], indirect=True)
"""Through Kafka, and through the hub's door: for what leaves the process."""


@pytest.fixture
async def rig(
    request: pytest.FixtureRequest, kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Rig]:
    transport = getattr(request, "param", "kafka")
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap if transport == "kafka" else NOWHERE)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    rig = Rig(kafka.bootstrap, topic_prefix, database_url, tmp_path)
    await rig.prepare()
    async with rig.reached(transport), rig.registry(), rig.running():
        yield rig


@both_ways
async def test_a_message_of_a_tied_space_is_on_kafka_signed_when_its_webhook_is_answered(rig: Rig) -> None:
    await rig.tie()
    answer = await rig.post({"what": "post", "id": "post:1", "text": "Bonjour à tous"})
    assert answer.status == 200
    headers, value = (await rig.read(topics.RSE_INBOUND.name, 2))[-1]
    registry = Registry.open(rig.hub.registry(), rig.hub.key.public.multibase, datetime.now(UTC))
    verified = verify_event(event_in(headers, value), registry, datetime.now(UTC))
    assert isinstance(verified, VerifiedEvent)
    assert verified.event.envelope.subject == object_id("wifip", "post:1")
    assert verified.event.envelope.community == "futurs-publics"
    assert answer.headers["X-Correlation-Id"] == headers["correlation"]
    assert f"event={verified.event.envelope.id}@" in answer.headers["X-Traitdunion-Outcome"]
    assert "u1" not in headers["ce_actor"]


async def test_nothing_leaves_a_space_that_is_not_tied(rig: Rig) -> None:
    answer = await rig.post({"what": "post", "id": "post:1"})
    assert (answer.status, answer.headers["X-Traitdunion-Outcome"]) == (200, "dropped=not_tied")


async def test_a_marked_message_stays_inside_until_an_edit_removes_the_mark(rig: Rig) -> None:
    await rig.tie()
    kept = await rig.post({"what": "post", "id": "post:1", "text": "#interne entre nous"})
    freed = await rig.post({"what": "edit", "id": "post:1", "text": "pour tous", "version": "2"})
    assert kept.headers["X-Traitdunion-Outcome"] == "dropped=kept_internal"
    assert freed.headers["X-Traitdunion-Outcome"].startswith("event=")


@both_ways
async def test_an_edit_a_reply_and_a_deletion_name_the_object_they_speak_of(rig: Rig) -> None:
    await rig.tie()
    for said in (
        {"what": "post", "id": "post:1", "locator": "topic:7/1"},
        {"what": "post", "id": "post:2", "locator": "topic:7/2", "parent": "topic:7/1"},
        {"what": "delete", "id": "post:2", "version": "2"},
    ):
        assert (await rig.post(said)).status == 200
    records = (await rig.read(topics.RSE_INBOUND.name, 4))[1:]
    assert [headers.get("ce_parent") for headers, _ in records] == [None, object_id("wifip", "post:1"), None]
    assert records[2][0]["ce_subject"] == records[1][0]["ce_subject"]


async def test_a_forged_webhook_is_refused_by_name_and_publishes_nothing(rig: Rig) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"http://127.0.0.1:{rig.port}/webhooks/rse", data=b"{}") as answer:
        problem = await answer.json(content_type=None)
        assert (answer.status, answer.content_type, problem["reason"]) == (401, "application/problem+json", "signature_invalid")


async def test_an_unknown_instance_is_refused_by_name(rig: Rig) -> None:
    assert (await rig.post({}, instance="nobody")).status == 404


async def test_a_declared_oversized_body_is_refused_before_it_is_read(rig: Rig) -> None:
    assert (await rig.post(b"x" * 20_000)).status == 413


async def test_a_streamed_oversized_body_is_refused_at_the_cap(rig: Rig) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 1_000

    url = f"http://127.0.0.1:{rig.port}/webhooks/rse"
    async with aiohttp.ClientSession() as session, session.post(url, data=chunks(), headers={"x-token": "s3cret"}) as answer:
        assert answer.status == 413


async def test_a_platforms_question_gets_its_own_answer(rig: Rig) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{rig.port}/webhooks/rse/ping") as answer:
        assert (await answer.text(), answer.headers["Content-Length"]) == ("pong", "4")


async def test_an_event_type_that_we_do_not_use_is_counted_and_answered_well(rig: Rig) -> None:
    answer = await rig.post({"what": "tag_created"})
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{rig.port}/metrics") as page:
        counted = await page.text()
    assert (answer.status, answer.headers["X-Traitdunion-Outcome"]) == (200, "unused=tag_created")
    assert 'traitdunion_unused_total{platform="plain",type="tag_created"}' in counted


@both_ways
@pytest.mark.parametrize(("body", "reason"), [(b"\xff\xfe nonsense", "json_malformed"), (b'{"what": "crash"}', "translator_failed")])
async def test_a_nonsense_payload_is_sealed_for_the_operators_and_answered_well(rig: Rig, body: bytes, reason: str) -> None:
    answer = await rig.post(body)
    headers, value = (await rig.read(topics.ADAPTERS_DLQ.name, 1))[0]
    assert answer.status == 200
    assert (headers["dlq_reason"], headers["dlq_topic"], headers["node"]) == (reason, "webhook", "wifip")
    assert body not in value
    assert SealedBox(rig.sealing).decrypt(value) == body


@both_ways
async def test_what_a_webhook_left_out_is_asked_of_the_rse_until_it_tells(rig: Rig) -> None:
    await rig.tie()
    answer = await rig.post({"what": "stub", "id": "post:8"})
    assert (answer.status, answer.headers["X-Traitdunion-Outcome"]) == (200, "incomplete")
    rig.rse.completions["post:8"] = change_of({"what": "post", "id": "post:8"}, an_instance(rig.folder))
    records = await rig.read(topics.RSE_INBOUND.name, 2)
    assert json.loads(records[1][1])["content"]["text"] == "Bonjour"
    await until(lambda: rig.value("SELECT count(*) FROM adapters.spool"), 0)


async def test_a_platform_that_pushes_does_not_start_without_a_secret_that_anybody_could_sign_with(
    kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    rig = Rig(kafka.bootstrap, topic_prefix, database_url, tmp_path, instance={"webhook_secret": SecretStr("")})
    await rig.prepare()
    async with rig.registry():
        with pytest.raises(SettingsIncomplete, match="webhook_secret"):
            async with rig.running():
                pass


async def test_an_edit_that_a_later_one_overtook_does_not_bring_back_the_older_text(rig: Rig) -> None:
    await rig.tie()
    early, late = "2026-01-01T10:00:00.000Z", "2026-01-01T10:00:07.000Z"
    await rig.post({"what": "post", "id": "post:9", "text": "un", "version": "2026-01-01T09:00:00.000Z"})
    await rig.post({"what": "edit", "id": "post:9", "text": "trois", "version": late})
    rig.rse.completions["post:9"] = change_of({"what": "edit", "id": "post:9", "text": "trois", "version": late}, an_instance(rig.folder))
    overtaken = await rig.post({"what": "edit", "id": "post:9", "text": "deux", "version": early})
    assert overtaken.headers["X-Traitdunion-Outcome"] == "incomplete"
    records = await rig.read(topics.RSE_INBOUND.name, 4)
    assert [json.loads(value)["content"]["text"] for _, value in records[1:]] == ["un", "trois", "trois"]
    assert records[2][0]["ce_id"] == records[3][0]["ce_id"]  # what the RSE says is what was heard: a double, that the hub knows


async def test_an_edit_under_a_clock_that_went_back_is_published_once_the_rse_has_said_it_twice(rig: Rig) -> None:
    await rig.tie()
    before, back = "2026-01-01T10:00:07.000Z", "2026-01-01T08:00:00.000Z"
    await rig.post({"what": "post", "id": "post:9", "text": "un", "version": before})
    rig.rse.completions["post:9"] = change_of({"what": "edit", "id": "post:9", "text": "deux", "version": back}, an_instance(rig.folder))
    await rig.post({"what": "edit", "id": "post:9", "text": "deux", "version": back})
    records = await rig.read(topics.RSE_INBOUND.name, 3)
    assert json.loads(records[2][1])["content"]["text"] == "deux"
    await until(lambda: rig.value("SELECT count(*) FROM adapters.spool"), 0)


@pytest.mark.parametrize("name", ["a\x00b", "a\ud800b"])
@pytest.mark.parametrize("part", ["id", "actor", "parent"])
async def test_an_event_that_postgresql_cannot_hold_becomes_a_dead_letter_and_the_next_ones_go_on(rig: Rig, name: str, part: str) -> None:
    await rig.tie()
    answer = await rig.post(json.dumps({"what": "post", "id": "post:1", part: name}).encode())
    assert (answer.status, answer.headers["X-Traitdunion-Outcome"].partition("@")[0]) == (200, "nonsense=event_unfit")
    [(headers, _)] = await rig.read(topics.ADAPTERS_DLQ.name, 1)
    assert headers["dlq_reason"] == "event_unfit"
    assert name not in headers["dlq_error"]
    again = await rig.post({"what": "post", "id": "post:2"})
    assert again.headers["X-Traitdunion-Outcome"].startswith("event=")


async def status_of(port: int, words: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(words)
    async with asyncio.timeout(PATIENCE):
        status = (await reader.readline()).split()[1]
    writer.close()
    return status


async def test_a_head_that_is_too_large_or_never_ends_is_turned_away_by_its_status(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    begins = b"POST /webhooks/rse HTTP/1.1\r\nX: a"
    assert await status_of(rig.port, begins + b"a" * (reception.HEAD_BYTES - len(begins) + 1)) == b"431"
    with monkeypatch.context() as hasty:
        hasty.setattr(reception, "HEAD_SECONDS", 0.2)
        assert await status_of(rig.port, begins) == b"408"
    assert (await rig.post({"what": "post", "id": "post:1"})).status == 200
