"""NodeInfo, 2.1 and 2.0: what this server is and how much is said on it, in figures that are counted and not claimed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hub.federation.addresses import Addresses

APPLICATION: Final = "https://www.w3.org/ns/activitystreams#Application"
"""By it NodeInfo leads to the server's own actor (FEP-2677)."""
SOFTWARE: Final = "traitdunion"


class Version(StrEnum):
    """The versions that servers ask for, the newest first: many, bovine among them, know 2.0 alone. We say nothing that it has no word for."""

    TWO_ONE = "2.1"
    TWO_ZERO = "2.0"

    @property
    def schema(self) -> str:
        """Its name."""
        return f"http://nodeinfo.diaspora.software/ns/schema/{self}"

    @property
    def media_type(self) -> str:
        """The type of its documents."""
        return f'application/json; profile="{self.schema}#"'

    @property
    def path(self) -> str:
        """Where it is served."""
        return f"/nodeinfo/{self}"


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
    documents = [{"rel": version.schema, "href": addresses.base + version.path} for version in Version]
    return {"links": [*documents, {"rel": APPLICATION, "href": addresses.host_actor}]}


def document(figures: Figures, ours: str, version: Version) -> dict[str, Any]:
    """The document itself; `ours` is this program's version."""
    return {
        "version": version.value,
        "software": {"name": SOFTWARE, "version": ours},
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
