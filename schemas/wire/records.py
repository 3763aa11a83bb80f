"""Canonical events as Kafka records and back: CloudEvents Kafka binding, binary mode."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from schemas.proof import UnverifiedEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schemas.envelope import CanonicalEvent

Headers = list[tuple[str, bytes]]
PREFIX = "ce_"
CORRELATION = "correlation"
MISPLACED = "ce_datacontenttype"  # the binding puts this attribute into `content-type`
SALT_PATTERN = re.compile(r"[0-9a-f]{64}")
CORRELATION_PATTERN = re.compile(r"[0-9a-f]{32}")


class HeadersMalformed(ValueError):
    """A record whose headers cannot be an event's: doubled names, or bytes that are not text."""


def new_correlation() -> str:
    """The id that one message keeps from webhook to receipt: 32 hexadecimal digits, meaning nothing."""
    return secrets.token_hex(16)


def to_headers(event: CanonicalEvent, correlation: str, extra: Mapping[str, str] | None = None) -> Headers:
    """The record's headers; the value is the fact's bytes, untouched."""
    headers = [(PREFIX + name, said.encode()) for name, said in event.attributes.items() if name != "datacontenttype"]
    headers.append(("content-type", event.attributes["datacontenttype"].encode()))
    headers.append(("salt", event.salt.hex().encode()))
    headers.append((CORRELATION, correlation.encode()))
    headers.extend((name, said.encode()) for name, said in (extra or {}).items())
    return headers


def texts(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """Headers as text; raises HeadersMalformed on a doubled name: which of the two was signed is nobody's guess.

    `ce_datacontenttype` is such a double, of `content-type`.
    """
    found: dict[str, str] = {}
    for name, raw in headers:
        if name in found or name == MISPLACED:
            raise HeadersMalformed(name)
        try:
            found[name] = (raw or b"").decode()
        except UnicodeDecodeError as error:
            raise HeadersMalformed(name) from error
    return found


def unverified_event(headers: Mapping[str, str], value: bytes | None) -> UnverifiedEvent:
    """An event's parts out of a record; a salt that is not 64 lower-case hexadecimal digits comes back empty and is refused later by name."""
    attributes = {name.removeprefix(PREFIX): said for name, said in headers.items() if name.startswith(PREFIX)}
    if "content-type" in headers:
        attributes["datacontenttype"] = headers["content-type"]
    salt = headers.get("salt", "")
    return UnverifiedEvent(attributes, value or b"", bytes.fromhex(salt) if SALT_PATTERN.fullmatch(salt) else b"")


def correlation_of(headers: Mapping[str, str]) -> str:
    """The correlation id, or a new one where it is missing or is not one of ours (it is unsigned, and gets logged)."""
    said = headers.get(CORRELATION, "")
    return said if CORRELATION_PATTERN.fullmatch(said) else new_correlation()


def travelling(headers: Iterable[tuple[str, bytes]]) -> tuple[tuple[str, bytes], ...]:
    """The headers that are an event's own: whatever else a sender adds (a `hub_*` of its own making) goes no further."""
    return tuple((name, raw) for name, raw in headers if name.startswith(PREFIX) or name in {"content-type", "salt", CORRELATION})
