"""Ed25519 keys: how they are named, written down and kept at rest (Multikey, PKCS #8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import base58
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

if TYPE_CHECKING:
    from pathlib import Path

ED25519_PUBLIC = b"\xed\x01"  # multicodec prefix of an Ed25519 public key


class KeyMalformed(ValueError):
    """A public key that is not an Ed25519 Multikey (`z6Mk…`)."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key; `multibase` is its Multikey form."""

    multibase: str
    _key: Ed25519PublicKey

    @classmethod
    def of(cls, multibase: str) -> Self:
        """Read a Multikey (W3C Controlled Identifiers 1.0 § 2.2.2); raises KeyMalformed."""
        try:
            raw = base58.b58decode(multibase[1:])
        except ValueError as error:
            raise KeyMalformed(multibase) from error
        if not multibase.startswith("z") or raw[:2] != ED25519_PUBLIC or len(raw) != 34:  # noqa: PLR2004 - 2 + 32 bytes
            raise KeyMalformed(multibase)
        return cls(multibase, Ed25519PublicKey.from_public_bytes(raw[2:]))

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether this key made the 64-byte signature over the message (RFC 8032)."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """An Ed25519 private key and the key id under which the registry knows it; never shown, never logged."""

    def __init__(self, owner: str, private: Ed25519PrivateKey) -> None:
        """Hold a private key for its owner, a node's id or the hub's."""
        self._private = private
        raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.public = PublicKey.of("z" + base58.b58encode(ED25519_PUBLIC + raw).decode())
        self.owner = owner
        self.key_id = f"{owner}#{self.public.multibase}"

    @classmethod
    def generate(cls, owner: str) -> Self:
        """Make a new key."""
        return cls(owner, Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, owner: str, path: Path, passphrase: bytes | None = None) -> Self:
        """Read a PKCS #8 PEM file; raises KeyMalformed when it holds anything but an Ed25519 key."""
        key = serialization.load_pem_private_key(path.read_bytes(), passphrase)
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyMalformed(str(path))
        return cls(owner, key)

    def save(self, path: Path, passphrase: bytes | None = None) -> None:
        """Write a PKCS #8 PEM file that only its owner may read; encrypted where a passphrase is given."""
        encryption: serialization.KeySerializationEncryption = (
            serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        )
        pem = self._private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        path.write_bytes(pem)

    def sign(self, message: bytes) -> bytes:
        """Sign a message: 64 bytes (RFC 8032)."""
        return self._private.sign(message)

    def __repr__(self) -> str:
        """Name the key without showing it."""
        return f"SigningKey({self.key_id})"
