"""Which addresses of strangers we ask: what their URLs may look like, and where a connection may really go."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Network = IPv4Network | IPv6Network
URL_LIMIT: Final = 2048
HOST_LIMIT: Final = 253
DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_WRITTEN: Final = re.compile(r"[!#-;=?-\[\]_a-z~]+", re.IGNORECASE)
"""What RFC 3986 lets stand in an address: no space, no backslash, no letter with an accent, nothing that two readers read in two ways."""
_LABEL: Final = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
"""What ends in a number is an IPv4 address to one reader or another (2130706433, 0177.1, 0x7f.1): WHATWG URL § 3.5."""


class Refusal(StrEnum):
    """Why we do not ask for something, or do not take what came: names that people and machines see."""

    URL = "url_malformed"
    SCHEME = "url_scheme_refused"
    USER = "url_with_user"
    HOST = "url_host_refused"
    PORT = "url_port_refused"
    ADDRESS = "address_refused"
    REDIRECTS = "redirected_too_often"
    REDIRECT = "redirect_refused"
    TOO_LARGE = "answer_too_large"
    TYPE = "answer_type_refused"
    ENCODED = "answer_encoded"
    MALFORMED = "answer_malformed"
    TOO_DEEP = "answer_too_deep"
    BUDGET = "fetch_budget_spent"


class Absence(StrEnum):
    """Why a server did not answer, or was not asked: it may another time."""

    TIMEOUT = "peer_timeout"
    NAME = "peer_name_unresolved"
    TLS = "peer_certificate_refused"
    PROXY = "egress_proxy_failed"
    CONNECTION = "peer_unreachable"
    OUR_KEY = "our_key_silent"


class FetchFailed(Exception):
    """Nothing was brought; `reason` is for machines and, in French words, for people."""

    def __init__(self, reason: Refusal | Absence) -> None:
        super().__init__(reason.value)
        self.reason = reason


class FetchRefused(FetchFailed):
    """A rule of ours forbids it: asking again would not help."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)


class Unreachable(FetchFailed):
    """The other server did not answer."""

    def __init__(self, reason: Absence) -> None:
        super().__init__(reason)


def _all(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


PUBLIC: Final = _all("0.0.0.0/0", "2000::/3")
SPECIAL: Final = _all(
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)  # fmt: skip
"""IANA's special-purpose ranges within the public ones: private, shared, link-local, documentation, multicast, Teredo, 6to4."""
NEVER: Final = _all(
    "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
    "::/127", "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fe80::/10", "ff00::/8",
)  # fmt: skip
"""What no entry of a registry opens: this machine, its link (a cloud's metadata service), and addresses that hide another one."""
LOOPBACK: Final = _all("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True)
class Ground:
    """Where connections may go: in one of the first ranges of a pair, and in none of its second ones."""

    pairs: tuple[tuple[tuple[Network, ...], tuple[Network, ...]], ...]

    @classmethod
    def of(cls, networks: Iterable[str] = ()) -> Self:
        """The public Internet, and the private ranges that a registry's entry names; raises ValueError for what is no range."""
        return cls(((PUBLIC, SPECIAL), (_all(*networks), NEVER)))

    @classmethod
    def of_development(cls, networks: Iterable[str] = ()) -> Self:
        """The same and this very machine."""
        return cls((*cls.of(networks).pairs, (LOOPBACK, ())))

    @classmethod
    def loopback(cls) -> Self:
        """This machine alone: what is not encrypted goes nowhere else."""
        return cls(((LOOPBACK, ()),))

    def admits(self, address: str) -> bool:
        """Tell whether a connection may go to this IP address."""
        ip = ip_address(address.partition("%")[0])
        return any(any(ip in one for one in within) and not any(ip in one for one in without) for within, without in self.pairs)


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL that may be asked, in its one writing, without a fragment."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> tuple[str, str, int]:
        """What two addresses of one server share."""
        return self.scheme, self.host, self.port


def destination(unverified_url: str, ports: Sequence[int] = ()) -> Destination:
    """Read a URL: https, a name, the usual port or one of these; raises FetchRefused."""
    parsed = _parsed(unverified_url)
    if parsed.scheme != "https":
        raise FetchRefused(Refusal.SCHEME)
    if not _NAME.fullmatch(parsed.host) or _NUMBER.fullmatch(parsed.host):
        raise FetchRefused(Refusal.HOST)
    if parsed.port not in {DEFAULT_PORTS["https"], *ports}:
        raise FetchRefused(Refusal.PORT)
    return parsed


def development_destination(unverified_url: str, ports: Sequence[int] = ()) -> Destination:
    """The same for a machine of one's own: a loopback address as it stands, plain http and any port too; raises FetchRefused.

    `Ground.loopback` sees to it that such http goes no further, whatever its name resolves to.
    """
    parsed = _parsed(unverified_url)
    literal = _is_loopback(parsed.host)
    if parsed.scheme == "https" and not literal and parsed.host != "localhost":
        return destination(unverified_url, ports)
    if not literal and (not _NAME.fullmatch(parsed.host) or _NUMBER.fullmatch(parsed.host)):
        raise FetchRefused(Refusal.HOST)
    return parsed


def _parsed(unverified_url: str) -> Destination:
    if len(unverified_url) > URL_LIMIT or not _WRITTEN.fullmatch(unverified_url):
        raise FetchRefused(Refusal.URL)
    try:
        parts = urlsplit(unverified_url)
        port = parts.port
    except ValueError as error:
        raise FetchRefused(Refusal.URL) from error
    if parts.scheme not in DEFAULT_PORTS:
        raise FetchRefused(Refusal.SCHEME)
    if "@" in parts.netloc:
        raise FetchRefused(Refusal.USER)
    host = parts.hostname or ""
    if not host or len(host) > HOST_LIMIT or port == 0 or parts.netloc.endswith(":"):
        raise FetchRefused(Refusal.URL)
    usual = DEFAULT_PORTS[parts.scheme]
    named = f"[{host}]" if ":" in host else host
    authority = named if port in {None, usual} else f"{named}:{port}"
    query = "?" + parts.query if parts.query else ""
    return Destination(f"{parts.scheme}://{authority}{parts.path or '/'}{query}", parts.scheme, host, port or usual)


def _is_loopback(host: str) -> bool:
    try:
        ip = ip_address(host)
    except ValueError:
        return False
    return any(ip in one for one in LOOPBACK)
