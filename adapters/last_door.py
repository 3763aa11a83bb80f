"""The last door before an RSE: the hub's number and the author's node are proved here, again, from the bytes alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adapters import elsewhere
from schemas.envelope import event_digest
from schemas.facts import TakenBack
from schemas.facts.moderation import MessageRestored
from schemas.facts.reaction import ReactionAdded
from schemas.ministries import OF_ANOTHER, of_another_node
from schemas.proof import Reason, Refusal, UnverifiedEvent, VerifiedEvent, verify_event
from schemas.sequence import Sequence, SequenceRefused, verify_sequence
from schemas.wire.records import HeadersMalformed, correlation_of, texts, unverified_event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence as Several

    from schemas.manifest import Registry

KEY_REASONS = frozenset({Reason.KEY_UNKNOWN, Reason.NODE_UNKNOWN, "hub_key_refused", "provenance_key_refused"})
"""What a newer registry may answer: it is asked for at once, before anything is refused for good."""
EMPTY_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True)
class UnverifiedRecord:
    """A record as the consumer gave it."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Several[tuple[str, bytes | None]]

    @property
    def lane(self) -> str:
        """What keeps its order: the record's key as text."""
        return (self.key or b"").decode(errors="replace")

    @property
    def timestamp(self) -> datetime:
        """When it was produced: by the hub alone, which may write on a node's topic."""
        return datetime.fromtimestamp(max(self.timestamp_ms, 0) / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Passed:
    """A proved event for this node; `place` is None for what the hub says to one node outside any community's numbering."""

    verified: VerifiedEvent
    place: Sequence | None
    correlation: str

    @property
    def resent(self) -> bool:
        """Whether the hub sends it again, to us who missed it."""
        return self.place is not None and self.place.history is not None

    @property
    def company(self) -> frozenset[str] | None:
        """Who hears the community, as this event's targets tell it; None where they tell something else.

        What is taken back goes further, to where it was heard before; what is sent again to us alone; and neither a reaction like a
        colleague's nor the return of what peers were never shown goes to them, though they hear all the rest.
        """
        fact = self.verified.fact
        if self.place is None or self.resent or fact is None or isinstance(fact, TakenBack | ReactionAdded | MessageRestored):
            return None
        return frozenset(self.place.targets)

    @property
    def number(self) -> int:
        """The sequence; 0 outside any numbering."""
        return self.place.number if self.place is not None else 0


@dataclass(frozen=True, slots=True)
class Stopped:
    """A record that is not believed; `number` is its place where at least that was proved."""

    reason: str
    detail: str
    event: str
    digest: str
    number: int
    correlation: str


@dataclass(frozen=True, slots=True)
class LastDoor:
    """Checks for one node, against one registry at a time."""

    node: str
    hub: str

    def check(self, record: UnverifiedRecord, registry: Registry) -> Passed | Stopped:
        """Prove a record or say why not."""
        try:
            headers = texts(record.headers)
        except HeadersMalformed as error:
            return Stopped("headers_malformed", str(error)[:100], "", EMPTY_DIGEST, 0, correlation_of({}))
        unverified = unverified_event(headers, record.value)
        if unverified.attributes.get("source") == self.hub and "hub_proof" not in headers:
            return self._direct(record, headers, unverified, registry)
        return self._numbered(record, headers, unverified, registry)

    def _direct(
        self, record: UnverifiedRecord, headers: Mapping[str, str], unverified: UnverifiedEvent, registry: Registry
    ) -> Passed | Stopped:
        verified = verify_event(unverified, registry, record.timestamp)
        if isinstance(verified, Refusal):
            return _stopped(verified.reason, verified.detail, headers, unverified, 0)
        return Passed(verified, None, correlation_of(headers))

    def _numbered(
        self, record: UnverifiedRecord, headers: Mapping[str, str], unverified: UnverifiedEvent, registry: Registry
    ) -> Passed | Stopped:
        try:
            place = verify_sequence(
                headers,
                event_digest=event_digest(unverified.attributes),
                community=record.lane,
                hub=self.hub,
                registry=registry,
                at=record.timestamp,
            )
        except SequenceRefused as error:
            return _stopped(error.reason, "", headers, unverified, 0)
        verified = verify_event(unverified, registry, place.admitted_at)
        if isinstance(verified, Refusal):
            return _stopped(verified.reason, verified.detail, headers, unverified, place.number)
        envelope = verified.event.envelope
        if envelope.community is not None and envelope.community != record.lane:
            return _stopped(Reason.RECORD_KEY_MISMATCH, envelope.community, headers, unverified, place.number)
        if self.node not in place.targets and envelope.source != self.node:
            return _stopped("not_for_this_node", "", headers, unverified, place.number)
        if of_another_node(verified, registry):
            return _stopped(OF_ANOTHER, "", headers, unverified, place.number)
        if fault := elsewhere.fault(verified, self.hub, registry):
            return _stopped(fault, "", headers, unverified, place.number)
        return Passed(verified, place, correlation_of(headers))


def _stopped(reason: str, detail: str, headers: Mapping[str, str], unverified: UnverifiedEvent, number: int) -> Stopped:
    claimed = unverified.attributes.get("id", "")[:64]
    return Stopped(str(reason), detail, claimed, event_digest(unverified.attributes), number, correlation_of(headers))
