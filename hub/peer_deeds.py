"""What the outbox keeps, as the activities that peers were told; an event that cannot be told is no activity."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from hub.federation import moderated
from hub.federation.outgoing import deed_of, external_of, parcels_of
from hub.federation.reach import bearing_of
from hub.federation.wrapping import Numbered, context
from schemas import facts
from schemas.envelope import CanonicalEvent, Envelope
from schemas.facts.moderation import MessageRestored
from schemas.wire import records

if TYPE_CHECKING:
    from hub.federation.addresses import Addresses
    from hub.ports import Outgoing


def announced(kept: Outgoing, addresses: Addresses) -> dict[str, Any] | None:
    """The Group's Announce of an event, as its followers were told it."""
    numbered = _numbered(kept)
    told = parcels_of(numbered, addresses) if numbered else []
    return dict(json.loads(told[0].body)) if told else None


def deed(kept: Outgoing, addresses: Addresses) -> dict[str, Any] | None:
    """What was done: a ministry's own activity; of what a peer did, the Announce that passed it on."""
    numbered = _numbered(kept)
    if numbered is None:
        return None
    done = None if external_of(numbered.event) else deed_of(numbered, addresses)
    return {"@context": context(addresses), **done} if done else announced(kept, addresses)


def note(kept: Outgoing, addresses: Addresses) -> dict[str, Any] | None:
    """A ministry's message with its proof; None for a peer's, which stands at its own server, and for the hub's own words for one."""
    numbered = _as_said(kept)
    done = None if numbered is None or external_of(numbered.event) else deed_of(numbered, addresses)
    return {"@context": context(addresses), **done["object"]} if done and isinstance(done["object"], dict) else None


def origin(kept: Outgoing) -> str | None:
    """Where a peer's message stands."""
    numbered = _as_said(kept)
    external = external_of(numbered.event) if numbered else None
    at = external.get("object") if external else None
    return at if isinstance(at, str) else None


def _as_said(kept: Outgoing) -> Numbered | None:
    """The event that says a message: what moderation brought back stands within its word."""
    numbered = _numbered(kept)
    return moderated.said_again(numbered) if numbered and isinstance(numbered.fact, MessageRestored) else numbered


def _numbered(kept: Outgoing) -> Numbered | None:
    try:
        bearing = bearing_of(kept.targets)
        unverified = records.unverified_event(records.texts(kept.headers), kept.value)
        envelope = Envelope.tolerant(unverified.attributes)
        fact = facts.read(envelope.type, unverified.value).fact
    except (KeyError, ValueError, ValidationError):
        return None
    if bearing is None or fact is None or envelope.history is not None or kept.community is None:
        return None
    event = CanonicalEvent(unverified.attributes, unverified.value, unverified.salt, envelope)
    return Numbered(event, fact, kept.community, kept.admitted_at, bearing)
