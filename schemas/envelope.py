"""The canonical event: CloudEvents 1.0 attributes, our provenance, and the bytes of one fact."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.jcs import canonical_strings
from schemas.scalars import Identifier, Moment, Sha256
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Mapping

SPECVERSION = "1.0"
CONTENT_TYPE = "application/json"
TYPE_PATTERN = r"fr\.gouv\.rse\.(?P<object>[a-z]+)\.(?P<verb>[a-z]+)\.v(?P<major>[1-9][0-9]{0,2})"
NODE_PATTERN = r"^[a-z][a-z0-9-]{1,39}$"

BACKFILL = "backfill"  # the history of a space that has just been tied
RESYNC = "resync"  # what a node missed while it was away for longer than its topic remembers
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32,64}$")]
EventType = Annotated[str, StringConstraints(pattern=r"^fr\.gouv\.rse\.[a-z]+\.[a-z]+\.v[1-9][0-9]{0,2}$")]
NodeId = Annotated[str, StringConstraints(pattern=NODE_PATTERN)]
CommunityId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
NativeId = Identifier
_NAME = re.compile(r"[a-z0-9]{1,40}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
Base64Url = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{86}$")]


class Envelope(BaseModel):
    """The attributes of an event as they travel in `ce_*` headers; all are strings on the wire.

    Written with exactly these names; read (`tolerant`) with unknown ones ignored (and counted), since the proof covers them all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    specversion: Annotated[str, StringConstraints(pattern=r"^1\.0$")] = Field(description="CloudEvents' version.")
    id: Digest = Field(description="Digest of (node, type, native id, change marker), 32 hexadecimal digits.")
    source: NodeId = Field(description="The node that says it, or the hub.")
    type: EventType = Field(description="Which fact the value holds.")
    subject: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(description="The object's id, the same in every RSE.")
    time: Moment = Field(description="When it happened by the platform's clock: a claim.")
    dataschema: Annotated[str, StringConstraints(min_length=1, max_length=256)] = Field(description="URN of the fact's schema.")
    datacontenttype: Annotated[str, StringConstraints(pattern=r"^application/json$")] = Field(description="Kafka header `content-type`.")
    platform: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")] = Field(description="Kind of RSE.")
    nativeid: NativeId = Field(description="The object's id in its RSE.")
    changemarker: NativeId = Field(description="What tells this change from the object's others.")
    parent: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = Field(
        None, description="Id of the object that it answers, reacts to or accepts."
    )
    community: CommunityId | None = Field(None, description="The community that it is meant for.")
    history: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,32}$")] | None = Field(
        None, description="Told long after it happened (`backfill`, `resync`): nobody is to be notified."
    )
    onbehalf: NodeId | None = Field(
        None, description="The node whose object it is, where the hub tells it from its own memory: that node's proof is gone."
    )
    audience: Audience = Field(description="Who can read it where it was written.")
    actor: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(
        description="HMAC under a secret of hers that her node keeps."
    )
    contentdigest: Sha256 = Field(description="HMAC-SHA-256 of the value under the salt.")
    keyid: Annotated[str, StringConstraints(min_length=1, max_length=160)] = Field(description="Owner and Multikey, `node#z6Mk…`.")
    proof: Base64Url = Field(description="Ed25519 over JCS of all other attributes.")

    @classmethod
    def tolerant(cls, unverified: Mapping[str, str]) -> Self:
        """Read attributes that another version may have written."""
        return cls.model_validate(dict(unverified), extra="ignore")


_KNOWN = frozenset(Envelope.model_fields)


@dataclass(frozen=True, slots=True)
class CanonicalEvent:
    """An event as it travels: the attributes as received, the fact's bytes, and the salt that the digest needs.

    `attributes` and `value` are kept exactly as somebody signed them; `envelope` is only a reading of them.
    """

    attributes: Mapping[str, str]
    value: bytes = field(repr=False)  # a traceback shows no content
    salt: bytes = field(repr=False)
    envelope: Envelope

    @property
    def digest(self) -> str:
        """SHA-256 of the signed attributes with their proof, hexadecimal: what a journal or the hub's own proof names."""
        return event_digest(self.attributes)


def unfit_attributes(attributes: Mapping[str, str]) -> list[str]:
    """Names of the attributes that CloudEvents does not allow: case variants, empty values, control characters.

    Named by quoting, so that what a stranger called an attribute can be written to a log.
    """
    if attributes.keys() <= _KNOWN and all(attributes.values()) and _uncontrolled("".join(attributes.values())):
        return []
    return sorted(ascii(name)[:40] for name, said in attributes.items() if not _fit(name, said))


def _fit(name: str, said: str) -> bool:
    return bool(_NAME.fullmatch(name) and said and _uncontrolled(said))


def _uncontrolled(said: str) -> bool:
    """No control character and no lone surrogate; what prints has neither, and is known to in a quarter of the time."""
    return said.isprintable() or not _CONTROL.search(said)


def event_digest(attributes: Mapping[str, str]) -> str:
    """SHA-256 over the canonical attributes, proof included; the content stays outside and can be erased."""
    return hashlib.sha256(canonical_strings(attributes)).hexdigest()


def event_id(node: str, fact_type: str, native_id: str, change_marker: str) -> str:
    """Digest of the four by which a change is known again, however often its platform tells it."""
    return _digest("event", node, fact_type, native_id, change_marker)


def object_id(node: str, native_id: str) -> str:
    """The id of an object that a node's RSE holds; the same in every event about it."""
    return _digest("object", node, native_id)


def major_of(fact_type: str) -> tuple[str, int] | None:
    """`("message.posted", 1)` of a well-formed event type, else None."""
    found = re.fullmatch(TYPE_PATTERN, fact_type)
    return (f"{found['object']}.{found['verb']}", int(found["major"])) if found else None


def _digest(*parts: str) -> str:
    joined = b"".join([len(raw).to_bytes(4) + raw for raw in map(str.encode, parts)])
    return hashlib.sha256(joined).hexdigest()[:32]
