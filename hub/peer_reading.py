"""What is public here, read for whoever asks: every reading under the permit that `access` gives everybody."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from hub import peer_deeds
from hub.access import permit_everybody
from hub.communities import members
from hub.communities import repository as rooms
from hub.communities.model import MessageState
from hub.federation.nodeinfo import Figures
from hub.federation.repository import SqlFollowers, address_of
from hub.federation.serving import PAGE
from hub.federation.showing import Deeds, Room, Said, Seat
from hub.operations import kept
from hub.registry.repository import SqlNodes
from schemas.manifest import Grade

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from hub.communities.model import Community, Message
    from hub.federation.addresses import Addresses
    from hub.ports import Clock

SHOWN: Final = 50
MODERATION: Final = "Modération de Trait d’union"
MINUTE: Final = timedelta(minutes=1)
MONTH: Final = timedelta(days=30)
HALF_YEAR: Final = timedelta(days=180)


class SqlPublished:
    """The public communities, out of the database."""

    def __init__(self, database: AsyncEngine, hub: str, addresses: Addresses, clock: Clock) -> None:
        """`hub` is the id under which this hub itself speaks."""
        self._database, self._hub, self._addresses, self._clock = database, hub, addresses, clock
        self._permit = permit_everybody()
        self._totals: dict[str, tuple[datetime | None, int]] = {}

    async def rooms(self) -> Sequence[Room]:
        """Every public community."""
        async with self._database.connect() as connection:
            return [_room(one) for one in await rooms.all_communities(connection, self._permit)]

    async def room(self, community: str) -> Room | None:
        """One of them."""
        async with self._database.connect() as connection:
            found = await rooms.community_of(connection, self._permit, community)
        return _room(found) if found else None

    async def seat(self, node: str) -> Seat | None:
        """A node that was admitted once: what it said stays, and names it. Under its own name the hub takes away what peers said."""
        if node == self._hub:
            return Seat(node, MODERATION, "", None)
        async with self._database.connect() as connection:
            found = await SqlNodes(connection).get(node)
        if found is None or found.grade is Grade.CANDIDATE:
            return None
        return Seat(found.id, found.organisation_name, found.platform, found.approved_at)

    async def newest(self, community: str) -> Sequence[Said]:
        """A public community's last messages, the newest first."""
        async with self._database.connect() as connection:
            return [_said(one, self._hub) for one in await rooms.newest(connection, self._permit, community, limit=SHOWN)]

    async def said(self, message: str) -> Said | None:
        """A message of a public community, by its own id alone."""
        async with self._database.connect() as connection:
            found = await rooms.message_of(connection, self._permit, message)
        return _said(found, self._hub) if found and found.id == message else None

    async def followers(self, community: str) -> int:
        """How many actors elsewhere follow a community."""
        async with self._database.connect() as connection:
            return await SqlFollowers(connection).number(community)

    async def deeds(self, community: str, before: int | None) -> Deeds:
        """A page of a community's activities that are still kept, the newest before a number first."""
        async with self._database.connect() as connection:
            page = await kept.newest(connection, self._permit, community, before=before, limit=PAGE)
            total = await self._total(connection, community)
        items = [deed for one in page if (deed := peer_deeds.announced(one, self._addresses)) is not None]
        return Deeds(total, items, page[-1].event.sequence if len(page) == PAGE else None)

    async def _total(self, connection: AsyncConnection, community: str) -> int:
        """Counted once a minute, however often strangers ask: each of three weeks' events is looked at."""
        now, (since, total) = self._clock(), self._totals.get(community, (None, 0))
        if since is None or now - since >= MINUTE:
            total = await kept.total(connection, self._permit, community)
            self._totals[community] = now, total
        return total

    async def deed(self, name: str) -> dict[str, Any] | None:
        """An activity that is still kept, by its event or, of a reaction, by its object; a Tombstone where it said what is no longer shown."""
        async with self._database.connect() as connection:
            found = await kept.event(connection, self._permit, name)
        return peer_deeds.deed(found, self._addresses) if found else None

    async def note(self, message: str) -> dict[str, Any] | str | None:
        """A ministry's message as a Note with its proof, where that is still kept; of a peer's, where it stands."""
        async with self._database.connect() as connection:
            found = await kept.last_of(connection, self._permit, message)
            told = (peer_deeds.origin(found) or peer_deeds.note(found, self._addresses)) if found else None
            if told is not None:
                return told
            said = await rooms.message_of(connection, self._permit, message)  # the outbox forgets; what is a peer's stays a peer's
            return await address_of(connection, said.id) if said and said.node == self._hub else None

    async def figures(self) -> Figures:
        """What NodeInfo tells."""
        now = self._clock()
        async with self._database.connect() as connection:
            users = await members.people_in(connection, self._permit)
            said = await rooms.count(connection, self._permit, self._hub, lately=now - MONTH, earlier=now - HALF_YEAR)
        return Figures(max(users, said.earlier), said.lately, said.earlier, said.posts, said.comments)


def _room(community: Community) -> Room:
    return Room(community.id, community.title, community.opened_at)


def _said(message: Message, hub: str) -> Said:
    return Said(
        message.id, message.community, message.node, message.author, message.organisation, message.title, message.html,
        message.occurred_at, message.parent, message.state is not MessageState.VISIBLE, message.node == hub,
    )  # fmt: skip
