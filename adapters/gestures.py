"""What becomes of a reaction or an accepted answer that a person set on a message, or took off it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from adapters.echoes import awaited
from adapters.memory import Kind, KnownObject
from adapters.port import ACCEPTANCES, REACTIONS, Act, Incomplete, Nonsense
from adapters.threads import BEHIND
from adapters.verdicts import Doubt, Drop, Park, Publish
from schemas.envelope import object_id
from schemas.facts.answer import AnswerAccepted, AnswerWithdrawn
from schemas.facts.reaction import ReactionAdded, ReactionRemoved

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from adapters.memory import Known
    from adapters.port import Change
    from adapters.settings import Instance
    from adapters.ties import Tie
    from adapters.verdicts import Decision

SAID = frozenset({Kind.MESSAGE, Kind.PART})
"""What people react to: a part of a long message stands for all of it."""
GESTURES = REACTIONS | ACCEPTANCES


class Moments(NamedTuple):
    """When a change came, and now."""

    received_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Gestures:
    """What an instance's people set on messages; `tie` is the one under which a change speaks, or why it does not."""

    instance: Instance
    tie: Callable[[Change, KnownObject | None], Tie | Drop]

    def decide(self, change: Change, here: KnownObject | None, known: Known, moments: Moments) -> Decision:
        """Decide one; who made it is known for sure, so what our accounts did needs no waiting. `known` grows by what is to be published."""
        if change.by_us:
            return Drop("echo")
        if change.act in ACCEPTANCES and awaited(change, known.intents, *moments, known=here is not None):
            return Park()
        match change.act:
            case Act.REACTED | Act.ACCEPTED | Act.UNACCEPTED:
                message = known.find(change.parent or "")
                if message is None and (change.parent or "") in known.coming and not change.history:
                    return Drop("still_to_come")  # it is asked for as it stands then, with all that is set on it
                if message is None and awaited(replace(change, act=Act.POSTED), known.intents, *moments, known=False):
                    return Park()  # it may be the copy that is being written
                if message is None or message.kind not in SAID or message.withdrawn:
                    return Drop("unknown_object")
                if message.deleted and change.act is not Act.UNACCEPTED:
                    return Drop("unknown_object")
                decision = self._set_on(message, change, here)
            case Act.POSTED | Act.EDITED | Act.DELETED | Act.UNREACTED:
                decision = self._taken_off(change, here)
        if isinstance(decision, Publish):
            known.add(decision.remembered)
        return decision

    def _set_on(self, message: KnownObject, change: Change, here: KnownObject | None) -> Decision:
        tie = self.tie(change, message)
        if isinstance(tie, Drop):
            return tie
        decide = _reaction if change.act is Act.REACTED else _answer
        return decide(self.instance, change, message, here, tie)

    def _taken_off(self, change: Change, here: KnownObject | None) -> Decision:
        """A reaction taken back by who made it. A moderator who takes off what we set on a message does so in this RSE alone."""
        if here is None:
            return Drop("unknown_object")
        if here.is_copy or here.kind is not Kind.REACTION:
            return Drop("taken_off_here")
        if change.recurs and (here.deleted or change.version != str(here.changes)):
            return Drop("known_already")  # another one has taken its place meanwhile
        tie = self.tie(replace(change, act=Act.DELETED), here)
        if isinstance(tie, Drop):
            return tie
        fact, native_id = ReactionRemoved(space=here.space), _told_as(change.native_id, here.changes)
        return Publish(
            fact, here.subject, None, tie, replace(here, deleted=True), change.marker if change.recurs else None, native_id=native_id
        )


def _reaction(instance: Instance, change: Change, message: KnownObject, here: KnownObject | None, tie: Tie) -> Decision:
    """A reaction; where its native id recurs, one set anew is another object, and whether it was is asked of the RSE: a webhook may come late."""
    if change.emoji is None or change.author is None:
        return Nonsense("reaction_without_emoji")
    ended = change.recurs and here is not None and here.deleted
    if ended and not change.history and change.asked in {None, BEHIND}:
        return Doubt(Incomplete(change.native_id, Act.REACTED))
    changes = (here.changes if here is not None else 0) + ended
    native_id = _told_as(change.native_id, changes)
    subject = object_id(instance.node, native_id)
    remembered = KnownObject(
        change.native_id, subject, "own", None, (), tie.space, tie.community,
        kind=Kind.REACTION, about=message.native_id, changes=changes,
    )  # fmt: skip
    fact = ReactionAdded(space=tie.space, author=change.author, emoji=change.emoji)
    return Publish(fact, subject, message.subject, tie, remembered, native_id=native_id)


def _told_as(native_id: str, changes: int) -> str:
    """`like:42/c0ffee` at first; `like:42/c0ffee/2` once it was taken back and set anew."""
    return f"{native_id}/{changes + 1}" if changes else native_id


def _answer(instance: Instance, change: Change, message: KnownObject, here: KnownObject | None, tie: Tie) -> Decision:
    """An acceptance, by what the ledger knows of the question's. Told again it has the same marker: its double dies by its id."""
    accepts = change.act is Act.ACCEPTED
    said_before = here is not None and here.about == message.native_id and here.deleted is not accepts
    if here is not None and here.is_copy:
        return Drop("echo" if said_before else "answer_kept_here")
    if not accepts and (here is None or here.about != message.native_id):
        return Drop("answer_replaced" if here is not None else "unknown_object")
    changes = (here.changes if here is not None else 0) + (not said_before)
    subject = object_id(instance.node, change.native_id)
    remembered = KnownObject(
        change.native_id, subject, "own", None, (), tie.space, tie.community, deleted=not accepts,
        kind=Kind.ANSWER, about=message.native_id, changes=changes,
    )  # fmt: skip
    fact = AnswerAccepted(space=tie.space) if accepts else AnswerWithdrawn(space=tie.space)
    return Publish(fact, subject, message.subject, tie, remembered, marker=f"{change.act}:{changes}")
