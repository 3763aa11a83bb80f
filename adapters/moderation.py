"""What a moderator took away or brought back, carried out here: on copies as their author's own acts are, on originals where the RSE lets us."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Final

import structlog

from adapters.again import proved
from adapters.applied import Settled
from adapters.last_door import KEY_REASONS
from adapters.offers import Greeting, Greets
from adapters.orders import Place, Verdicted
from adapters.own_hand import span
from adapters.port import UNSUPPORTED, Act, Never, Order
from schemas.envelope import object_id
from schemas.facts.message import Content, MessageDeleted
from schemas.facts.moderation import NOTE_LIMIT, CopyRestored, MessageModerated, MessageRestored
from schemas.names import one_line
from schemas.wire.telemetry import Metric
from schemas.words import GROUND_WORDS, Ground, Verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.again import Proved
    from adapters.bench import Bench
    from adapters.carrying import Carrier
    from adapters.last_door import Passed
    from adapters.orders import Orders
    from schemas.facts.moderation import Again

NOT_THE_HUB: Final = "not_the_hub"
KEPT: Final = "original_kept"
TITLE: Final = "Votre message a été retiré par la modération"
TITLE_KEPT: Final = "Votre message a été retiré ailleurs par la modération"
ELSEWHERE: Final = "Les autres réseaux ne le montrent plus ; celui-ci n’a pas permis de le retirer."
KEY: Final = 24
log = structlog.get_logger()
Moderated = MessageModerated | MessageRestored | CopyRestored


class Moderation:
    """Carries out the moderators' words of one instance."""

    def __init__(
        self,
        bench: Bench,
        carrier: Carrier,
        orders: Orders,
        tied: Callable[[str, str], Awaitable[bool]],
        carry_out: Callable[[Order, str], Awaitable[Verdicted]],
    ) -> None:
        self._bench, self._carrier, self._orders, self._tied, self._carry_out = bench, carrier, orders, tied, carry_out

    async def of(self, fact: Moderated, community: str, passed: Passed) -> Verdicted:
        """Do what the hub says; a node that says it is refused by name."""
        if (refused := self._refused(fact, passed)) is not None:
            return Verdicted(Verdict.REFUSED, refused)
        if (why := self._bench.resyncs.why_not(community, passed)) is not None:
            return Verdicted(Verdict.SKIPPED, why)
        own = passed.verified.event.envelope.onbehalf == self._bench.instance.node
        match fact:
            case MessageModerated():
                return await (self._remove_original(fact, community, passed) if own else self._remove_copy(fact, community, passed))
            case MessageRestored():
                space = self._space(passed)
                insisted = fact.withdrawn_in == self._bench.instance.node
                return await (
                    self._restore_original(fact, community, passed)
                    if own
                    else self._write(fact, Place(community, space), passed, insisted=insisted)
                )
            case CopyRestored():
                return await self._write(fact, Place(community, fact.space), passed, insisted=True)

    def _refused(self, fact: Moderated, passed: Passed) -> str | None:
        """Only the hub, and only of the object that it names; what is for one node alone comes outside of any numbering."""
        envelope, alone = passed.verified.event.envelope, passed.place is None
        if envelope.source != self._bench.door.hub or alone is not isinstance(fact, CopyRestored):
            return NOT_THE_HUB
        if isinstance(fact, CopyRestored) and fact.node != self._bench.instance.node:
            return "not_for_this_node"
        owner = envelope.onbehalf
        return None if owner is not None and envelope.subject == object_id(owner, envelope.nativeid) else "object_of_another_node"

    def _space(self, passed: Passed) -> str:
        return (passed.place.targets if passed.place is not None else {}).get(self._bench.instance.node, "")

    async def _remove_copy(self, fact: MessageModerated, community: str, passed: Passed) -> Verdicted:
        """As when its author deletes it, also of what people here took away before: who brings that back finds no words."""
        space = self._space(passed)
        order = await self._orders.of_message(MessageDeleted(space=space), Place(community, space), passed)
        return order if isinstance(order, Verdicted) else await self._carry_out(replace(order, reason=told(fact)), community)

    async def _write(self, fact: Again, place: Place, passed: Passed, *, insisted: bool) -> Verdicted:
        if not await self._tied(place.space, place.community):
            return Verdicted(Verdict.REFUSED, "space_not_tied")
        found = await self._proved(fact, passed, place.space)
        if isinstance(found, str):
            return Verdicted(Verdict.REFUSED, found)
        order = await self._orders.of_message(found.fact, place, passed)
        if isinstance(order, Verdicted):
            return order
        here = await self._orders.here(passed, place.community)
        reviving = here is not None and (here.deleted if not here.withdrawn else insisted)
        return await self._carry_out(replace(order, occurred_at=found.at, insisted=insisted, reviving=reviving), place.community)

    async def _proved(self, fact: Again, passed: Passed, space: str) -> Proved | str:
        found = proved(fact, passed, space, self._bench.door.hub, await self._bench.trust.wait())
        if found in KEY_REASONS:
            await self._bench.trust.hurry()
            found = proved(fact, passed, space, self._bench.door.hub, await self._bench.trust.wait())
        return found

    async def _remove_original(self, fact: MessageModerated, community: str, passed: Passed) -> Verdicted:
        here, envelope = await self._orders.here(passed, community), passed.verified.event.envelope
        if here is None or here.is_copy or here.deleted:
            return Verdicted(Verdict.SKIPPED, "unknown_object")
        order = Order(
            Act.DELETED,
            envelope.id,
            here.subject,
            here.space,
            native_id=here.native_id,
            original=True,
            reason=told(fact),
            occurred_at=envelope.time,
        )
        said = await self._settled(order, moderated=True)
        if said.verdict is Verdict.WRITTEN:
            await self._tell_author(order, TITLE, order.reason)
        elif said.reason == KEPT:
            await self._tell_author(order, TITLE_KEPT, order.reason, ELSEWHERE)
        return said

    async def _restore_original(self, fact: MessageRestored, community: str, passed: Passed) -> Verdicted:
        here, envelope = await self._orders.here(passed, community), passed.verified.event.envelope
        if here is None or here.is_copy or here.deleted:
            return Verdicted(Verdict.SKIPPED, "unknown_object")
        if not here.moderated:
            return Verdicted(Verdict.CONFIRMED, native_id=here.native_id)  # this RSE never let it go
        found = await self._proved(fact, passed, here.space)
        if isinstance(found, str):
            return Verdicted(Verdict.REFUSED, found)
        order = Order(
            Act.EDITED, envelope.id, here.subject, here.space, author=found.fact.author, content=found.fact.content, title=found.fact.title,
            native_id=here.native_id, original=True, insisted=True, occurred_at=found.at,
        )  # fmt: skip
        return await self._settled(order, moderated=False)

    async def _settled(self, order: Order, *, moderated: bool) -> Verdicted:
        """Where the RSE refuses, its own people see the message still: the receipt says so, and operators read it on its page."""
        outcome = await self._carrier.once(order)
        if isinstance(outcome, Never):
            log.warning("original_not_settled", instance=self._bench.name, object=order.native_id, reason=outcome.reason)
            reason = outcome.detail if outcome.reason == UNSUPPORTED and outcome.detail else KEPT
            return Verdicted(Verdict.UNSUPPORTED, reason, order.native_id)
        settled = Settled(order.native_id or "", moderated, span(outcome))
        return Verdicted(Verdict.WRITTEN, None, order.native_id, outcome.version, settled=settled)

    async def _tell_author(self, order: Order, title: str, *sentences: str) -> None:
        """In private, where her RSE lets a program write to her; that she cannot be told is no reason to leave the message."""
        client = self._bench.client
        if not isinstance(client, Greets):
            return
        key = f"tdu-moderation-{order.key[:KEY]}"
        content = Content(html="".join(f"<p>{escape(one)}</p>" for one in sentences), text="\n".join(sentences))
        greeting = Greeting(key, order.native_id or "", order.space, title, content, again=True)
        outcome = await self._bench.pause.through(lambda: client.greet(greeting))
        Metric.notices.labels(self._bench.name, "author", type(outcome).__name__.lower()).inc()


def told(fact: MessageModerated) -> str:
    """What everybody reads where the message stood."""
    ground = "" if fact.ground is Ground.UNSTATED else f" : {GROUND_WORDS[fact.ground]}"
    note = f". {one_line(fact.note, NOTE_LIMIT)}" if fact.note else ""
    return f"Message retiré par la modération{ground}{note}"
