"""Whom an activity is for: the followers of its community, peer by peer, as far as `access` lets them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from hub.access import PeerRight, peer_may
from hub.federation.parcel import Form
from hub.federation.posting import ASKED, Location
from hub.federation.signed_fetch import ports_of
from hub.registry.peers import PeerKind
from schemas.activities import authority_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.federation.parcel import Parcel
    from hub.registry.peers import Peer

FRESH_SECONDS: Final = 2.0


class Source(Protocol):
    """Where followers and peers are kept. An inbox is a server's shared one, where a follower has named it, else her own."""

    async def inboxes_of(self, community: str) -> Mapping[str, tuple[str, ...]]:
        """Peer → the inboxes behind which somebody follows a community, each once."""
        ...

    async def behind(self, community: str, peer: str, inbox: str, most: int) -> Sequence[str]:
        """So many of the actors who follow a community by this inbox."""
        ...

    async def peers(self) -> Mapping[str, Peer]:
        """Every peer of the registry."""
        ...

    async def drop(self, community: str, peer: str, inbox: str) -> int:
        """Who follows a community by this inbox follows nothing here any more; how many others of that peer do."""
        ...


@dataclass(frozen=True, slots=True)
class Readers:
    """A community's inboxes by peer; of a server with a hundred thousand followers, one."""

    since: float
    inboxes: Mapping[str, tuple[str, ...]]


class Readership:
    """Followers and peers, remembered for two seconds; asked anew for what is for one alone, such as an Accept.

    So a Follow that was just accepted is known before what comes after it, and a peer that was just admitted too.

    Each is asked for once, however many lanes find at the same moment that it is too old.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._readers: dict[str, Readers] = {}
        self._peers: tuple[float, Mapping[str, Peer]] = (float("-inf"), {})
        self._asking = asyncio.Lock()

    async def of(self, parcel: Parcel, now: float) -> dict[str, tuple[str, ...]]:
        """Peer → the inboxes to which this goes there."""
        peers, inboxes = await self._known(parcel, now)
        return {peer: found for peer, found in inboxes.items() if _is_for(peer, parcel) and _may(peers.get(peer), parcel)}

    async def inboxes(self, parcel: Parcel, peer: str, now: float) -> tuple[str, ...]:
        """The inboxes to which this goes at one peer."""
        peers, inboxes = await self._known(parcel, now)
        return inboxes.get(peer, ()) if _is_for(peer, parcel) and _may(peers.get(peer), parcel) else ()

    def location(self, peer: str) -> Location:
        """Where a peer may stand."""
        known = self._peers[1].get(peer)
        return Location(known.networks if known is not None else (), ports_of(peer))

    async def behind(self, community: str, peer: str, inbox: str) -> Sequence[str]:
        """A few of those who follow there by this inbox."""
        return await self._source.behind(community, peer, inbox, ASKED)

    async def drop(self, community: str, peer: str, inbox: str) -> int:
        """Nobody is behind this inbox any more; how many of that peer still follow something here."""
        remaining = await self._source.drop(community, peer, inbox)
        self._readers.clear()
        return remaining

    async def _known(self, parcel: Parcel, now: float) -> tuple[Mapping[str, Peer], Mapping[str, tuple[str, ...]]]:
        if parcel.form is Form.DIRECT:
            self._readers.pop(parcel.community, None)
            peer = authority_of(parcel.to)
            return await self._admitted(now, 0), {peer: (parcel.inbox,)} if peer is not None else {}
        return await self._admitted(now, FRESH_SECONDS), (await self._of(parcel.community, now)).inboxes

    async def _admitted(self, now: float, older_than: float) -> Mapping[str, Peer]:
        """The peers; whom something is for alone may have been admitted this very second, and would never hear that it was accepted."""
        if now - self._peers[0] > older_than:
            async with self._asking:
                if now - self._peers[0] > older_than:
                    self._peers = (now, await self._source.peers())
        return self._peers[1]

    async def _of(self, community: str, now: float) -> Readers:
        if (known := self._fresh(community, now)) is not None:
            return known
        async with self._asking:
            if (known := self._fresh(community, now)) is None:
                known = self._readers[community] = Readers(now, await self._source.inboxes_of(community))
            return known

    def _fresh(self, community: str, now: float) -> Readers | None:
        known = self._readers.get(community)
        return known if known is not None and now - known.since <= FRESH_SECONDS else None


def _is_for(peer: str, parcel: Parcel) -> bool:
    """Not for the server that took it back itself; brought again, for the one that did not take it."""
    return peer != parcel.source and parcel.only in {"", peer}


def _may(peer: Peer | None, parcel: Parcel) -> bool:
    """Whether a peer is told this; another Trait d'union knows groups, and needs no second telling."""
    if peer is None or (parcel.form is Form.PLAIN and peer.kind is PeerKind.TRAITDUNION):
        return False
    return peer_may(peer.grade, PeerRight.FORGET if parcel.forgets else PeerRight.RECEIVE)
