"""The fan-out tells peers once, beside the nodes, and a record that cannot be told holds up nobody."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from hub.batches.fanout import MALFORMED, FanoutBatch
from hub.federation.addresses import Addresses
from hub.federation.reach import Bearing
from hub.federation.telling import Voice
from hub.ports import Record
from schemas.sequence import PEERS, Sequence
from schemas.topics import HUB_FACTS, PEERS_OUTBOUND, outbound
from schemas.wire.kafka import TopicNames
from schemas.wire.records import to_headers
from tests.fakes_schemas import HUB, NOW, signed


@dataclass
class Sent:
    """A producer that keeps what it is given; it has every topic."""

    kept: list[tuple[str, bytes]] = field(default_factory=list)
    client: Any = None

    def __post_init__(self) -> None:
        self.client = self
        self.cluster = self

    def topics(self) -> set[str]:
        return {"p." + topic for topic in (outbound("education").name, HUB_FACTS.name)}

    async def send(self, topic: str, *, value: bytes, **_: Any) -> asyncio.Future[None]:
        self.kept.append((topic, value))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


@dataclass
class Letters:
    """Dead letters kept in memory."""

    kept: list[tuple[Record, str, str]] = field(default_factory=list)

    async def send(self, refused: list[tuple[Record, str, str]]) -> None:
        self.kept.extend(refused)


def record(targets: dict[str, str]) -> Record:
    event = signed()
    place = Sequence(event.digest, "futurs-publics", 7, targets, NOW).signed(HUB)
    return Record(HUB_FACTS.name, 0, 5, NOW, b"futurs-publics", event.value, tuple(to_headers(event, "c" * 32, place)))


async def fan_out(targets: dict[str, str], voice: Voice | None) -> tuple[list[str], Letters]:
    sent, letters = Sent(), Letters()
    batch = FanoutBatch(sent, TopicNames(topic_prefix="p."), letters, lambda: NOW, voice)  # type: ignore[arg-type]  # kept in memory
    await batch.carry_out(await batch.read([record(targets)]))
    return [topic for topic, _ in sent.kept], letters


HERE = Voice(Addresses("https://hub.example"), "hub")


@pytest.mark.parametrize(
    ("targets", "voice", "expected"),
    [
        ({"education": "!salon", PEERS: Bearing().written()}, HERE, [outbound("education").name, PEERS_OUTBOUND.name, PEERS_OUTBOUND.name]),
        ({"education": "!salon"}, HERE, [outbound("education").name]),
        ({"education": "!salon", PEERS: Bearing().written()}, None, [outbound("education").name]),
        ({PEERS: Bearing().written()}, HERE, [PEERS_OUTBOUND.name, PEERS_OUTBOUND.name]),
    ],
)
async def test_nodes_get_the_record_and_peers_are_told_of_it(targets: dict[str, str], voice: Voice | None, expected: list[str]) -> None:
    topics, letters = await fan_out(targets, voice)
    assert topics == ["p." + topic for topic in expected]
    assert letters.kept == []


async def test_what_cannot_be_told_to_peers_still_reaches_the_nodes() -> None:
    topics, letters = await fan_out({"education": "!salon", PEERS: "?"}, HERE)
    assert topics == ["p." + outbound("education").name]
    assert [reason for _, reason, _ in letters.kept] == [MALFORMED]
