"""Every refusal of the worker through a real topic: by name, as a dead letter, in the metrics and in `traitdunion dlq list`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from hub.communities.service import open_community
from schemas.envelope import object_id
from schemas.facts.message import Author, Content, MessagePosted
from schemas.keys import SigningKey
from schemas.manifest import KeyEntry
from schemas.topics import RSE_INBOUND
from schemas.words import Audience
from tests import fakes_federation
from tests.fakes_streams import Hub, becomes
from tests.hub_world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiokafka import ConsumerRecord

    from hub.ports import Record
    from schemas.facts.base import Fact
    from tests.servers import Kafka

DEAD = f"{RSE_INBOUND.name}.dlq.v1"
FLOOD = 8
FACT = MessagePosted(
    space="97", author=Author(name="Camille Roux", organisation="Y"), content=Content(html="<p>Bonjour</p>", text="Bonjour")
)


class Newer(MessagePosted):
    """A message of a version of the schema that is not yet written."""

    event_type = "fr.gouv.rse.message.posted.v9"


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    world = await World.make(database_url)
    await world.work(lambda work: open_community("ailleurs", "Ailleurs", Audience.MEMBERS, work))
    yield world
    await world.close()


@pytest.fixture
async def hub(kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, world: World) -> AsyncIterator[Hub]:
    hub = Hub(kafka.bootstrap, database_url, topic_prefix, tmp_path)
    try:
        hub.prepare(world)
        hub.environment["TRAITDUNION_QUARANTINE_AFTER"] = str(FLOOD - 1)
        hub.up("inbound")
        await world.tie()
        await hub.ready("inbound")
        yield hub
    finally:
        hub.discard()


async def test_each_refusal_is_named_in_its_dead_letter_in_the_metrics_and_in_the_list(hub: Hub, world: World) -> None:
    good = world.posted("wifip", "post:good")
    wanted = {
        "key_of_another_node": _changed(world.posted("wifip", "post:1"), "ce_keyid", world.keys["education"].key_id),
        "key_retired": await _ended(world, "culture", "retired_at"),
        "key_revoked": await _ended(world, "justice", "revoked_at"),
        "proof_invalid": _changed(world.posted("wifip", "post:4"), "ce_changemarker", "other"),
        "digest_mismatch": replace(world.posted("wifip", "post:5"), value=(good.value or b"").replace(b"Bonjour", b"Bonsoir")),
        "not_tied": _elsewhere(world, "diplomatie", "post:6"),
        "ministry_of_another_node": world.record("wifip", _as_of("Ministère education"), "post:8", marker="m"),
        "major_unknown": world.record("wifip", Newer(**dict(FACT)), "post:7", marker="m"),
    }
    await hub.publish(*wanted.values(), good)
    letters = await hub.read(DEAD, lambda found: len(found) >= len(wanted))
    assert {_reason(one): one.value for one in letters} == {name: record.value for name, record in wanted.items()}
    await becomes(lambda: _counted(hub), dict.fromkeys(wanted, 1))
    listed = json.loads(await _command(hub, "dlq", "list", "--json"))
    assert Counter(letter["reason"] for letter in listed) == Counter(list(wanted))
    await becomes(lambda: _messages(world), [object_id("wifip", "post:good")])


@pytest.mark.long
async def test_a_flood_of_one_node_parks_that_nodes_records_until_an_operator_lets_it_go_on(hub: Hub, world: World) -> None:
    await hub.publish(*(_elsewhere(world, "education", f"$f{number}") for number in range(FLOOD)))
    await hub.read(DEAD, lambda found: len(found) >= FLOOD)
    await hub.publish(world.posted("education", "$ok"), world.posted("wifip", "post:1"))
    letters = await hub.read(DEAD, lambda found: len(found) > FLOOD)
    assert Counter(map(_reason, letters)) == {"not_tied": FLOOD, "node_quarantined": 1}
    await becomes(lambda: _counted(hub, "node_quarantined"), {"node_quarantined": 1})
    await becomes(lambda: _messages(world), [object_id("wifip", "post:1")])
    await world.work(fakes_federation.present)
    hub.environment["TRAITDUNION_PERSON_TOKEN"] = fakes_federation.TOKENS["anne"]
    await _command(hub, "nodes", "release", "education", "--reason", "Corrigé chez eux.")
    await becomes(lambda: _messages(world), sorted([object_id("education", "$ok"), object_id("wifip", "post:1")]))


async def _ended(world: World, node: str, how: str) -> Record:
    """What a node that was admitted yesterday says under a key that ended an hour ago."""
    key, now = SigningKey.generate(node), world.clock()
    dates = {"active_from": now - timedelta(days=1), how: now - timedelta(hours=1)}
    entry = KeyEntry(id=key.key_id, multibase=key.public.multibase, **dates)
    await world.work(lambda work: fakes_federation.admit(key, work))
    await world.work(lambda work: fakes_federation.rekey(node, work, entry))
    return world.carry(world.event(node, FACT, "post:2", marker="m", key=key), f"{node}/97")


def _as_of(ministry: str) -> MessagePosted:
    """What a node says in the name of people of another one's ministry."""
    return FACT.model_copy(update={"author": Author(name="Camille Roux", organisation=ministry)})


def _elsewhere(world: World, node: str, native: str) -> Record:
    """Said in a community to which the node has no tie."""
    fact: Fact = FACT.model_copy(update={"space": "!x"})
    return world.carry(world.event(node, fact, native, marker="m", community="ailleurs"), f"{node}/!x")


def _changed(record: Record, name: str, text: str) -> Record:
    return replace(record, headers=tuple((known, text.encode() if known == name else raw) for known, raw in record.headers))


def _reason(letter: ConsumerRecord) -> str:
    reason: bytes = dict(letter.headers)["dlq_reason"]
    return reason.decode()


async def _messages(world: World) -> list[str]:
    return sorted(row["id"] for row in await world.rows("SELECT id FROM hub.messages"))


async def _dead_letters(hub: Hub) -> Counter[str]:
    """What the worker's own page of metrics says, by reason."""
    address = hub.lines("inbound", "worker_ready")[-1]["metrics_at"]
    async with aiohttp.ClientSession() as client, client.get(f"http://{address}/metrics") as answer:
        families = list(text_string_to_metric_families(await answer.text()))
    samples = (sample for family in families for sample in family.samples if sample.name == "traitdunion_dead_letters_total")
    return Counter({sample.labels["reason"]: int(sample.value) for sample in samples})


async def _counted(hub: Hub, *names: str) -> dict[str, int]:
    """The dead letters of these reasons, or of all, that were counted."""
    return {name: count for name, count in (await _dead_letters(hub)).items() if count and (not names or name in names)}


async def _command(hub: Hub, *words: str) -> str:
    """What a command prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub", *words, env={**os.environ, **hub.environment}, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()
