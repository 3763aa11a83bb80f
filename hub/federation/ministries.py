"""Ministries of another Trait d'union: the envelope in a Note, checked against that server's registry, so that its group need not be believed."""

from __future__ import annotations

import base64
import binascii
import html as entities
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import nh3

from hub.federation.addresses import Addresses
from schemas import facts
from schemas.activities import author_of, own_id
from schemas.facts.message import MessagePosted
from schemas.origins import origin_of
from schemas.proof import Refusal, UnverifiedEvent, verify_event
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from schemas.manifest import Registry

MEMBER: Final = "ministryEvent"
"""A Note's own member in our context: the envelope's attributes, the value in base64, the salt in hexadecimal."""
SALT_DIGITS: Final = 64


class Fault(StrEnum):
    """Why a ministry's envelope in a Note is not believed; a proof that does not hold bears the names of `proof.Reason`."""

    MALFORMED = "envelope_in_note_malformed"
    OF_ANOTHER_MINISTRY = "envelope_of_another_ministry"
    OF_ANOTHER_OBJECT = "envelope_of_another_object"
    NOT_A_MESSAGE = "envelope_not_a_message"
    NOT_PUBLIC = "envelope_not_public"
    CONTENT_MISMATCH = "envelope_content_mismatch"
    REGISTRY_UNAVAILABLE = "peer_registry_unavailable"
    REGISTRY_REFUSED = "peer_registry_refused"


@dataclass(frozen=True, slots=True)
class Ministry:
    """A message that its ministry's own node signed; `organisation` is the name that the server's registry gives it."""

    fact: MessagePosted = field(repr=False)
    organisation: str


def proved(note: Mapping[str, Any], registry: Registry, received: datetime) -> Ministry | str:
    """The ministry whose envelope a Note carries, or the name of what is wrong with it.

    The Note must be that node's, at the address of that very object, and say what the node signed.
    """
    event = unverified_event(note)
    if event is None:
        return Fault.MALFORMED
    verified = verify_event(event, registry, received)
    if isinstance(verified, Refusal):
        return verified.reason.value
    envelope, fact, here = verified.event.envelope, verified.fact, Addresses(origin_of(own_id(note)) or "")
    if author_of(note) != here.node(envelope.source):
        return Fault.OF_ANOTHER_MINISTRY
    if own_id(note) != here.note(envelope.subject):
        return Fault.OF_ANOTHER_OBJECT
    if not isinstance(fact, MessagePosted):
        return Fault.NOT_A_MESSAGE
    if envelope.audience is Audience.UNKNOWN:
        return Fault.NOT_PUBLIC
    if not _says(note, fact):
        return Fault.CONTENT_MISMATCH
    entry = registry.node(envelope.source)
    return Ministry(fact, entry.organisation if entry is not None else fact.author.organisation)


def unverified_event(note: Mapping[str, Any]) -> UnverifiedEvent | None:
    """The envelope that a Note carries; None where it has not even the shape."""
    said = note.get(MEMBER)
    attributes = said.get("attributes") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(attributes, dict) or not all(isinstance(one, str) for one in attributes.values()):
        return None
    value, salt = said.get("value"), said.get("salt")
    if not isinstance(value, str) or not isinstance(salt, str) or len(salt) != SALT_DIGITS:
        return None
    try:
        return UnverifiedEvent(attributes, base64.b64decode(value, validate=True), bytes.fromhex(salt))
    except (binascii.Error, ValueError):
        return None


def reread(note: Mapping[str, Any]) -> MessagePosted | None:
    """What the envelope of a Note says that the door has proved."""
    event = unverified_event(note)
    if event is None:
        return None
    try:
        fact = facts.read(event.attributes.get("type", ""), event.value).fact
    except (facts.FactMalformed, facts.MajorUnknown):
        return None
    return fact if isinstance(fact, MessagePosted) else None


def _says(note: Mapping[str, Any], fact: MessagePosted) -> bool:
    """Whether the Note's own words are those that were signed: servers that cannot check the envelope show nothing else."""
    said = note.get("content")
    return isinstance(said, str) and _letters(said).endswith(_letters(fact.content.html))


def _letters(html: str) -> str:
    """The words of HTML without anything between them: each server cleans and spaces in its own way."""
    return "".join(entities.unescape(nh3.clean(html, tags=set())).split())
