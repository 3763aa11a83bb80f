"""Messages: posted, edited, deleted, in the words of no vendor."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, StringConstraints

from schemas.facts.base import Fact
from schemas.facts.external import External
from schemas.scalars import DROP_NUL, Count, Space
from schemas.words import Audience

TEXT_LIMIT = 1_000_000  # characters of one message: past what any of the RSEs accepts, below the topic's record size
ATTACHMENTS_LIMIT = 1_000
MENTIONS_LIMIT = 100
LINK_LIMIT = 2_000


class Author(BaseModel):
    """Who wrote, as her RSE shows her: no e-mail address, no native identifier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(max_length=200), DROP_NUL] = Field("", description="Display name; may be empty.")
    organisation: Annotated[str, StringConstraints(max_length=200), DROP_NUL] = Field(description="Her ministry's name.")
    kind: Literal["person", "bot", "system"] = "person"


class Content(BaseModel):
    """What was written: sanitised HTML and the same as plain text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    html: Annotated[str, StringConstraints(max_length=TEXT_LIMIT), DROP_NUL]
    text: Annotated[str, StringConstraints(max_length=TEXT_LIMIT), DROP_NUL]
    language: Annotated[str, StringConstraints(max_length=35), DROP_NUL] | None = None


class Attachment(BaseModel):
    """A file, by reference only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(max_length=255), DROP_NUL]
    link: Annotated[str, StringConstraints(max_length=LINK_LIMIT), DROP_NUL]
    media_type: Annotated[str, StringConstraints(max_length=127), DROP_NUL] | None = None
    size: Annotated[Count, Field(description="Bytes.")] | None = None
    readers: Annotated[Audience, Field(description="Who of its own RSE can open it; whoever has no account there cannot.")] | None = None


class Mention(BaseModel):
    """Whom a message calls: `<span data-mention="0">` in its HTML is the first. By name and ministry, as an author is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(max_length=200), DROP_NUL]
    organisation: Annotated[str, StringConstraints(max_length=200), DROP_NUL]


class MessagePosted(Fact):
    """A person wrote a message in a space; `parent` of the envelope tells what it answers."""

    event_type: ClassVar[str] = "fr.gouv.rse.message.posted.v1"

    space: Space
    author: Author
    content: Content
    title: Annotated[str, StringConstraints(max_length=500), DROP_NUL] | None = None
    link: Annotated[str, StringConstraints(max_length=LINK_LIMIT), DROP_NUL] | None = Field(None, description="The original's page.")
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=ATTACHMENTS_LIMIT), FailFast()] = ()
    mentions: Annotated[tuple[Mention, ...], Field(max_length=MENTIONS_LIMIT), FailFast()] = ()
    external: Annotated[External | None, Field(description="Where somebody on a server of others wrote it; said by the hub alone.")] = None


class MessageEdited(MessagePosted):
    """The same message, as its author's node shows it after an edit."""

    event_type: ClassVar[str] = "fr.gouv.rse.message.edited.v1"


class MessageDeleted(Fact):
    """The message is gone at its origin; the tombstone stays."""

    event_type: ClassVar[str] = "fr.gouv.rse.message.deleted.v1"

    space: Space
    external: Annotated[External | None, Field(description="Where somebody on a server of others took it back; said by the hub alone.")] = (
        None
    )
