"""A flood through the worker's batch on a real PostgreSQL: the node that sends it is set aside, and nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import REGISTRY

from hub.operations.quarantine import release, show_nodes
from hub.settings import HubSettings
from hub.worker import _Parts
from schemas.envelope import object_id
from schemas.facts.message import MessageDeleted
from schemas.wire.kafka import KafkaSettings, TopicNames
from schemas.wire.telemetry import Metric
from schemas.words import Audience
from tests.hub_world import World, forged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await World.make(database_url, quarantine_after=5)
    await made.tie()
    yield made
    await made.close()


async def test_a_flood_from_one_node_quarantines_that_node_only(world: World) -> None:
    strangers = [
        world.event("education", MessageDeleted(space="!x"), f"$f{number}", marker="m", community="ailleurs") for number in range(6)
    ]
    await world.hear(*(world.carry(event, "education/!x") for event in strangers))
    world.dead_letters.kept.clear()
    await world.hear(world.posted("education", "$ok"), world.posted("wifip", "post:1"))
    assert world.dead_letters.reasons == ["node_quarantined"]
    assert set(await world.messages()) == {object_id("wifip", "post:1")}
    await world.work(lambda work: release(work.connection, "education"))
    await world.hear(world.posted("education", "$ok"))
    assert object_id("education", "$ok") in await world.messages()


async def test_the_metric_tells_of_quarantine_without_a_batch_and_of_its_end(world: World) -> None:
    def shown() -> set[str]:
        families = [family for family in REGISTRY.collect() if family.name == "traitdunion_node_quarantined"]
        return {sample.labels["node"] for family in families for sample in family.samples if sample.value}

    strangers = [
        world.event("education", MessageDeleted(space="!x"), f"$f{number}", marker="m", community="ailleurs") for number in range(6)
    ]
    await world.hear(*(world.carry(event, "education/!x") for event in strangers))
    Metric.quarantined.clear()  # as in a process that has just begun
    settings = HubSettings(database_url=world.engine.url.render_as_string(hide_password=False).replace("+asyncpg", ""))
    parts = _Parts("inbound", settings, KafkaSettings(), TopicNames())
    parts._show_parked = world.engine, show_nodes
    await parts.show_quarantine()
    assert shown() == {"education"}
    await world.work(lambda work: release(work.connection, "education"))
    await parts.show_quarantine()
    assert shown() == set()


async def test_a_refused_event_that_somebody_replays_counts_once_against_its_node(world: World) -> None:
    event = world.event("education", MessageDeleted(space="!x"), "$f", marker="m", community="ailleurs")
    await world.hear(*(world.carry(event, "education/!x") for _ in range(20)))
    await world.hear(world.posted("education", "$ok"))
    assert object_id("education", "$ok") in await world.messages()


async def test_a_flood_of_forgeries_in_a_nodes_name_silences_nobody(world: World) -> None:
    record = world.posted("education", "$1")
    await world.hear(*(forged(record, ce_proof=b"A" * 86) for _ in range(20)))
    assert set(world.dead_letters.reasons) == {"proof_invalid"}
    await world.hear(record)
    assert object_id("education", "$1") in await world.messages()


async def test_an_attestation_that_was_parked_says_nothing_over_a_newer_one(world: World) -> None:
    parked = world.accepted("education", Audience.PUBLIC, "before")
    world.clock.moved += timedelta(hours=1)
    await world.hear(world.accepted("education", marker="after"))
    kept = "SELECT state, audience, attested_at FROM hub.ties WHERE node = 'education'"
    newest = await world.rows(kept)
    await world.hear(parked)
    assert await world.rows(kept) == newest


async def test_one_record_that_makes_a_handler_fail_is_alone_a_dead_letter(world: World) -> None:
    good = world.handlers["fr.gouv.rse.message.posted.v1"]

    async def fails_on_one(admitted: Any, work: Any) -> str | None:
        if admitted.subject == object_id("wifip", "post:2"):
            raise ZeroDivisionError
        return await good(admitted, work)

    world.handlers["fr.gouv.rse.message.posted.v1"] = fails_on_one
    await world.hear(*(world.posted("wifip", f"post:{number}") for number in (1, 2, 3)))
    assert world.dead_letters.reasons == ["handler_error"]
    assert set(await world.messages()) == {object_id("wifip", "post:1"), object_id("wifip", "post:3")}
    assert [row["count"] for row in await world.rows("SELECT count FROM hub.attempts")] == [3]
    sequences = await world.sequences()
    assert sequences == list(range(1, len(sequences) + 1))
