"""Whose an address is: its origin (RFC 6454), by which authority is judged between servers (FEP-fe34)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
REMEMBERED: Final = 4096
LONGEST: Final = 2048
"""One activity asks for the same few origins ten times over; longer addresses are read each time, so that strangers fill no memory."""
URI_LIMIT: Final = 2_000
"""Characters of an address that a server of others may name; whatever is longer is none."""
_USUAL: Final = re.compile(r"(https?)(://[a-z0-9.-]+)(?::([1-9][0-9]{0,3}|[1-5][0-9]{4}))?(?:[/?#][!-\[\]-~]*)?")
"""What nearly every address is written like: a name in small letters, perhaps a port, printable ASCII behind it."""


def origin_of(uri: object) -> str | None:
    """Scheme, host and port of an http(s) address, in one writing; None for anything else, and for one that bears a name or a password."""
    if not isinstance(uri, str):
        return None
    return _remembered(uri) if len(uri) <= LONGEST else _read(uri)


def _read(uri: str) -> str | None:
    """The usual writing in a tenth of the library's time; a property test compares the two."""
    usual = _USUAL.fullmatch(uri)
    if usual is None:
        return _parsed(uri)
    scheme, named, port = usual.groups()
    return scheme + named if port is None or int(port) == DEFAULT_PORTS[scheme] else f"{scheme}{named}:{port}"


def _parsed(uri: str) -> str | None:
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
    """Whether two addresses are under one authority; each activity brings new ones under one that is known."""
    origin = origin_of(other)
    if origin is None or not isinstance(one, str):
        return False
    return _plainly_under(one, origin) or origin_of(one) == origin


def _plainly_under(uri: str, origin: str) -> bool:
    """Whether an address is the origin and a path of printable ASCII, which nobody reads otherwise; a property test compares it."""
    return uri.startswith(origin + "/") and uri.isascii() and uri.isprintable() and "\\" not in uri and " " not in uri
