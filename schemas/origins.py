"""Whose an address is: its origin (RFC 6454), by which authority is judged between servers (FEP-fe34)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def origin_of(uri: object) -> str | None:
    """Scheme, host and port of an http(s) address, in one writing; None for anything else, and for one that bears a name or a password."""
    if not isinstance(uri, str) or not uri.isascii() or not uri.isprintable() or "\\" in uri or " " in uri:
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


def same_origin(one: object, other: object) -> bool:
    """Whether two addresses are under one authority."""
    origin = origin_of(one)
    return origin is not None and origin == origin_of(other)
