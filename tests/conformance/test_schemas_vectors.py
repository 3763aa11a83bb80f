"""Other people's numbers: W3C's for eddsa-jcs-2022, the authors' of RFC 8785 for canonical JSON."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas import documents, jcs
from schemas.keys import PublicKey, SigningKey, from_multibase, to_multibase

VECTORS = Path(__file__).parent / "vectors"
JCS_INPUTS = sorted((VECTORS / "rfc8785" / "input").glob("*.json"))


def said(name: str) -> bytes:
    return (VECTORS / "w3c-eddsa-jcs-2022" / name).read_bytes().strip()


def document(name: str) -> dict[str, Any]:
    parsed: dict[str, Any] = jcs.parse(said(name))
    return parsed


KEY_PAIR = document("keyPair.json")
SIGNED = document("signedJCS.json")
UNSECURED = {name: member for name, member in SIGNED.items() if name != "proof"}
OPTIONS = document("proofConfigJCS.json")
PUBLIC = PublicKey.of(KEY_PAIR["publicKeyMultibase"])
CREATED = datetime(2023, 2, 24, 23, 36, 38, tzinfo=UTC)


def their_key() -> SigningKey:
    raw = from_multibase(KEY_PAIR["privateKeyMultibase"])
    assert raw[:2] == b"\x80\x26"  # multicodec of an Ed25519 private key
    key = SigningKey(f"did:key:{PUBLIC.multibase}", Ed25519PrivateKey.from_private_bytes(raw[2:]))
    assert key.public.multibase == PUBLIC.multibase
    return key


def test_the_document_and_the_options_have_their_canonical_form() -> None:
    assert jcs.canonical(UNSECURED) == said("canonDocJCS.txt")
    assert jcs.canonical(OPTIONS) == said("proofCanonJCS.txt")


def test_each_hash_on_the_way_is_theirs() -> None:
    assert hashlib.sha256(jcs.canonical(OPTIONS)).hexdigest().encode() == said("proofHashJCS.txt")
    assert hashlib.sha256(jcs.canonical(UNSECURED)).hexdigest().encode() == said("docHashJCS.txt")
    assert documents._hash(UNSECURED, OPTIONS).hex().encode() == said("combinedHashJCS.txt")


def test_our_signature_is_theirs_byte_for_byte() -> None:
    signature = their_key().sign(documents._hash(UNSECURED, OPTIONS))
    assert signature.hex().encode() == said("sigHexJCS.txt")
    assert to_multibase(signature).encode() == said("sigBTC58JCS.txt")


def test_the_signed_document_holds_and_no_altered_one_does() -> None:
    assert documents.document_holds(SIGNED, PUBLIC)
    assert not documents.document_holds({**SIGNED, "name": "Another Credential"}, PUBLIC)
    assert not documents.document_holds({**SIGNED, "proof": {**SIGNED["proof"], "created": "2023-02-24T23:36:39Z"}}, PUBLIC)
    assert not documents.document_holds(SIGNED, SigningKey.generate("other").public)


def test_our_whole_signing_gives_their_document_but_for_the_writing_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """They write seconds, we write milliseconds; with their writing, every byte is theirs."""
    monkeypatch.setattr(documents, "timestamp", lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert documents.sign_document(UNSECURED, their_key(), CREATED) == SIGNED


@pytest.mark.parametrize("path", JCS_INPUTS, ids=lambda path: path.stem)
def test_canonical_json_is_what_the_authors_of_rfc_8785_expect(path: Path) -> None:
    expected = (VECTORS / "rfc8785" / "output" / path.name).read_bytes().strip()
    parsed = jcs.parse(path.read_bytes())
    assert jcs.canonical(parsed) == expected
    assert jcs.canonical(jcs.parse(expected)) == expected
    assert json.loads(expected) == parsed


def test_all_six_files_of_rfc_8785_are_there() -> None:
    assert [path.stem for path in JCS_INPUTS] == ["arrays", "french", "structures", "unicode", "values", "weird"]
