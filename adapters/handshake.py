"""Ties from the node's side: answers the hub's proposals, attests who can read a space, and renews that daily."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import structlog

from adapters.ledger import LedgerUnavailable
from adapters.offers import Ordered
from adapters.port import Closed, Later, Never, SpaceReport
from adapters.set_back import of_one
from adapters.spool import Record, SpoolFull
from adapters.ties import LOOKED_AT, Tie, TieState
from schemas import topics
from schemas.envelope import object_id
from schemas.facts.tie import TieAccepted, TieRefused
from schemas.names import one_line
from schemas.proof import sign_event, timestamp
from schemas.wire.records import new_correlation, to_headers
from schemas.wire.telemetry import Metric
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.outgoing import Outgoing
    from adapters.patience import Pause
    from adapters.port import RseClient
    from adapters.settings import Instance
    from adapters.ties import Ties
    from schemas.facts.tie import TieProposed
    from schemas.keys import KeyHolder

RENEWED_EVERY = timedelta(hours=24)
RENEWED_AT_START = timedelta(hours=20)  # a process that was away is not let come near the end of what it said last
FRESH_FOR = timedelta(hours=48)
RENAMED_EVERY = timedelta(minutes=1)  # another name within it is told at the next look: who plays with a room's name tells nobody each time
LOOKED_AT_SECONDS = 900.0
OVERDUE_SECONDS = 30.0
BEGIN_SECONDS = 10.0  # how long a process that starts waits for the RSE and Kafka before it reads and publishes
CONNECT_LOOK_SECONDS = 0.05
ASKED_FOR_ITS_END = 5  # times, of an RSE that fails on this question alone
PATIENCE = 3  # refusals in a row after which a space that we spoke for before is given up
NEVER = datetime.fromtimestamp(0, UTC)  # of readers that were not told yet
SUBJECT_LIMIT = 128
NAME_LIMIT = 255
REASON = re.compile(r"[a-z][a-z_]{2,63}")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Handshake:
    """The node's half of the handshake for one instance."""

    instance: Instance
    key: KeyHolder
    client: RseClient
    ties: Ties
    outgoing: Outgoing
    pause: Pause
    clock: Callable[[], datetime]
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once what was due at the start has been attested, or could not be in time."""
    refusals: dict[str, int] = field(default_factory=dict)
    """Space → how often in a row the RSE would not tell its readers."""

    async def answer(self, proposal: TieProposed, community: str, correlation: str) -> None:
        """Accept a space that our settings offer and whose readers the RSE can name; refuse any other by a named reason."""
        if proposal.space not in self.instance.spaces:
            return await self._refuse(proposal.space, community, "space_not_offered", correlation)
        report: SpaceReport | Closed | Never = await self.pause.through(lambda: self.client.report_space(proposal.space))
        if isinstance(report, Closed | Never):
            known = self.ties.of(proposal.space)
            if known is not None and known.community == community:
                return await self._hear(proposal.space, community, report, RENEWED_EVERY)
            return await self._refuse(proposal.space, community, _word(report.reason), correlation)
        if report.audience is Audience.UNKNOWN:
            return await self._refuse(proposal.space, community, "audience_unknown", correlation)
        living = self._living(proposal.space, community)
        behind = living.behind if living is not None else await self._end_of(proposal.space)
        now = self.clock()
        tie = Tie(
            proposal.space, community, proposal.title, proposal.audience, report.audience, report.externals,
            TieState.ACCEPTED, now, one_line(report.name, NAME_LIMIT), living.begun_at if living is not None else now, behind,
        )  # fmt: skip
        self.refusals.pop(tie.space, None)
        await self.ties.put(tie)
        await self.outgoing.put([self._accepted(tie, correlation)])
        return None

    async def confirm(self, space: str, community: str, audience: Audience) -> None:
        """Our acceptance came back with the hub's number. A suspended tie begins anew, behind what its space holds now."""
        tie = self.ties.known(space)
        anew = tie is not None and tie.state is TieState.SUSPENDED and (tie.community, tie.audience) == (community, audience)
        await self.ties.confirm(space, community, audience, self.clock(), await self._end_of(space) if anew else None)

    async def run(self) -> None:
        """Look at every tied space at once, then from time to time; renew daily, and at once when its readers have changed."""
        try:
            async with asyncio.timeout(BEGIN_SECONDS):
                await self._begin()
        except TimeoutError:
            log.warning("ties_not_renewed", node=self.instance.node, error="TimeoutError")
        self.begun.set()
        while True:
            await asyncio.sleep(OVERDUE_SECONDS if self._due(RENEWED_EVERY) else LOOKED_AT_SECONDS)
            await self._look(RENEWED_EVERY)

    async def _begin(self) -> None:
        while self._due(RENEWED_AT_START) and not self.outgoing.ready:  # noqa: ASYNC110 - the producer tells nobody when it is ready
            await asyncio.sleep(CONNECT_LOOK_SECONDS)
        await self._look(RENEWED_AT_START)

    async def _look(self, after: timedelta) -> None:
        try:
            await self.renew(after)
        except (LedgerUnavailable, SpoolFull) as error:
            log.warning("ties_not_renewed", node=self.instance.node, error=type(error).__name__)

    def _due(self, after: timedelta) -> bool:
        return any(self.clock() - tie.renewed_at >= after for tie in self.ties.looked_at())

    async def renew(self, after: timedelta = RENEWED_EVERY) -> None:
        """Attest again what is a day old or no longer true."""
        for tie in self.ties.looked_at():
            report = await self.client.report_space(tie.space)
            if not isinstance(report, Later):
                await self._hear(tie.space, tie.community, report, after)

    async def ask(self, space: str) -> bool:
        """Ask of a tied space now, since something may have changed there; False where the RSE does not answer."""
        tie = self.ties.known(space)
        if tie is None or tie.state not in LOOKED_AT:
            return True
        report = await self.client.report_space(space)
        if isinstance(report, Later):
            return False
        await self._hear(space, tie.community, report, RENEWED_EVERY)
        return True

    def fresh(self, tie: Tie) -> bool:
        """Tell whether who can read the space was attested lately enough to write into it."""
        return self.clock() - tie.renewed_at < FRESH_FOR

    async def refresh(self, tie: Tie) -> None:
        """Attest a tie that is no longer fresh, as soon as the RSE tells its readers."""
        report: SpaceReport | Closed | Never = await self.pause.through(lambda: self.client.report_space(tie.space))
        await self._hear(tie.space, tie.community, report, RENEWED_AT_START)

    async def _hear(self, space: str, community: str, report: SpaceReport | Closed | Never, after: timedelta) -> None:
        tie = self.ties.known(space)  # as it stands now: it may have been refused while the RSE was asked
        if tie is None or tie.community != community or tie.state not in LOOKED_AT:
            return None
        match report:
            case Never(reason=reason):
                return await self._doubt(tie, reason)
            case Closed(reason=reason):
                self.refusals.pop(space, None)
                return await self._give_up(tie, _word(reason))
            case SpaceReport():
                self.refusals.pop(space, None)
                return await self._renew_one(tie, report, after)

    async def _doubt(self, tie: Tie, reason: str) -> None:
        """One refusal may be a moment's fault of the RSE; as many in a row as PATIENCE are its word."""
        self.refusals[tie.space] = self.refusals.get(tie.space, 0) + 1
        log.warning("space_unreadable", node=self.instance.node, community=tie.community, times=self.refusals[tie.space])
        if self.refusals[tie.space] >= PATIENCE:
            del self.refusals[tie.space]
            await self._give_up(tie, _word(reason))

    async def _give_up(self, tie: Tie, reason: str) -> None:
        Metric.ended.labels(self.instance.node, reason).inc()
        log.warning("tie_ended", node=self.instance.node, community=tie.community, reason=reason)
        await self._refuse(tie.space, tie.community, reason, new_correlation())
        await self.ties.refuse(tie.space, tie.community, reason)

    async def _renew_one(self, tie: Tie, report: SpaceReport, after: timedelta) -> None:
        if report.audience is Audience.UNKNOWN:
            return await self._give_up(tie, "audience_unknown")
        same = (report.audience, report.externals) == (tie.audience, tie.externals)
        name, told = one_line(report.name, NAME_LIMIT), self.clock() - tie.renewed_at
        if same and told < (after if name == tie.space_name else RENAMED_EVERY):
            return None
        now, correlation = self.clock(), new_correlation()
        seen = replace(tie, audience=report.audience, externals=report.externals, space_name=name)
        if same:  # as true before what waits in the spool as after it, and the hub may ask for it first
            await self.outgoing.put_ahead([self._accepted(seen, correlation)])
        else:  # stored first: the hub's answer must find it; not fresh before it was said
            await self.ties.put(replace(seen, renewed_at=NEVER))
            await self.outgoing.put([self._accepted(seen, correlation)])
        await self.ties.attested(tie.space, tie.community, now, name)
        return None

    def _living(self, space: str, community: str) -> Tie | None:
        """The tie under which this community speaks in a space, if it does: proposed once more, it goes on."""
        living = self.ties.of(space)
        return living if living is not None and living.community == community else None

    async def _end_of(self, space: str) -> str | None:
        """Where a space ends now: what was said before it and comes late is known by it. No tie waits for ever for an RSE that fails on this alone."""
        client, failures = self.client, count(1)
        if not isinstance(client, Ordered):
            return None

        async def ask() -> str | Later | Never:
            said = await client.end_of(space)
            return Never(said.reason) if isinstance(said, Later) and of_one(said) and next(failures) >= ASKED_FOR_ITS_END else said

        said: str | Never = await self.pause.through(ask)
        if isinstance(said, str):
            return said
        log.warning("order_not_told", node=self.instance.node, space=space, reason=said.reason)
        return ""

    def _accepted(self, tie: Tie, correlation: str) -> Record:
        fact = TieAccepted(space=tie.space, space_name=tie.space_name, audience=tie.audience, externals=tie.externals)
        return self._signed(fact, tie.space, tie.community, tie.audience, correlation)

    async def _refuse(self, space: str, community: str, reason: str, correlation: str) -> None:
        log.info("tie_refused", node=self.instance.node, community=community, reason=reason)
        fact = TieRefused(node=self.instance.node, space=space, reason=reason)
        await self.outgoing.put([self._signed(fact, space, community, Audience.PRIVATE, correlation)])

    def _signed(self, fact: TieAccepted | TieRefused, space: str, community: str, audience: Audience, correlation: str) -> Record:
        now = self.clock()
        node = self.instance.node
        event = sign_event(
            self.key.held(),
            fact,
            subject=tie_subject(node, space),
            time=now,
            platform=self.instance.platform,
            native_id=f"tie:{space}",
            change_marker=timestamp(now),
            actor=node,
            audience=audience,
            community=community,
        )
        key = f"{node}/{space}".encode()
        return Record(topics.RSE_INBOUND.name, key, event.value, to_headers(event, correlation), fact.event_type)


def tie_subject(node: str, space: str) -> str:
    """A tie's id; a digest where the space's own name is longer than a subject may be."""
    plain = f"tie/{node}/{space}"
    return plain if len(plain) <= SUBJECT_LIMIT else f"tie/{node}/{object_id(node, space)}"


def _word(reason: str) -> str:
    return reason if REASON.fullmatch(reason) else "space_unreadable"
