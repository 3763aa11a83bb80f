"""The registry's public document, built from the rooms' rows and signed by the hub."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from hub.registry.anchors import chain
from schemas import jcs
from schemas.manifest import Grade, NodeEntry, Registry, RegistryDocument, issue
from schemas.proof import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from hub.registry.anchors import Anchor
    from hub.registry.model import Node
    from hub.registry.peers import Peer
    from schemas.keys import SigningKey
    from schemas.manifest import Change, KeyEntry

A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a new version says: everybody, what was done since the last one, and that one's bytes (None for the first)."""

    version: int
    nodes: Iterable[Node]
    peers: Iterable[Peer]
    changes: Iterable[Change]
    before: bytes | None
    hub: Sequence[Anchor]
    """The hub's own keys, of which the one that signs this is one."""
    door: Iterable[KeyEntry] = ()
    """The keys of the peers' door, one after another; none where this hub federates with nobody."""


def build(contents: Contents, *, key: SigningKey, now: datetime, life: timedelta) -> bytes:
    """The signed bytes of a new version; candidates are not in it, since nobody need trust them yet."""
    document = {
        "type": "TraitDUnionRegistry",
        "version": contents.version,
        "issued": timestamp(now),
        "expires": timestamp(now + life),
        "hub": _hub(key.owner, contents.hub),
        "nodes": [_entry(node) for node in contents.nodes if node.grade is not Grade.CANDIDATE],
        "peers": [_peer(peer) for peer in contents.peers if peer.grade is not Grade.CANDIDATE],
        **({"federation": door} if (door := [_key(key) for key in contents.door]) else {}),
        "history": [*_history(contents.before), _version(contents, now)],
        **({"anchors": links} if (links := chain(contents.hub)) else {}),
    }
    return issue(document, key, now)


def _history(before: bytes | None) -> list[Any]:
    """The history as the version before told it: repeated word for word, since readers compare."""
    return list(jcs.parse(before).get("history", [])) if before is not None else []


def _version(contents: Contents, now: datetime) -> Mapping[str, Any]:
    changes = [change.model_dump(mode="json", exclude_none=True) for change in contents.changes]
    before = {"previous": sha256(contents.before).hexdigest()} if contents.before is not None else {}
    return {"version": contents.version, "issued": timestamp(now), **before, "changes": changes}


def _peer(peer: Peer) -> Mapping[str, Any]:
    said: dict[str, Any] = {
        "authority": peer.id,
        "name": peer.name,
        "kind": peer.kind.value,
        "grade": peer.grade.value,
        "cavage": peer.cavage,
    }
    return said | ({"anchor": peer.anchor} if peer.anchor else {}) | _until(peer)


def _until(member: Node | Peer) -> dict[str, str]:
    return {"manifestExpires": timestamp(member.expires)} if member.expires else {}


def of_nobody(now: datetime) -> Registry:
    """What stands before the first approval; it lets nobody do anything, so nobody need have signed it."""
    hub = NodeEntry(id="hub", organisation="Trait d’union", platform="traitdunion", grade=Grade.FULL, keys=())
    said = RegistryDocument(type="TraitDUnionRegistry", version=1, issued=now, expires=now + A_DAY, hub=hub, nodes=())
    return Registry(said, b"", {})


def _hub(owner: str, anchors: Sequence[Anchor]) -> Mapping[str, Any]:
    keys = [_key(anchor.entry) for anchor in anchors]
    return {"id": owner, "organisation": "Trait d’union", "platform": "traitdunion", "grade": Grade.FULL.value, "keys": keys}


def _entry(node: Node) -> Mapping[str, Any]:
    return {
        "id": node.id,
        "organisation": node.organisation_name,
        "platform": node.platform,
        "grade": node.grade.value,
        "keys": [_key(key) for key in node.keys],
        **_until(node),
    }


def _key(key: KeyEntry) -> Mapping[str, str]:
    dates = {
        "activeFrom": key.active_from, "retiringFrom": key.retiring_from, "retiredAt": key.retired_at, "revokedAt": key.revoked_at,
        "compromisedSince": key.compromised_since,
    }  # fmt: skip
    return {
        "id": key.id,
        "publicKeyMultibase": key.multibase,
        **({"custody": key.custody.value} if key.custody else {}),
        **{name: timestamp(moment) for name, moment in dates.items() if moment is not None},
    }
