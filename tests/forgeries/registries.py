"""Registries that a hub, or a thief of its key, would show to some readers and not to others: each with the name of its refusal."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from schemas.keys import SigningKey
from schemas.proof import timestamp
from tests.forgeries.anchors import DAY, FIRST, NOW, SECOND, THIEF, Row, document, entry

if TYPE_CHECKING:
    from collections.abc import Callable


def told(number: int, previous: bytes | None = None, **changes: Any) -> dict[str, Any]:
    """A version as its history tells it, and what came before it."""
    before = {"previous": sha256(previous).hexdigest()} if previous else {}
    return {"version": number, "issued": timestamp(NOW), "changes": [], **before, **changes}


def node(key: SigningKey, name: str, **changes: Any) -> dict[str, Any]:
    """A node whose one key this is."""
    held = entry(key) | {"id": f"{name}#{key.public.multibase}"}
    return {"id": name, "organisation": name.title(), "platform": "plain", "grade": "full", "keys": [held], **changes}


SIXTH: Final = document(FIRST, history=[told(5), told(6)])
"""What the reader has seen."""
SEVENTH: Final = document(FIRST, version=7)
PEER: Final = {"authority": "opsi.example", "name": "OPSI", "kind": "traitdunion", "grade": "full"}


def thiefs() -> bytes:
    """Signed by a thief in the anchor's name."""
    thief = SigningKey.generate("hub")
    thief.key_id = FIRST.key_id
    return document(thief)


def then(*history: dict[str, Any], version: int = 7) -> Callable[[], bytes]:
    """A version with this history."""
    return lambda: document(FIRST, version=version, history=list(history))


def of(*nodes: dict[str, Any]) -> Callable[[], bytes]:
    """A document of these nodes."""
    return lambda: document(FIRST, nodes=list(nodes))


def altered(old: bytes, new: bytes) -> Callable[[], bytes]:
    """The one that was seen, changed after it was signed."""
    return lambda: SIXTH.replace(old, new)


TABLE: Final = (
    Row("is signed anew by a thief, in its anchor's name", "registry_signature_invalid", thiefs),
    Row("is signed anew by a thief, in her own", "registry_anchor_unknown", lambda: document(THIEF)),
    Row("was altered after it was signed", "registry_signature_invalid", altered(b'"full"', b'"gone"')),
    Row("has a member added after it was signed", "registry_signature_invalid", altered(b'"version":6}', b'"version":6,"x":1}')),
    Row("has lost its signature", "registry_signature_invalid", altered(b'"proof":', b'"proofs":')),
    Row("is a list", "registry_signature_invalid", lambda: b"[" + SIXTH + b"]"),
    Row("has run out", "registry_expired", lambda: document(FIRST, expires=timestamp(NOW - DAY))),
    Row("runs out at this moment", "registry_expired", lambda: document(FIRST, expires=timestamp(NOW))),
    Row("is of before the one that was seen", "registry_rolled_back", then(told(5), version=5), seen=SIXTH),
    Row("is of before the one that was seen, and neither tells a history", "registry_rolled_back", lambda: document(FIRST), seen=SEVENTH),
    Row("is another one of the same version", "registry_forked", then(told(5), told(6, changes=[{"act": "applied", "subject": "node/x"}]), version=6), seen=SIXTH),
    Row("tells otherwise what was before", "registry_history_broken", then(told(5, changes=[{"act": "applied", "subject": "node/x"}]), told(6), told(7, SIXTH)), seen=SIXTH),
    Row("no longer tells what was before", "registry_history_broken", then(told(7, SIXTH)), seen=SIXTH),
    Row("tells nothing any more", "registry_history_broken", lambda: document(FIRST, version=7), seen=SIXTH),
    Row("follows another one than was seen", "registry_history_broken", then(told(5), told(6), told(7, document(FIRST))), seen=SIXTH),
    Row("follows nothing", "registry_history_broken", then(told(5), told(6), told(7)), seen=SIXTH),
    Row("leaves a version out", "registry_malformed", then(told(5), told(7))),
    Row("has a peer twice, of two grades", "registry_malformed", lambda: document(FIRST, peers=[PEER, PEER | {"grade": "gone"}])),
    Row("has a node twice", "registry_malformed", of(node(SECOND, "finances"), node(THIEF, "finances"))),
    Row("has a node that is called as the hub", "registry_malformed", of(node(SECOND, "hub"))),
    Row("gives one key to two nodes", "registry_malformed", of(node(SECOND, "finances"), node(SECOND, "education"))),
    Row("gives the hub's key to a node", "registry_malformed", of(node(FIRST, "finances"))),
    Row("has a key under another's name", "registry_malformed", of(node(SECOND, "finances", keys=[entry(SECOND)]))),
    Row("has a key that is none", "registry_malformed", of(node(SECOND, "finances", keys=[{"id": "finances#zz", "publicKeyMultibase": "zz"}]))),
    Row("is of another type", "registry_malformed", lambda: document(FIRST, type="Registry")),
)  # fmt: skip
