"""Whom an activity is for: the followers of its community, peer by peer, as far as `access` lets them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from hub.access import PeerRight, peer_may
from hub.federation.parcel import Form
from hub.federation.posting import Location
from hub.federation.signed_fetch import ports_of
from hub.registry.peers import PeerKind
from schemas.activities import authority_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hub.federation.parcel import Parcel
    from hub.registry.peers import Peer

FRESH_SECONDS: Final = 2.0


class Follower(Protocol):
    """An actor elsewhere that follows a community."""

    @property
    def actor(self) -> str:
        """Its address."""
        ...

    @property
    def peer(self) -> str:
        """The authority of its server."""
        ...

    @property
    def inbox(self) -> str:
        """Its own inbox."""
        ...

    @property
    def shared_inbox(self) -> str:
        """Its server's, empty where there is none."""
        ...


class Source(Protocol):
    """Where followers and peers are kept."""

    async def followers(self, community: str) -> Sequence[Follower]:
        """A community's followers."""
        ...

    async def peers(self) -> Mapping[str, Peer]:
        """Every peer of the registry."""
        ...

    async def drop(self, peer: str, actors: Sequence[str]) -> int:
        """These actors follow nothing here any more; how many others of that peer do."""
        ...


@dataclass(frozen=True, slots=True)
class Readers:
    """A community's inboxes by peer, a shared one once, with who stands behind each."""

    since: float
    inboxes: Mapping[str, Mapping[str, tuple[str, ...]]]


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
        return {peer: tuple(found) for peer, found in inboxes.items() if _is_for(peer, parcel) and _may(peers.get(peer), parcel)}

    async def inboxes(self, parcel: Parcel, peer: str, now: float) -> tuple[str, ...]:
        """The inboxes to which this goes at one peer."""
        peers, inboxes = await self._known(parcel, now)
        return tuple(inboxes.get(peer, ())) if _is_for(peer, parcel) and _may(peers.get(peer), parcel) else ()

    def location(self, peer: str) -> Location:
        """Where a peer may stand."""
        known = self._peers[1].get(peer)
        return Location(known.networks if known is not None else (), ports_of(peer))

    async def behind(self, community: str, peer: str, inbox: str, now: float) -> tuple[str, ...]:
        """Who follows there by this inbox."""
        return (await self._of(community, now)).inboxes.get(peer, {}).get(inbox, ())

    async def drop(self, community: str, peer: str, inbox: str, now: float) -> int:
        """Nobody is behind this inbox any more; how many of that peer still follow something here."""
        remaining = await self._source.drop(peer, await self.behind(community, peer, inbox, now))
        self._readers.clear()
        return remaining

    async def _known(self, parcel: Parcel, now: float) -> tuple[Mapping[str, Peer], Mapping[str, Iterable[str]]]:
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
                known = self._readers[community] = Readers(now, _by_inbox(await self._source.followers(community)))
            return known

    def _fresh(self, community: str, now: float) -> Readers | None:
        known = self._readers.get(community)
        return known if known is not None and now - known.since <= FRESH_SECONDS else None


def _by_inbox(followers: Sequence[Follower]) -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for one in followers:
        inboxes, inbox = found.setdefault(one.peer, {}), one.shared_inbox or one.inbox
        inboxes[inbox] = (*inboxes.get(inbox, ()), one.actor)
    return found


def _is_for(peer: str, parcel: Parcel) -> bool:
    """Not for the server that took it back itself; brought again, for the one that did not take it."""
    return peer != parcel.source and parcel.only in {"", peer}


def _may(peer: Peer | None, parcel: Parcel) -> bool:
    """Whether a peer is told this; another Trait d'union knows groups, and needs no second telling."""
    if peer is None or (parcel.form is Form.PLAIN and peer.kind is PeerKind.TRAITDUNION):
        return False
    return peer_may(peer.grade, PeerRight.FORGET if parcel.forgets else PeerRight.RECEIVE)
