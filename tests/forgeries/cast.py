"""Who signs, and who would like to: keys in every state of their life."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import base58
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from schemas.keys import SigningKey
from schemas.manifest import Grade, Registry, issue
from schemas.proof import timestamp

if TYPE_CHECKING:
    from tests.forgeries.drafts import Draft

NODE, OTHER, SUSPENDED, GONE, LAPSED, OBSERVER = "wifip", "education", "diplomatie", "culture", "justice", "armees"


def _key(owner: str = NODE) -> SigningKey:
    return SigningKey.generate(owner)


@dataclass(frozen=True)
class Cast:
    """The keys of a play, made once."""

    own: SigningKey = field(default_factory=_key)
    pending: SigningKey = field(default_factory=_key)
    retired: SigningKey = field(default_factory=_key)
    revoked: SigningKey = field(default_factory=_key)
    unknown: SigningKey = field(default_factory=_key)
    stranger: SigningKey = field(default_factory=_key)
    other: SigningKey = field(default_factory=lambda: _key(OTHER))
    suspended: SigningKey = field(default_factory=lambda: _key(SUSPENDED))
    gone: SigningKey = field(default_factory=lambda: _key(GONE))
    lapsed: SigningKey = field(default_factory=lambda: _key(LAPSED))
    observer: SigningKey = field(default_factory=lambda: _key(OBSERVER))
    hub: SigningKey = field(default_factory=lambda: _key("hub"))
    rsa: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    def rsa_signature(self, base: bytes) -> bytes:
        return self.rsa.sign(base, padding.PKCS1v15(), SHA256())

    def public_bytes(self, draft: Draft) -> bytes:
        """What everybody knows of the key that a draft names."""
        return base58.b58decode(draft.key_id.rpartition("#z")[2])[2:]

    def registry(self) -> bytes:
        """The signed document in which all of them stand but those that nobody knows."""
        now = datetime.now(UTC)
        before, after = timestamp(now - timedelta(days=2)), timestamp(now + timedelta(days=2))
        own = [
            _entry(self.own, activeFrom=before), _entry(self.pending, activeFrom=after),
            _entry(self.retired, activeFrom=before, retiredAt=before), _entry(self.revoked, activeFrom=before, revokedAt=before),
        ]  # fmt: skip
        nodes = [
            _node(NODE, own), _node(OTHER, [_entry(self.other, activeFrom=before)]),
            _node(SUSPENDED, [_entry(self.suspended, activeFrom=before)], Grade.SUSPENDED),
            _node(GONE, [_entry(self.gone, activeFrom=before)], Grade.GONE),
            _node(OBSERVER, [_entry(self.observer, activeFrom=before)], Grade.OBSERVER),
            _node(LAPSED, [_entry(self.lapsed, activeFrom=before)]) | {"manifestExpires": before},
        ]  # fmt: skip
        document = {
            "type": "TraitDUnionRegistry", "version": 1, "issued": timestamp(now), "expires": after,
            "hub": _node("hub", [_entry(self.hub, activeFrom=before)]), "nodes": nodes,
        }  # fmt: skip
        return issue(document, self.hub, now)

    def open(self) -> Registry:
        return Registry.open(self.registry(), self.hub.public.multibase, datetime.now(UTC))


def _entry(key: SigningKey, **dates: str) -> dict[str, str]:
    return {"id": key.key_id, "publicKeyMultibase": key.public.multibase, **dates}


def _node(name: str, keys: list[dict[str, str]], grade: Grade = Grade.FULL) -> dict[str, Any]:
    return {"id": name, "organisation": name.title(), "platform": "discourse", "grade": grade.value, "keys": keys}
