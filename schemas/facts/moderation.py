"""Moderation: a message taken away everywhere, and brought back; said by the hub alone, on behalf of the node whose message it is."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.envelope import NodeId
from schemas.facts.base import Fact
from schemas.facts.message import Author, Content
from schemas.scalars import DROP_NUL, Moment, Space
from schemas.words import Ground

NOTE_LIMIT = 200
VALUE_LIMIT = 3 * 1024 * 1024
"""Characters of an event's bytes that another event may carry: escaped once more, the two still fit a record."""


class MessageModerated(Fact):
    """A moderator of the community took the message away, for all its readers; it stays away until a moderator brings it back."""

    event_type: ClassVar[str] = "fr.gouv.rse.message.moderated.v1"

    ground: Ground
    note: Annotated[str, StringConstraints(max_length=NOTE_LIMIT), DROP_NUL] = Field("", description="A sentence that all readers see.")


class Said(BaseModel):
    """A ministry's own event as the hub keeps it, so that the last door proves it again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attributes: Annotated[str, StringConstraints(max_length=64 * 1024)] = Field(description="The signed attributes, as canonical JSON.")
    salt: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    value: Annotated[str, StringConstraints(max_length=VALUE_LIMIT)] = Field(description="The fact's bytes, as text.")
    admitted_at: Moment = Field(description="By which its key is judged.")


class Words(BaseModel):
    """The hub's own word for a message whose ministry's proof is gone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    author: Author
    content: Content
    title: Annotated[str, StringConstraints(max_length=500), DROP_NUL] | None = None
    link: Annotated[str, StringConstraints(max_length=2000), DROP_NUL] | None = None


class Again(Fact):
    """A message said once more: by its ministry's own event while that is kept, else in the hub's words."""

    said: Said | None = None
    words: Words | None = None


class MessageRestored(Again):
    """A moderator brought the message back; in `withdrawn_in` her withdrawal of the copy had taken it away everywhere."""

    event_type: ClassVar[str] = "fr.gouv.rse.message.restored.v1"

    withdrawn_in: NodeId | None = None


class CopyRestored(Again):
    """A node is asked to write its copy again as the message stands: people there had edited or deleted it. To that node alone."""

    event_type: ClassVar[str] = "fr.gouv.rse.copy.restored.v1"

    node: NodeId
    space: Space
