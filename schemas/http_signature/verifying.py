"""A request's signature proved: its head before a byte of the body is read, then the body."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from schemas import content_digest, structured
from schemas.http_signature.demands import Labels, ordered
from schemas.http_signature.message import Reason, Refused, Rejection, UnverifiedHead, field_value, signature_base
from schemas.nonces import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from schemas.http_signature.demands import Demands
    from schemas.nonces import Nonces

NONCE: Final = re.compile(r"[!-~]{16,128}")
MOST_COMPONENTS: Final = 32
"""Each is looked for among all fields, before anybody is proved: thousands of them would cost a second of work for nothing."""
MOST_LABELS: Final = 8
PARAMETERS: Final[Mapping[str, type]] = {"created": int, "expires": int, "nonce": str, "keyid": str, "alg": str, "tag": str}
"""The parameters of RFC 9421 § 2.3. Another one may say that the signature means something else: who does not know it must not take it."""


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
class SignedHead:
    """A head whose signer is proved; its body is not, until `verify_body`. Made in this module alone."""

    key_id: str
    digest: str | None
    nonce: str = ""
    until: float = 0.0
    """Seconds since 1970 after which the signature is of no use to anybody."""
    signature: bytes = field(default=b"", repr=False)
    """What was proved; the fields that carry it can be written in many ways, it in one."""


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """A request whose signer, head and body are proved. Made in this module alone; not yet authorised."""

    key_id: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Claim:
    """The signature of a request that counts, read and not yet believed."""

    components: Sequence[str]
    parameters: Mapping[str, Any]
    written: str
    signature: bytes


def key_id_of(unverified: UnverifiedHead, demands: Demands) -> str | Rejection:
    """The id of the key that the chosen signature names, unproved: so that a door may fetch that key before it verifies."""
    try:
        claim = _covering(unverified, demands)
    except Refused as refused:
        return refused.rejection
    return str(claim.parameters.get("keyid", ""))


def verify_head(
    unverified: UnverifiedHead, demands: Demands, find_key: Callable[[str], VerifyingKey | StrEnum], nonces: Nonces, now: datetime
) -> SignedHead | Rejection:
    """Prove who signed a request's head. The nonce is remembered last, so that nobody can use up another's."""
    try:
        claim = _covering(unverified, demands)
        until = _check_dates(claim.parameters, demands, now)
        _check_key(claim, unverified, find_key)
        _check_nonce(claim.parameters, until, nonces, now)
    except Refused as refused:
        return refused.rejection
    digest = field_value(unverified, content_digest.FIELD) if content_digest.FIELD in claim.components else None
    return SignedHead(claim.parameters.get("keyid", ""), digest, claim.parameters.get("nonce", ""), until, claim.signature)


def verify_body(head: SignedHead, unverified_body: bytes) -> VerifiedRequest | Rejection:
    """Prove that a body is the one that the head's signature covers."""
    if head.digest is None:
        return Rejection(Reason.DIGEST_MISSING) if unverified_body else VerifiedRequest(head.key_id, b"")
    fault = content_digest.fault(head.digest, unverified_body)
    return Rejection(fault) if fault is not None else VerifiedRequest(head.key_id, unverified_body)


def _covering(head: UnverifiedHead, demands: Demands) -> _Claim:
    """The one signature that counts, which covers what is asked; read once for one request."""
    claim: _Claim | None = head.claims.get(demands)
    if claim is None:
        claim = _chosen(head, demands)
        _check_coverage(claim, head, demands)
        head.claims[demands] = claim
    return claim


def _chosen(head: UnverifiedHead, demands: Demands) -> _Claim:
    """The one signature that counts, by the rule of the demands."""
    if not head.named.keys() >= {"signature", "signature-input"}:
        raise Refused(Reason.MISSING)
    said, signed = field_value(head, "signature-input"), field_value(head, "signature")
    try:
        inputs, signatures = structured.dictionary(said), structured.dictionary(signed)
    except structured.FieldMalformed as error:
        raise Refused(Reason.MALFORMED, str(error)[:40]) from error
    if len(inputs) == 1 and len(signatures) == 1:
        return _claim(next(iter(inputs)), inputs, signatures, signed)
    if demands.labels is Labels.ONE or not 0 < len(inputs) <= MOST_LABELS:
        raise Refused(Reason.AMBIGUOUS)  # which of two signatures another reader would choose is nobody's guess
    covering = (label for label, member in inputs.items() if _covers(member, demands))
    return _claim(next(covering, next(iter(inputs))), inputs, signatures, signed)


def _covers(member: structured.Member, demands: Demands) -> bool:
    """Whether a label covers what is asked; of its value it looks at nothing, and no key is asked for."""
    listed, parameters = member
    names = {name for name, of_it in listed if type(name) is str and not of_it} if isinstance(listed, list) else set()
    return names >= demands.components and parameters.keys() >= demands.parameters


def _claim(label: str, inputs: Mapping[str, structured.Member], signatures: Mapping[str, structured.Member], signed: str) -> _Claim:
    """A label's claim, its signature beside it."""
    if label not in signatures:
        raise Refused(Reason.AMBIGUOUS, label[:40])
    (listed, parameters), (signature, of_it) = inputs[label], signatures[label]
    if not isinstance(listed, list) or not isinstance(signature, bytes) or of_it or len(listed) > MOST_COMPONENTS:
        raise Refused(Reason.MALFORMED, label[:40])
    if structured.written_bytes(label, signature) not in signed:  # base64 with stray bits: one signature has one writing
        raise Refused(Reason.MALFORMED, label[:40])
    if isinstance(listed, structured.AsWritten):
        return _Claim(listed.names, parameters, listed.text, signature)
    try:
        tail = structured.written(label, listed, parameters)
    except (ValueError, OverflowError) as error:
        raise Refused(Reason.MALFORMED, label[:40]) from error
    return _Claim([_component(item) for item in listed], parameters, tail.partition("=")[2], signature)


def _component(item: Any) -> str:
    """A component's name; any parameter (`;bs`, `;key`, `;req` …) makes it another component, which we do not read."""
    name, parameters = item
    if type(name) is not str or parameters:
        raise Refused(Reason.COMPONENT_UNKNOWN, ascii(str(name))[:40])
    return name


def _check_coverage(claim: _Claim, head: UnverifiedHead, demands: Demands) -> None:
    covered = set(claim.components)
    if len(covered) != len(claim.components):
        raise Refused(Reason.COMPONENT_REPEATED)
    if missing := demands.components - covered:
        raise Refused(Reason.NOT_COVERED, ", ".join(ordered(missing)))
    if doubled := head.doubled:
        raise Refused(Reason.FIELD_REPEATED, ", ".join(doubled))
    if missing := demands.parameters - claim.parameters.keys():
        raise Refused(Reason.PARAMETER_MISSING, ", ".join(sorted(missing)))
    for name, value in claim.parameters.items():
        if name not in PARAMETERS:
            raise Refused(Reason.PARAMETER_UNKNOWN, name[:40])
        if type(value) is not PARAMETERS[name]:
            raise Refused(Reason.PARAMETER_MALFORMED, name)
    if "nonce" in claim.parameters and not NONCE.fullmatch(claim.parameters["nonce"]):
        raise Refused(Reason.PARAMETER_MALFORMED, "nonce")


def _check_dates(parameters: Mapping[str, Any], demands: Demands, now: datetime) -> float:
    """Seconds since 1970 until which the signature could be used."""
    seconds, window = now.astimezone(UTC).timestamp(), demands.window.total_seconds()
    created = parameters.get("created", int(seconds))
    until = min(parameters.get("expires", created + window), created + window)
    if created > seconds + window:
        raise Refused(Reason.IN_FUTURE)
    if created < seconds - window:
        raise Refused(Reason.TOO_OLD)
    if until <= seconds or until <= created:
        raise Refused(Reason.EXPIRED)
    return float(until)


def _check_key(claim: _Claim, head: UnverifiedHead, find_key: Callable[[str], VerifyingKey | StrEnum]) -> None:
    """The key is the registry's, and so is its algorithm: a message that names another would choose how it is judged."""
    key = find_key(claim.parameters.get("keyid", ""))
    if isinstance(key, StrEnum):
        raise Refused(key)
    if claim.parameters.get("alg", key.algorithm) != key.algorithm:
        raise Refused(Reason.ALGORITHM_MISMATCH)
    if not key.verifies(claim.signature, signature_base(head, claim.components, claim.written)):
        raise Refused(Reason.INVALID)


def _check_nonce(parameters: Mapping[str, Any], until: float, nonces: Nonces, now: datetime) -> None:
    if "nonce" not in parameters:
        return
    match nonces.take(parameters.get("keyid", ""), parameters["nonce"], until, now.timestamp()):
        case Seen.FRESH:
            return
        case Seen.REPLAYED:
            raise Refused(Reason.REPLAYED)
        case Seen.FULL:
            raise Refused(Reason.MEMORY_FULL)
