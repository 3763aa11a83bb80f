"""Who said it, and was it altered: Ed25519 over JCS for envelopes."""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import ValidationError

from schemas import facts, jcs
from schemas.envelope import CONTENT_TYPE, SPECVERSION, CanonicalEvent, Envelope, event_id, major_of, unfit_attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.facts.base import Fact
    from schemas.keys import PublicKey, SigningKey
    from schemas.manifest import Registry
    from schemas.words import Audience

AHEAD = timedelta(minutes=5)
SALT_BYTES = 32


class Reason(StrEnum):
    """Why an event was refused: the names that people and machines see."""

    ENVELOPE_MALFORMED = "envelope_malformed"
    MAJOR_UNKNOWN = "major_unknown"
    SALT_MALFORMED = "salt_malformed"
    ID_MISMATCH = "id_mismatch"
    NODE_UNKNOWN = "node_unknown"
    KEY_OF_ANOTHER_NODE = "key_of_another_node"
    KEY_UNKNOWN = "key_unknown"
    KEY_PENDING = "key_pending"
    KEY_RETIRED = "key_retired"
    KEY_REVOKED = "key_revoked"
    PROOF_INVALID = "proof_invalid"
    DIGEST_MISMATCH = "digest_mismatch"
    TIME_IN_FUTURE = "time_in_future"
    RECORD_KEY_MISMATCH = "record_key_mismatch"
    FACT_MALFORMED = "fact_malformed"


UNPROVEN = frozenset(Reason) - {Reason.TIME_IN_FUTURE, Reason.MAJOR_UNKNOWN, Reason.FACT_MALFORMED, Reason.ID_MISMATCH}
"""Refusals after which nobody knows who really sent the record: they are never held against the node it names.

A record's key is not signed: whoever reads a ministry's event could send it again under a wrong key, to have that ministry quarantined.
"""


@dataclass(frozen=True, slots=True)
class UnverifiedEvent:
    """An event's parts as they were received; nothing in it is believed yet."""

    attributes: Mapping[str, str]
    value: bytes = field(repr=False)
    salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class VerifiedEvent:
    """An event whose node, attributes and content are proved. Made in this module alone; not yet authorised.

    `fact` is None for a type that this program does not know; `unknown` names the fields that it does not.
    """

    event: CanonicalEvent
    fact: Fact | None = field(repr=False)
    key_id: str
    admitted_at: datetime
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an event is not believed; `detail` names fields and keys, never content."""

    reason: Reason
    detail: str
    claimed_source: str
    claimed_id: str


def sign_event(  # noqa: PLR0913 - one for each of the envelope's attributes
    key: SigningKey,
    fact: Fact,
    *,
    subject: str,
    time: datetime,
    platform: str,
    native_id: str,
    change_marker: str,
    actor: str,
    audience: Audience,
    community: str | None = None,
    parent: str | None = None,
    history: str | None = None,
    on_behalf: str | None = None,
) -> CanonicalEvent:
    """Build a node's event and sign it with the node's own key; the fact's bytes are fixed from here on.

    Raises ValueError where a part does not fit the envelope: nothing is signed that no reader would take.
    """
    value, salt = fact.to_bytes(), secrets.token_bytes(SALT_BYTES)
    attributes = {
        "specversion": SPECVERSION,
        "id": event_id(key.owner, fact.event_type, native_id, change_marker),
        "source": key.owner,
        "type": fact.event_type,
        "subject": subject,
        "time": timestamp(time),
        "dataschema": f"urn:traitdunion:schema:{fact.event_type}",
        "datacontenttype": CONTENT_TYPE,
        "platform": platform,
        "nativeid": native_id,
        "changemarker": change_marker,
        "audience": audience.value,
        "actor": actor,
        "contentdigest": content_digest(salt, value),
        "keyid": key.key_id,
    }
    if community is not None:
        attributes["community"] = community
    if parent is not None:
        attributes["parent"] = parent
    if history is not None:
        attributes["history"] = history
    if on_behalf is not None:
        attributes["onbehalf"] = on_behalf
    if unfit := unfit_attributes(attributes):
        raise ValueError(", ".join(unfit))
    attributes["proof"] = encode(key.sign(jcs.canonical_strings(attributes)))
    return CanonicalEvent(attributes, value, salt, Envelope.model_validate(attributes))


def verify_event(unverified: UnverifiedEvent, registry: Registry, admitted_at: datetime) -> VerifiedEvent | Refusal:
    """Prove an event against the registry; its key is judged by its state when the broker admitted the record."""

    def refuse(reason: Reason, detail: str) -> Refusal:
        said = unverified.attributes
        return Refusal(reason, detail, _claim(_SOURCE, said.get("source", "")), _claim(_ID, said.get("id", "")))

    unfit = unfit_attributes(unverified.attributes)
    if unfit:
        return refuse(Reason.ENVELOPE_MALFORMED, ", ".join(unfit[:20]))
    try:
        envelope = Envelope.tolerant(unverified.attributes)
    except ValidationError as error:
        return refuse(Reason.ENVELOPE_MALFORMED, _fields(error))
    if len(unverified.salt) != SALT_BYTES:
        return refuse(Reason.SALT_MALFORMED, f"{len(unverified.salt)} bytes")
    key = registry.key_at(envelope.source, envelope.keyid, admitted_at)
    if isinstance(key, Reason):
        return refuse(key, envelope.keyid)
    if not proof_holds(unverified.attributes, key):
        return refuse(Reason.PROOF_INVALID, envelope.keyid)
    if not hmac.compare_digest(envelope.contentdigest, content_digest(unverified.salt, unverified.value)):
        return refuse(Reason.DIGEST_MISMATCH, envelope.contentdigest)
    if envelope.id != event_id(envelope.source, envelope.type, envelope.nativeid, envelope.changemarker):
        return refuse(Reason.ID_MISMATCH, envelope.id)
    parsed = major_of(envelope.type)
    if parsed is None or parsed[1] not in facts.MAJORS:
        return refuse(Reason.MAJOR_UNKNOWN, envelope.type)
    if envelope.time > admitted_at + AHEAD:
        return refuse(Reason.TIME_IN_FUTURE, envelope.time.isoformat())
    try:
        reading = facts.read(envelope.type, unverified.value)
    except facts.FactMalformed as error:
        return refuse(Reason.FACT_MALFORMED, str(error))
    event = CanonicalEvent(unverified.attributes, unverified.value, unverified.salt, envelope)
    return VerifiedEvent(event, reading.fact, envelope.keyid, admitted_at, reading.unknown)


def own_event(key: SigningKey, event: CanonicalEvent, fact: Fact, signed_at: datetime) -> VerifiedEvent:
    """What this process has just signed with its own key, as a verified event; raises ValueError for anybody else's."""
    if (event.envelope.source, event.envelope.keyid) != (key.owner, key.key_id) or not proof_holds(event.attributes, key.public):
        raise ValueError(event.envelope.keyid)
    if fact.to_bytes() != event.value or content_digest(event.salt, event.value) != event.envelope.contentdigest:
        raise ValueError("the fact is not the one that was signed")
    return VerifiedEvent(event, fact, key.key_id, signed_at)


def proof_holds(attributes: Mapping[str, str], key: PublicKey) -> bool:
    """Check an envelope's proof over all attributes as received, those that we do not know included."""
    try:
        signature = decode(attributes["proof"])
        message = jcs.canonical_strings({name: said for name, said in attributes.items() if name != "proof"})
    except (KeyError, ValueError):
        return False
    return key.verifies(signature, message)


def content_digest(salt: bytes, value: bytes) -> str:
    """HMAC-SHA-256 of the fact's bytes under its salt, hexadecimal: erasing both leaves nothing to guess from."""
    return hmac.digest(salt, value, "sha256").hex()


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: the one way in which we write a time; raises ValueError without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone means another moment on another machine")
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def encode(raw: bytes) -> str:
    """Base64url without padding (RFC 4648 § 5)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Base64url without padding; raises ValueError on any other character, so that one signature has one writing."""
    raw = base64.b64decode(text.translate(_STANDARD) + "=" * (-len(text) % 4), validate=True)
    if encode(raw) != text:
        raise ValueError(text)
    return raw


_SOURCE = re.compile(r"[a-z][a-z0-9-]{1,39}")
_ID = re.compile(r"[0-9a-f]{32,64}")
_STANDARD = str.maketrans({"-": "+", "_": "/", "+": "!", "/": "!"})


def _claim(pattern: re.Pattern[str], said: str) -> str:
    """What a stranger's record says of itself, or nothing where it has not even the shape: it goes into logs and dead letters."""
    return said if pattern.fullmatch(said) else ""


def _fields(error: ValidationError) -> str:
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    return ", ".join(sorted({".".join(map(str, problem["loc"])) or "(enveloppe)" for problem in problems}))
