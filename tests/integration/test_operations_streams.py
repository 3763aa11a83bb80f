"""Commands about topics, dead letters and quarantines, against a real broker."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from kafka import KafkaProducer
from nacl.public import PrivateKey, SealedBox

from hub.operations import dlq, quarantine, topics
from hub.operations.broker import administrator, reader
from hub.storage.engine import engine_for
from schemas.keys import SigningKey
from schemas.topics import ADAPTERS_DLQ, PEER_INBOUND
from schemas.wire.kafka import KafkaSettings, TopicNames
from tests import fakes_hub
from tests.fakes_commands import ANNE, applying, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def test_topics_are_applied_checked_and_listed(broker: TopicNames) -> None:
    assert run("topics", "check").exit_code == 1
    assert "créé" in run("topics", "apply").output
    assert run("topics", "check").exit_code == 0
    assert {row["state"] for row in json.loads(run("topics", "list", "--json").output)} == {"in_order"}
    assert "conforme" in run("topics", "list").output
    assert "Aucun rebut" in run("dlq", "list").output
    assert broker.topic_prefix


def test_a_sealed_letter_is_shown_without_its_content_unless_asked(
    broker: TopicNames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = KafkaSettings()
    with administrator(settings) as admin:
        topics.apply(admin, [ADAPTERS_DLQ], broker, settings)
    key = PrivateKey.generate()
    producer = KafkaProducer(**settings.options())
    headers = [("dlq_reason", b"json_malformed"), ("node", b"wifip\x1b[2J")]
    producer.send(
        broker.of(ADAPTERS_DLQ), value=SealedBox(key.public_key).encrypt("{é\x1b[2J".encode()), key=b"wifip", headers=headers
    ).get(timeout=60)
    producer.close()
    (listed,) = json.loads(run("dlq", "list", "--json").output)
    assert listed["reason"] == "json_malformed"
    assert "\x1b" not in run("dlq", "list").output
    shown = run("dlq", "show", listed["place"]).output
    assert "json_malformed" in shown
    assert "{é" not in shown
    assert "TRAITDUNION_OPERATORS_PRIVATE_KEY" in run("dlq", "show", listed["place"], "--content").output
    (tmp_path / "key").write_text(bytes(key).hex())
    monkeypatch.setenv("TRAITDUNION_OPERATORS_PRIVATE_KEY", str(tmp_path / "key"))
    opened = run("dlq", "show", listed["place"], "--content").output
    assert "{é" in opened
    assert "\x1b" not in opened


def test_a_node_is_provisioned_and_released(hub: Path, broker: TopicNames, people: Callable[[str], None]) -> None:
    people(ANNE)
    run("topics", "apply")
    run("nodes", "apply", applying(hub, SigningKey.generate("wifip")))
    assert "node.wifip.outbound.v1" in run("nodes", "provision", "wifip").output.replace("\n", "")
    assert "Aucun nœud ne s'appelle « absent »." in run("nodes", "release", "absent", "--reason", "x").output
    assert "Il faut dire pourquoi" in run("nodes", "release", "wifip", "--reason", " ").output
    result = run("nodes", "release", "wifip", "--reason", "Corrigé.")
    assert result.exit_code == 0
    assert "wifip n'est pas en quarantaine ; enregistrements rejoués : 0" in result.output
    assert (hub.exists(), bool(broker.topic_prefix)) == (True, True)


def test_a_peer_in_quarantine_is_seen_and_let_go_on_in_somebodys_name(
    hub: Path, broker: TopicNames, people: Callable[[str], None], database_url: str
) -> None:
    people(ANNE)
    run("topics", "apply")
    run("peers", "declare", "social.example", "--organisation", "OPSI", "--reason", "Mastodon n'en signe pas.")
    asyncio.run(quarantined(database_url, "social.example"))
    parked(broker, "social.example", "autre.example")
    assert "en quarantaine" in run("peers", "list").output
    assert "depuis le 2026-11-20" in run("peers", "show", "social.example").output
    assert json.loads(run("peers", "show", "social.example", "--json").output)["quarantined_at"]
    released = run("peers", "release", "social.example", "--reason", "Corrigé chez eux.").output
    assert "social.example sort de quarantaine ; enregistrements rejoués : 1." in released
    assert "en quarantaine" not in run("peers", "list").output
    shown = run("peers", "acts", "social.example").output
    for said in ("fin de quarantaine", "Anne Lefort (DINUM)", "Corrigé chez eux.", "hub:token"):
        assert said in shown
    again = run("peers", "release", "social.example", "--reason", "encore").output
    assert "social.example n'est pas en quarantaine ; enregistrements rejoués : 0." in again
    with reader(KafkaSettings()) as client:
        (come,) = dlq.read(client, broker.of(PEER_INBOUND))
    assert (come.unverified_value, come.headers) == (b"social.example", (("peer_server", b"social.example"),))
    assert hub.exists()


async def quarantined(database_url: str, peer: str) -> None:
    engine = engine_for(database_url)
    async with engine.begin() as connection:
        await quarantine.quarantine_peers(connection, [peer], fakes_hub.NOW)
    await engine.dispose()


def parked(broker: TopicNames, *peers: str) -> None:
    """One record of each peer among the dead letters."""
    producer = KafkaProducer(**KafkaSettings().options())
    for peer in peers:
        headers = [("dlq_reason", b"peer_quarantined"), ("peer_server", peer.encode())]
        producer.send(broker.of(PEER_INBOUND.dead_letters), value=peer.encode(), key=peer.encode(), headers=headers).get(timeout=30)
    producer.close()
