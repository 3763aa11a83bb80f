"""The public keys that an actor's document publishes: Multikeys (FEP-521a) and `publicKeyPem`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from schemas.keys import ED25519_PUBLIC, KeyMalformed, PublicKey, from_multibase, to_multibase
from schemas.moments import moment_of
from schemas.origins import URI_LIMIT, same_origin
from schemas.rsa_keys import RsaPublicKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

RSA_PUBLIC: Final = b"\x85\x24"
"""Multicodec prefix of an RSA public key in PKCS #1."""
RSA_MULTIBASE_LIMIT: Final = 1536
"""8192 bits and their wrapping in base58; decoding takes the square of the length."""
MOST_KEYS: Final = 32


class KeyFault(StrEnum):
    """Why a published key is none for us."""

    UNKNOWN = "key_unknown"
    MALFORMED = "key_malformed"
    OF_ANOTHER_OWNER = "key_of_another_owner"
    OF_ANOTHER_ORIGIN = "key_of_another_origin"
    REPEATED = "key_repeated"
    EXPIRED = "key_expired"
    REVOKED = "key_revoked"


@dataclass(frozen=True, slots=True)
class ActorKey:
    """A public key under the id that an actor publishes it by, whose it is, and when it ends where that is said."""

    key_id: str
    owner: str
    public: PublicKey | RsaPublicKey
    expires: datetime | None = None

    @property
    def algorithm(self) -> str:
        """Its name in the registry of RFC 9421."""
        return self.public.algorithm

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether it made the signature."""
        return self.public.verifies(signature, message)


def actor_keys(document: Mapping[str, Any], now: datetime) -> dict[str, ActorKey | KeyFault]:
    """Each key id of an actor's document, with its key or why it is none for us.

    `document` must have been fetched from its own id. A key under the id of another origin is refused even though this actor claims it:
    it would let one server take another's key ids (FEP-fe34). One id with two keys is refused: which one was meant is nobody's guess.
    """
    owner = document.get("id")
    found: dict[str, ActorKey | KeyFault] = {}
    if not isinstance(owner, str):
        return found
    for key_id, key in _published(document, owner, now):
        known = found.get(key_id, key)
        found[key_id] = key if key == known else KeyFault.REPEATED
    return found


def _published(document: Mapping[str, Any], owner: str, now: datetime) -> Iterator[tuple[str, ActorKey | KeyFault]]:
    for member, whose, read in (("assertionMethod", "controller", _multikey), ("publicKey", "owner", _pem)):
        said = document.get(member)
        for entry in (said if isinstance(said, list) else [said])[:MOST_KEYS]:
            # an address alone says where a key is, not what
            if isinstance(entry, dict) and isinstance(key_id := entry.get("id"), str) and len(key_id) <= URI_LIMIT:
                yield key_id, _standing(entry, key_id, owner, whose, now) or _until(read(entry, key_id, owner), entry)


def _standing(entry: Mapping[str, Any], key_id: str, owner: str, whose: str, now: datetime) -> KeyFault | None:
    """Whose the key is and whether it stands today (Controlled Identifiers 1.0 § 2.2)."""
    if entry.get(whose) != owner:
        return KeyFault.OF_ANOTHER_OWNER
    if not same_origin(key_id, owner):
        return KeyFault.OF_ANOTHER_ORIGIN
    if "revoked" in entry:
        return KeyFault.REVOKED
    if "expires" in entry:
        expires = moment_of(entry["expires"])
        return KeyFault.MALFORMED if expires is None else KeyFault.EXPIRED if expires <= now else None
    return None


def _until(key: ActorKey | KeyFault, entry: Mapping[str, Any]) -> ActorKey | KeyFault:
    return key if isinstance(key, KeyFault) else replace(key, expires=moment_of(entry.get("expires")))


def _multikey(entry: Mapping[str, Any], key_id: str, owner: str) -> ActorKey | KeyFault:
    said = entry.get("publicKeyMultibase")
    if entry.get("type") != "Multikey" or not isinstance(said, str):
        return KeyFault.MALFORMED
    try:
        return ActorKey(key_id, owner, multikey_of(said))
    except KeyMalformed:
        return KeyFault.MALFORMED


def multikey_of(multibase: str) -> PublicKey | RsaPublicKey:
    """An Ed25519 or RSA Multikey; raises KeyMalformed, without showing what it was given."""
    if multibase.startswith("z6Mk"):
        return PublicKey.of(multibase)
    try:
        raw = from_multibase(multibase, RSA_MULTIBASE_LIMIT)
    except ValueError as error:
        raise KeyMalformed("neither an Ed25519 nor an RSA Multikey") from error
    if raw[:2] != RSA_PUBLIC:
        raise KeyMalformed("neither an Ed25519 nor an RSA Multikey")
    return RsaPublicKey.of_pkcs1(raw[2:])


def rsa_multikey(key: RsaPublicKey) -> str:
    """An RSA key as a Multikey."""
    return to_multibase(RSA_PUBLIC + key.pkcs1)


def _pem(entry: Mapping[str, Any], key_id: str, owner: str) -> ActorKey | KeyFault:
    said = entry.get("publicKeyPem")
    if not isinstance(said, str):
        return KeyFault.MALFORMED
    try:
        return ActorKey(key_id, owner, _ed25519_pem(said) or RsaPublicKey.of(said))
    except KeyMalformed:
        return KeyFault.MALFORMED


ED25519_PEM_LIMIT: Final = 160


def _ed25519_pem(said: str) -> PublicKey | None:
    """An Ed25519 key where others have RSA; None for all else. Such a PEM is short, so that RSA keys are not read twice."""
    if len(said) > ED25519_PEM_LIMIT:
        return None
    try:
        key = serialization.load_pem_public_key(said.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    if not isinstance(key, Ed25519PublicKey):
        return None
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return PublicKey.of(to_multibase(ED25519_PUBLIC + raw))
