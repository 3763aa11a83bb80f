"""Ed25519 keys: how they are named, written down and kept at rest (Multikey, PKCS #8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NoReturn, Protocol, Self

import base58
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_sign, crypto_sign_open
from nacl.exceptions import BadSignatureError

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

ED25519_PUBLIC = b"\xed\x01"  # multicodec prefix of an Ed25519 public key
SIGNATURE_BYTES = 64
PRIVATE = b"PRIVATE KEY-----"  # in the first line of every PEM of a private key
ENCRYPTED = b"ENCRYPTED"  # in that line (PKCS #8), or in the header below it (RFC 1421)
MULTIBASE_LIMIT = 128  # decoding base58 takes the square of the length: a document of megabytes would take hours
_BASE58 = re.compile("z[1-9A-HJ-NP-Za-km-z]*")
NOT_A_KEY = "not an Ed25519 Multikey (z6Mk…)"


def from_multibase(text: str, limit: int = MULTIBASE_LIMIT) -> bytes:
    """Bytes of a base58-btc multibase string; raises ValueError on any other writing of them, so that each has one.

    Within its alphabet base58 has one writing for each row of bytes; beyond it, the library drops white space at the end.
    """
    if len(text) > limit or not _BASE58.fullmatch(text):
        raise ValueError("not base58-btc multibase")
    return bytes(base58.b58decode(text[1:]))


def to_multibase(raw: bytes) -> str:
    """Base58-btc multibase of some bytes."""
    return "z" + str(base58.b58encode(raw), "ascii")


class KeyMalformed(ValueError):
    """A public key that is not an Ed25519 Multikey (`z6Mk…`)."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key; `multibase` is its Multikey form, `algorithm` its name in RFC 9421."""

    algorithm: ClassVar[str] = "ed25519"
    multibase: str
    _raw: bytes

    @classmethod
    def of(cls, multibase: str) -> Self:
        """Read a Multikey (W3C Controlled Identifiers 1.0 § 2.2.2); raises KeyMalformed, without showing what it was given.

        A point of small order is refused: one signature would hold for many messages, and its owner could deny them all.
        """
        try:
            raw = from_multibase(multibase)
        except ValueError as error:
            raise KeyMalformed(NOT_A_KEY) from error
        if raw[:2] != ED25519_PUBLIC or len(raw) != 34 or not crypto_core_ed25519_is_valid_point(raw[2:]):  # noqa: PLR2004 - 2 + 32 bytes
            raise KeyMalformed(NOT_A_KEY)
        return cls(multibase, raw[2:])

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether this key made the 64-byte signature over the message (RFC 8032).

        libsodium checks it: as strict as OpenSSL (and it refuses an R of small order besides), in half the time.
        """
        if len(signature) != SIGNATURE_BYTES:
            return False
        try:
            crypto_sign_open(signature + message, self._raw)
        except BadSignatureError:
            return False
        return True


class KeyHolder(Protocol):
    """Whoever signs for a node: her key may be followed by another while the process runs, so that whoever signs asks each time which it is."""

    @property
    def owner(self) -> str:
        """The node."""
        ...

    def held(self) -> SigningKey:
        """The key that signs now: used for what is signed at this moment, and asked again for the next."""
        ...


class SigningKey:
    """An Ed25519 private key and the key id under which the registry knows it; never shown, never logged."""

    algorithm: ClassVar[str] = PublicKey.algorithm

    def __init__(self, owner: str, private: Ed25519PrivateKey) -> None:
        """Hold a private key for its owner, a node's id or the hub's."""
        self._private = private
        raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        seed = private.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
        self._secret = seed + raw  # as libsodium wants it
        self.public = PublicKey.of(to_multibase(ED25519_PUBLIC + raw))
        self.owner = owner
        self.key_id = f"{owner}#{self.public.multibase}"

    @classmethod
    def generate(cls, owner: str) -> Self:
        """Make a new key."""
        return cls(owner, Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, owner: str, path: Path, passphrase: bytes | None = None) -> Self:
        """Read a PKCS #8 PEM file; raises KeyMalformed when it holds anything but an Ed25519 key, in clear or opened by the passphrase."""
        try:
            key = read_private(path, passphrase)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyMalformed(str(path)) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyMalformed(str(path))
        return cls(owner, key)

    def save(self, path: Path, passphrase: bytes | None = None) -> None:
        """Write a PKCS #8 PEM file that only its owner may read; encrypted where a passphrase is given."""
        write_private(self._private, path, passphrase)

    def acting_for(self, owner: str) -> Self:
        """The same key under another owner's name: one pair signs for all actors of a server."""
        return type(self)(owner, self._private)

    def held(self) -> Self:
        """Itself: a key that nothing follows."""
        return self

    def sign(self, message: bytes) -> bytes:
        """Sign a message: 64 bytes (RFC 8032), by libsodium as in `PublicKey.verifies`."""
        return crypto_sign(message, self._secret)[:SIGNATURE_BYTES]

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Neither copied nor pickled: what is written elsewhere is kept elsewhere. Raises TypeError."""
        raise TypeError(f"{self.key_id} stays where it is")

    def __repr__(self) -> str:
        """Name the key without showing it."""
        return f"SigningKey({self.key_id})"


def read_private(path: Path, passphrase: bytes | None) -> PrivateKeyTypes:
    """The private key of a PEM file; raises ValueError, TypeError or UnsupportedAlgorithm, and OSError.

    One in clear opens where a passphrase is set too: whoever sets it first, and encrypts the file after, stops nothing in between.
    """
    pem = path.read_bytes()
    return serialization.load_pem_private_key(pem, (passphrase or None) if ENCRYPTED in pem else None)


def lies_in_clear(path: Path) -> bool:
    """Tell whether a file holds a private key that anybody who reads it has; not so where there is none to be read."""
    try:
        pem = path.read_bytes()
    except OSError:
        return False
    return PRIVATE in pem and ENCRYPTED not in pem


def write_private(private: Ed25519PrivateKey | RSAPrivateKey | X25519PrivateKey, path: Path, passphrase: bytes | None) -> None:
    """Write a private key as a PKCS #8 PEM file that only its owner may read; encrypted where a passphrase is given."""
    encryption: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    )
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    path.chmod(0o600)  # a file that was there before may have been open to all
    path.write_bytes(pem)
