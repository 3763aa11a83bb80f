"""A transaction as the handlers of peers' activities see it: the rooms behind facts, the way out behind the outbox."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from hub.federation.incoming import AHEAD, moment_in
from hub.federation.owing import owed
from hub.ports import Outgoing
from schemas.activities import native_id_of
from schemas.envelope import object_id
from schemas.facts.message import MessageEdited
from schemas.provenance import sha256
from schemas.topics import PEERS_OUTBOUND

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from hub.communities.model import Community, Message
    from hub.federation.acknowledged import SqlAcknowledged
    from hub.federation.repository import SqlAbroad, SqlFollowers, SqlFollows
    from hub.federation.verification import VerifiedActivity
    from hub.federation.work import Said
    from hub.ports import Admitted
    from hub.registry.peers import Peer
    from hub.unit_of_work import UnitOfWork
    from schemas.provenance import KnownActor

    Rooms = Mapping[str, Callable[[Admitted, UnitOfWork], Awaitable[str | None]]]

TO, INBOX = "peer_to", "peer_inbox"
"""Headers of a record that is for one actor elsewhere; without an inbox, the courier asks the actor's server for it."""


class PeerWork:
    """One activity's way into a unit of work; `correlation` is what the door gave it, `door` the key (Multikey) by which it did."""

    def __init__(self, work: UnitOfWork, rooms: Rooms, correlation: str, door: str = "") -> None:
        self._work, self._rooms, self._correlation, self._door = work, rooms, correlation, door
        self._event: str | None = None

    @property
    def abroad(self) -> SqlAbroad:
        """What came from elsewhere."""
        return self._work.abroad

    @property
    def followers(self) -> SqlFollowers:
        """Who follows our communities."""
        return self._work.followers

    @property
    def follows(self) -> SqlFollows:
        """Groups elsewhere that our communities follow."""
        return self._work.follows

    @property
    def acknowledged(self) -> SqlAcknowledged:
        """What other Trait d'union told us became of what we brought them."""
        return self._work.acknowledged

    def clock(self) -> datetime:
        """Now."""
        return self._work.clock()

    async def peer(self, authority: str) -> Peer | None:
        """A peer's entry in the registry."""
        return await self._work.peers.get(authority)

    async def community(self, name: str) -> Community | None:
        """A community, locked."""
        return await self._work.communities.get(name)

    async def message(self, name: str) -> Message | None:
        """A message."""
        return await self._work.messages.get(name)

    def subject_of(self, uri: str) -> str:
        """The id under which something elsewhere stands here."""
        return object_id(self._work.hub, native_id_of(uri))

    async def tell(self, said: Said) -> str:
        """Say a fact to the room that it concerns, as the inbound worker brings a ministry's; raises RefusedError."""
        admitted = self._work.said_abroad(
            said.fact, native_id=native_id_of(said.object), actor=said.actor, marker=said.marker, community=said.community,
            parent=said.parent, at=said.at, correlation=self._correlation, door=self._door,
        )  # fmt: skip
        if not await self._work.events.unknown([admitted]):
            return "double"
        self._work.events.add([admitted])
        try:
            outcome = await self._rooms[said.fact.event_type](admitted, self._work) or "noted"
        except Exception:
            self._work.events.drop(admitted)
            raise
        self._work.events.settle(admitted, outcome, None)
        self._event = admitted.id
        return str(outcome)

    async def overtaken(self, uri: str, marker: str) -> bool:
        """Whether a later edit of it was told than the one that bears this marker, where markers are times; a clock that was ahead proves nothing."""
        said = moment_in(marker)
        if said is None:
            return False
        known = await self._work.events.markers(self._work.hub, MessageEdited.event_type, native_id_of(uri))
        return any(said < one <= admitted_at + AHEAD for name, admitted_at in known.items() if (one := moment_in(name)) is not None)

    async def owe(self, activity: VerifiedActivity, outcome: str, reason: str | None = None) -> None:
        """Remember to tell the server that brought this what became of it, where it is told."""
        one = owed(activity, await self.peer(activity.peer), self._event, outcome, reason, self.clock())
        if one is not None:
            self._work.owed.add(one)

    def bring(self, community: str, to: KnownActor, activity: Mapping[str, Any]) -> None:
        """Have an activity brought to one actor elsewhere, once this transaction is done."""
        value = json.dumps(activity, ensure_ascii=False, separators=(",", ":")).encode()
        headers = ((TO, to.id.encode()), (INBOX, to.inbox.encode()), ("correlation", self._correlation.encode()))
        name = hashlib.sha256(str(activity["id"]).encode()).hexdigest()[:32]
        self._work.outbox.add(Outgoing(PEERS_OUTBOUND.name, community, value, headers, name, sha256(value), self._work.clock()))
