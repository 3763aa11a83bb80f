"""Other people's numbers: the Fediverse Enhancement Proposals' own documents (FEP-8b32, FEP-521a, FEP-c390)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas import documents
from schemas.actor_keys import ActorKey, KeyFault, actor_keys, multikey_of, rsa_multikey
from schemas.documents import ProvedDocument, document_holds, verify
from schemas.keys import ED25519_PUBLIC, PublicKey, SigningKey, from_multibase, to_multibase
from schemas.rsa_keys import RsaPublicKey

if TYPE_CHECKING:
    import pytest

VECTORS = Path(__file__).parent / "vectors" / "fep"


def said(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return read


PROOF, KEYS, IDENTITY = said("8b32"), said("521a"), said("c390")
NOW = datetime.fromisoformat(PROOF["now"])


class TheirKey(SigningKey):
    """Their key under the id that they gave it: an Ed25519 key's id is its owner and itself with us."""

    def __init__(self, key_id: str) -> None:
        raw = from_multibase(PROOF["secret_key"])
        super().__init__(key_id.partition("#")[0], Ed25519PrivateKey.from_private_bytes(raw[2:]))
        self.key_id = key_id


def find(key_id: str) -> ActorKey | KeyFault:
    return actor_keys(PROOF["actor"], NOW).get(key_id, KeyFault.UNKNOWN)


def test_the_signed_activity_of_fep_8b32_is_believed_by_the_key_of_its_actor() -> None:
    found = verify(PROOF["signed"], find, NOW)
    assert found == ProvedDocument(PROOF["document"], PROOF["actor"]["id"], PROOF["verificationMethod"], NOW)


def test_our_proof_is_that_of_fep_8b32_byte_for_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """They write seconds, we write milliseconds."""
    monkeypatch.setattr(documents, "timestamp", lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert documents.sign_document(PROOF["document"], TheirKey(PROOF["verificationMethod"]), NOW) == PROOF["signed"]


def test_the_ed25519_key_of_fep_521a_is_read_and_written() -> None:
    raw, entry = bytes.fromhex(KEYS["ed25519"]["raw"]), KEYS["ed25519"]["multikey"]
    assert to_multibase(ED25519_PUBLIC + raw) == entry["publicKeyMultibase"]
    found = actor_keys({"id": KEYS["actor"], "assertionMethod": [entry]}, NOW)
    assert found == {entry["id"]: ActorKey(entry["id"], KEYS["actor"], PublicKey.of(entry["publicKeyMultibase"]))}


def test_the_rsa_key_of_fep_521a_is_read_and_written() -> None:
    der, entry = bytes.fromhex(KEYS["rsa"]["pkcs1"]), KEYS["rsa"]["multikey"]
    key = RsaPublicKey.of_pkcs1(der)
    assert key.pkcs1 == der
    assert rsa_multikey(key) == entry["publicKeyMultibase"]
    assert multikey_of(entry["publicKeyMultibase"]) == key
    found = actor_keys({"id": KEYS["actor"], "assertionMethod": [entry]}, NOW)
    assert found == {entry["id"]: ActorKey(entry["id"], KEYS["actor"], key)}


def test_the_identity_proof_of_fep_c390_holds_and_no_altered_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """No context at all, and a key that is its own name: the bytes are proved, though no door of ours takes such owners."""
    subject = IDENTITY["statement"]["subject"]
    key = PublicKey.of(subject.removeprefix("did:key:"))
    assert document_holds(IDENTITY["signed"], key)
    assert not document_holds({**IDENTITY["signed"], "alsoKnownAs": "https://server.example/users/bob"}, key)
    monkeypatch.setattr(documents, "timestamp", lambda moment: moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert documents.sign_document(IDENTITY["statement"], TheirKey(subject), NOW) == IDENTITY["signed"]
