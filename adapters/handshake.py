"""Ties from the node's side: answers the hub's proposals, attests who can read a space, and renews that daily."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from adapters.ledger import LedgerUnavailable
from adapters.port import Later, Never, SpaceReport
from adapters.spool import Record, SpoolFull
from adapters.ties import Tie, TieState
from schemas import topics
from schemas.envelope import object_id
from schemas.facts.tie import TieAccepted, TieRefused
from schemas.proof import sign_event, timestamp
from schemas.wire.records import new_correlation, to_headers
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from adapters.patience import Pause
    from adapters.port import RseClient
    from adapters.publisher import Outgoing
    from adapters.settings import Instance
    from adapters.ties import Ties
    from schemas.facts.tie import TieProposed
    from schemas.keys import SigningKey

RENEWED_EVERY = timedelta(hours=24)
LOOKED_AT_SECONDS = 900.0
SUBJECT_LIMIT = 128
REASON = re.compile(r"[a-z][a-z_]{2,63}")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Handshake:
    """The node's half of the handshake for one instance."""

    instance: Instance
    key: SigningKey
    client: RseClient
    ties: Ties
    outgoing: Outgoing
    pause: Pause
    clock: Callable[[], datetime]

    async def answer(self, proposal: TieProposed, community: str, correlation: str) -> None:
        """Accept a space that our settings offer and whose readers the RSE can name; refuse any other by a named reason."""
        if proposal.space not in self.instance.spaces:
            return await self._refuse(proposal.space, community, "space_not_offered", correlation)
        report: SpaceReport | Never = await self.pause.through(lambda: self.client.report_space(proposal.space))
        if isinstance(report, Never):
            return await self._refuse(proposal.space, community, _word(report.reason), correlation)
        if report.audience is Audience.UNKNOWN:
            return await self._refuse(proposal.space, community, "audience_unknown", correlation)
        tie = Tie(
            proposal.space, community, proposal.title, proposal.audience, report.audience, report.externals,
            TieState.ACCEPTED, self.clock(), report.name,
        )  # fmt: skip
        await self.ties.put(tie)
        await self._accept(tie, correlation)
        return None

    async def run(self) -> None:
        """Look at every tied space from time to time; renew daily, and at once when its readers have changed."""
        while True:
            await asyncio.sleep(LOOKED_AT_SECONDS)
            try:
                await self.renew()
            except (LedgerUnavailable, SpoolFull) as error:
                log.warning("ties_not_renewed", error=type(error).__name__)

    async def renew(self) -> None:
        """Attest again what is a day old or no longer true."""
        for tie in self.ties.living():
            report = await self.client.report_space(tie.space)
            match report:
                case Later():
                    continue
                case Never(reason=reason):
                    await self.ties.refuse(tie.space, tie.community, reason)
                    await self._refuse(tie.space, tie.community, _word(reason), new_correlation())
                case SpaceReport():
                    await self._renew_one(tie, report)

    async def _renew_one(self, tie: Tie, report: SpaceReport) -> None:
        if report.audience is Audience.UNKNOWN:
            await self.ties.refuse(tie.space, tie.community, "audience_unknown")
            return await self._refuse(tie.space, tie.community, "audience_unknown", new_correlation())
        same = (report.audience, report.externals) == (tie.audience, tie.externals)
        if same and self.clock() - tie.renewed_at < RENEWED_EVERY:
            return None
        renewed = replace(tie, audience=report.audience, externals=report.externals, space_name=report.name, renewed_at=self.clock())
        await self.ties.put(renewed)
        await self._accept(renewed, new_correlation())
        return None

    async def _accept(self, tie: Tie, correlation: str) -> None:
        fact = TieAccepted(space=tie.space, space_name=tie.space_name[:255], audience=tie.audience, externals=tie.externals)
        await self._say(fact, tie.space, tie.community, tie.audience, correlation)

    async def _refuse(self, space: str, community: str, reason: str, correlation: str) -> None:
        log.info("tie_refused", node=self.instance.node, community=community, reason=reason)
        fact = TieRefused(node=self.instance.node, space=space, reason=reason)
        await self._say(fact, space, community, Audience.PRIVATE, correlation)

    async def _say(self, fact: TieAccepted | TieRefused, space: str, community: str, audience: Audience, correlation: str) -> None:
        now = self.clock()
        node = self.instance.node
        event = sign_event(
            self.key,
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
        await self.outgoing.put([Record(topics.RSE_INBOUND.name, key, event.value, to_headers(event, correlation), fact.event_type)])


def tie_subject(node: str, space: str) -> str:
    """A tie's id; a digest where the space's own name is longer than a subject may be."""
    plain = f"tie/{node}/{space}"
    return plain if len(plain) <= SUBJECT_LIMIT else f"tie/{node}/{object_id(node, space)}"


def _word(reason: str) -> str:
    return reason if REASON.fullmatch(reason) else "space_unreadable"
