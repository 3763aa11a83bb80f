"""Other people's numbers: RFC 9421's own signed messages (Appendix B.2)."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from schemas import content_digest, structured
from schemas.http_signature import (
    OF_PEERS,
    Demands,
    Reason,
    Rejection,
    SignedHead,
    UnverifiedHead,
    VerifiedRequest,
    VerifyingKey,
    sign,
    signature_base,
    verify_body,
    verify_head,
)
from schemas.keys import PublicKey, SigningKey
from schemas.nonces import Nonces

SAID: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "rfc9421" / "b2.json").read_text(encoding="utf-8"))
CASES = {case["section"]: case for case in SAID["cases"]}
BEYOND = {"B.2.2": "@query-param", "B.2.4": "@status"}
"""Cases that cover a component which our doors refuse: a query's parameter by itself, and a response."""
REQUEST = SAID["request"]
NOW = datetime.fromtimestamp(1618884473, UTC)
LAX = Demands(frozenset(), frozenset({"created"}))
ED25519 = CASES["B.2.6"]


def head(*more: tuple[str, str]) -> UnverifiedHead:
    fields = [(name.lower(), value) for name, value in REQUEST["headers"]]
    return UnverifiedHead(REQUEST["method"], f"https://example.com{REQUEST['target']}", [*fields, *more])


def signed(case: dict[str, Any]) -> UnverifiedHead:
    return head(("signature-input", case["signature_input"]), ("signature", case["signature"]))


def their_key() -> SigningKey:
    raw = base64.urlsafe_b64decode(SAID["keys"]["test-key-ed25519"]["private_base64url"] + "=")
    return SigningKey("test", Ed25519PrivateKey.from_private_bytes(raw))


def public(_: str) -> PublicKey:
    return their_key().public


@dataclass(frozen=True)
class TheirKey:
    """A key of the RFC's by an algorithm that no door of ours takes: what is proved here is how the signed bytes are made."""

    algorithm: str
    said: dict[str, str]

    def verifies(self, signature: bytes, message: bytes) -> bool:
        if self.algorithm == "hmac-sha256":
            return hmac.compare_digest(hmac.digest(base64.b64decode(self.said["base64"]), message, "sha256"), signature)
        key = load_pem_public_key(self.said["pem"].encode())
        try:
            if isinstance(key, RSAPublicKey):
                key.verify(signature, message, PSS(MGF1(SHA512()), 64), SHA512())
            else:
                assert isinstance(key, EllipticCurvePublicKey)
                numbers = (int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
                key.verify(encode_dss_signature(*numbers), message, ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


def key_of(case: dict[str, Any]) -> VerifyingKey:
    [(_, parameters)] = structured.dictionary(case["signature_input"]).values()
    said = SAID["keys"][parameters["keyid"]]
    return their_key().public if said["alg"] == "ed25519" else TheirKey(said["alg"], said)


def parts(case: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    [(listed, parameters)] = structured.dictionary(case["signature_input"]).values()
    return [name for name, _ in listed], parameters


@pytest.mark.parametrize("section", sorted(CASES.keys() - BEYOND))
def test_the_bytes_to_sign_are_those_of_the_rfc(section: str) -> None:
    case = CASES[section]
    components, _ = parts(case)
    written = case["signature_input"].partition("=")[2]
    assert signature_base(head(), components, written).decode() == case["signature_base"]


@pytest.mark.parametrize("section", sorted(BEYOND))
def test_a_component_that_we_do_not_read_is_refused_by_name(section: str) -> None:
    refused = verify_head(signed(CASES[section]), LAX, public, Nonces(), NOW)
    assert isinstance(refused, Rejection)
    assert refused.reason == Reason.COMPONENT_UNKNOWN
    assert BEYOND[section] in refused.detail


@pytest.mark.parametrize("section", sorted(CASES.keys() - BEYOND))
def test_each_signature_of_the_rfc_holds(section: str) -> None:
    key = key_of(CASES[section])
    assert isinstance(verify_head(signed(CASES[section]), LAX, lambda _: key, Nonces(), NOW), SignedHead)


@pytest.mark.parametrize("section", sorted(BEYOND))
def test_the_signatures_that_we_do_not_read_are_right_for_those_who_do(section: str) -> None:
    """So that it is the component alone for which they are refused."""
    case = CASES[section]
    [(signature, _)] = structured.dictionary(case["signature"]).values()
    assert key_of(case).verifies(signature, case["signature_base"].encode())


@pytest.mark.parametrize("section", sorted(CASES))
def test_no_example_of_the_rfc_covers_what_we_ask_of_peers(section: str) -> None:
    refused = verify_head(signed(CASES[section]), OF_PEERS, public, Nonces(), NOW)
    assert isinstance(refused, Rejection)
    assert refused.reason in {Reason.NOT_COVERED, Reason.COMPONENT_UNKNOWN}


def test_our_ed25519_signature_is_that_of_the_rfc_byte_for_byte() -> None:
    components, parameters = parts(ED25519)
    made = sign(head(), components, parameters, their_key(), label="sig-b26")
    assert made == {"Signature-Input": ED25519["signature_input"], "Signature": ED25519["signature"]}


@pytest.mark.parametrize("name", ["date", "content-type", "content-length"])
def test_a_signed_field_of_the_rfc_altered_by_one_letter_is_refused(name: str) -> None:
    whole = signed(ED25519)
    altered = [(said, value + "x" if said == name else value) for said, value in whole.fields]
    refused = verify_head(UnverifiedHead(whole.method, whole.target_uri, altered), LAX, public, Nonces(), NOW)
    assert refused == Rejection(Reason.INVALID)


def test_the_digests_of_the_rfc_are_those_of_its_bodies() -> None:
    for message in (REQUEST, SAID["response"]):
        field = dict(message["headers"])["Content-Digest"]
        assert content_digest.fault(field, message["body"].encode()) is None
        assert content_digest.fault(field, message["body"].encode() + b" ") is content_digest.DigestFault.MISMATCH


def test_a_covered_digest_binds_the_body() -> None:
    fields = ["@method", "content-digest"]
    whole = head(*((name.lower(), value) for name, value in sign(head(), fields, {"created": 1618884473}, their_key()).items()))
    proved = verify_head(whole, LAX, public, Nonces(), NOW)
    assert isinstance(proved, SignedHead)
    assert isinstance(verify_body(proved, REQUEST["body"].encode()), VerifiedRequest)
    assert verify_body(proved, b"{}") == Rejection(content_digest.DigestFault.MISMATCH)
