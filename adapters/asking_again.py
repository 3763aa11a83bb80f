"""Asks the hub for what was missed, under the node's own signature, until all of it has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from adapters.ledger import LedgerUnavailable
from adapters.spool import Record, SpoolFull
from schemas import topics
from schemas.envelope import object_id
from schemas.facts.resync import ResyncRequested
from schemas.proof import sign_event, timestamp
from schemas.wire.records import new_correlation, to_headers
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from adapters.applied import Applied
    from adapters.outgoing import Outgoing
    from adapters.resyncs import Awaited, Lost, Resyncs
    from adapters.settings import Instance
    from adapters.ties import Tie, Ties
    from schemas.envelope import CanonicalEvent
    from schemas.keys import KeyHolder

LOOK_SECONDS: Final = 2.0
AGAIN_AFTER: Final = timedelta(minutes=10)
"""Nothing has come for so long: the hub is asked anew, from where we are by then."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asking:
    """What one instance missed, noted and asked for."""

    name: str
    instance: Instance
    key: KeyHolder
    ties: Ties
    applied: Applied
    resyncs: Resyncs
    outgoing: Outgoing
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]] = field(repr=False)
    unsent: set[str] = field(default_factory=set, repr=False)
    """The requests that were noted, and that neither the hub nor the spool has."""

    async def missed(self, reason: Lost) -> None:
        """The node's own topic does not hold what comes next: of every community. Raises LedgerUnavailable."""
        for tie in self.ties.all():
            await self.missed_of(tie.community, reason)

    async def missed_of(self, community: str, reason: Lost) -> None:
        """Numbers of one community are missing. Raises LedgerUnavailable."""
        tie = self._tie(community)
        if tie is not None:
            await self.resyncs.begin(community, tie.space, reason.value, self.clock())
            log.error("resync_awaited", instance=self.name, community=community, reason=reason.value, after=self._after(community))

    async def run(self) -> None:
        """Ask for ever for whatever is awaited, an operator's wish too."""
        while True:
            try:
                await self.resyncs.load()
                await self.ask_due()
            except (LedgerUnavailable, SpoolFull) as error:
                log.warning("resync_not_asked", instance=self.name, error=type(error).__name__)
            await self.sleep(LOOK_SECONDS)

    async def ask_due(self) -> None:
        """Ask for what was never asked for, or of which nothing has come for long. Raises LedgerUnavailable, SpoolFull."""
        for awaited in self.resyncs.awaited():
            tie = self._tie(awaited.community)
            if tie is None:  # the hub refused the space before anything was said there
                await self.resyncs.end(awaited.community, self.clock())
            elif self._due(awaited) and self.outgoing.ready:
                await self._ask(awaited, tie.space)

    def _tie(self, community: str) -> Tie | None:
        """The tie under which the community speaks here, or spoke: what was taken back meanwhile must reach that too."""
        ties = [tie for tie in self.ties.all() if tie.community == community]
        heard = self.applied.numbers(community) is not None
        return next((tie for tie in ties if tie.lives), ties[0] if ties and heard else None)

    def _due(self, awaited: Awaited) -> bool:
        moments = [moment for moment in (awaited.asked_at, self.resyncs.heard_at(awaited.community)) if moment is not None]
        return awaited.asked_at is None or awaited.request in self.unsent or self.clock() - max(moments) >= AGAIN_AFTER

    async def _ask(self, awaited: Awaited, space: str) -> None:
        """Ahead of what waits in the spool: it says where we are, whatever else is told; and who may not speak may ask for this."""
        event, correlation = self._request(awaited, space), new_correlation()
        await self.resyncs.asked(awaited, event.envelope.id, self.clock())
        self.unsent.discard(awaited.request)
        self.unsent.add(event.envelope.id)
        key = f"{self.instance.node}/{space}".encode()
        record = Record(topics.RSE_INBOUND.name, key, event.value, to_headers(event, correlation), event.envelope.type)
        await self.outgoing.put_ahead([record])
        self.unsent.discard(event.envelope.id)
        log.info("resync_asked", instance=self.name, community=awaited.community, after=self._after(awaited.community))

    def _request(self, awaited: Awaited, space: str) -> CanonicalEvent:
        node, now, name = self.instance.node, self.clock(), f"resync:{space}"
        return sign_event(
            self.key.held(), ResyncRequested(space=space, after=self._after(awaited.community)), subject=object_id(node, name), time=now,
            platform=self.instance.platform, native_id=name, change_marker=timestamp(now), actor=node, audience=Audience.PRIVATE,
            community=awaited.community,
        )  # fmt: skip

    def _after(self, community: str) -> int:
        numbers = self.applied.numbers(community)
        return numbers.applied if numbers is not None else 0
