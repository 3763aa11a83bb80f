"""Peers that fell behind: each catches up alone from its own place in the topic, a few at a time, until it is as far as the others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from aiokafka.errors import OffsetOutOfRangeError

from hub.federation.delivery import State, Trouble
from hub.federation.lanes import Lane, deliver
from hub.federation.parcel import ParcelMalformed
from hub.federation.positions import Refusal
from hub.federation.unpacking import Earlier, Forgotten, parcel_of

if TYPE_CHECKING:
    from aiokafka.structs import ConsumerRecord

    from hub.federation.delivery import Standing
    from hub.federation.lanes import Lanes, Parts
    from hub.federation.window import Window

MOST: Final = 20
PROBES: Final = 100
"""How many that failed are tried at once: each with the one activity on which it failed, so that none waits long for those that never answer."""
CHUNK: Final = 100
TURN: Final = timedelta(seconds=10)
LOOK_SECONDS: Final = 1.0
NO_LONGER: Final = "peer_no_longer_follows"
PASSED_OVER: Final = frozenset({NO_LONGER, Trouble.EXPIRED})
LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
log = structlog.get_logger()


class Past(Earlier, Protocol):
    """The topic's past, and for whom it was."""

    async def first(self) -> int:
        """The oldest offset that is still kept."""
        ...

    async def told_to(self, peer: str, offset: int) -> bool:
        """Whether this was for a peer when it was told."""
        ...


@dataclass(frozen=True, slots=True)
class Laggards:
    """Serves those that are behind, the one that has waited longest first."""

    lanes: Lanes
    parts: Parts
    window: Window
    past: Past

    async def run(self) -> None:
        """Serve them for ever: those that failed by one try each, those that answer again by longer turns."""
        slots = {State.OPEN: asyncio.Semaphore(PROBES), State.CLOSED: asyncio.Semaphore(MOST)}
        while True:
            self.lanes.woken.clear()
            for lane in sorted(self._due(), key=lambda lane: lane.standing.next_try or LONG_AGO):
                free = slots[lane.standing.state]
                if not free.locked():
                    await free.acquire()
                    lane.busy = True
                    self.parts.spawn(self._serve(lane, free))
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self.lanes.woken.wait()
            except TimeoutError:
                continue

    def _due(self) -> list[Lane]:
        now = self.parts.clock()
        return [lane for lane in self.lanes if not lane.busy and _is_due(lane, now)]

    async def _serve(self, lane: Lane, slots: asyncio.Semaphore) -> None:
        """One turn of one peer."""
        until, state = self.parts.clock() + TURN, lane.standing.state
        try:
            while lane.standing.behind and lane.standing.state is state and await self._forward(lane) and self.parts.clock() < until:
                continue
        finally:
            lane.busy = False
            slots.release()
            self.lanes.woken.set()
        self.lanes.resume(lane)

    async def _forward(self, lane: Lane) -> bool:
        """One stretch of the way; False where the peer is to be left alone for now."""
        if lane.standing.position >= self.window.following:
            lane.standing = _caught_up(lane.standing)  # from here on it is offered what comes, without a gap
            self.parts.spawn(self.parts.keeper.keep(lane.standing))
            log.info("peer_caught_up", peer=lane.peer)
            return True
        try:
            records = await self.past.read(lane.standing.position, 1 if lane.standing.state is State.OPEN else CHUNK)
        except OffsetOutOfRangeError:
            return await self._expired(lane)
        if not records:
            return True
        start = lane.standing.position
        for record in records:
            if not await self._one(lane, record):
                return False
        if lane.standing.position != start:
            await self.parts.keeper.keep(lane.standing)
        return True

    async def _one(self, lane: Lane, record: ConsumerRecord) -> bool:
        try:
            parcel = await parcel_of(record, self.past)
        except Forgotten:
            return await self._passed_over(lane, record.offset, Trouble.EXPIRED)
        except ParcelMalformed:
            lane.standing = lane.standing.passed(record.offset)
            return True
        inboxes = await self.parts.readership.inboxes(parcel, lane.peer, asyncio.get_running_loop().time())
        if inboxes:
            return await deliver(lane, record.offset, parcel, inboxes, self.parts)
        return await self._passed_over(lane, record.offset, NO_LONGER, parcel.asks)

    async def _passed_over(self, lane: Lane, offset: int, reason: str, asks: str = "") -> bool:
        """What was for a peer and is not brought to it is said."""
        lane.standing = lane.standing.passed(offset)
        if await self.past.told_to(lane.peer, offset):
            lane.standing = replace(lane.standing, reason=reason)
            await self.parts.keeper.keep(lane.standing, Refusal(lane.peer, offset, reason, self.parts.clock(), asks))
        return lane.standing.state is not State.PAUSED

    async def _expired(self, lane: Lane) -> bool:
        """What the topic no longer keeps is lost for this peer, and said."""
        first = await self.past.first()
        if first <= lane.standing.position:
            return False
        log.error("peer_backlog_expired", peer=lane.peer, lost=first - lane.standing.position)
        lane.standing = lane.standing.given_up(Trouble.EXPIRED, first - 1, self.parts.clock())
        await self.parts.keeper.keep(lane.standing)
        return True


def _caught_up(standing: Standing) -> Standing:
    """As far as all others; it no longer fails where what it failed over was passed over, for nothing waits for it: it left, or follows no more."""
    done = standing.caught_up()
    if done.state is not State.OPEN or done.reason not in PASSED_OVER:
        return done
    return replace(done, state=done.to(State.CLOSED), failures=0, next_try=None, failing_since=None)


def _is_due(lane: Lane, now: datetime) -> bool:
    standing = lane.standing
    return standing.behind and standing.state in {State.CLOSED, State.OPEN} and (standing.next_try or now) <= now
