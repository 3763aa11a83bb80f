"""A request's head as its receiver sees it, the values of its components, and the bytes that are signed (RFC 9421 § 2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FIELD_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
SINGLE: Final = frozenset({"content-type", "content-length", "host", "date", "authorization"})
"""Fields that a message holds once: two of them are two messages to two readers."""
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_BEHIND_AUTHORITY: Final = re.compile(r"[/?#]")


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
    PARAMETER_UNKNOWN = "parameter_unknown"
    PARAMETER_MALFORMED = "parameter_malformed"
    ALGORITHM_MISMATCH = "algorithm_mismatch"
    TOO_OLD = "signature_too_old"
    IN_FUTURE = "signature_in_future"
    EXPIRED = "signature_expired"
    INVALID = "signature_invalid"
    REPLAYED = "signature_replayed"
    MEMORY_FULL = "nonce_memory_full"
    DIGEST_MISSING = "digest_missing"


@dataclass(frozen=True, slots=True)
class UnverifiedHead:
    """A request's head; names of fields in lower case, each occurrence as it came.

    `target_uri` is built by the receiver from its own public address: Host and X-Forwarded-* are the sender's word, or a stranger's.
    """

    method: str
    target_uri: str
    fields: Sequence[tuple[str, str]] = field(repr=False)
    claims: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)
    """What its signature claims, by the demands under which it was read: a door that asks for the key's id first reads it once."""
    named: dict[str, list[str]] = field(init=False, default_factory=dict, repr=False, compare=False)
    """The same fields by their names: the values of each in the order in which they came."""

    def __post_init__(self) -> None:
        """Sort the fields once; each is asked for several times."""
        for name, value in self.fields:
            if name in self.named:
                self.named[name].append(value)
            else:
                self.named[name] = [value]

    @property
    def doubled(self) -> list[str]:
        """Fields that a message holds once, and that this one holds more often."""
        if len(self.named) == len(self.fields):
            return []
        return sorted(name for name in SINGLE if len(self.named.get(name, ())) > 1)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a request is not believed; `detail` names components and parameters, never values."""

    reason: str
    detail: str = ""


class Refused(Exception):
    """A rejection on its way out of the functions that find it; it never leaves the verifiers."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.rejection = Rejection(str(reason), detail)


def signature_base(head: UnverifiedHead, components: Sequence[str], parameters: str) -> bytes:
    """The bytes that are signed (RFC 9421 § 2.5); `parameters` is the inner list with its parameters, as written in Signature-Input."""
    lines = [f'"{name}": {_value(head, name)}' for name in components]
    try:
        return "\n".join([*lines, f'"@signature-params": {parameters}']).encode("ascii")
    except UnicodeEncodeError as error:
        raise Refused(Reason.FIELD_MALFORMED) from error


def field_value(head: UnverifiedHead, name: str) -> str:
    """A field's value, its occurrences joined (RFC 9421 § 2.1); raises Refused where it has none, or may not have several."""
    found = head.named.get(name, [])
    if not found:
        raise Refused(Reason.FIELD_MISSING, name)
    if len(found) > 1 and name in SINGLE:
        raise Refused(Reason.FIELD_REPEATED, name)
    joined = ", ".join([value.strip(" \t") for value in found])
    if not joined.isascii() or not joined.isprintable():
        raise Refused(Reason.FIELD_MALFORMED, name)
    return joined


def authority(uri: str) -> str:
    """Host and port of an address, in lower case, the scheme's own port left out (RFC 9421 § 2.2.3)."""
    scheme, _, rest = uri.partition("://")
    return _authority(scheme, _BEHIND_AUTHORITY.split(rest, 1)[0])


@lru_cache(maxsize=1024)
def _authority(scheme: str, at: str) -> str:
    """Remembered: our own, and those to which we send; nobody else chooses them."""
    parts = urlsplit(f"{scheme}://{at}")
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
    "@authority": lambda head: authority(head.target_uri),
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
        raise Refused(Reason.COMPONENT_UNKNOWN, ascii(name)[:40])
    return field_value(head, name)
