"""Accepted answers: `parent` of the envelope names the message that answers, `subject` the acceptance, one for each question."""

from __future__ import annotations

from typing import ClassVar

from schemas.facts.base import Fact
from schemas.scalars import Space


class AnswerAccepted(Fact):
    """A message was accepted as the answer to its thread's question; it takes the place of the one accepted before."""

    event_type: ClassVar[str] = "fr.gouv.rse.answer.accepted.v1"

    space: Space


class AnswerWithdrawn(Fact):
    """The message is no longer the accepted answer."""

    event_type: ClassVar[str] = "fr.gouv.rse.answer.withdrawn.v1"

    space: Space
