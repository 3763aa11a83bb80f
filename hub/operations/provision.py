"""What a node needs on the broker before it becomes active: its topics and, where the broker asks who is there, its rights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType

from hub.operations import topics
from schemas.topics import ADAPTERS_DLQ, RSE_INBOUND, RSE_RECEIPTS, of_node, outbound

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

    from hub.operations.topics import Finding
    from schemas.wire.kafka import KafkaSettings, TopicNames


class RightsRefused(RuntimeError):
    """The broker did not take some of the access rights."""


def provision(admin: KafkaAdminClient, node: str, principal: str, names: TopicNames, settings: KafkaSettings) -> tuple[list[Finding], int]:
    """Create a node's topics and, with SASL, its ACLs; safe to repeat. Returns the topics and how many rights were set."""
    findings = topics.apply(admin, of_node(node), names, settings)
    rights = acls(node, principal, names) if settings.security_protocol.startswith("SASL") else []
    if rights:
        outcome = admin.create_acls(rights)
        if outcome["failed"]:
            raise RightsRefused(", ".join(sorted({error.__name__ for error in outcome["failed"]})))
    return findings, len(rights)


def acls(node: str, principal: str, names: TopicNames) -> list[ACL]:
    """The rights of a ministry that runs its own connector: read what is its own, write where ministries speak.

    The prefix that it reads ends with a dot, or the node `fin` would read the node `finances`.
    """
    own = _pattern(ResourceType.TOPIC, f"{names.topic_prefix}node.{node}.", ACLResourcePatternType.PREFIXED)
    group = _pattern(ResourceType.GROUP, names.group(f"node.{node}"), ACLResourcePatternType.LITERAL)
    reads = [(own, ACLOperation.READ), (own, ACLOperation.DESCRIBE), (group, ACLOperation.READ)]
    written = (RSE_INBOUND, RSE_RECEIPTS, ADAPTERS_DLQ, outbound(node).dead_letters)
    targets = [_pattern(ResourceType.TOPIC, names.of(topic), ACLResourcePatternType.LITERAL) for topic in written]
    writes = [(target, operation) for target in targets for operation in (ACLOperation.WRITE, ACLOperation.DESCRIBE)]
    return [ACL(f"User:{principal}", "*", operation, ACLPermissionType.ALLOW, pattern) for pattern, operation in [*reads, *writes]]


def _pattern(kind: ResourceType, name: str, pattern: ACLResourcePatternType) -> ResourcePattern:
    return ResourcePattern(kind, name, pattern)
