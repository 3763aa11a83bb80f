"""Parts a batch of records in proved events and refused records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from hub.operations import readmission
from hub.ports import Admitted, Record
from schemas.ministries import OF_ANOTHER, of_another_node
from schemas.proof import UNPROVEN, Reason, Refusal, VerifiedEvent, verify_event
from schemas.topics import RSE_INBOUND
from schemas.wire import records

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schemas.manifest import Registry
    from schemas.proof import UnverifiedEvent

log = structlog.get_logger()
HANDLER_ERROR = "handler_error"
TOO_LARGE = "record_too_large"
OF_ELSEWHERE = "external_mismatch"


@dataclass(frozen=True, slots=True)
class Refused:
    """A record on its way to the dead letters; `node` is set only where the record is surely that node's own."""

    record: Record
    reason: str
    error: str
    node: str | None = None
    event: str = ""


@dataclass(frozen=True, slots=True)
class Sifted:
    """A batch as it was read: proved events with their records, and what was refused, by the registry of that moment."""

    batch: Sequence[Record]
    registry: Registry
    admitted: Sequence[tuple[Record, Admitted]]
    refused: Sequence[Refused]


def sift(
    batch: Sequence[Record], registry: Registry, key_of: Callable[[VerifiedEvent], str | None]
) -> tuple[list[tuple[Record, Admitted]], list[Refused]]:
    """Part the batch in verified events and refused records; nothing here waits for anything."""
    admitted: list[tuple[Record, Admitted]] = []
    refused: list[Refused] = []
    for record in batch:
        match _admit_safely(record, registry, key_of):
            case Admitted() as event:
                admitted.append((record, event))
            case Refused() as refusal:
                refused.append(refusal)
    return admitted, refused


def key_of_space(verified: VerifiedEvent) -> str | None:
    """The record key that an inbound event must have: `node/space`."""
    space = getattr(verified.fact, "space", None)
    return None if space is None else f"{verified.event.envelope.source}/{space}"


def key_of_node(verified: VerifiedEvent) -> str | None:
    """The record key that a receipt must have: the node."""
    return verified.event.envelope.source


def _admit_safely(record: Record, registry: Registry, key_of: Callable[[VerifiedEvent], str | None]) -> Admitted | Refused:
    """One record that makes our own checks fail is a dead letter alone; the fault is ours, so no node is counted."""
    try:
        return _admit(record, registry, key_of)
    except Exception as error:  # noqa: BLE001 - any other answer would end every worker that meets this record
        log.error("record_not_judged", position=record.position, error=type(error).__name__)  # noqa: TRY400 - no content in traces
        return Refused(record, HANDLER_ERROR, type(error).__name__)


def _size(record: Record) -> int:
    return (
        len(record.value or b"")
        + len(record.key or b"")
        + sum(len(name) + len(raw or b"") for name, raw in record.headers if name != readmission.HEADER)
    )


def _proved(unverified: UnverifiedEvent, record: Record, registry: Registry) -> VerifiedEvent | Refusal:
    """What was parked is judged as when it first came, unless its key was revoked meanwhile: a thief's flood may be what was parked."""
    verified = verify_event(unverified, registry, readmission.admitted_at(record, registry))
    if isinstance(verified, Refusal) or verified.admitted_at == record.timestamp:
        return verified
    now = registry.key_at(verified.event.envelope.source, verified.key_id, record.timestamp)
    return verify_event(unverified, registry, record.timestamp) if now is Reason.KEY_REVOKED else verified


def _admit(record: Record, registry: Registry, key_of: Callable[[VerifiedEvent], str | None]) -> Admitted | Refused:
    if _size(record) > RSE_INBOUND.record_limit:  # the broker counts compressed bytes; what we could not send on would jam the relay
        return Refused(record, TOO_LARGE, str(_size(record)))
    try:
        texts = records.texts(record.headers)
    except records.HeadersMalformed as error:
        return Refused(record, Reason.ENVELOPE_MALFORMED, f"en-tête {str(error)[:40]}")
    verified = _proved(records.unverified_event(texts, record.value), record, registry)
    if isinstance(verified, Refusal):
        surely = verified.claimed_source if verified.reason not in UNPROVEN else None
        return Refused(record, verified.reason, verified.detail, surely, verified.claimed_id)
    if getattr(verified.fact, "external", None) is not None:  # a node has no word for servers of others: the Group would pass it on
        return Refused(record, OF_ELSEWHERE, verified.event.envelope.type, verified.event.envelope.source, verified.event.envelope.id)
    if of_another_node(verified, registry):
        return Refused(record, OF_ANOTHER, verified.event.envelope.type, verified.event.envelope.source, verified.event.envelope.id)
    expected = key_of(verified)
    if expected is not None and record.key != expected.encode():
        return Refused(record, Reason.RECORD_KEY_MISMATCH, expected[:80])  # anyone may have keyed it: not held against the node
    return Admitted(
        verified, records.travelling(record.headers), records.correlation_of(texts), (record.topic, record.partition, record.offset)
    )
