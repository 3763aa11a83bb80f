"""Moderation as a community's followers elsewhere hear of it: a Delete by an actor of ours, and its Undo. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from hub.federation.note import PUBLIC, addressing, followers
from hub.federation.parcel import Form
from hub.federation.wrapping import Numbered, announcing, context, parcel, text
from schemas import facts, jcs
from schemas.envelope import CanonicalEvent, Envelope
from schemas.facts.moderation import MessageRestored
from schemas.words import GROUND_WORDS, Ground

if TYPE_CHECKING:
    from hub.federation.addresses import Addresses
    from hub.federation.parcel import Parcel
    from schemas.facts.moderation import Said

REMOVED: Final = "Retiré par la modération"
"""Lemmy takes a Delete with a `summary` for a moderator's, and one without for the author's own."""


def taken_away(numbered: Numbered, ground: Ground, addresses: Addresses) -> dict[str, Any]:
    """The Delete of a message, with the ground; the moderator's sentence is for the ministries' networks.

    By the actor to whom the message is attributed, whom servers believe about it; of a peer's message, by the hub's own.
    """
    why = "" if ground is Ground.UNSTATED else f" : {GROUND_WORDS[ground]}"
    return _delete(numbered, numbered.event.envelope.id, REMOVED + why, addresses)


def brought_back(numbered: Numbered, addresses: Addresses) -> dict[str, Any] | None:
    """The Undo of that Delete; None where peers were never told one."""
    undone, envelope = numbered.bearing.undone, numbered.event.envelope
    if undone is None:
        return None
    return {
        "id": addresses.activity(envelope.id),
        "type": "Undo",
        "actor": _actor(numbered, addresses),
        **addressing(numbered.community, addresses),
        "object": _delete(numbered, undone, REMOVED, addresses),
    }


def plainly(numbered: Numbered, deed: dict[str, Any], addresses: Addresses, correlation: str) -> Parcel | None:
    """The same for servers that know no groups: they believe an author about her own message, and our Group about its own boosts."""
    group, stands = addresses.group(numbered.community), numbered.bearing.stands
    if deed["type"] == "Undo":
        return parcel(numbered, group, Form.PLAIN, _boost(numbered, addresses), correlation)
    if stands is None:
        return parcel(numbered, deed["actor"], Form.PLAIN, text({"@context": context(addresses), **deed}), correlation)
    unboost = _unboost(numbered, stands, addresses)
    return parcel(numbered, group, Form.PLAIN, text(unboost), correlation) if unboost else None


def said_again(numbered: Numbered) -> Numbered | None:
    """The event of a message's author that a restoration brings along; None where the hub had to say it in its own words."""
    fact = numbered.fact
    if not isinstance(fact, MessageRestored) or fact.said is None:
        return None
    try:
        event = _event(fact.said)
        said = facts.read(event.envelope.type, event.value).fact
    except (ValueError, ValidationError):
        return None
    return Numbered(event, said, numbered.community, fact.said.admitted_at, numbered.bearing) if said is not None else None


def _event(said: Said) -> CanonicalEvent:
    """As it was proved when the hub took it; raises ValueError."""
    attributes = jcs.parse(said.attributes.encode())
    return CanonicalEvent(attributes, said.value.encode(), bytes.fromhex(said.salt), Envelope.tolerant(attributes))


def _delete(numbered: Numbered, event: str, summary: str, addresses: Addresses) -> dict[str, Any]:
    stands, ours = numbered.bearing.stands, addresses.note(numbered.event.envelope.subject)
    return {
        "id": addresses.activity(event),
        "type": "Delete",
        "actor": _actor(numbered, addresses),
        **addressing(numbered.community, addresses),
        "object": stands or {"id": ours, "type": "Tombstone", "formerType": "Note"},
        "summary": summary,
    }


def _actor(numbered: Numbered, addresses: Addresses) -> str:
    """The node on whose behalf the hub speaks: the author's, or the hub's own for who wrote elsewhere."""
    envelope = numbered.event.envelope
    return addresses.node(envelope.onbehalf or envelope.source)


def _boost(numbered: Numbered, addresses: Addresses) -> str:
    """The Group shows the message again; a peer's never to more people than its followers, however openly it was said at first."""
    stands = numbered.bearing.stands
    if stands is not None:
        return announcing(numbered, addresses, "boost", text(stands), "")
    return announcing(numbered, addresses, "boost", text(addresses.note(numbered.event.envelope.subject)), PUBLIC)


def _unboost(numbered: Numbered, stands: str, addresses: Addresses) -> dict[str, Any] | None:
    """What our Group showed of a peer's message, it shows no longer."""
    boost, group = numbered.bearing.boost, addresses.group(numbered.community)
    if boost is None:
        return None
    readers = {"to": [followers(addresses, numbered.community)], "cc": [PUBLIC]}
    return {
        "@context": context(addresses),
        "id": f"{addresses.activity(numbered.event.envelope.id)}#unboost",
        "type": "Undo",
        "actor": group,
        **readers,
        "object": {"id": f"{addresses.activity(boost)}#boost", "type": "Announce", "actor": group, **readers, "object": stands},
    }
