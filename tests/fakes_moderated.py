"""A moderator's words as the hub says them to a node, on behalf of the node whose message it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas import jcs
from schemas.facts.moderation import CopyRestored, MessageModerated, MessageRestored, Said
from schemas.proof import sign_event
from schemas.words import Audience, Ground
from tests.fakes_adapters import COMMUNITY
from tests.fakes_plain import SPACE

if TYPE_CHECKING:
    from schemas.envelope import CanonicalEvent
    from schemas.facts.base import Fact
    from schemas.keys import SigningKey


def of_message(key: SigningKey, fact: Fact, message: CanonicalEvent, *, marker: str = "m") -> CanonicalEvent:
    """A word about a message, signed by whoever says it."""
    envelope = message.envelope
    return sign_event(
        key, fact, subject=envelope.subject, time=datetime.now(UTC), platform="traitdunion", native_id=envelope.nativeid,
        change_marker=f"{envelope.subject} {marker}", actor="hub", audience=Audience.MEMBERS, community=COMMUNITY, on_behalf=envelope.source,
    )  # fmt: skip


def moderated(ground: Ground = Ground.OFF_TOPIC, note: str = "") -> MessageModerated:
    """A message is taken away."""
    return MessageModerated(ground=ground, note=note)


def carried(message: CanonicalEvent) -> Said:
    """A ministry's event as the hub carries it along."""
    return Said(
        attributes=jcs.canonical_strings(message.attributes).decode(), salt=message.salt.hex(), value=message.value.decode(),
        admitted_at=datetime.now(UTC),
    )  # fmt: skip


def restored(message: CanonicalEvent, withdrawn_in: str | None = None) -> MessageRestored:
    """It comes back as its ministry said it last."""
    return MessageRestored(said=carried(message), withdrawn_in=withdrawn_in)


def rewritten(message: CanonicalEvent, node: str, space: str = SPACE) -> CopyRestored:
    """One node is asked for its copy again."""
    return CopyRestored(node=node, space=space, said=carried(message))
