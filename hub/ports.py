"""What the hub asks of the world, and the plain values that cross its rooms."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from schemas.proof import VerifiedEvent

Headers = tuple[tuple[str, bytes], ...]
PEER_AGAIN: Final = "peer_again"
"""Header of a record for peers that has no bytes of its own: the offset, on the same topic, of the activity that is brought once more."""
PEER_ONLY: Final = "peer_only"
"""Beside it: the one peer to which."""


class Clock(Protocol):
    """Tells the time; injected, so that tests own it."""

    def __call__(self) -> datetime:
        """Now, aware, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """A Kafka record as it was read; `timestamp` is the broker's on topics with LogAppendTime."""

    topic: str
    partition: int
    offset: int
    timestamp: datetime
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def position(self) -> str:
        """`topic-partition-offset`, as Kafka tools write it."""
        return f"{self.topic}-{self.partition}-{self.offset}"


@dataclass(frozen=True)  # without slots, so that the digest is kept
class Admitted:
    """A verified event with what the record said beside it; `headers` are the bytes that travel on."""

    verified: VerifiedEvent
    headers: Headers
    correlation: str
    position: tuple[str, int, int]
    door: str = ""
    """The key (Multikey) by which the peers' door vouched for it; empty where no peer brought it."""

    @property
    def id(self) -> str:
        """The event's id."""
        return self.verified.event.envelope.id

    @cached_property
    def digest(self) -> str:
        """What the hub's own proof and every trace name it by; asked for more than once."""
        return self.verified.event.digest

    @property
    def node(self) -> str:
        """The node that says it."""
        return self.verified.event.envelope.source

    @property
    def subject(self) -> str:
        """The object it speaks of."""
        return self.verified.event.envelope.subject

    @property
    def community(self) -> str:
        """The community it is meant for; empty where it names none."""
        return self.verified.event.envelope.community or ""

    @property
    def history(self) -> bool:
        """Whether its node tells it long after it happened."""
        return self.verified.event.envelope.history is not None

    @property
    def parent(self) -> str | None:
        """The object that it answers."""
        return self.verified.event.envelope.parent


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A row of the outbox: bytes for a topic; `sequence` is set for what a whole community gets."""

    topic: str
    key: str
    value: bytes
    headers: Headers
    event: str
    digest: str
    admitted_at: datetime
    community: str | None = None
    sequence: int | None = None
    targets: Mapping[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """A rule of the hub refuses an event whose sender is proved; `reason` is machine-readable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
