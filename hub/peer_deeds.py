"""What the outbox keeps, as the activities that peers were told; an event that cannot be told is no activity."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from hub.federation import moderated
from hub.federation.note import PUBLIC
from hub.federation.outgoing import deed_of, external_of, parcels_of
from hub.federation.published import TOMBSTONE
from hub.federation.reach import bearing_of
from hub.federation.wrapping import Numbered, announcing, context, text
from schemas import facts
from schemas.envelope import CanonicalEvent, Envelope
from schemas.facts.moderation import MessageRestored
from schemas.wire import records

if TYPE_CHECKING:
    from hub.federation.addresses import Addresses
    from hub.operations.kept import Told
    from hub.ports import Outgoing


def announced(told: Told, addresses: Addresses) -> dict[str, Any] | None:
    """The Group's Announce of an event, as its followers were told it; of a message, with the words that stand now."""
    numbered = _numbered(told.event) if told.stands else None
    if numbered is None:
        return None
    if told.renewed and external_of(numbered.event) is None:
        done = _with_words_of_now(numbered, told, addresses)
        return dict(json.loads(announcing(numbered, addresses, "announce", text(done), PUBLIC))) if done else None
    parcels = parcels_of(numbered, addresses)
    if told.renewed:  # a peer's own characters hold its former words: the boost, by which we told of it too, names its address alone
        parcels = parcels[1:]
    return dict(json.loads(parcels[0].body)) if parcels else None


def deed(told: Told, addresses: Addresses) -> dict[str, Any] | None:
    """What was done: a ministry's own activity; of what a peer did, the Announce that passed it on. A Tombstone for what is no longer shown.

    An activity's address goes on naming what was done, and shows the message as it stands, as servers that make their activities anew do
    (Mastodon): who looks for the activity by which she heard of it finds it, and former words are nowhere.
    """
    numbered = _numbered(told.event)
    if numbered is None:
        return None
    if told.stands and external_of(numbered.event) is None:
        done = _with_words_of_now(numbered, told, addresses) if told.renewed else deed_of(numbered, addresses)
        if done is not None:
            return {"@context": context(addresses), **done}
    return announced(told, addresses) or (_gone(told, addresses) if told.renewed or not told.stands else None)


def _with_words_of_now(numbered: Numbered, told: Told, addresses: Addresses) -> dict[str, Any] | None:
    """The same activity about the message as it stands; where its ministry's own words are no longer kept, by its address."""
    done = deed_of(numbered, addresses)
    if done is None:
        return None
    stands = note(told.newest, addresses) if told.newest else None
    said = {name: one for name, one in stands.items() if name != "@context"} if stands else addresses.note(numbered.event.envelope.subject)
    return {**done, "object": said}


def _gone(told: Told, addresses: Addresses) -> dict[str, Any]:
    return {"@context": context(addresses), "id": addresses.activity(told.event.event), "type": TOMBSTONE}


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
