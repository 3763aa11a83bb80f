"""Every Kafka topic: name, key, partitions, retention, sizes; declared once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RECORD_LIMIT: Final = 8 * 1024 * 1024
HEADROOM: Final = 512 * 1024
"""What each step on the way may add in headers. With one size for all topics, a record as large as the first one takes
would fit neither the next topic nor the dead letters, and its partition would stand still behind it."""
DAY_MS: Final = 86_400_000


DEAD_LETTER_HEADERS: Final = ("dlq_reason", "dlq_error", "dlq_topic", "dlq_partition", "dlq_offset", "dlq_attempts", "dlq_at")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic without its deployment's prefix."""

    name: str
    key: str
    value: str
    partitions: int = 6
    days: int = 21
    log_append_time: bool = False
    record_limit: int = RECORD_LIMIT - HEADROOM

    def config(self, *, min_in_sync: int = 1) -> dict[str, str]:
        """The broker's settings of this topic."""
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.days * DAY_MS),
            "segment.ms": str(DAY_MS),
            "max.message.bytes": str(self.record_limit),
            "min.insync.replicas": str(min_in_sync),
            "message.timestamp.type": "LogAppendTime" if self.log_append_time else "CreateTime",
        }

    @property
    def dead_letters(self) -> Topic:
        """Where this topic's refused records go, their bytes untouched."""
        return Topic(
            f"{self.name}.dlq.v1", self.key, "the bytes untouched; `dlq_*` headers say why", 1, self.days, record_limit=RECORD_LIMIT
        )


RSE_INBOUND: Final = Topic(
    "rse.inbound.v1", "node / space", "canonical event, signed by the node", log_append_time=True, record_limit=RECORD_LIMIT - 2 * HEADROOM
)
HUB_FACTS: Final = Topic("hub.facts.v1", "community", "canonical event: a ministry's as it came, the hub's own signed by it")
RSE_RECEIPTS: Final = Topic("rse.receipts.v1", "node", "signed receipt for up to 500 deliveries", log_append_time=True)
PEER_INBOUND: Final = Topic(
    "peer.inbound.v1", "actor origin", "the activity's bytes as received; where it came from in headers that the door signed",
    log_append_time=True, record_limit=RECORD_LIMIT - 2 * HEADROOM,
)  # fmt: skip
PEERS_OUTBOUND: Final = Topic("peers.outbound.v1", "community", "the activity's bytes as they will be posted", 1)
ADAPTERS_DLQ: Final = Topic("adapters.dlq.v1", "node", "a body nobody could read, sealed to the operators' key", 1, 14)

STATIC: Final = (
    RSE_INBOUND, PEER_INBOUND, HUB_FACTS, PEERS_OUTBOUND, RSE_RECEIPTS, ADAPTERS_DLQ,
    RSE_INBOUND.dead_letters, PEER_INBOUND.dead_letters, HUB_FACTS.dead_letters, RSE_RECEIPTS.dead_letters,
)  # fmt: skip


def outbound(node: str) -> Topic:
    """A node's own topic: its lag is its backlog, its pause the circuit breaker; one partition keeps every order."""
    return Topic(f"node.{node}.outbound.v1", "community", "canonical event with the hub's sequence", 1)


def of_node(node: str) -> tuple[Topic, ...]:
    """What `traitdunion nodes provision` creates before a node becomes active."""
    return (outbound(node), outbound(node).dead_letters)
