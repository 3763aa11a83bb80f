"""One lane for each peer: in order within it, none waits for another."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import structlog

from hub.federation.delivery import (
    BRIEFLY,
    TRIES,
    WEARYING,
    Gone,
    Later,
    Never,
    Nowhere,
    Patience,
    Spent,
    Standing,
    State,
    Taken,
    Trouble,
    Unsure,
)
from hub.federation.parcel import Form
from hub.federation.positions import Refusal
from schemas.wire.failures import told
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

    from hub.federation.delivery import Outcome
    from hub.federation.keeping import Keeper
    from hub.federation.parcel import Parcel
    from hub.federation.posting import Posting
    from hub.federation.readership import Readership
    from hub.federation.window import Entry, Window
    from hub.ports import Clock

    Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    Settled = Taken | Later | Never | Gone | Spent | Unsure

AT_ONCE: Final = 256
"""Deliveries under way at a time, over all peers that keep up."""
log = structlog.get_logger()


@dataclass(eq=False)
class Lane:
    """A peer, and what it still has to get of the window; `busy` while something is being delivered to it."""

    standing: Standing
    waiting: deque[tuple[Entry, tuple[str, ...]]] = field(default_factory=deque)
    busy: bool = False

    @property
    def peer(self) -> str:
        """Its authority."""
        return self.standing.peer


@dataclass(frozen=True, slots=True)
class Parts:
    """What every lane works with; `spawn` starts a task whose error ends the process."""

    posting: Posting
    keeper: Keeper
    readership: Readership
    clock: Clock
    spawn: Spawn
    patience: Patience = field(default_factory=Patience)


class Lanes:
    """Every peer's lane, those that keep up served from the window."""

    def __init__(self, parts: Parts, window: Window, standings: Mapping[str, Standing]) -> None:
        self._parts, self._window = parts, window
        self._lanes = {peer: Lane(standing) for peer, standing in standings.items()}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.woken = asyncio.Event()
        """Set when a lane has fallen behind, or may be tried earlier than was thought."""

    def __iter__(self) -> Iterator[Lane]:
        """Every lane."""
        return iter(self._lanes.values())

    def get(self, peer: str) -> Lane | None:
        """A peer's lane, None for one that was never told anything."""
        return self._lanes.get(peer)

    def offer(self, peer: str, entry: Entry, inboxes: tuple[str, ...]) -> None:
        """An activity is for this peer; one that is behind will find it by itself, one that had it before a restart is left alone."""
        lane = self._lanes.get(peer)
        if lane is None:
            lane = self._lanes[peer] = Lane(Standing(peer, entry.offset))
        if lane.standing.state is State.GONE:
            self._release(lane)  # its end may still be being written: what was for those who left is for nobody
            lane.standing = Standing(peer, entry.offset, scheme=lane.standing.scheme, scheme_at=lane.standing.scheme_at)
        if lane.standing.behind or entry.offset < lane.standing.position:
            return
        entry.pending += 1
        lane.waiting.append((entry, inboxes))
        self.resume(lane)

    def resume(self, lane: Lane) -> None:
        """Go on with what a lane still has to get."""
        if lane.waiting and not lane.busy:
            lane.busy = True
            self._parts.spawn(self._run(lane))

    async def leave_behind(self, entry: Entry) -> None:
        """Let those go on alone for whom the others wait; their place is written before the window closes up behind them.

        Where most still have to get it, it is not they that are slow but we, or the way out.
        """
        keep_up = [lane for lane in self if not lane.standing.behind]
        slow = [lane for lane in keep_up if lane.waiting and lane.waiting[0][0] is entry]
        if 2 * len(slow) > len(keep_up):
            return
        for lane in slow:
            lane.standing = lane.standing.fell_behind(entry.offset)
            await self._parts.keeper.keep(lane.standing)
            self._release(lane)

    async def pause(self, lane: Lane) -> None:
        """An operator has a peer wait."""
        if lane.standing.state is not State.GONE:
            behind = lane.waiting[0][0].offset if lane.waiting else self._window.following
            lane.standing = (lane.standing if lane.standing.behind else lane.standing.fell_behind(behind)).paused()
            await self._parts.keeper.keep(lane.standing)
            self._release(lane)

    async def retry(self, lane: Lane) -> None:
        """An operator has a peer tried now."""
        if lane.standing.behind:
            lane.standing = lane.standing.released(self._parts.clock())
            await self._parts.keeper.keep(lane.standing)
            self.woken.set()

    async def _run(self, lane: Lane) -> None:
        while lane.waiting and not lane.standing.behind:
            entry, inboxes = lane.waiting[0]
            async with self._slots:
                well = await deliver(lane, entry.offset, entry.parcel, inboxes, self._parts)
            if not well or lane.standing.behind:
                break
            lane.waiting.popleft()
            self._window.done(entry)
        lane.busy = False
        if lane.standing.behind:
            self._release(lane)
        else:
            self.resume(lane)  # it had left, and followed again before that was written

    def _release(self, lane: Lane) -> None:
        """Let the window close up without this lane."""
        for entry, _ in lane.waiting:
            self._window.done(entry)
        lane.waiting.clear()
        self.woken.set()


async def deliver(lane: Lane, offset: int, parcel: Parcel, inboxes: tuple[str, ...], parts: Parts) -> bool:
    """Bring one activity to one peer and write down what became of it; False where the peer is to be tried again later."""
    order, inbox, outcome = await _brought_by_turns(lane, parcel, inboxes, parts)
    left = order[order.index(inbox) + 1 :]
    while isinstance(outcome, Gone) and left and _believed(outcome, lane, parcel, order.index(inbox), parts):
        await parts.readership.drop(parcel.community, lane.peer, inbox)
        inbox, outcome = await _brought(lane, parcel, left, parts)
        left = left[left.index(inbox) + 1 :]
    settled = _settled(outcome, lane, parcel, order.index(inbox), parts)
    Metric.peer_posts.labels(lane.peer, _outcome_name(settled)).inc()
    if parcel.only:
        Metric.peer_resent.labels(lane.peer, _outcome_name(settled)).inc()
    return await _settle(lane, offset, parcel, inbox, settled, parts)


def _settled(outcome: Outcome, lane: Lane, parcel: Parcel, before: int, parts: Parts) -> Settled:
    """What an answer means beside those before it, after so many inboxes of that server took the same."""
    if isinstance(outcome, Later) and lane.standing.weary(outcome, parts.patience, parts.clock()):
        return Spent(WEARYING[outcome.reason])  # all that comes after it would wait for ever
    if isinstance(outcome, Nowhere):
        return Spent(outcome.reason) if lane.standing.heard(TRIES, BRIEFLY, parts.clock()) else Unsure(outcome.reason)
    if isinstance(outcome, Gone) and not _believed(outcome, lane, parcel, before, parts):
        return Unsure(outcome.reason)
    if isinstance(outcome, Gone) and parcel.form is Form.DIRECT:
        return Spent(outcome.reason)  # says nothing of others: who follows nevertheless is met by what goes to all
    return outcome


async def _brought_by_turns(lane: Lane, parcel: Parcel, inboxes: tuple[str, ...], parts: Parts) -> tuple[tuple[str, ...], str, Outcome]:
    """In which order it was brought, the first inbox that did not take it, or the last, and what it said.

    One that stands first and is not found for minutes is put behind its neighbours: what they take tells whether it is the server that is not there.
    """
    order, (inbox, outcome) = inboxes, await _brought(lane, parcel, inboxes, parts)
    for turn in range(1, len(inboxes)):
        missing = isinstance(outcome, Gone) and outcome.reason == Trouble.INBOX_MISSING and inbox == order[0]
        if not missing or not lane.standing.heard(TRIES, BRIEFLY, parts.clock()):
            break
        order = (*inboxes[turn:], *inboxes[:turn])
        inbox, outcome = await _brought(lane, parcel, order, parts)
    return order, inbox, outcome


async def _brought(lane: Lane, parcel: Parcel, inboxes: tuple[str, ...], parts: Parts) -> tuple[str, Outcome]:
    """What became of it. Whatever breaks over one peer's answer is a failure of that delivery: raised, it would end the courier for every peer."""
    try:
        inbox, outcome = await parts.posting.deliver(parcel, inboxes, lane.standing, parts.readership.location(lane.peer))
        if isinstance(outcome, Gone) and outcome.reason == Trouble.INBOX_MISSING and await _stands(lane, parcel, inbox, parts):
            return await _brought_there(lane, parcel, inboxes[inboxes.index(inbox) :], parts)
    except Exception as error:  # noqa: BLE001 - answered by another try, later; the database's errors, which end the process, are not among these
        log.error("delivery_broken", peer=lane.peer, **told(error))  # noqa: TRY400 - its text may hold content
        return inboxes[0], Later(Trouble.BROKEN)
    else:
        return inbox, outcome


async def _stands(lane: Lane, parcel: Parcel, inbox: str, parts: Parts) -> bool:
    """Whether an inbox that says « not found » is there all the same; of an answer to one actor, her own address is what is not found."""
    if parcel.form is Form.DIRECT:
        return False
    behind = await parts.readership.behind(parcel.community, lane.peer, inbox)
    return await parts.posting.stands(inbox, behind, parts.readership.location(lane.peer))


async def _brought_there(lane: Lane, parcel: Parcel, inboxes: tuple[str, ...], parts: Parts) -> tuple[str, Outcome]:
    """What becomes of it at an inbox that is there: one that still finds nothing, or will not hear it twice, does not know what it speaks of (Lemmy)."""
    inbox, outcome = await parts.posting.deliver(parcel, inboxes, lane.standing, parts.readership.location(lane.peer))
    unknown = isinstance(outcome, Gone | Never) and outcome.reason in {Trouble.INBOX_MISSING, Trouble.REFUSED} and inbox == inboxes[0]
    return inbox, Never(Trouble.OBJECT_UNKNOWN) if unknown else outcome


async def _settle(lane: Lane, offset: int, parcel: Parcel, inbox: str, outcome: Settled, parts: Parts) -> bool:
    now = parts.clock()
    if lane.standing.state is State.PAUSED:  # an operator's word came while it was under way; what was delivered is not delivered again
        lane.standing = lane.standing.passed(offset) if isinstance(outcome, Taken) else lane.standing
        await parts.keeper.keep(lane.standing)
        return False
    match outcome:
        case Taken(scheme=scheme):
            lane.standing = lane.standing.took(offset, scheme, now)
            await parts.keeper.keep(lane.standing)
            return True
        case Spent(reason=reason):
            lane.standing = lane.standing.set_aside(reason, offset, now)
            await parts.keeper.keep(lane.standing, Refusal(lane.peer, offset, reason, now, parcel.asks))
            log.error("peer_activity_set_aside", peer=lane.peer, reason=reason, offset=offset)
            return True
        case Never(reason=reason) if _final(reason, lane, parcel):
            passed = lane.standing.set_aside if _its_own(lane, parcel) else lane.standing.given_up
            lane.standing = passed(reason, offset, now)
            await parts.keeper.keep(lane.standing, Refusal(lane.peer, offset, reason, now, parcel.asks))
            log.warning("peer_refuses", peer=lane.peer, reason=reason, offset=offset)
            return True
        case Gone(reason=reason):
            return await _inbox_gone(lane, offset, parcel, inbox, reason, parts)
        case Later() | Never() | Unsure():
            lane.standing = lane.standing.failed(outcome, offset, now, random.random())  # noqa: S311 - spreads load, hides nothing
            await parts.keeper.keep(lane.standing)
            log.warning("peer_fails", peer=lane.peer, reason=outcome.reason, failures=lane.standing.failures)
            return False


def _final(reason: str, lane: Lane, parcel: Parcel) -> bool:
    """Whether a refusal is believed: of a second telling, of an unknown object and of what its own server will not have back, at once.

    Where it is we who are not believed, it is asked again: a server that has just admitted us may be about to read so.
    """
    unwanted = reason == Trouble.REFUSED and _its_own(lane, parcel)
    return unwanted or parcel.form is Form.PLAIN or reason == Trouble.OBJECT_UNKNOWN or lane.standing.tries + 1 >= TRIES


def _its_own(lane: Lane, parcel: Parcel) -> bool:
    """Whether it brings a server what one of its own people said: that it will not have that back says nothing of what follows."""
    return parcel.form is Form.ANNOUNCED and parcel.said_at(lane.peer)


async def _inbox_gone(lane: Lane, offset: int, parcel: Parcel, inbox: str, reason: str, parts: Parts) -> bool:
    """Who stood behind the inbox follows no longer; a peer of whom nobody follows any more has left."""
    now = parts.clock()
    remaining = await parts.readership.drop(parcel.community, lane.peer, inbox)
    lane.standing = lane.standing.given_up(reason, offset, now)
    if not remaining:
        lane.standing = lane.standing.left(reason, now)
        log.error("peer_gone", peer=lane.peer, reason=reason)
    await parts.keeper.keep(lane.standing, Refusal(lane.peer, offset, reason, now, parcel.asks))
    return bool(remaining)


def _believed(outcome: Gone, lane: Lane, parcel: Parcel, before: int, parts: Parts) -> bool:
    """« Gone » is believed at once; « not found » may be a server that is being restarted, and all who follow from there hang on it.

    Within minutes it is believed where it concerns one address alone: of an answer to one actor, or after inboxes `before` it took the same.
    """
    if outcome.reason == Trouble.INBOX_GONE:
        return True
    one_alone = parcel.form is Form.DIRECT or before > 0
    times, span = (TRIES, BRIEFLY) if one_alone else (parts.patience.attempts, parts.patience.span)
    return lane.standing.heard(times, span, parts.clock())


def _outcome_name(outcome: Settled) -> str:
    return "taken" if isinstance(outcome, Taken) else str(outcome.reason)
