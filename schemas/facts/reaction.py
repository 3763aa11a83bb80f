"""Reactions: one person's emoji on a message. `parent` of the envelope names the message, `subject` the reaction itself."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from pydantic import Field, StringConstraints

from schemas.facts.base import Fact
from schemas.facts.external import External
from schemas.facts.message import Author
from schemas.scalars import Space

EMOJI_LIMIT = 64  # characters: Matrix lets a reaction be a short text, and one family emoji has eleven

LIKES: Final = frozenset({"👍", "❤", "❤️"})
"""What ActivityPub servers know as a Like; any other emoji is an EmojiReact (FEP-c0e0), which they may ignore."""
Emoji = Annotated[str, StringConstraints(min_length=1, max_length=EMOJI_LIMIT, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]


class ReactionAdded(Fact):
    """A person reacted to a message; a reaction is added once and removed once, who reacts again makes another one."""

    event_type: ClassVar[str] = "fr.gouv.rse.reaction.added.v1"

    space: Space
    author: Author
    emoji: Emoji
    external: Annotated[External | None, Field(description="Where somebody on a server of others reacted; said by the hub alone.")] = None


class ReactionRemoved(Fact):
    """The person took her reaction back."""

    event_type: ClassVar[str] = "fr.gouv.rse.reaction.removed.v1"

    space: Space
    external: Annotated[External | None, Field(description="Where somebody on a server of others took it back; said by the hub alone.")] = (
        None
    )
