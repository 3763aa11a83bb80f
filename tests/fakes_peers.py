"""An invented server of others': its keys, and requests as it signs them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from schemas.http_signature import UnverifiedHead
from schemas.keys import SigningKey
from schemas.rsa_keys import RsaSigningKey

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
INES = "https://pair.example/users/ines"
INBOX = "https://porte.example/groups/ateliers/inbox?de=pair"
BODY = '{"type": "Create", "name": "Où en est l\'atelier ?"}'.encode()
BOVINE: dict[str, Any] = json.loads((Path(__file__).parent / "conformance/vectors/cavage/bovine.json").read_text(encoding="utf-8"))


@cache
def rsa_key(owner: str = INES) -> RsaSigningKey:
    """The key of the vectors; to make one takes a tenth of a second."""
    private = load_pem_private_key(BOVINE["private_pem"].encode(), None)
    assert isinstance(private, RSAPrivateKey)
    return RsaSigningKey(owner, private)


@cache
def ed25519_key(owner: str = INES) -> SigningKey:
    """The same in every run."""
    return SigningKey(owner, Ed25519PrivateKey.from_private_bytes(sha256(owner.encode()).digest()))


def head_of(fields: Mapping[str, str], method: str = "POST", uri: str = INBOX) -> UnverifiedHead:
    """A request's head as our door receives it."""
    return UnverifiedHead(method, uri, [(name.lower(), value) for name, value in fields.items()])
