"""WebFinger (RFC 7033): from a name that people type, or an address, to the actor; and from the bare address to the server's own actor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from schemas.media_types import ACTIVITY_JSON, LD_JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.federation.addresses import Addresses

MEDIA_TYPE: Final = "application/jrd+json"
PROFILE_PAGE: Final = "http://webfinger.net/rel/profile-page"
SERVICE: Final = "https://www.w3.org/ns/activitystreams#Service"
"""By it a bare address leads to the server's own actor (FEP-d556)."""
NODE_PREFIX: Final = "noeud."
"""Before a node's name: a community's never holds a dot, so that no two actors answer to one."""
RESOURCE_LIMIT: Final = 512


class Kind(StrEnum):
    """What a name may stand for."""

    HOST = "host"
    GROUP = "group"
    NODE = "node"


@dataclass(frozen=True, slots=True)
class Named:
    """An actor of ours that somebody asks for; that it exists is still to be seen."""

    kind: Kind
    id: str = ""


class ResourceMalformed(ValueError):
    """A resource that is neither an account's name nor an address."""


def username(named: Named, addresses: Addresses) -> str:
    """The name before the « @ »: a community's id, a node's behind a prefix, and for the server its own host, as others do."""
    match named.kind:
        case Kind.HOST:
            return urlsplit(addresses.base).hostname or ""
        case Kind.GROUP:
            return named.id
        case Kind.NODE:
            return NODE_PREFIX + named.id


def account(named: Named, addresses: Addresses) -> str:
    """`acct:name@authority`."""
    return f"acct:{username(named, addresses)}@{urlsplit(addresses.base).netloc}"


def actor(named: Named, addresses: Addresses) -> str:
    """The actor's own address."""
    match named.kind:
        case Kind.HOST:
            return addresses.host_actor
        case Kind.GROUP:
            return addresses.group(named.id)
        case Kind.NODE:
            return addresses.node(named.id)


def asked(resources: Sequence[str], addresses: Addresses) -> Named | None:
    """Whom the one resource names; None where it is nobody of ours. Raises ResourceMalformed."""
    resource = resources[0] if len(resources) == 1 else ""
    if not resource or len(resource) > RESOURCE_LIMIT or not resource.isprintable():
        raise ResourceMalformed
    if resource.startswith(("https://", "http://")):
        return _at(resource, addresses)
    scheme, separator, rest = resource.partition(":")
    if separator and scheme.lower() != "acct":
        raise ResourceMalformed
    name, at, host = (rest if separator else resource).removeprefix("@").rpartition("@")
    if not at or not name or not host:
        raise ResourceMalformed
    if host.lower() != urlsplit(addresses.base).netloc.lower():
        return None
    return _called(name.lower(), addresses)


def descriptor(named: Named, addresses: Addresses, rels: Sequence[str] = ()) -> dict[str, Any]:
    """The JSON resource descriptor; `rels` leaves those links alone (RFC 7033 § 4.3)."""
    address = actor(named, addresses)
    links = [
        {"rel": "self", "type": ACTIVITY_JSON, "href": address},
        {"rel": "self", "type": LD_JSON, "href": address},
        {"rel": PROFILE_PAGE, "type": "text/html", "href": address},
    ]
    if named.kind is Kind.HOST:
        links.append({"rel": SERVICE, "type": ACTIVITY_JSON, "href": address})
    aliases = [address, addresses.base + "/"] if named.kind is Kind.HOST else [address]
    return {"subject": account(named, addresses), "aliases": aliases, "links": [link for link in links if not rels or link["rel"] in rels]}


def _called(name: str, addresses: Addresses) -> Named:
    if name == username(Named(Kind.HOST), addresses):
        return Named(Kind.HOST)
    if name.startswith(NODE_PREFIX):
        return Named(Kind.NODE, name.removeprefix(NODE_PREFIX))
    return Named(Kind.GROUP, name)


def _at(uri: str, addresses: Addresses) -> Named | None:
    if uri.rstrip("/") == addresses.base or uri == addresses.host_actor:
        return Named(Kind.HOST)
    if (community := addresses.community_of(uri)) is not None:
        return Named(Kind.GROUP, community)
    if (node := addresses.node_of(uri)) is not None:
        return Named(Kind.NODE, node)
    return None
