"""RSA keys, which servers that others wrote sign with: how they are read, what is refused, and our own at rest."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, NoReturn, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from schemas.keys import KeyMalformed, read_private, write_private

if TYPE_CHECKING:
    from pathlib import Path

LEAST_BITS: Final = 2048
MOST_BITS: Final = 8192
"""Verifying takes the square of the length: past this, a stranger's key costs more than a stranger is worth."""
MOST_EXPONENT: Final = 2**32
"""Verifying takes the exponent's length too: one as long as the modulus would cost a hundred times the usual 65537."""
PEM_LIMIT: Final = 8 * 1024
OUR_BITS: Final = 3072
MAIN_KEY: Final = "main-key"
"""The fragment under which the fediverse looks for an actor's RSA key."""
_PEM: Final = re.compile(r"\s*-----BEGIN (RSA )?PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END (RSA )?PUBLIC KEY-----\s*")
_PADDING: Final = padding.PKCS1v15()
_HASH: Final = hashes.SHA256()


@dataclass(frozen=True, slots=True)
class RsaPublicKey:
    """An RSA public key; `algorithm` is its name in RFC 9421, the one way in which it verifies."""

    algorithm: ClassVar[str] = "rsa-v1_5-sha256"
    _key: rsa.RSAPublicKey = field(repr=False)

    @classmethod
    def of(cls, pem: str) -> Self:
        """Read a PEM, SubjectPublicKeyInfo (RFC 5280) or PKCS #1 (RFC 8017); raises KeyMalformed, without showing what it was given."""
        if len(pem) > PEM_LIMIT or not _PEM.fullmatch(pem):
            raise KeyMalformed("not one PEM public key")
        try:
            key = serialization.load_pem_public_key(pem.encode("ascii"))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyMalformed("not a PEM public key") from error
        return cls.checked(key)

    @classmethod
    def of_pkcs1(cls, der: bytes) -> Self:
        """Read the bytes of a PKCS #1 key, which a Multikey holds (FEP-521a); raises KeyMalformed."""
        try:
            key = serialization.load_der_public_key(der)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyMalformed("not an RSA key in PKCS #1") from error
        return cls.checked(key)

    @classmethod
    def checked(cls, key: object) -> Self:
        """Take a key that somebody else has read; raises KeyMalformed by name for the weak and for the absurd."""
        if not isinstance(key, rsa.RSAPublicKey):
            raise KeyMalformed("not an RSA key")
        if not LEAST_BITS <= key.key_size <= MOST_BITS:
            raise KeyMalformed(f"an RSA key of {key.key_size} bits, where {LEAST_BITS} to {MOST_BITS} are taken")
        exponent = key.public_numbers().e
        if exponent < 3 or exponent % 2 == 0 or exponent > MOST_EXPONENT:  # noqa: PLR2004 - the least odd exponent that hides anything
            raise KeyMalformed("an RSA key whose exponent is even, below 3 or absurdly long")
        return cls(key)

    @property
    def pem(self) -> str:
        """SubjectPublicKeyInfo, as `publicKeyPem` holds it."""
        return self._key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def modulus(self) -> int:
        """Its n."""
        return self._key.public_numbers().n

    @property
    def exponent(self) -> int:
        """Its e."""
        return self._key.public_numbers().e

    @property
    def size(self) -> int:
        """How long a signature is, in bytes."""
        return (self._key.key_size + 7) // 8

    @property
    def pkcs1(self) -> bytes:
        """PKCS #1 bytes, as a Multikey holds them."""
        return self._key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether this key made the signature: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 § 8.2), as long as its modulus."""
        try:
            self._key.verify(signature, message, _PADDING, _HASH)
        except InvalidSignature:
            return False
        return True


class RsaSigningKey:
    """An RSA private key and the actor that signs with it; never shown, never logged."""

    algorithm: ClassVar[str] = RsaPublicKey.algorithm

    def __init__(self, owner: str, private: rsa.RSAPrivateKey) -> None:
        """Hold a private key for its owner, an actor's address."""
        self._private = private
        self.public = RsaPublicKey.checked(private.public_key())
        self.owner = owner
        self.key_id = f"{owner}#{MAIN_KEY}"

    @classmethod
    def generate(cls, owner: str, bits: int = OUR_BITS) -> Self:
        """Make a new key; 65537 is its exponent."""
        return cls(owner, rsa.generate_private_key(public_exponent=65537, key_size=bits))

    @classmethod
    def load(cls, owner: str, path: Path, passphrase: bytes | None = None) -> Self:
        """Read a PKCS #8 PEM file; raises KeyMalformed when it holds anything but an RSA key, in clear or opened by the passphrase."""
        try:
            key = read_private(path, passphrase)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyMalformed(str(path)) from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise KeyMalformed(str(path))
        return cls(owner, key)

    def save(self, path: Path, passphrase: bytes | None = None) -> None:
        """Write a PKCS #8 PEM file that only its owner may read; encrypted where a passphrase is given."""
        write_private(self._private, path, passphrase)

    def acting_for(self, owner: str) -> Self:
        """The same key under another actor's name: one pair signs for all actors of a server."""
        return type(self)(owner, self._private)

    @property
    def public_pem(self) -> str:
        """The public key, as `publicKeyPem` holds it."""
        return self.public.pem

    def sign(self, message: bytes) -> bytes:
        """Sign a message: RSASSA-PKCS1-v1_5 with SHA-256, the same bytes each time."""
        return self._private.sign(message, _PADDING, _HASH)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """As SigningKey's: neither copied nor pickled. Raises TypeError."""
        raise TypeError(f"{self.key_id} stays where it is")

    def __repr__(self) -> str:
        """Name the key without showing it."""
        return f"RsaSigningKey({self.key_id})"
