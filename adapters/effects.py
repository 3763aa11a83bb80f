"""What a proved event does here: a tie's handshake, the end of a resync, a message, a gesture, a departure; each ends in a verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from adapters.applied import RENAMING, Copy, Refused
from adapters.carrying import HANDLER_ERROR
from adapters.moderation import Moderated, Moderation
from adapters.orders import Gesture, Orders, Place, Verdicted
from adapters.people import Ghosted
from adapters.port import UNSUPPORTED, WITHDRAWN, Act, Never, Order, Written
from adapters.stand_in import is_of_ours, stood_in
from schemas.envelope import object_id
from schemas.facts import TakenBack
from schemas.facts.membership import MembershipLeft
from schemas.facts.message import MessageDeleted, MessagePosted
from schemas.facts.resync import ResyncCompleted
from schemas.facts.tie import TieAccepted, TieProposed, TieRefused
from schemas.words import Verdict

if TYPE_CHECKING:
    from adapters.bench import Bench
    from adapters.carrying import Carrier
    from adapters.last_door import Passed, UnverifiedRecord

STALE_SECONDS = 5.0
log = structlog.get_logger()


class Effects:
    """Decides what each event is for this RSE, and has it carried out."""

    def __init__(self, bench: Bench, carrier: Carrier) -> None:
        self._bench, self._carrier = bench, carrier
        self._orders = Orders(bench.applied, bench.instance.organisation)
        self._moderation = Moderation(bench, carrier, self._orders, self._tied, self._carry_out)

    async def of(self, record: UnverifiedRecord, passed: Passed) -> Verdicted:
        """Do what the record asks of this RSE; waits as long as the RSE does not answer."""
        envelope, fact = passed.verified.event.envelope, passed.verified.fact
        if fact is None:
            return Verdicted(Verdict.UNSUPPORTED, "type_unknown")
        if isinstance(fact, TieProposed | TieAccepted | TieRefused):
            return await self._tie(fact, record, passed)
        if isinstance(fact, ResyncCompleted):
            return await self._completed(fact, record.lane, passed)
        if isinstance(fact, MembershipLeft) and envelope.source != self._bench.instance.node:
            return await self._left(fact, record.lane, passed)
        if isinstance(fact, Moderated):
            return await self._moderation.of(fact, record.lane, passed)
        own = envelope.source == self._bench.instance.node or is_of_ours(passed, self._bench.instance.node, self._bench.door.hub)
        if own or not isinstance(fact, MessagePosted | MessageDeleted | Gesture):
            return Verdicted(Verdict.CONFIRMED)  # our own, or an announcement that asks nothing of the RSE
        return await self._said(fact, record.lane, passed)

    async def _tie(self, fact: TieProposed | TieAccepted | TieRefused, record: UnverifiedRecord, passed: Passed) -> Verdicted:
        envelope, node, ties = passed.verified.event.envelope, self._bench.instance.node, self._bench.ties
        community = envelope.community or record.lane
        from_hub = envelope.source == self._bench.door.hub
        match fact:
            case TieProposed() if from_hub and fact.node == node:
                await self._bench.handshake.answer(fact, community, passed.correlation)
            case TieProposed() | TieRefused() if fact.node != node and passed.place is None:
                return Verdicted(Verdict.REFUSED, "not_for_this_node")
            case TieAccepted() if envelope.source == node:
                await self._bench.handshake.confirm(fact.space, community, fact.audience)
            case TieRefused() if from_hub and fact.node == node:
                await ties.refuse(fact.space, community, fact.reason)
            case TieProposed() | TieAccepted() | TieRefused():
                pass  # another node's handshake: everybody in the community hears of it
        return Verdicted(Verdict.CONFIRMED)

    async def _completed(self, fact: ResyncCompleted, community: str, passed: Passed) -> Verdicted:
        """All that was missed has come, if it is our last asking that is answered: from here on what comes is written as usual."""
        awaited = self._bench.resyncs.of(community)
        from_hub = passed.verified.event.envelope.source == self._bench.door.hub and passed.place is None
        if from_hub and fact.node == self._bench.instance.node and awaited is not None and fact.request == awaited.request:
            await self._bench.applied.reach(community, fact.through)
            await self._bench.resyncs.end(community, self._bench.clock())
            log.info("resync_completed", instance=self._bench.name, community=community, through=fact.through)
        return Verdicted(Verdict.CONFIRMED)

    async def _said(self, fact: MessagePosted | MessageDeleted | Gesture, community: str, passed: Passed) -> Verdicted:
        place = await self._place(fact, community, passed)
        if isinstance(place, Verdicted):
            return place
        if isinstance(fact, Gesture):
            order = await self._orders.of_gesture(fact, place, passed)
        else:
            order = await self._orders.of_message(_shown(fact, passed), place, passed)
        return order if isinstance(order, Verdicted) else await self._carry_out(order, community)

    async def _left(self, fact: MembershipLeft, community: str, passed: Passed) -> Verdicted:
        """Where people of other ministries stand under names of their own, who takes part no longer stands there no longer."""
        place, client = await self._place(fact, community, passed), self._bench.client
        if isinstance(place, Verdicted):
            return place
        if not isinstance(client, Ghosted) or not place.space:
            return Verdicted(Verdict.CONFIRMED)
        outcome: bool | Never = await self._bench.pause.through(lambda: client.depart(fact.member, place.space))
        if isinstance(outcome, Never):
            return Verdicted(Verdict.UNSUPPORTED, outcome.reason)
        return Verdicted(Verdict.WRITTEN if outcome else Verdict.CONFIRMED)

    async def _place(
        self, fact: MessagePosted | MessageDeleted | MembershipLeft | Gesture, community: str, passed: Passed
    ) -> Place | Verdicted:
        """Where the community's events go here, for a node that speaks of its own objects."""
        if not self._speaks_for_it(passed):
            return Verdicted(Verdict.REFUSED, "object_of_another_node")
        if (why := self._bench.resyncs.why_not(community, passed)) is not None:
            return Verdicted(Verdict.SKIPPED, why)
        space = (passed.place.targets if passed.place is not None else {}).get(self._bench.instance.node, "")
        if not isinstance(fact, TakenBack) and not await self._tied(space, community):  # a copy is taken away wherever it lies
            return Verdicted(Verdict.REFUSED, "space_not_tied")
        return Place(community, space)

    def _speaks_for_it(self, passed: Passed) -> bool:
        """A node speaks for its own objects alone; the hub for another's only where it sends again what nobody else keeps."""
        envelope, owner = passed.verified.event.envelope, passed.verified.event.envelope.onbehalf
        if owner is None:
            return envelope.subject == object_id(envelope.source, envelope.nativeid)
        by_hub = envelope.source == self._bench.door.hub and passed.resent and owner != self._bench.instance.node
        return by_hub and envelope.subject == object_id(owner, envelope.nativeid)

    async def _tied(self, space: str, community: str) -> bool:
        """Tell whether the community's messages may be written there; waits until who can read it is attested anew where that is old."""
        while space in self._bench.instance.spaces:
            tie = self._bench.ties.of(space)
            if tie is None or tie.community != community:
                return False
            if self._bench.handshake.fresh(tie):
                return True
            log.warning("tie_not_fresh", instance=self._bench.name, community=community)
            await self._bench.handshake.refresh(tie)
            if (again := self._bench.ties.of(space)) is not None and not self._bench.handshake.fresh(again):
                await self._bench.sleep(STALE_SECONDS)
        return False

    async def _carry_out(self, order: Order, community: str) -> Verdicted:
        carried = await self._carrier.carry_out(order)
        keys = tuple(carried.later.keys)
        match carried.outcome:
            case Written() as outcome:
                native_id = outcome.native_id if order.act in RENAMING else order.native_id or outcome.native_id
                copy = Copy(order, outcome, community, tuple(carried.later.parts))
                said = Verdicted(Verdict.WRITTEN, None, native_id, outcome.version, copy, keys=keys)
                if carried.failed is None:
                    return said
                return replace(said, verdict=Verdict.REFUSED, reason=HANDLER_ERROR, detail=carried.failed)
            case Never(reason=reason) if reason == WITHDRAWN:
                return Verdicted(Verdict.SKIPPED, reason, order.native_id, keys=keys)
            case Never(reason=reason, detail=detail) if reason == UNSUPPORTED:
                return Verdicted(Verdict.UNSUPPORTED, detail or reason, refused=_refused(order, reason), keys=keys)
            case Never(reason=reason):
                return Verdicted(Verdict.REFUSED, reason, refused=_refused(order, reason), keys=keys)


def _shown(fact: MessagePosted | MessageDeleted, passed: Passed) -> MessagePosted | MessageDeleted:
    """What the hub tells from its memory says so."""
    if isinstance(fact, MessagePosted) and passed.verified.event.envelope.onbehalf is not None:
        return stood_in(fact)
    return fact


def _refused(order: Order, reason: str) -> Refused | None:
    return Refused(order.subject, reason) if order.act is Act.POSTED else None
