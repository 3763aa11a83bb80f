"""NodeInfo 2.1: what this server is and how much is said on it, in figures that are counted and not claimed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hub.federation.addresses import Addresses

SCHEMA: Final = "http://nodeinfo.diaspora.software/ns/schema/2.1"
MEDIA_TYPE: Final = f'application/json; profile="{SCHEMA}#"'
APPLICATION: Final = "https://www.w3.org/ns/activitystreams#Application"
"""By it NodeInfo leads to the server's own actor (FEP-2677)."""
SOFTWARE: Final = "traitdunion"
PATH: Final = "/nodeinfo/2.1"


@dataclass(frozen=True, slots=True)
class Figures:
    """What is counted, in public communities alone: who takes part there, who wrote lately, and what was written here."""

    users: int
    active_month: int
    active_half_year: int
    posts: int
    comments: int


def links(addresses: Addresses) -> dict[str, Any]:
    """`/.well-known/nodeinfo`."""
    return {"links": [{"rel": SCHEMA, "href": addresses.base + PATH}, {"rel": APPLICATION, "href": addresses.host_actor}]}


def document(figures: Figures, version: str) -> dict[str, Any]:
    """The document itself."""
    return {
        "version": "2.1",
        "software": {"name": SOFTWARE, "version": version},
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": False,
        "usage": {
            "users": {"total": figures.users, "activeMonth": figures.active_month, "activeHalfyear": figures.active_half_year},
            "localPosts": figures.posts,
            "localComments": figures.comments,
        },
        "metadata": {"nodeName": "Trait d’union", "staffAccounts": []},
    }
