"""Requests of ours, signed (RFC 9421)."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from schemas import content_digest, structured
from schemas.http_signature.demands import LABEL, ORDER
from schemas.http_signature.message import Refused, UnverifiedHead, signature_base

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from schemas.keys import SigningKey
    from schemas.rsa_keys import RsaSigningKey

LIFE: Final = timedelta(seconds=60)


def sign(
    head: UnverifiedHead, components: Sequence[str], parameters: Mapping[str, Any], key: SigningKey | RsaSigningKey, label: str = LABEL
) -> dict[str, str]:
    """The two fields that sign these components; raises ValueError where one cannot be signed."""
    parts: list[structured.Member] = [(name, {}) for name in components]
    tail = structured.written(label, parts, parameters)
    try:
        base = signature_base(head, components, tail.partition("=")[2])
    except Refused as refused:
        raise ValueError(refused.rejection.reason, refused.rejection.detail) from refused
    return {"Signature-Input": tail, "Signature": structured.written_bytes(label, key.sign(base))}


def signed_fields(
    key: SigningKey | RsaSigningKey, method: str, target_uri: str, now: datetime, content_type: str = "", body: bytes | None = None
) -> dict[str, str]:
    """All fields with which we sign a request, to our own servers and to peers; digest and content type among them where there is a body."""
    said = {} if body is None else {"Content-Type": content_type, "Content-Digest": content_digest.content_digest(body)}
    head = UnverifiedHead(method, target_uri.partition("#")[0], [(name.lower(), value) for name, value in said.items()])
    created = int(now.timestamp())
    parameters = {
        "created": created,
        "expires": created + int(LIFE.total_seconds()),
        "nonce": secrets.token_urlsafe(18),
        "keyid": key.key_id,
    }
    return {**said, **sign(head, ORDER if body is not None else ORDER[:3], parameters, key)}
