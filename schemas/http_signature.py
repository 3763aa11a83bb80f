"""HTTP message signatures (RFC 9421) of requests: made, and proved before a byte of the body is read."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from schemas import content_digest, structured
from schemas.nonces import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schemas.keys import SigningKey
    from schemas.nonces import Nonces

WINDOW: Final = timedelta(minutes=5)
LIFE: Final = timedelta(seconds=60)
LABEL: Final = "sig1"
NONCE: Final = re.compile(r"[!-~]{16,64}")
FIELD_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
SINGLE: Final = frozenset({"content-type", "content-length", "host", "date", "authorization"})
"""Fields that a message holds once: two of them are two messages to two readers."""
MOST_COMPONENTS: Final = 32
"""Each is looked for among all fields, before anybody is proved: thousands of them would cost a second of work for nothing."""
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Reason(StrEnum):
    """Why a signature was refused: the names that people and machines see. Refusals of keys bear the names of `proof.Reason`."""

    MISSING = "signature_missing"
    MALFORMED = "signature_malformed"
    AMBIGUOUS = "signature_ambiguous"
    COMPONENT_UNKNOWN = "component_unknown"
    COMPONENT_REPEATED = "component_repeated"
    NOT_COVERED = "component_not_covered"
    FIELD_MISSING = "field_missing"
    FIELD_REPEATED = "field_repeated"
    FIELD_MALFORMED = "field_malformed"
    PARAMETER_MISSING = "parameter_missing"
    PARAMETER_MALFORMED = "parameter_malformed"
    ALGORITHM_MISMATCH = "algorithm_mismatch"
    TOO_OLD = "signature_too_old"
    IN_FUTURE = "signature_in_future"
    EXPIRED = "signature_expired"
    INVALID = "signature_invalid"
    REPLAYED = "signature_replayed"
    MEMORY_FULL = "nonce_memory_full"
    DIGEST_MISSING = "digest_missing"


class VerifyingKey(Protocol):
    """A public key, which alone says by what algorithm it verifies."""

    @property
    def algorithm(self) -> str:
        """Its name in the registry of RFC 9421."""
        ...

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether it made the signature."""
        ...


@dataclass(frozen=True, slots=True)
class UnverifiedHead:
    """A request's head; names of fields in lower case, each occurrence as it came.

    `target_uri` is built by the receiver from its own public address: Host and X-Forwarded-* are the sender's word, or a stranger's.
    """

    method: str
    target_uri: str
    fields: Sequence[tuple[str, str]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Demands:
    """What a door asks of a signature."""

    components: frozenset[str]
    parameters: frozenset[str] = frozenset({"created", "expires", "nonce", "keyid"})
    window: timedelta = WINDOW

    def accepted(self, label: str = LABEL) -> str:
        """The `Accept-Signature` field of a 401 (RFC 9421 § 5.1)."""
        wished: dict[str, bool] = {name: True for name in ("keyid", "created", "expires", "nonce") if name in self.parameters}
        return structured.written(label, [(name, {}) for name in ordered(self.components)], wished)


ORDER: Final = ("@method", "@target-uri", "@authority", "content-type", "content-digest")
BARE: Final = Demands(frozenset(ORDER[:3]))
WITH_BODY: Final = Demands(frozenset(ORDER))
"""What our own servers ask of each other, without and with a body."""


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head whose signer is proved; its body is not, until `verify_body`. Made in this module alone."""

    key_id: str
    digest: str | None
    nonce: str = ""
    until: float = 0.0
    """Seconds since 1970 after which the signature is of no use to anybody."""


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """A request whose signer, head and body are proved. Made in this module alone; not yet authorised."""

    key_id: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a request is not believed; `detail` names components and parameters, never values."""

    reason: str
    detail: str = ""


class _Refused(Exception):
    """A rejection on its way out of this module's own functions."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.rejection = Rejection(str(reason), detail)


@dataclass(frozen=True, slots=True)
class _Claim:
    """The one signature of a request, read and not yet believed."""

    components: Sequence[str]
    parameters: Mapping[str, Any]
    written: str
    signature: bytes


def verify_head(
    unverified: UnverifiedHead, demands: Demands, find_key: Callable[[str], VerifyingKey | StrEnum], nonces: Nonces, now: datetime
) -> SignedHead | Rejection:
    """Prove who signed a request's head. The nonce is remembered last, so that nobody can use up another's."""
    try:
        claim = _read(unverified)
        _check_coverage(claim, unverified, demands)
        until = _check_dates(claim.parameters, demands, now)
        _check_key(claim, unverified, find_key)
        _check_nonce(claim.parameters, until, nonces, now)
    except _Refused as refused:
        return refused.rejection
    digest = _field(unverified, content_digest.FIELD) if content_digest.FIELD in claim.components else None
    return SignedHead(claim.parameters.get("keyid", ""), digest, claim.parameters.get("nonce", ""), until)


def verify_body(head: SignedHead, unverified_body: bytes) -> VerifiedRequest | Rejection:
    """Prove that a body is the one that the head's signature covers."""
    if head.digest is None:
        return Rejection(Reason.DIGEST_MISSING) if unverified_body else VerifiedRequest(head.key_id, b"")
    fault = content_digest.fault(head.digest, unverified_body)
    return Rejection(fault) if fault is not None else VerifiedRequest(head.key_id, unverified_body)


def sign(
    head: UnverifiedHead, components: Sequence[str], parameters: Mapping[str, Any], key: SigningKey, label: str = LABEL
) -> dict[str, str]:
    """The two fields that sign these components; raises ValueError where one cannot be signed."""
    parts: list[structured.Member] = [(name, {}) for name in components]
    tail = structured.written(label, parts, parameters)
    try:
        base = signature_base(head, components, tail.partition("=")[2])
    except _Refused as refused:
        raise ValueError(refused.rejection.reason, refused.rejection.detail) from refused
    return {"Signature-Input": tail, "Signature": structured.written(label, key.sign(base))}


def signed_fields(
    key: SigningKey, method: str, target_uri: str, now: datetime, content_type: str = "", body: bytes | None = None
) -> dict[str, str]:
    """All fields with which our own servers sign a request, digest and content type among them where there is a body."""
    said = {} if body is None else {"Content-Type": content_type, "Content-Digest": content_digest.content_digest(body)}
    head = UnverifiedHead(method, target_uri, [(name.lower(), value) for name, value in said.items()])
    created = int(now.timestamp())
    parameters = {
        "created": created,
        "expires": created + int(LIFE.total_seconds()),
        "nonce": secrets.token_urlsafe(18),
        "keyid": key.key_id,
    }
    return {**said, **sign(head, ORDER if body is not None else ORDER[:3], parameters, key)}


def signature_base(head: UnverifiedHead, components: Sequence[str], parameters: str) -> bytes:
    """The bytes that are signed (RFC 9421 § 2.5); `parameters` is the inner list with its parameters, as written in Signature-Input."""
    lines = [f'"{name}": {_value(head, name)}' for name in components]
    try:
        return "\n".join([*lines, f'"@signature-params": {parameters}']).encode("ascii")
    except UnicodeEncodeError as error:
        raise _Refused(Reason.FIELD_MALFORMED) from error


def ordered(components: frozenset[str]) -> list[str]:
    """Components in the order in which people name them."""
    return sorted(components, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


# --- the message's parts ------------------------------------------------------------------------------------------------


def _authority(uri: str) -> str:
    parts = urlsplit(uri)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in {None, DEFAULT_PORTS.get(parts.scheme)} else f"{host}:{parts.port}"


def _query(uri: str) -> str:
    return "?" + uri.partition("?")[2]


def _path(uri: str) -> str:
    return urlsplit(uri).path or "/"


DERIVED: Final[Mapping[str, Callable[[UnverifiedHead], str]]] = {
    "@method": lambda head: head.method,
    "@target-uri": lambda head: head.target_uri,
    "@authority": lambda head: _authority(head.target_uri),
    "@scheme": lambda head: urlsplit(head.target_uri).scheme.lower(),
    "@request-target": lambda head: _path(head.target_uri) + (_query(head.target_uri) if "?" in head.target_uri else ""),
    "@path": lambda head: _path(head.target_uri),
    "@query": lambda head: _query(head.target_uri),
}
"""The derived components of a request (RFC 9421 § 2.2) that we read: all but `@query-param`, which a target URI holds anyway."""


def _value(head: UnverifiedHead, name: str) -> str:
    if name in DERIVED:
        return DERIVED[name](head)
    if name.startswith("@") or not FIELD_NAME.fullmatch(name):
        raise _Refused(Reason.COMPONENT_UNKNOWN, ascii(name)[:40])
    return _field(head, name)


def _field(head: UnverifiedHead, name: str) -> str:
    """A field's value, its occurrences joined (RFC 9421 § 2.1)."""
    found = [value.strip(" \t") for said, value in head.fields if said == name]
    if not found:
        raise _Refused(Reason.FIELD_MISSING, name)
    if len(found) > 1 and name in SINGLE:
        raise _Refused(Reason.FIELD_REPEATED, name)
    joined = ", ".join(found)
    if not joined.isascii() or not joined.isprintable():
        raise _Refused(Reason.FIELD_MALFORMED, name)
    return joined


# --- the checks -----------------------------------------------------------------------------------------------------------


def _read(head: UnverifiedHead) -> _Claim:
    names = [name for name, _ in head.fields]
    if "signature" not in names or "signature-input" not in names:
        raise _Refused(Reason.MISSING)
    said, signed = _field(head, "signature-input"), _field(head, "signature")
    try:
        inputs, signatures = structured.dictionary(said), structured.dictionary(signed)
    except structured.FieldMalformed as error:
        raise _Refused(Reason.MALFORMED, str(error)[:40]) from error
    if len(inputs) > 1 or len(signatures) > 1 or inputs.keys() != signatures.keys():
        raise _Refused(Reason.AMBIGUOUS)  # which of two signatures another reader would choose is nobody's guess
    [(label, (listed, parameters))], [(signature, _)] = inputs.items(), signatures.values()
    if not isinstance(listed, list) or not isinstance(signature, bytes) or len(listed) > MOST_COMPONENTS:
        raise _Refused(Reason.MALFORMED, label[:40])
    try:
        tail = said if structured.as_written(said) else structured.written(label, listed, parameters)
        if structured.written_bytes(label, signature) != signed:  # base64 with stray bits: one signature has one writing
            raise _Refused(Reason.MALFORMED, label[:40])
    except (ValueError, OverflowError) as error:
        raise _Refused(Reason.MALFORMED, label[:40]) from error
    return _Claim([_component(item) for item in listed], parameters, tail.partition("=")[2], signature)


def _component(item: Any) -> str:
    """A component's name; any parameter (`;bs`, `;key`, `;req` …) makes it another component, which we do not read."""
    name, parameters = item
    if type(name) is not str or parameters:
        raise _Refused(Reason.COMPONENT_UNKNOWN, ascii(str(name))[:40])
    return name


def _check_coverage(claim: _Claim, head: UnverifiedHead, demands: Demands) -> None:
    if len(set(claim.components)) != len(claim.components):
        raise _Refused(Reason.COMPONENT_REPEATED)
    if missing := demands.components - set(claim.components):
        raise _Refused(Reason.NOT_COVERED, ", ".join(ordered(missing)))
    names = [name for name, _ in head.fields]
    if doubled := [name for name in SINGLE if names.count(name) > 1]:
        raise _Refused(Reason.FIELD_REPEATED, ", ".join(sorted(doubled)))
    if missing := demands.parameters - claim.parameters.keys():
        raise _Refused(Reason.PARAMETER_MISSING, ", ".join(sorted(missing)))
    for name, kind in (("created", int), ("expires", int), ("nonce", str), ("keyid", str), ("alg", str)):
        if name in claim.parameters and type(claim.parameters[name]) is not kind:
            raise _Refused(Reason.PARAMETER_MALFORMED, name)
    if "nonce" in claim.parameters and not NONCE.fullmatch(claim.parameters["nonce"]):
        raise _Refused(Reason.PARAMETER_MALFORMED, "nonce")


def _check_dates(parameters: Mapping[str, Any], demands: Demands, now: datetime) -> float:
    """Seconds since 1970 until which the signature could be used."""
    seconds, window = now.astimezone(UTC).timestamp(), demands.window.total_seconds()
    created = parameters.get("created", int(seconds))
    until = min(parameters.get("expires", created + window), created + window)
    if created > seconds + window:
        raise _Refused(Reason.IN_FUTURE)
    if created < seconds - window:
        raise _Refused(Reason.TOO_OLD)
    if until <= seconds or until <= created:
        raise _Refused(Reason.EXPIRED)
    return float(until)


def _check_key(claim: _Claim, head: UnverifiedHead, find_key: Callable[[str], VerifyingKey | StrEnum]) -> None:
    """The key is the registry's, and so is its algorithm: a message that names another would choose how it is judged."""
    key = find_key(claim.parameters.get("keyid", ""))
    if isinstance(key, StrEnum):
        raise _Refused(key)
    if claim.parameters.get("alg", key.algorithm) != key.algorithm:
        raise _Refused(Reason.ALGORITHM_MISMATCH)
    if not key.verifies(claim.signature, signature_base(head, claim.components, claim.written)):
        raise _Refused(Reason.INVALID)


def _check_nonce(parameters: Mapping[str, Any], until: float, nonces: Nonces, now: datetime) -> None:
    if "nonce" not in parameters:
        return
    match nonces.take(parameters.get("keyid", ""), parameters["nonce"], until, now.timestamp()):
        case Seen.FRESH:
            return
        case Seen.REPLAYED:
            raise _Refused(Reason.REPLAYED)
        case Seen.FULL:
            raise _Refused(Reason.MEMORY_FULL)
