"""The canonical event: CloudEvents 1.0 attributes, our provenance, and the bytes of one fact."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from schemas.jcs import canonical_strings
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Mapping

SPECVERSION = "1.0"
CONTENT_TYPE = "application/json"
TYPE_PATTERN = r"^fr\.gouv\.rse\.(?P<object>[a-z]+)\.(?P<verb>[a-z]+)\.v(?P<major>[1-9][0-9]{0,2})$"
NODE_PATTERN = r"^[a-z][a-z0-9-]{1,39}$"

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32,64}$")]
NodeId = Annotated[str, StringConstraints(pattern=NODE_PATTERN)]
CommunityId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
NativeId = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Base64Url = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{86}$")]


class Envelope(BaseModel):
    """The attributes of an event as they travel in `ce_*` headers; all are strings on the wire.

    Written with exactly these names; read with unknown ones ignored (and counted), since the proof covers them all.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Annotated[str, StringConstraints(pattern=r"^1\.0$")] = SPECVERSION
    id: Digest = Field(description="Digest of (node, type, native id, change marker), 32 hexadecimal digits.")
    source: NodeId = Field(description="The node that says it, or the hub.")
    type: Annotated[str, StringConstraints(pattern=TYPE_PATTERN)]
    subject: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(description="The object's id.")
    time: AwareDatetime = Field(description="When it happened by the platform's clock: a claim.")
    dataschema: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    datacontenttype: Annotated[str, StringConstraints(pattern=r"^application/json$")] = CONTENT_TYPE
    platform: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    nativeid: NativeId
    changemarker: NativeId
    parent: Annotated[str, StringConstraints(max_length=128)] | None = None
    community: CommunityId | None = None
    audience: Audience
    actor: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    contentdigest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    keyid: Annotated[str, StringConstraints(max_length=160)]
    proof: Base64Url


@dataclass(frozen=True, slots=True)
class CanonicalEvent:
    """An event as it travels: the attributes as received, the fact's bytes, and the salt that the digest needs.

    `attributes` and `value` are kept exactly as somebody signed them; `envelope` is only a reading of them.
    """

    attributes: Mapping[str, str]
    value: bytes
    salt: bytes
    envelope: Envelope

    @property
    def digest(self) -> str:
        """SHA-256 of the signed attributes with their proof, hexadecimal: what a journal or the hub's own proof names."""
        return event_digest(self.attributes)


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
    found = re.match(TYPE_PATTERN, fact_type)
    return (f"{found['object']}.{found['verb']}", int(found["major"])) if found else None


def _digest(*parts: str) -> str:
    joined = b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in parts)
    return hashlib.sha256(joined).hexdigest()[:32]
