"""Content-Digest (RFC 9530): which bytes a signed request speaks of."""

from __future__ import annotations

import base64
import hashlib
import hmac
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from schemas import structured

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FIELD: Final = "content-digest"
ALGORITHMS: Final[Mapping[str, Callable[[bytes], Any]]] = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


class DigestFault(StrEnum):
    """Why a body is not the one that was announced."""

    MALFORMED = "digest_malformed"
    UNSUPPORTED = "digest_algorithm_unsupported"
    MISMATCH = "body_digest_mismatch"


def content_digest(body: bytes) -> str:
    """The field's value for a body: `sha-256=:…:`."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def fault(unverified_field: str, body: bytes) -> DigestFault | None:
    """Why a body does not fit its field, or None: each algorithm that we know must agree, and one at least must be known."""
    if unverified_field == content_digest(body):
        return None  # as nearly everybody writes it: what says the same bytes need not be read
    try:
        said = structured.dictionary(unverified_field)
    except structured.FieldMalformed:
        return DigestFault.MALFORMED
    known = {name: value for name, (value, _) in said.items() if name in ALGORITHMS}
    if not all(isinstance(value, bytes) for value in known.values()):
        return DigestFault.MALFORMED
    if not known:
        return DigestFault.UNSUPPORTED
    right = [hmac.compare_digest(value, ALGORITHMS[name](body).digest()) for name, value in known.items()]
    return None if all(right) else DigestFault.MISMATCH
