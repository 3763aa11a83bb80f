"""What the peers' door shows, to people as pages and to servers as documents; who asks is nobody, and sees what everybody may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from hub.federation.nodeinfo import Figures


@dataclass(frozen=True, slots=True)
class Room:
    """A public community."""

    id: str
    title: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Seat:
    """A ministry's node, once it was admitted."""

    id: str
    organisation: str
    platform: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a public community; `html` was cleaned by its ministry and is cleaned again where it is shown."""

    id: str
    community: str
    node: str
    author: str
    organisation: str
    title: str | None
    html: str
    occurred_at: datetime
    parent: str | None
    deleted: bool
    abroad: bool = False
    """Somebody said it on a server of others, where it stands."""


@dataclass(frozen=True, slots=True)
class Deeds:
    """A page of activities; `before` is the number before which the next page begins, None at the end."""

    total: int
    items: Sequence[dict[str, Any]]
    before: int | None


class Published(Protocol):
    """What is public here."""

    async def rooms(self) -> Sequence[Room]:
        """Every public community."""
        ...

    async def room(self, community: str) -> Room | None:
        """One of them."""
        ...

    async def seat(self, node: str) -> Seat | None:
        """A node."""
        ...

    async def newest(self, community: str) -> Sequence[Said]:
        """A public community's last messages, the newest first."""
        ...

    async def said(self, message: str) -> Said | None:
        """A message of a public community."""
        ...

    async def followers(self, community: str) -> int:
        """How many actors elsewhere follow a community."""
        ...

    async def deeds(self, community: str, before: int | None) -> Deeds:
        """A page of a community's activities that are still kept, the newest before a number first."""
        ...

    async def deed(self, name: str) -> dict[str, Any] | None:
        """An activity that is still kept, by its event or, of a reaction, by its object; a Tombstone where it said what is no longer shown."""
        ...

    async def note(self, message: str) -> dict[str, Any] | str | None:
        """A ministry's message as a Note with its proof, where that is still kept; of a peer's, the address where it stands."""
        ...

    async def figures(self) -> Figures:
        """What NodeInfo tells."""
        ...
