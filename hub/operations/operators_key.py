"""The operators' X25519 key, which opens sealed bodies: how it is kept at rest, and read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from nacl.public import PrivateKey

from schemas.keys import PRIVATE, KeyMalformed, read_private, write_private

if TYPE_CHECKING:
    from pathlib import Path


def write(key: PrivateKey, path: Path, passphrase: bytes) -> None:
    """A PKCS #8 PEM file that only its owner may read, encrypted."""
    write_private(X25519PrivateKey.from_private_bytes(bytes(key)), path, passphrase)


def write_in_clear(key: PrivateKey, path: Path) -> None:
    """64 hexadecimal digits in a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(bytes(key).hex() + "\n")


def read(path: Path, passphrase: bytes | None) -> PrivateKey:
    """The key of either file; raises KeyMalformed, or OSError."""
    raw = path.read_bytes()
    try:
        if PRIVATE not in raw:
            return PrivateKey(bytes.fromhex(raw.decode().strip()))
        found = read_private(path, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyMalformed(str(path)) from error
    if not isinstance(found, X25519PrivateKey):
        raise KeyMalformed(str(path))
    return PrivateKey(found.private_bytes_raw())
