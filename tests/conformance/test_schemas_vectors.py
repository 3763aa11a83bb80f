"""Other people's numbers: W3C's for eddsa-jcs-2022, the authors' of RFC 8785 for canonical JSON."""

from __future__ import annotations

import hashlib
import json
import struct
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


NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}
"""RFC 8785, Appendix B: a double's bits, and how it is written."""


@pytest.mark.parametrize(("bits", "written"), NUMBERS.items())
def test_a_number_has_the_writing_of_rfc_8785(bits: str, written: str) -> None:
    [number] = struct.unpack(">d", bytes.fromhex(bits))
    assert jcs.canonical({"a": number}) == f'{{"a":{written}}}'.encode()


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_what_is_no_number_has_none(bits: str) -> None:
    [number] = struct.unpack(">d", bytes.fromhex(bits))
    with pytest.raises(jcs.JsonRefused):
        jcs.canonical({"a": number})
