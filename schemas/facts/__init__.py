"""The typed data of events: which fact each event type carries, strict when written, tolerant when read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import ValidationError

from schemas import jcs
from schemas.envelope import major_of
from schemas.facts.answer import AnswerAccepted, AnswerWithdrawn
from schemas.facts.community import CommunityOpened, NodeApproved
from schemas.facts.copy import CopyEdited, CopyWithdrawn
from schemas.facts.delivery import DeliveryReported
from schemas.facts.membership import MembershipJoined, MembershipLeft
from schemas.facts.message import MessageDeleted, MessageEdited, MessagePosted
from schemas.facts.moderation import CopyRestored, MessageModerated, MessageRestored
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.facts.resync import ResyncCompleted, ResyncRequested
from schemas.facts.tie import TieAccepted, TieProposed, TieRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.facts.base import Fact

TYPE_PREFIX: Final = "fr.gouv.rse."
FACTS: Final[Mapping[str, type[Fact]]] = {
    fact.event_type: fact
    for fact in (
        MessagePosted, MessageEdited, MessageDeleted, MessageModerated, MessageRestored, CopyWithdrawn, CopyEdited, CopyRestored,
        ReactionAdded, ReactionRemoved, AnswerAccepted, AnswerWithdrawn, MembershipJoined, MembershipLeft,
        TieProposed, TieAccepted, TieRefused, CommunityOpened, NodeApproved, DeliveryReported, ResyncRequested, ResyncCompleted,
    )
}  # fmt: skip
TakenBack = MessageDeleted | MessageModerated | ReactionRemoved | MembershipLeft
"""What is taken back: it goes wherever it was shown, whatever became of a tie since."""
MAJORS: Final = frozenset({1})
FIELDS_NAMED: Final = 20  # a refusal goes into a header; a thousand bad attachments need not


class FactMalformed(ValueError):
    """The bytes of an event are not the fact that its type promises."""


class MajorUnknown(ValueError):
    """An event's type has a major version that this program has not learnt."""


class Reading(NamedTuple):
    """A fact as this program reads it, None where it does not know the type, and the names at its top that it does not know."""

    fact: Fact | None
    unknown: frozenset[str] = frozenset()


def read(event_type: str, value: bytes) -> Reading:
    """Read a fact from an event's bytes; an unknown type of a known major is unsupported, not wrong.

    Raises MajorUnknown, or FactMalformed whose sentence names fields and never their values.
    """
    kind = major_of(event_type)
    if kind is None or kind[1] not in MAJORS:
        raise MajorUnknown(event_type)
    model = FACTS.get(event_type)
    if model is None:
        return Reading(None)
    try:
        parsed = jcs.parse(value)
        return Reading(model.tolerant(parsed), frozenset(parsed) - model.model_fields.keys())
    except ValidationError as error:
        raise FactMalformed(_fields(error)) from error
    except jcs.JsonRefused as error:
        raise FactMalformed(error.reason) from error


def _fields(error: ValidationError) -> str:
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    return ", ".join(sorted({".".join(map(str, problem["loc"])) or "(objet)" for problem in problems})[:FIELDS_NAMED])
