"""What a proved event asks of this RSE: an order to carry out, or the verdict that it asks nothing that can be done here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from adapters.memory import Kind
from adapters.port import REACTIONS, WITHDRAWN, Acquaintance, Act, Order
from schemas.facts.answer import AnswerAccepted, AnswerWithdrawn
from schemas.facts.message import MessageDeleted, MessageEdited, MessagePosted
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.words import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.applied import Applied, Copy, Refused, Requoted, Settled
    from adapters.last_door import Passed
    from adapters.memory import KnownObject


Gesture = ReactionAdded | ReactionRemoved | AnswerAccepted | AnswerWithdrawn
GESTURES: Final[Mapping[type[Gesture], Act]] = {
    ReactionAdded: Act.REACTED,
    ReactionRemoved: Act.UNREACTED,
    AnswerAccepted: Act.ACCEPTED,
    AnswerWithdrawn: Act.UNACCEPTED,
}


@dataclass(frozen=True, slots=True)
class Verdicted:
    """What became of a record, before it is signed; `keys` names the intents of a long message's later parts, and of quotations.

    `detail` is for the dead letter alone.
    """

    verdict: Verdict
    reason: str | None = None
    native_id: str | None = None
    native_version: str | None = None
    copy: Copy | None = None
    refused: Refused | None = None
    keys: tuple[str, ...] = ()
    requoted: tuple[Requoted, ...] = ()
    settled: Settled | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a community's events go in this RSE."""

    community: str
    space: str


class Orders:
    """Makes orders out of what the ledger knows."""

    def __init__(self, applied: Applied, organisation: str) -> None:
        self._applied, self._organisation = applied, organisation

    async def of_message(self, fact: MessagePosted | MessageDeleted, place: Place, passed: Passed) -> Order | Verdicted:
        """What a message posted, edited or deleted elsewhere asks here."""
        envelope = passed.verified.event.envelope
        here = await self._here(passed, place)
        if isinstance(here, Verdicted):
            return here
        copy = here.get(envelope.subject)
        living = copy if copy is not None and not copy.deleted else None
        if isinstance(fact, MessageDeleted):
            if living is None:
                return Verdicted(Verdict.SKIPPED, "unknown_object")
            return Order(
                Act.DELETED, envelope.id, envelope.subject, living.space, native_id=living.native_id, occurred_at=envelope.time,
                parts=living.parts,
            )  # fmt: skip
        if isinstance(fact, MessageEdited) and copy is None:
            why = await self._applied.refusal(envelope.subject)
            if why is not None:
                return Verdicted(Verdict.SKIPPED, why)
        if isinstance(fact, MessageEdited) and copy is not None:
            living = copy  # its author brought back what she had deleted: the hub's numbers say so, and here it is edited back to life
        elif living is not None and living.withdrawn:
            return Verdicted(Verdict.SKIPPED, WITHDRAWN, living.native_id)
        if living is not None and living.space != place.space:
            return Verdicted(Verdict.SKIPPED, "space_not_tied", living.native_id)  # nobody attests any more who reads it there
        order = _written(fact, place, passed, living, _standing(here.get(envelope.parent or "")))
        at_hand = await self._at_hand(fact.content.text, place) if "@" in fact.content.text and not order.history else ()
        return replace(order, organisation=self._organisation, at_hand=at_hand)

    async def here(self, passed: Passed, community: str) -> KnownObject | None:
        """The event's object as it is here, in its own community."""
        subject = passed.verified.event.envelope.subject
        found = (await self._applied.here([subject], community)).get(subject)
        return found if found is not None and found.community == community else None

    async def _at_hand(self, text: str, place: Place) -> tuple[Acquaintance, ...]:
        """Whom the text names of those who wrote here; of two people of one name neither, since it may mean the other."""
        found = await self._applied.acquaintances(place.community, text)
        alone = [name.casefold() for name in found.values()]
        return tuple(Acquaintance(name, handle, self._organisation) for handle, name in found.items() if alone.count(name.casefold()) == 1)

    async def of_gesture(self, fact: Gesture, place: Place, passed: Passed) -> Order | Verdicted:
        """What a reaction or an acceptance made elsewhere asks here, where the message on which it is set stands here too."""
        here = await self._here(passed, place)
        if isinstance(here, Verdicted):
            return here
        envelope = passed.verified.event.envelope
        copy = _standing(here.get(envelope.subject))
        match fact:
            case ReactionAdded() | AnswerAccepted():
                message = _standing(here.get(envelope.parent or ""))
                target = message.native_id if message is not None and message.kind is Kind.MESSAGE else None
            case ReactionRemoved() | AnswerWithdrawn():
                target = copy.about if copy is not None else None
        if target is None:
            return Verdicted(Verdict.SKIPPED, "unknown_object")
        order = Order(
            GESTURES[type(fact)],
            envelope.id,
            envelope.subject,
            place.space if copy is None else copy.space,
            native_id=copy.native_id if copy is not None else None,
            occurred_at=envelope.time,
            target=target,
        )
        if isinstance(fact, ReactionAdded):
            order = replace(order, author=fact.author, emoji=fact.emoji)
        if order.act in REACTIONS:
            order = replace(order, others=await self._applied.others(target, order.subject))
        return order

    async def _here(self, passed: Passed, place: Place) -> Mapping[str, KnownObject] | Verdicted:
        """The event's object and the one that it speaks of, as they are here.

        A parent beside another community's readers is no parent here: the reply would be written among them.
        """
        envelope = passed.verified.event.envelope
        found = await self._applied.here([envelope.subject, *([envelope.parent] if envelope.parent else [])], place.community)
        copy = found.get(envelope.subject)
        if copy is not None and copy.community != place.community:  # it would be shown to, or taken from, another community's readers
            return Verdicted(Verdict.REFUSED, "object_of_another_community")
        return {name: one for name, one in found.items() if name == envelope.subject or Place(one.community, one.space) == place}


def _standing(found: KnownObject | None) -> KnownObject | None:
    return None if found is not None and (found.deleted or found.withdrawn) else found


def _written(fact: MessagePosted, place: Place, passed: Passed, living: KnownObject | None, parent: KnownObject | None) -> Order:
    envelope = passed.verified.event.envelope
    return Order(
        Act.POSTED if living is None else Act.EDITED,
        envelope.id,
        envelope.subject,
        place.space if living is None else living.space,
        author=fact.author,
        content=fact.content,
        title=fact.title,
        link=fact.link,
        native_id=living.native_id if living is not None else None,
        reviving=living is not None and living.deleted and not living.withdrawn,
        parent=(parent.locator or parent.native_id) if parent is not None else None,
        parent_missing=envelope.parent is not None and parent is None,
        answered=envelope.parent,
        occurred_at=envelope.time,
        attachments=fact.attachments,
        mentions=fact.mentions,
        parts=living.parts if living is not None else (),
        history=(envelope.history is not None or passed.resent) and living is None,
    )
