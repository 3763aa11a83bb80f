"""Messages: posted, edited, deleted, in the words of no vendor."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.facts.base import Fact

TEXT_LIMIT = 1_000_000  # characters of one message: past what any of the RSEs accepts, below the topic's record size


class Author(BaseModel):
    """Who wrote, as her RSE shows her: no e-mail address, no native identifier."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Annotated[str, StringConstraints(max_length=200)] = Field("", description="Display name; may be empty.")
    organisation: Annotated[str, StringConstraints(max_length=200)] = Field(description="Her ministry's name.")
    kind: Literal["person", "bot", "system"] = "person"


class Content(BaseModel):
    """What was written: sanitised HTML and the same as plain text."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    html: Annotated[str, StringConstraints(max_length=TEXT_LIMIT)]
    text: Annotated[str, StringConstraints(max_length=TEXT_LIMIT)]
    language: Annotated[str, StringConstraints(max_length=35)] | None = None


class Attachment(BaseModel):
    """A file, by reference only."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Annotated[str, StringConstraints(max_length=255)]
    link: Annotated[str, StringConstraints(max_length=2000)]
    media_type: Annotated[str, StringConstraints(max_length=127)] | None = None
    size: Annotated[int, Field(ge=0, description="Bytes.")] | None = None


class MessagePosted(Fact):
    """A person wrote a message in a space; `parent` of the envelope tells what it answers."""

    event_type: ClassVar[str] = "fr.gouv.rse.message.posted.v1"

    space: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    author: Author
    content: Content
    title: Annotated[str, StringConstraints(max_length=500)] | None = None
    link: Annotated[str, StringConstraints(max_length=2000)] | None = Field(None, description="The original's page.")
    attachments: tuple[Attachment, ...] = ()


class MessageEdited(MessagePosted):
    """The same message, as its author's node shows it after an edit."""

    event_type: ClassVar[str] = "fr.gouv.rse.message.edited.v1"


class MessageDeleted(Fact):
    """The message is gone at its origin; the tombstone stays."""

    event_type: ClassVar[str] = "fr.gouv.rse.message.deleted.v1"

    space: Annotated[str, StringConstraints(min_length=1, max_length=255)]
