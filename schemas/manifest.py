"""The signed registry of nodes: the one document from which every verifier takes its keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas import jcs
from schemas.anchors import UNCHANGED, Chain, named_signer
from schemas.documents import document_holds, sign_document
from schemas.keys import KeyMalformed, PublicKey
from schemas.proof import Reason
from schemas.registry_parts import AnchorChange, Change, Custody, Grade, KeyEntry, KeyState, NodeEntry, PeerEntry, RegistryRefused, Version
from schemas.scalars import Count, Moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from schemas.keys import SigningKey

__all__ = [
    "Change", "Custody", "Grade", "KeyEntry", "KeyState", "NodeEntry", "PeerEntry", "Registry", "RegistryDocument", "RegistryRefused",
    "Standing", "Version", "issue", "read_unchecked",
]  # fmt: skip


class RegistryDocument(BaseModel):
    """The registry as published: signed, versioned, expiring."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["TraitDUnionRegistry"]
    version: Annotated[Count, Field(ge=1)]
    issued: Moment
    expires: Moment
    hub: NodeEntry
    nodes: tuple[NodeEntry, ...]
    peers: tuple[PeerEntry, ...] = ()
    federation: tuple[KeyEntry, ...] = ()
    """Keys of the peers' door, those that follow and those that are followed. They stand apart from the hub's: a door that strangers reach
    must not be able to speak for the hub."""
    history: tuple[Version, ...] = ()
    anchors: tuple[AnchorChange, ...] = ()
    """How the hub's key that signs this followed others, each succession signed by both (`schemas.anchors`); none where it never did."""


class Standing(StrEnum):
    """How much of a registry's life is left: the hub renews it at half, so that an ending one means that something stands still."""

    FRESH = "fresh"
    ENDING = "ending"
    EXPIRED = "expired"


WARNING: Final = 0.4
"""The share of a registry's life from which on its readers say when they will refuse to go on."""


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
    anchor: str = ""
    """The key (Multikey) that signed it: the anchor handed over, or one that has followed it. Whoever reads on begins with this one."""
    chain: Chain = UNCHANGED

    @classmethod
    def believed(cls, unverified: bytes, anchor: str, seen: Registry | None = None) -> Self:
        """Check a document's bytes against the anchor (a Multikey), or one that has followed it, and read it, whatever its age.

        Raises RegistryRefused.
        """
        try:
            raw = jcs.parse(unverified)
            held = PublicKey.of(anchor)
        except (jcs.JsonRefused, KeyMalformed) as error:
            raise RegistryRefused("registry_malformed", str(error)) from error
        if not isinstance(raw, dict):
            raise RegistryRefused("registry_signature_invalid")
        if seen is not None and named_signer(raw) in seen.chain.before(seen.anchor):
            raise RegistryRefused("registry_anchor_rolled_back", named_signer(raw))
        chain = Chain.read(raw.get("anchors", ()), _hub_of(raw))
        key = chain.signer(held, named_signer(raw))
        if not document_holds(raw, key):
            raise RegistryRefused("registry_signature_invalid")
        document = _read(raw)
        chain.judge(key.multibase, document.issued, document.hub)
        return cls(document, unverified, _keys_by_owner((document.hub, *document.nodes)), key.multibase, chain)

    @classmethod
    def open(cls, unverified: bytes, anchor: str, now: datetime, seen: Registry | None = None) -> Self:
        """A document that may be used now: believed, not expired, and following the one already seen; raises RegistryRefused.

        Who has seen one goes on from the key that signed it: an anchor that was followed is not believed again.
        """
        registry = cls.believed(unverified, seen.anchor if seen is not None else anchor, seen)
        if seen is not None:
            registry.follows(seen)
        if now >= registry.document.expires:
            raise RegistryRefused("registry_expired", registry.document.expires.isoformat())
        return registry

    def follows(self, seen: Registry) -> None:
        """Make sure that this document is the one seen or a later one of the same history; raises RegistryRefused.

        A lower version is a roll-back; another document of the same version, or a history that says otherwise what was before, means that
        the hub, or a thief of its key, shows different registries to different readers.
        """
        ours, theirs = self.document, seen.document
        if ours.version < theirs.version:
            raise RegistryRefused("registry_rolled_back", f"{ours.version} < {theirs.version}")
        if ours.version == theirs.version:
            if self.unparsed != seen.unparsed:
                raise RegistryRefused("registry_forked", f"{ours.version}")
            return
        self.chain.continues(seen.chain, seen.anchor, ours.hub)
        if ours.history[: len(theirs.history)] != theirs.history:
            raise RegistryRefused("registry_history_broken", f"{theirs.version}")
        after = next((one for one in ours.history if one.version == theirs.version + 1), None)
        if (theirs.history or ours.history) and (after is None or after.previous != seen.digest):
            raise RegistryRefused("registry_history_broken", f"{theirs.version + 1}")

    @property
    def digest(self) -> str:
        """SHA-256 of the document's bytes, hexadecimal."""
        return sha256(self.unparsed).hexdigest()

    def standing(self, now: datetime) -> Standing:
        """How much of its life is left."""
        document = self.document
        if now >= document.expires:
            return Standing.EXPIRED
        return Standing.ENDING if document.expires - now < (document.expires - document.issued) * WARNING else Standing.FRESH

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

    def door_key_at(self, key_id: str, moment: datetime) -> PublicKey | Reason:
        """The key of the peers' door if it could sign at that moment, else why not; by itself, whatever owner its id names."""
        multibase = key_id.partition("#")[2]
        entry = next((one for one in self.document.federation if one.multibase == multibase), None)
        if entry is None:
            return Reason.KEY_UNKNOWN
        return REFUSED_STATES.get(entry.state_at(moment)) or PublicKey.of(entry.multibase)

    def node(self, node: str) -> NodeEntry | None:
        """A node's entry."""
        return next((entry for entry in self.document.nodes if entry.id == node), None)


def read_unchecked(unverified: bytes) -> RegistryDocument:
    """A document's members, its signature not looked at: for comparing, never for believing. Raises RegistryRefused."""
    try:
        raw = jcs.parse(unverified)
    except jcs.JsonRefused as error:
        raise RegistryRefused("registry_malformed", str(error)) from error
    if not isinstance(raw, dict):
        raise RegistryRefused("registry_malformed")
    return _read(raw)


def issue(document: Mapping[str, Any], key: SigningKey, now: datetime) -> bytes:
    """Sign a registry document and fix its bytes; they are published as they are from here on."""
    return jcs.canonical(sign_document(document, key, now))


def _read(raw: Mapping[str, Any]) -> RegistryDocument:
    try:
        document = RegistryDocument.model_validate(raw, extra="ignore", by_alias=True, by_name=False)
    except ValidationError as error:
        raise RegistryRefused("registry_malformed") from error
    if not _one_after_another(document.history, document.version):
        raise RegistryRefused("registry_malformed", "its history leaves versions out")
    if len({peer.authority for peer in document.peers}) != len(document.peers):
        raise RegistryRefused("registry_malformed", "a peer stands twice")
    return document


def _hub_of(raw: Mapping[str, Any]) -> object:
    hub = raw.get("hub")
    return hub.get("id") if isinstance(hub, dict) else None


def _one_after_another(history: tuple[Version, ...], version: int) -> bool:
    numbers = [one.version for one in history]
    return not numbers or numbers == list(range(version - len(numbers) + 1, version + 1))


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
