"""HTTP signatures as the fediverse makes them since 2016 (draft-cavage-http-signatures-12): made with RSA, and proved."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from schemas.content_digest import DigestFault, content_digest
from schemas.http_signature import Reason, Rejection, SignedHead, UnverifiedHead
from schemas.http_signature.message import DEFAULT_PORTS, Refused, authority, field_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schemas.http_signature import VerifyingKey
    from schemas.rsa_keys import RsaSigningKey

TARGET: Final = "(request-target)"
CREATED: Final = "(created)"
EXPIRES: Final = "(expires)"
LIMIT: Final = 8 * 1024
MOST_COMPONENTS: Final = 32
WINDOW: Final = timedelta(minutes=5)
"""As for RFC 9421. Every server that we have seen signs when it sends, however late that is; the draft names no window."""
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PARAMETER: Final = re.compile(r'[ \t]*([A-Za-z]+)[ \t]*=[ \t]*(?:"([^"\\]*)"|([^\s",]+))[ \t]*(?:,|$)')
_MOMENT: Final = re.compile(r"([0-9]{1,12})(?:\.[0-9]{1,9})?")
_DATE: Final = re.compile(r"[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT")
_DIGEST: Final = re.compile(r"[ \t]*([A-Za-z0-9-]+)=([A-Za-z0-9+/]+={0,2})[ \t]*")


class CavageReason(StrEnum):
    """What can be wrong with these signatures alone; all else bears the names of `http_signature.Reason` and `content_digest.DigestFault`."""

    PARAMETER_REPEATED = "parameter_repeated"
    HOST_MISMATCH = "host_mismatch"


@dataclass(frozen=True, slots=True, eq=False)
class Demands:
    """What a door asks of a signature; `(created)` may stand for `date`. Each is itself alone, as those of RFC 9421."""

    components: frozenset[str]
    window: timedelta = WINDOW


OF_PEERS: Final = Demands(frozenset({TARGET, "host", "date"}))
OF_PEERS_WITH_BODY: Final = Demands(frozenset({TARGET, "host", "date", "digest"}))
"""Without and with a body."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A Signature field, read and not yet believed. Its `algorithm` is not kept: the key alone says how it verifies."""

    key_id: str
    components: Sequence[str]
    signature: bytes
    created: str | None
    expires: str | None


def key_id_of(unverified: UnverifiedHead, demands: Demands) -> str | Rejection:
    """The id of the key that the signature names, unproved: so that a door may fetch that key before it verifies."""
    try:
        claim = _covering(unverified, demands)
    except Refused as refused:
        return refused.rejection
    return claim.key_id


def verify_head(
    unverified: UnverifiedHead, demands: Demands, find_key: Callable[[str], VerifyingKey | StrEnum], now: datetime
) -> SignedHead | Rejection:
    """Prove who signed a request's head; its body is proved by `http_signature.verify_body`, as for RFC 9421."""
    try:
        claim = _covering(unverified, demands)
        _check_host(unverified)
        until = _check_dates(claim, unverified, demands, now)
        digest = _digest(field_value(unverified, "digest")) if "digest" in claim.components else None
        _check_key(claim, unverified, find_key)
    except Refused as refused:
        return refused.rejection
    return SignedHead(claim.key_id, digest, until=until, signature=claim.signature)


def signed_fields(
    key: RsaSigningKey, method: str, target_uri: str, now: datetime, content_type: str = "", body: bytes | None = None
) -> dict[str, str]:
    """All fields with which we sign a request to a peer that knows nothing newer, byte for byte as bovine signs it.

    bovine itself is not asked: it holds `cryptography` below 46, on an OpenSSL of 2025, for two lines of text around one signature.
    """
    uri = target_uri.partition("#")[0]
    said = {"Host": authority(uri), "Date": http_date(now)}
    if body is not None:
        said["Digest"] = "SHA-256=" + content_digest(body)[len("sha-256=:") : -1]
    components = [TARGET, *(name.lower() for name in said)]
    head = UnverifiedHead(method, uri, [(name.lower(), value) for name, value in said.items()])
    signature = base64.b64encode(key.sign(_base(head, components, None, None))).decode()
    written = f'keyId="{key.key_id}",algorithm="rsa-sha256",headers="{" ".join(components)}",signature="{signature}"'
    return {**said, **({} if body is None else {"Content-Type": content_type}), "Signature": written}


def http_date(moment: datetime) -> str:
    """A moment as the Date field writes it (RFC 9110 § 5.6.7), whatever language the machine speaks."""
    at = moment.astimezone(UTC)
    return f"{DAYS[at.weekday()]}, {at.day:02} {MONTHS[at.month - 1]} {at.year:04} {at:%H:%M:%S} GMT"


# --- the signature as it came -----------------------------------------------------------------------------------------


def _covering(head: UnverifiedHead, demands: Demands) -> _Claim:
    """The signature, which covers what is asked; read once for one request."""
    claim: _Claim | None = head.claims.get(demands)
    if claim is None:
        claim = _read(head)
        _check_coverage(claim, demands)
        head.claims[demands] = claim
    return claim


def _read(head: UnverifiedHead) -> _Claim:
    said = head.named.get("signature", [])
    elsewhere = any(value[:10].lower() == "signature " for value in head.named.get("authorization", ()))
    if not said:
        raise Refused(Reason.MISSING, "authorization" if elsewhere else "")  # nobody in the fediverse signs there (§ 3.1)
    if elsewhere or len(said) > 1:
        raise Refused(Reason.AMBIGUOUS)
    if head.doubled:
        raise Refused(Reason.FIELD_REPEATED, ", ".join(head.doubled))
    parameters = _parameters(said[0])
    for name in ("keyId", "signature"):
        if not parameters.get(name):
            raise Refused(Reason.PARAMETER_MISSING, name)
    for name in ("created", "expires"):
        if name in parameters and not _MOMENT.fullmatch(parameters[name]):
            raise Refused(Reason.PARAMETER_MALFORMED, name)
    components = parameters.get("headers", "").lower().split(" ") if parameters.get("headers") else []
    return _Claim(
        parameters["keyId"], components, _bytes(parameters["signature"]), parameters.get("created"), parameters.get("expires")
    )  # fmt: skip


def _parameters(said: str) -> dict[str, str]:
    """The parameters in any order; twice the same is two signatures to two readers."""
    if len(said) > LIMIT or not said.isascii() or not said.isprintable():
        raise Refused(Reason.MALFORMED)
    found: dict[str, str] = {}
    names: set[str] = set()
    place = 0
    while place < len(said):
        part = _PARAMETER.match(said, place)
        if part is None:
            raise Refused(Reason.MALFORMED)
        name, quoted, bare = part.groups()
        if name.lower() in names:
            raise Refused(CavageReason.PARAMETER_REPEATED, name[:40])
        names.add(name.lower())
        found[name] = bare if quoted is None else quoted
        place = part.end()
    return found


def _bytes(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Refused(Reason.PARAMETER_MALFORMED, "signature") from error
    if base64.b64encode(raw).decode() != text:  # stray bits: one signature has one writing
        raise Refused(Reason.PARAMETER_MALFORMED, "signature")
    return raw


def _digest(said: str) -> str:
    """A Digest field (RFC 3230) in the words of Content-Digest: the algorithms that both know, SHA-256 among them."""
    found: dict[str, str] = {}
    for part in said.split(","):
        read = _DIGEST.fullmatch(part)
        if read is None or read[1].lower() in found:
            raise Refused(DigestFault.MALFORMED)
        found[read[1].lower()] = read[2]
    if "sha-256" not in found:
        raise Refused(DigestFault.UNSUPPORTED)
    return ", ".join(f"{name}=:{value}:" for name, value in found.items() if name in {"sha-256", "sha-512"})


# --- the checks -------------------------------------------------------------------------------------------------------


def _check_coverage(claim: _Claim, demands: Demands) -> None:
    named = set(claim.components)
    if len(claim.components) > MOST_COMPONENTS:
        raise Refused(Reason.MALFORMED, "headers")
    if len(named) != len(claim.components):
        raise Refused(Reason.COMPONENT_REPEATED)
    covered = {"date" if name == CREATED else name for name in named}
    if missing := demands.components - covered - named:
        raise Refused(Reason.NOT_COVERED, ", ".join(sorted(missing)))


def _check_host(head: UnverifiedHead) -> None:
    """The host that was signed is ours: else what was signed for another server's inbox would pass at this one.

    With or without our port: WordPress signs the name alone.
    """
    scheme, _, rest = head.target_uri.partition("://")
    if field_value(head, "host").lower() not in _ours(scheme, rest.partition("/")[0].partition("?")[0]):
        raise Refused(CavageReason.HOST_MISMATCH)


@lru_cache(maxsize=16)
def _ours(scheme: str, at: str) -> frozenset[str]:
    whole = authority(f"{scheme}://{at}")
    name = whole if whole.endswith("]") else re.sub(r":[0-9]+$", "", whole)
    return frozenset({whole, name, f"{name}:{DEFAULT_PORTS.get(scheme)}"} if whole == name else {whole, name})


def _check_dates(claim: _Claim, head: UnverifiedHead, demands: Demands, now: datetime) -> float:
    """Seconds since 1970 until which the signature could be used, by the dates that it covers: those that it does not can refuse it, no more.

    Anybody can write another of these beside it: by them one signature would be remembered as many.
    """
    seconds, window = now.timestamp(), demands.window.total_seconds()
    for component, moment in ((CREATED, claim.created), (EXPIRES, claim.expires)):
        if component in claim.components and moment is None:
            raise Refused(Reason.PARAMETER_MISSING, component.strip("()"))
    begins = {} if claim.created is None else {CREATED: float(claim.created)}
    if "date" in claim.components:
        begins["date"] = _date(field_value(head, "date"))
    if max(begins.values()) > seconds + window:
        raise Refused(Reason.IN_FUTURE)
    if min(begins.values()) < seconds - window:
        raise Refused(Reason.TOO_OLD)
    ends = {name: moment + window for name, moment in begins.items()}
    if claim.expires is not None:
        ends[EXPIRES] = float(claim.expires)
    if min(ends.values()) <= seconds:
        raise Refused(Reason.EXPIRED)
    return min(moment for name, moment in ends.items() if name in claim.components)


@lru_cache(maxsize=64)
def _date(said: str) -> float:
    """A Date field in seconds since 1970; most requests of a second bear the same."""
    found = _DATE.fullmatch(said)
    if found is None or found[2] not in MONTHS:
        raise Refused(Reason.FIELD_MALFORMED, "date")
    day, year, hour, minute, second = (int(found[place]) for place in (1, 3, 4, 5, 6))
    try:
        return datetime(year, MONTHS.index(found[2]) + 1, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError as error:
        raise Refused(Reason.FIELD_MALFORMED, "date") from error


def _check_key(claim: _Claim, head: UnverifiedHead, find_key: Callable[[str], VerifyingKey | StrEnum]) -> None:
    """The key says by what algorithm it verifies: `hs2019` means nothing, and `rsa-sha256` stands before signatures of every kind."""
    key = find_key(claim.key_id)
    if isinstance(key, StrEnum):
        raise Refused(key)
    if not key.verifies(claim.signature, _base(head, claim.components, claim.created, claim.expires)):
        raise Refused(Reason.INVALID)


def _base(head: UnverifiedHead, components: Sequence[str], created: str | None, expires: str | None) -> bytes:
    """The bytes that are signed (§ 2.3)."""
    lines = "\n".join(f"{name}: {_value(head, name, created, expires)}" for name in components)
    try:
        return lines.encode("ascii")
    except UnicodeEncodeError as error:
        raise Refused(Reason.FIELD_MALFORMED) from error


def _value(head: UnverifiedHead, name: str, created: str | None, expires: str | None) -> str:
    match name:
        case "(request-target)":
            return f"{head.method.lower()} {_target(head.target_uri)}"
        case "(created)" if created is not None:
            return created
        case "(expires)" if expires is not None:
            return expires
        case _ if name.startswith("(") or not name:
            raise Refused(Reason.COMPONENT_UNKNOWN, ascii(name)[:40])
        case _:
            return field_value(head, name)


def _target(uri: str) -> str:
    rest = uri.partition("://")[2]
    place = rest.find("/")
    return rest[place:] if place >= 0 else "/" + rest[rest.find("?") :] if "?" in rest else "/"
