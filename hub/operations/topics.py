"""Topics on the broker: created as declared, compared with what is declared, never changed behind an operator's back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from kafka.admin import ConfigResource, ConfigResourceType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kafka import KafkaAdminClient

    from schemas.topics import Topic
    from schemas.wire.kafka import KafkaSettings, TopicNames

OFFSETS_RETENTION_MINUTES: Final = 45 * 24 * 60
"""Kafka's default of 7 days would make a paused node's group forget where it was."""
RETENTION_NAME: Final = "offsets.retention.minutes"
READY_MS: Final = 15_000


class State(StrEnum):
    """How a topic stands on the broker."""

    CREATED = "created"
    IN_ORDER = "in_order"
    MISSING = "missing"
    DRIFTED = "drifted"


@dataclass(frozen=True, slots=True)
class Finding:
    """One topic, and what differs from its declaration: (setting, declared, found)."""

    topic: str
    state: State
    partitions: int
    differences: tuple[tuple[str, str, str], ...] = ()


def apply(admin: KafkaAdminClient, wanted: Sequence[Topic], names: TopicNames, settings: KafkaSettings) -> list[Finding]:
    """Create what is missing; report, and leave alone, what differs.

    The partitions of a keyed topic never grow: its keys would move, and every order with them. A new `.v2` topic is the way.
    """
    before = check(admin, wanted, names, settings)
    missing = {finding.topic for finding in before if finding.state is State.MISSING}
    create = {names.of(topic): _creation(topic, settings) for topic in wanted if names.of(topic) in missing}
    if create:
        admin.create_topics(create)
        admin.wait_for_topics(list(create), timeout_ms=READY_MS)
    return [_created(finding, create) for finding in before]


def check(admin: KafkaAdminClient, wanted: Sequence[Topic], names: TopicNames, settings: KafkaSettings) -> list[Finding]:
    """Compare the declared topics with the broker's."""
    there = set(admin.list_topics())
    present = [topic for topic in wanted if names.of(topic) in there]
    partitions = _partitions(admin, [names.of(topic) for topic in present])
    configs = _configs(admin, [names.of(topic) for topic in present])
    found = {names.of(topic): _compared(topic, names.of(topic), partitions, configs, settings) for topic in present}
    return [found.get(names.of(topic), Finding(names.of(topic), State.MISSING, 0)) for topic in wanted]


def offsets_retention(admin: KafkaAdminClient) -> dict[str, int]:
    """Broker id → minutes for which it remembers the offsets of a silent group."""
    brokers = [str(broker["broker_id"]) for broker in admin.describe_cluster()["brokers"]]
    asked = [ConfigResource(ConfigResourceType.BROKER, broker, [RETENTION_NAME]) for broker in brokers]
    said = admin.describe_configs(asked, config_filter="all")["broker"]
    return {broker: int(said[broker][RETENTION_NAME]["value"]) for broker in brokers}


def _creation(topic: Topic, settings: KafkaSettings) -> dict[str, Any]:
    config = topic.config(min_in_sync=settings.min_in_sync)
    return {"num_partitions": topic.partitions, "replication_factor": settings.replication, "configs": config}


def _created(finding: Finding, create: dict[str, Any]) -> Finding:
    made = create.get(finding.topic)
    return Finding(finding.topic, State.CREATED, made["num_partitions"]) if made else finding


def _partitions(admin: KafkaAdminClient, topics: list[str]) -> dict[str, list[Any]]:
    return {said["name"]: said["partitions"] for said in admin.describe_topics(topics)} if topics else {}


def _configs(admin: KafkaAdminClient, topics: list[str]) -> dict[str, dict[str, Any]]:
    if not topics:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
    found: dict[str, dict[str, Any]] = admin.describe_configs(asked, config_filter="all")["topic"]
    return found


def _compared(
    topic: Topic, name: str, partitions: dict[str, list[Any]], configs: dict[str, dict[str, Any]], settings: KafkaSettings
) -> Finding:
    count = len(partitions[name])
    declared = {"partitions": str(topic.partitions), **topic.config(min_in_sync=settings.min_in_sync)}
    found = {"partitions": str(count), **{key: str(said["value"]) for key, said in configs[name].items()}}
    differences = tuple((key, value, found.get(key, "?")) for key, value in declared.items() if found.get(key) != value)
    return Finding(name, State.DRIFTED if differences else State.IN_ORDER, count, differences)
