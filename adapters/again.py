"""A message that the hub has written once more: proved by its ministry's own event where that came along, else in the hub's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters import elsewhere
from adapters.stand_in import stood_in
from schemas import jcs
from schemas.facts.message import MessageEdited, MessagePosted
from schemas.ministries import OF_ANOTHER, of_another_node
from schemas.proof import Refusal, UnverifiedEvent, verify_event

if TYPE_CHECKING:
    from datetime import datetime

    from adapters.last_door import Passed
    from schemas.facts.moderation import Again, Said
    from schemas.manifest import Registry
    from schemas.proof import VerifiedEvent

MISMATCH: Final = "restored_mismatch"
"""What came along is another message's, another community's, or no message at all."""


@dataclass(frozen=True, slots=True)
class Proved:
    """The message as it is to stand, and when it was written; `refused` where it is not to be believed."""

    fact: MessageEdited
    at: datetime


def proved(fact: Again, passed: Passed, space: str, hub: str, registry: Registry) -> Proved | str:
    """What to write; or the name of what is wrong with it. The hub's own words say that they are."""
    if fact.said is not None:
        return _of_ministry(fact.said, passed, hub, registry)
    if fact.words is None:
        return MISMATCH
    words = fact.words
    told = MessageEdited(space=space, author=words.author, content=words.content, title=words.title, link=words.link)
    return Proved(_edited(stood_in(told)), passed.verified.event.envelope.time)


def _of_ministry(said: Said, passed: Passed, hub: str, registry: Registry) -> Proved | str:
    attributes = _attributes(said.attributes)
    if attributes is None:
        return MISMATCH
    verified = verify_event(UnverifiedEvent(attributes, said.value.encode(), bytes.fromhex(said.salt)), registry, said.admitted_at)
    if isinstance(verified, Refusal):
        return str(verified.reason)
    if not isinstance(verified.fact, MessagePosted) or not _same_object(verified, passed):
        return MISMATCH
    if of_another_node(verified, registry):
        return OF_ANOTHER
    fault = elsewhere.fault(verified, hub, registry)
    return fault or Proved(_edited(verified.fact), verified.event.envelope.time)


def _attributes(unverified: str) -> dict[str, str] | None:
    try:
        said = jcs.parse(unverified.encode())
    except jcs.JsonRefused:
        return None
    return said if isinstance(said, dict) and all(isinstance(value, str) for value in said.values()) else None


def _same_object(inner: VerifiedEvent, outer: Passed) -> bool:
    """The same message of the same community, said by the node whose message it is."""
    one, other = inner.event.envelope, outer.verified.event.envelope
    return (one.subject, one.community, one.source, one.nativeid) == (other.subject, other.community, other.onbehalf, other.nativeid)


def _edited(fact: MessagePosted) -> MessageEdited:
    """As an edit: it makes what is not there and renews what is."""
    return MessageEdited.tolerant(fact.model_dump())
