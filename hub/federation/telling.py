"""A record of the hub's facts, read as what its community's followers are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from hub.federation.outgoing import external_of, parcels_of
from hub.federation.reach import bearing_of
from hub.federation.wrapping import Numbered
from schemas import facts
from schemas.envelope import CanonicalEvent, Envelope
from schemas.facts.moderation import MessageModerated, MessageRestored
from schemas.topics import HEADROOM, PEERS_OUTBOUND
from schemas.wire import records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.federation.addresses import Addresses
    from hub.federation.parcel import Parcel
    from hub.ports import Record

BODY_LIMIT: Final = PEERS_OUTBOUND.record_limit - HEADROOM


class Untellable(ValueError):
    """An event that was numbered and cannot be told to peers; `reason` names the part."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Voice:
    """As whom we speak to peers: our addresses, and the hub's own id, which is no actor."""

    addresses: Addresses
    hub: str


def parcels(record: Record, targets: Mapping[str, str], voice: Voice) -> Sequence[Parcel]:
    """What followers are told of a record; its proofs were checked before it was numbered. Raises Untellable."""
    said = records.texts(record.headers)
    try:
        bearing, admitted = bearing_of(targets), datetime.fromtimestamp(int(said["hub_admitted"]) / 1000, UTC)
        unverified = records.unverified_event(said, record.value)
        envelope = Envelope.tolerant(unverified.attributes)
        fact = facts.read(envelope.type, unverified.value).fact
    except (KeyError, ValueError, OverflowError, OSError, ValidationError) as error:
        raise Untellable(type(error).__name__) from error
    if bearing is None or fact is None or envelope.history is not None:
        return ()  # what a space said before it was tied would notify all their readers; an unknown type is for nodes that know it
    event = CanonicalEvent(unverified.attributes, unverified.value, unverified.salt, envelope)
    if envelope.source == voice.hub and external_of(event) is None and not isinstance(fact, MessageModerated | MessageRestored):
        return ()  # the hub's own announcements are for its nodes
    community = (record.key or b"").decode()
    found = parcels_of(Numbered(event, fact, community, admitted, bearing), voice.addresses, records.correlation_of(said))
    if any(len(parcel.body) > BODY_LIMIT for parcel in found):
        raise Untellable("record_too_large")
    return found
