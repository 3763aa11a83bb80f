"""A community's event as activities for its followers elsewhere: pure, the same bytes for the same event."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from hub.federation import moderated
from hub.federation.note import PUBLIC, addressing, note
from hub.federation.parcel import Form
from hub.federation.wrapping import act, announcing, context, parcel, text
from schemas import jcs
from schemas.facts.message import MessageDeleted, MessageEdited, MessagePosted
from schemas.facts.moderation import MessageModerated, MessageRestored
from schemas.facts.reaction import LIKES, ReactionAdded, ReactionRemoved

if TYPE_CHECKING:
    from hub.federation.addresses import Addresses
    from hub.federation.parcel import Parcel
    from hub.federation.wrapping import Numbered
    from schemas.envelope import CanonicalEvent

ALL: Final = frozenset({PUBLIC, "as:Public", "Public"})
"""Everybody, as servers write it (ActivityPub § 5.6)."""
CONTENT_TYPE: Final = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'


def parcels_of(numbered: Numbered, addresses: Addresses, correlation: str = "") -> list[Parcel]:
    """What the followers are told, in order: first inside the Group's Announce, then for servers that know no groups.

    Nothing where ActivityPub has no word for it, or where a peer said it to fewer people than everybody.
    """
    external = external_of(numbered.event)
    if external is not None:
        return _of_peer(numbered, external, addresses, correlation)
    deed = deed_of(numbered, addresses)
    if deed is None:
        return []
    announce = announcing(numbered, addresses, "announce", text(deed), PUBLIC)
    announced = parcel(numbered, addresses.group(numbered.community), Form.ANNOUNCED, announce, correlation)
    plain = _plainly(numbered, deed, addresses, correlation)
    return [announced, plain] if plain is not None else [announced]


def deed_of(numbered: Numbered, addresses: Addresses) -> dict[str, Any] | None:
    """What a ministry did, by its node's actor, or moderation did to its message; None for what ActivityPub has no word for."""
    fact, envelope = numbered.fact, numbered.event.envelope
    address = addresses.note(envelope.subject)
    match fact:
        case MessageEdited():
            return act(numbered, addresses, "Update", _note(numbered, fact, addresses))
        case MessagePosted():
            return act(numbered, addresses, "Create", _note(numbered, fact, addresses))
        case MessageDeleted():
            return act(numbered, addresses, "Delete", {"id": address, "type": "Tombstone", "formerType": "Note"})
        case MessageModerated():
            return moderated.taken_away(numbered, fact.ground, addresses)
        case MessageRestored():
            return moderated.brought_back(numbered, addresses)
        case ReactionAdded():
            target = _target(numbered, envelope.parent, addresses)
            return reaction(numbered, fact.emoji, target, addresses) if target else None
        case ReactionRemoved():
            target = _target(numbered, numbered.bearing.message, addresses)
            emoji = numbered.bearing.emoji
            return act(numbered, addresses, "Undo", reaction(numbered, emoji, target, addresses)) if target and emoji else None
        case _:
            return None


def reaction(numbered: Numbered, emoji: str, target: str, addresses: Addresses) -> dict[str, Any]:
    """A Like or EmojiReact. Its id comes from the reaction itself and not from the event, so that who takes it back can name it.

    The actor is the ministry: the one who takes back the last may not be the one who set the first.
    """
    envelope, like = numbered.event.envelope, emoji in LIKES
    made: dict[str, Any] = {
        "id": addresses.activity(numbered.bearing.told or envelope.subject),
        "type": "Like" if like else "EmojiReact",
        "actor": addresses.node(envelope.source),
        **addressing(numbered.community, addresses),
        "object": target,
    }
    return made if like else {**made, "content": emoji}


def external_of(event: CanonicalEvent) -> dict[str, Any] | None:
    """What the hub keeps of a peer's activity beside the fact that it made of it."""
    said = jcs.parse(event.value).get("external")
    return said if isinstance(said, dict) and isinstance(said.get("activity"), str) else None


def _of_peer(numbered: Numbered, external: dict[str, Any], addresses: Addresses, correlation: str) -> list[Parcel]:
    """A peer's activity, announced in the very characters in which it came: nobody re-serialises what somebody signed.

    What a Group elsewhere passed on is for that Group's own followers: two communities that follow each other would go on for ever.
    What is taken back is not told again to the server that took it back; what was said is, for the followers there wait for our boost.
    """
    if external.get("via") is not None:
        return []
    activity = jcs.parse(external["activity"].encode())
    audience = _audience(activity)
    if audience is None:
        return []
    group = addresses.group(numbered.community)
    announced = parcel(
        numbered, group, Form.ANNOUNCED, announcing(numbered, addresses, "announce", external["activity"], audience), correlation
    )
    if announced.forgets:
        server = external.get("server")
        return [replace(announced, source=server if isinstance(server, str) else "")]
    address = external.get("object")
    if activity.get("type") != "Create" or not isinstance(address, str):
        return [announced]  # its own server tells those who know no groups of the rest
    boost = announcing(numbered, addresses, "boost", text(address), audience)
    return [announced, parcel(numbered, group, Form.PLAIN, boost, correlation)]


def _audience(activity: Any) -> str | None:
    """Where everybody stands among whom a peer spoke to: PUBLIC for its `to`, "" for `cc` alone; None where it spoke to fewer people.

    What says nothing of its readers and carries no content (a Like, an Undo) may be told to who knows what it speaks of.
    """
    inner = activity.get("object")
    parts = [activity, inner] if isinstance(inner, dict) else [activity]
    if any(_named(part, "to") & ALL for part in parts):
        return PUBLIC
    if any(_named(part, "cc") & ALL for part in parts):
        return ""
    addressed = any(_named(part, name) for part in parts for name in ("to", "cc", "bto", "bcc"))
    return None if addressed or activity.get("type") in {"Create", "Update"} else PUBLIC


def _named(part: dict[str, Any], name: str) -> set[str]:
    said = part.get(name)
    return {one for one in (said if isinstance(said, list) else [said]) if isinstance(one, str)}


def _plainly(numbered: Numbered, deed: dict[str, Any], addresses: Addresses, correlation: str) -> Parcel | None:
    """The same for servers that know no groups: they show a boost, and believe an author about her own message."""
    if isinstance(numbered.fact, MessageModerated | MessageRestored):
        return moderated.plainly(numbered, deed, addresses, correlation)
    if deed["type"] == "Create":
        boost = announcing(numbered, addresses, "boost", text(deed["object"]["id"]), PUBLIC)
        return parcel(numbered, addresses.group(numbered.community), Form.PLAIN, boost, correlation)
    if deed["type"] in {"Update", "Delete"}:
        return parcel(numbered, deed["actor"], Form.PLAIN, text({"@context": context(addresses), **deed}), correlation)
    return None


def _note(numbered: Numbered, fact: MessagePosted, addresses: Addresses) -> dict[str, Any]:
    answers = _target(numbered, numbered.event.envelope.parent, addresses)
    made = note(numbered.event, fact, numbered.community, answers, addresses)
    posted = numbered.bearing.posted
    return {**made, "published": posted} if posted else made


def _target(numbered: Numbered, message: str | None, addresses: Addresses) -> str | None:
    """The address of a message: at the peer that said it, or here."""
    return numbered.bearing.url or (addresses.note(message) if message else None)
