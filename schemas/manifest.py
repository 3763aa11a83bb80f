"""The signed registry of nodes: the one document from which every verifier takes its keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas import jcs
from schemas.documents import document_holds, sign_document
from schemas.envelope import NodeId
from schemas.keys import KeyMalformed, PublicKey
from schemas.proof import Reason
from schemas.scalars import Count, Moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from schemas.keys import SigningKey


class KeyState(StrEnum):
    """A key's life; which state it was in at a moment follows from the dates of its entry."""

    PENDING = "pending"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"
    REVOKED = "revoked"


class Grade(StrEnum):
    """How far a node is admitted."""

    CANDIDATE = "candidate"
    OBSERVER = "observer"
    FULL = "full"
    SUSPENDED = "suspended"
    GONE = "gone"


class Custody(StrEnum):
    """Who keeps a private key: pages say it, since a ministry answers for its own key and for no other."""

    ORGANISATION = "organisation"
    OPERATOR = "operator"


class KeyEntry(BaseModel):
    """One public key of a node or of the hub, with the dates of its life; our code names fields, documents their aliases."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    id: str
    multibase: Annotated[str, Field(alias="publicKeyMultibase")]
    active_from: Annotated[Moment | None, Field(alias="activeFrom")] = None
    retiring_from: Annotated[Moment | None, Field(alias="retiringFrom")] = None
    retired_at: Annotated[Moment | None, Field(alias="retiredAt")] = None
    revoked_at: Annotated[Moment | None, Field(alias="revokedAt")] = None
    compromised_since: Annotated[Moment | None, Field(alias="compromisedSince")] = None
    custody: Custody | None = None

    def state_at(self, moment: datetime) -> KeyState:
        """The key's state at a moment: what a signature of that moment is judged by."""
        if self.revoked_at is not None and moment >= self.revoked_at:
            return KeyState.REVOKED
        if self.active_from is None or moment < self.active_from:
            return KeyState.PENDING
        if self.retired_at is not None and moment >= self.retired_at:
            return KeyState.RETIRED
        if self.retiring_from is not None and moment >= self.retiring_from:
            return KeyState.RETIRING
        return KeyState.ACTIVE


class NodeEntry(BaseModel):
    """A node as every verifier sees it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: NodeId
    organisation: str
    platform: str
    grade: Grade
    keys: tuple[KeyEntry, ...]


class RegistryDocument(BaseModel):
    """The registry as published: signed, versioned, expiring."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["TraitDUnionRegistry"]
    version: Annotated[Count, Field(ge=1)]
    issued: Moment
    expires: Moment
    hub: NodeEntry
    nodes: tuple[NodeEntry, ...]


class RegistryRefused(ValueError):
    """A registry document that no verifier may use; `reason` is machine-readable."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """Keep the reason beside a sentence for people."""
        super().__init__(f"{reason} {detail}".strip())
        self.reason = reason


REFUSED_STATES = {
    KeyState.PENDING: Reason.KEY_PENDING,
    KeyState.RETIRED: Reason.KEY_RETIRED,
    KeyState.REVOKED: Reason.KEY_REVOKED,
}


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry whose signature was checked against the anchor handed over out of band."""

    document: RegistryDocument
    unparsed: bytes
    _keys: Mapping[str, Mapping[str, tuple[KeyEntry, PublicKey]]]

    @classmethod
    def open(cls, unverified: bytes, anchor: str, now: datetime, at_least: int = 0) -> Self:
        """Check a document's bytes against the anchor (a Multikey) and read it; raises RegistryRefused.

        `at_least` is the version already seen: a lower one is a roll-back.
        """
        try:
            raw = jcs.parse(unverified)
            key = PublicKey.of(anchor)
        except (jcs.JsonRefused, KeyMalformed) as error:
            raise RegistryRefused("registry_malformed", str(error)) from error
        if not isinstance(raw, dict) or not document_holds(raw, key):
            raise RegistryRefused("registry_signature_invalid")
        document = _read(raw)
        if document.version < at_least:
            raise RegistryRefused("registry_rolled_back", f"{document.version} < {at_least}")
        if now >= document.expires:
            raise RegistryRefused("registry_expired", document.expires.isoformat())
        return cls(document, unverified, _keys_by_owner((document.hub, *document.nodes)))

    def key_at(self, node: str, key_id: str, moment: datetime) -> PublicKey | Reason:
        """The node's key if it could sign at that moment, else why not."""
        of_node = self._keys.get(node)
        if of_node is None:
            return Reason.NODE_UNKNOWN
        if key_id not in of_node:
            others = any(key_id in keys for keys in self._keys.values())
            return Reason.KEY_OF_ANOTHER_NODE if others else Reason.KEY_UNKNOWN
        entry, public = of_node[key_id]
        return REFUSED_STATES.get(entry.state_at(moment), public)

    def node(self, node: str) -> NodeEntry | None:
        """A node's entry."""
        return next((entry for entry in self.document.nodes if entry.id == node), None)


def issue(document: Mapping[str, Any], key: SigningKey, now: datetime) -> bytes:
    """Sign a registry document and fix its bytes; they are published as they are from here on."""
    return jcs.canonical(sign_document(document, key, now))


def _read(raw: Mapping[str, Any]) -> RegistryDocument:
    try:
        return RegistryDocument.model_validate(raw, extra="ignore", by_alias=True, by_name=False)
    except ValidationError as error:
        raise RegistryRefused("registry_malformed") from error


def _keys_by_owner(entries: tuple[NodeEntry, ...]) -> Mapping[str, Mapping[str, tuple[KeyEntry, PublicKey]]]:
    """Every owner's keys; a node named like the hub would take its place, a key under two owners could sign for both."""
    names = [entry.id for entry in entries]
    keys = [key.multibase for entry in entries for key in entry.keys]
    if len(set(names)) != len(names) or len(set(keys)) != len(keys):
        raise RegistryRefused("registry_malformed", "a name or a key stands twice")
    return {entry.id: _opened(entry) for entry in entries}


def _opened(entry: NodeEntry) -> Mapping[str, tuple[KeyEntry, PublicKey]]:
    if any(key.id != f"{entry.id}#{key.multibase}" for key in entry.keys):
        raise RegistryRefused("registry_malformed", f"{entry.id}: a key's id is not its owner and itself")
    try:
        return {key.id: (key, PublicKey.of(key.multibase)) for key in entry.keys}
    except KeyMalformed as error:
        raise RegistryRefused("registry_malformed", entry.id) from error
