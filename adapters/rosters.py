"""Asks an RSE who takes part in its tied spaces and tells the difference: after a hint, and from time to time.

What a webhook says of one person is a hint alone. So those who were there before the tie are told too, a departure that no webhook told
is seen all the same, nothing forged or out of order counts, and somebody who comes and goes a hundred times a minute is told once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from adapters.ledger import LedgerUnavailable
from adapters.members import Standing, compared
from adapters.observing import speaks
from adapters.pages import MOVED
from adapters.patience import delay
from adapters.people import CROWD_LIMIT, ROSTER_LIMIT, TOO_MANY, Member, Pieced
from adapters.port import UNSUPPORTED, Later, Never
from adapters.pseudonyms import pseudonym
from adapters.spool import Record, SpoolFull
from schemas import topics
from schemas.envelope import object_id
from schemas.facts.membership import MembershipJoined, MembershipLeft
from schemas.facts.message import Author
from schemas.names import ANYBODY, one_line, public_name
from schemas.proof import sign_event
from schemas.wire.failures import told
from schemas.wire.records import new_correlation, to_headers
from schemas.wire.telemetry import Metric
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from adapters.members import Members, Row
    from adapters.memory import Memory
    from adapters.outgoing import Outgoing
    from adapters.people import Rostered
    from adapters.settings import Instance
    from adapters.ties import Tie, Ties
    from schemas.keys import KeyHolder

AT_FIRST = timedelta(seconds=2)  # after a tie: the hub's own word on its readers may be on the way
REST = timedelta(seconds=2)
PACE = timedelta(seconds=0.2)  # more of rest for each one told: five a second and space, whatever happens in the RSE
A_PAGE = 50  # people, for each of which a roster that comes in pages rests as long again: they are that many questions
MOVED_REST = timedelta(minutes=1)
AT_ONCE = 100
TICK_SECONDS = 0.25
NAME_LIMIT = 200
_ACTOR = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,512}")  # PostgreSQL could not store another
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Office:
    """Everything that the rosters of one instance work with."""

    name: str
    instance: Instance
    key: KeyHolder
    client: Rostered
    ties: Ties
    members: Members
    memory: Memory
    outgoing: Outgoing
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]
    chance: Callable[[], float]
    observes: Callable[[], bool] = speaks


@dataclass(slots=True)
class _Turn:
    """When a space is to be asked about, and before when it is not."""

    due_at: datetime
    not_before: datetime
    missing: frozenset[str] = frozenset()
    """Who of those that were told was not in the last roster."""


class Rosters:
    """The rosters of one instance, one question at a time."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._turns: dict[str, _Turn] = {}
        self._living: frozenset[str] | None = None
        self._not_before = office.clock()
        self._failures = 0

    def touched(self, space: str) -> None:
        """Somebody came or went, perhaps: ask soon; about every space where none is named."""
        now = self._office.clock()
        for name, turn in self._turns.items():
            if space in {"", name}:
                turn.due_at = min(turn.due_at, max(now, turn.not_before))

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            try:
                await self.round()
            except (LedgerUnavailable, SpoolFull) as error:
                self._wait(type(error).__name__, Later("not_kept"))
            await self._office.sleep(TICK_SECONDS)

    async def round(self) -> None:
        """Ask about the space that is due first. Raises LedgerUnavailable, SpoolFull."""
        now = self._office.clock()
        if now < self._not_before:
            return
        await self._notice(now)
        due = min(self._turns.items(), key=lambda pair: pair[1].due_at, default=None)
        if due is None or due[1].due_at > now:
            return
        space, turn = due
        turn.not_before = now + REST
        turn.due_at = now + self._office.client.roster_every * (0.9 + 0.1 * self._office.chance())  # a hint that comes meanwhile counts
        Metric.rosters.labels(self._office.name, await self._asked(space, turn)).inc()

    async def _notice(self, now: datetime) -> None:
        """Spaces that were tied are asked about; of those that are no longer, all who were told have left."""
        living = frozenset(tie.space for tie in self._office.ties.looked_at() if self._open(tie.space) is not None)
        if living == self._living:
            return
        kept = {tie.space for tie in self._office.ties.looked_at()} & self._office.instance.spaces  # suspended ones may live again
        for space in await self._office.members.spaces() - kept:
            while await self._tell(space, compared(await self._office.members.of(space), (), space, "")):
                pass
        self._turns = {space: self._turns.get(space) or _Turn(now + AT_FIRST, now) for space in sorted(living)}
        self._living = living

    def _open(self, space: str) -> Tie | None:
        tie = self._office.ties.of(space)
        return tie if tie is not None and tie.audience is not Audience.UNKNOWN and space in self._office.instance.spaces else None

    async def _asked(self, space: str, turn: _Turn) -> str:
        """Ask, and tell what is new; the outcome in a word."""
        try:
            most = CROWD_LIMIT if await self._office.members.of(space) else ROSTER_LIMIT
            return await self._answered(space, turn, await self._office.client.members(space, most))
        except (LedgerUnavailable, SpoolFull):
            raise
        except Exception as error:  # noqa: BLE001 - whatever one space makes fail, the others are asked about
            log.error("roster_failed", instance=self._office.name, **told(error))  # noqa: TRY400 - its text may hold names
            return "failed"

    async def _answered(self, space: str, turn: _Turn, roster: tuple[Member, ...] | Later | Never) -> str:
        match roster:
            case Later(reason=reason):
                turn.due_at = self._office.clock()
                return self._wait(reason, roster)
            case Never(reason=reason) if reason == UNSUPPORTED:
                return await self._heard(space, turn, ())  # nobody in particular takes part here
            case Never(reason=reason):
                turn.not_before += MOVED_REST if reason == MOVED else timedelta(0)
                log.warning("roster_unreadable", instance=self._office.name, reason=reason)
                return TOO_MANY if reason == TOO_MANY else "unreadable"
            case tuple():
                return await self._heard(space, turn, roster)

    async def _heard(self, space: str, turn: _Turn, roster: tuple[Member, ...]) -> str:
        """Of a crowd nobody new is told: only who of those that were told has gone."""
        self._failures = 0
        tie = self._open(space)
        if tie is None:  # it ended while the RSE was asked
            return "not_tied"
        rows, crowd = await self._office.members.of(space), len(roster) > ROSTER_LIMIT
        people = [one for one in roster if (one.actor in rows if crowd else _ACTOR.fullmatch(one.actor))]
        named = [Member(one.actor, one_line(public_name(one.name), NAME_LIMIT) or ANYBODY) for one in people]
        news = compared(rows, named, space, tie.community)
        if crowd or self._office.observes():  # who comes is told once the node speaks, if she is there still
            news = [row for row in news if row.state is Standing.LEAVING]
        missing = frozenset(rows) - {one.actor for one in people}
        doubted = missing - turn.missing if isinstance(roster, Pieced) else frozenset()
        turn.missing = missing
        sure = [row for row in news if row.actor not in doubted or rows[row.actor].state is Standing.LEAVING]
        count = await self._tell(space, sure)
        turn.not_before = self._office.clock() + _rest(roster) + PACE * count
        if len(news) > count or any(
            row.state is Standing.LEAVING for row in news
        ):  # the rest; who is missing, or left for another community
            turn.due_at = turn.not_before
        turn.due_at = max(turn.due_at, turn.not_before)
        return "told" if count else TOO_MANY if crowd else "same"

    def _wait(self, reason: str, later: Later) -> str:
        """The whole instance rests: one RSE answers for all of its spaces."""
        self._failures += 1
        wait = delay(self._failures, later.after, self._office.chance())
        self._not_before = self._office.clock() + timedelta(seconds=wait)
        log.warning("roster_waits", instance=self._office.name, reason=reason, failures=self._failures)
        return "later"

    # --- telling --------------------------------------------------------------------------------------------------------

    async def _tell(self, space: str, news: Sequence[Row]) -> int:
        """Note, tell, note that it was told; how many. A crash in between tells the same again, under the same ids."""
        some = news[:AT_ONCE]
        if not some:
            return 0
        standing = await self._office.members.expect(space, some)
        mine = [row for row in some if row.native_id in standing]
        await self._office.memory.recall((), (row.actor for row in mine))
        await self._office.outgoing.put([self._record(row) for row in mine])
        await self._office.members.settle(mine)
        return len(some)

    def _record(self, row: Row) -> Record:
        """The signed event of one membership."""
        office, node = self._office, self._office.instance.node
        tie = office.ties.known(row.space)
        member = Author(name=row.name, organisation=office.instance.organisation[:200])
        leaves = row.state is Standing.LEAVING
        fact = MembershipLeft(space=row.space, member=member) if leaves else MembershipJoined(space=row.space, member=member)
        event = sign_event(
            office.key.held(),
            fact,
            subject=object_id(node, row.native_id),
            time=office.clock(),
            platform=office.instance.platform,
            native_id=row.native_id,
            change_marker="left" if leaves else f"joined:{row.revision}",
            actor=pseudonym(office.memory.secret(row.actor), office.name, row.actor),
            audience=tie.audience if tie is not None else Audience.PRIVATE,
            community=row.community,
        )
        key = f"{node}/{row.space}".encode()
        return Record(topics.RSE_INBOUND.name, key, event.value, to_headers(event, new_correlation()), fact.event_type)


def _rest(roster: tuple[Member, ...]) -> timedelta:
    """For how long a space is not asked about again, whatever happens in it."""
    return REST * (1 + len(roster) // A_PAGE) if isinstance(roster, Pieced) else REST
