"""Proofs of documents (FEP-8b32) as a forger who has a key makes them: every option as she likes, by lines of this folder's own."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import base58

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.keys import SigningKey


def proved(document: Mapping[str, Any], key: SigningKey, **options: Any) -> dict[str, Any]:
    """The document with a proof that holds, whatever its options say; None takes an option away."""
    usual = {
        "type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "created": "2026-01-01T00:00:00Z",
        "verificationMethod": key.key_id, "proofPurpose": "assertionMethod", "@context": document.get("@context"),
    }  # fmt: skip
    said = {name: option for name, option in {**usual, **options}.items() if option is not None}
    signature = key.sign(_hash(said) + _hash(document))
    return {**document, "proof": {**said, "proofValue": "z" + base58.b58encode(signature).decode()}}


def _hash(document: Mapping[str, Any]) -> bytes:
    """RFC 8785 of what these tables hold: names in ASCII, no fraction."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).digest()
