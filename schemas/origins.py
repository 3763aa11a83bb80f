"""Whose an address is: its origin (RFC 6454), by which authority is judged between servers (FEP-fe34)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
REMEMBERED: Final = 4096
LONGEST: Final = 2048
"""One activity asks for the same few origins ten times over; longer addresses are read each time, so that strangers fill no memory."""


def origin_of(uri: object) -> str | None:
    """Scheme, host and port of an http(s) address, in one writing; None for anything else, and for one that bears a name or a password."""
    if not isinstance(uri, str):
        return None
    return _remembered(uri) if len(uri) <= LONGEST else _read(uri)


def _read(uri: str) -> str | None:
    if not uri.isascii() or not uri.isprintable() or "\\" in uri or " " in uri:
        return None  # a backslash is a path to one reader and the end of a host to another
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not host or "@" in parts.netloc:
        return None
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" if port in {None, DEFAULT_PORTS[parts.scheme]} else f"{parts.scheme}://{host}:{port}"


_remembered = lru_cache(maxsize=REMEMBERED)(_read)


def same_origin(one: object, other: object) -> bool:
    """Whether two addresses are under one authority."""
    origin = origin_of(one)
    return origin is not None and origin == origin_of(other)
