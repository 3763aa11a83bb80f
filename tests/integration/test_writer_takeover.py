"""Two whole connector processes of one ministry: the one that holds the node's topic is killed, the other goes on."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from deploy.local.ports import free_port
from schemas import topics
from schemas.envelope import event_digest
from schemas.facts.tie import TieProposed
from schemas.sequence import Sequence as Numbered
from schemas.wire import kafka
from schemas.wire.records import new_correlation, to_headers
from schemas.words import Audience
from tests.fakes_adapters import PATIENCE, Rig, posted, said_by, until
from tests.fakes_discourse import API_KEY, SECRET
from tests.fakes_discourse_twin import forum
from tests.fakes_streams import SESSION_SECONDS, Running
from tests.fakes_streams import until as holds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from schemas.envelope import CanonicalEvent
    from tests.fakes_discourse_twin import Forum
    from tests.servers import Kafka

SPACES = {"accueil": "97", "mobilite": "98"}  # community → the category that is tied to it
BEFORE, AFTER = 30, 10  # messages of each community, before and after the kill


@dataclass
class Ministry:
    """One ministry's RSE, its two connector processes and the hub that speaks to them."""

    rig: Rig
    rse: Forum
    processes: list[Running] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPACES, 0))

    def start(self, name: str) -> None:
        """Start a connector process beside those that run."""
        environment = {
            "TRAITDUNION_KAFKA_BOOTSTRAP": self.rig.bootstrap,
            "TRAITDUNION_TOPIC_PREFIX": self.rig.prefix,
            "TRAITDUNION_INSTANCES": str(self.rig.folder / "instances.yaml"),
            "TRAITDUNION_LEDGER_URL": self.rig.database_url,
            "TRAITDUNION_REGISTRY_URL": self.rig.registry_url,
            "TRAITDUNION_REGISTRY_ANCHOR": self.rig.hub.key.public.multibase,
            "TRAITDUNION_OPERATORS_KEY": bytes(self.rig.sealing.public_key).hex(),
            "TRAITDUNION_GATEWAY_PORT": str(free_port()),
            "SESSION_SECONDS": SESSION_SECONDS,
        }
        self.processes.append(Running(name, [sys.executable, "-m", "tests.probes_connector"], environment, self.rig.folder))

    def holder(self) -> Running | None:
        """The process that has the topic's one partition, once both have taken their place in the group."""
        said = [process.said("partitions_assigned") for process in self.processes]
        if not all(said):
            return None
        held = [process for process, lines in zip(self.processes, said, strict=True) if lines[-1]["partitions"] == 1]
        return held[0] if len(held) == 1 else None

    async def propose(self) -> None:
        """Tie both spaces."""
        for community, space in SPACES.items():
            fact = TieProposed(node=self.rig.node, space=space, title=community, audience=Audience.PUBLIC)
            await self._send([(community, said_by(self.rig.hub.key, fact, f"tie:{space}", community=community), {})])
        await until(lambda: self.rig.value("SELECT count(*) FROM adapters.ties WHERE state = 'accepted'"), len(SPACES))

    async def say(self, first: int, count: int) -> None:
        """Another ministry's messages, those of the communities mixed, each with its community's next number."""
        made = [(community, f"Parole n° {number} de {community}.") for number in range(first, first + count) for community in SPACES]
        await self._send([self._numbered(community, text) for community, text in made])

    def _numbered(self, community: str, text: str) -> tuple[str, CanonicalEvent, dict[str, str]]:
        self.numbers[community] += 1
        event = said_by(self.rig.hub.nodes["education"], posted(text), f"${text}", community=community)
        targets = {self.rig.node: SPACES[community]}
        place = Numbered(event_digest(event.attributes), community, self.numbers[community], targets, datetime.now(UTC))
        return community, event, place.signed(self.rig.hub.key)

    async def _send(self, said: Sequence[tuple[str, CanonicalEvent, dict[str, str]]]) -> None:
        producer = kafka.producer(self.rig.kafka)
        await producer.start()
        topic = self.rig.prefix + topics.outbound(self.rig.node).name
        try:
            for community, event, hub in said:
                await producer.send(topic, event.value, community.encode(), headers=to_headers(event, new_correlation(), hub))
        finally:
            await producer.stop()

    async def copies(self, community: str) -> list[str]:
        """The numbers of the community's messages that stand in its category, in the order in which they were written."""
        posts = sorted(await self.rse.posts(), key=lambda post: int(post["id"]))
        texts = [str(post["raw"]) for post in posts]
        return [text.split("Parole n° ", 1)[1].split(" de ", 1)[0] for text in texts if f" de {community}." in text]


@pytest.fixture
async def ministry(
    kafka: Kafka, database_url: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Ministry]:
    monkeypatch.setenv("TRAITDUNION_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TRAITDUNION_TOPIC_PREFIX", topic_prefix)
    rig = Rig(kafka.bootstrap, topic_prefix, database_url, tmp_path)
    await rig.prepare()
    async with rig.registry(), forum(tmp_path) as rse:
        _point_at(rig, rse)
        made = Ministry(rig, rse)
        try:
            made.start("un")
            made.start("deux")
            yield made
        finally:
            for process in made.processes:
                process.discard()


def _point_at(rig: Rig, rse: Forum) -> None:
    """The ministry's settings: this twin, and the two categories that may federate."""
    file = rig.folder / "instances.yaml"
    instance: dict[str, Any] = yaml.safe_load(file.read_text())["instances"]["rse"]
    instance |= {"platform": "discourse", "url": rse.options.url, "webhook_secret": SECRET, "api_secret": API_KEY}
    instance |= {"spaces": list(SPACES.values()), "options": {"api_username": "traitdunion"}}
    file.write_text(yaml.safe_dump({"instances": {"rse": instance}}))


@pytest.mark.long
async def test_when_the_connector_that_holds_the_topic_is_killed_the_other_takes_over_and_nothing_is_lost_doubled_or_out_of_order(
    ministry: Ministry,
) -> None:
    held = await holds(ministry.holder)
    await ministry.propose()
    await ministry.say(0, BEFORE)
    await _until_written(ministry, BEFORE // 3)
    held.send(signal.SIGKILL)
    other = next(process for process in ministry.processes if process is not held)
    written = [len(await ministry.copies(community)) for community in SPACES]
    await ministry.say(BEFORE, AFTER)
    await holds(lambda: other.said("partitions_assigned")[-1]["partitions"] == 1)
    await _until_written(ministry, BEFORE + AFTER)
    wanted = [str(number) for number in range(BEFORE + AFTER)]
    await until(lambda: ministry.rig.value("SELECT count(*) FROM adapters.receipts"), 0)
    assert all(count < BEFORE for count in written), "killed when it had nothing left to do"
    assert {community: await ministry.copies(community) for community in SPACES} == dict.fromkeys(SPACES, wanted)
    reported = {one["event"]: one["verdict"] for one in await ministry.rig.receipts(len(SPACES) * (BEFORE + AFTER + 1))}
    assert list(reported.values()).count("written") == len(SPACES) * (BEFORE + AFTER)


async def _until_written(ministry: Ministry, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while min([len(await ministry.copies(community)) for community in SPACES]) < count:  # noqa: ASYNC110 - the twin tells nobody
            await asyncio.sleep(0.05)
