"""Communities and their messages: values, rules and lifecycles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from schemas.words import Audience  # noqa: TC001 - part of a public value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from schemas.facts.message import MessagePosted


@dataclass(frozen=True, slots=True)
class Community:
    """An interministerial community; `sequence` is the last number given."""

    id: str
    title: str
    audience: Audience
    sequence: int
    opened_at: datetime

    def numbered(self) -> Community:
        """The community after one more number."""
        return replace(self, sequence=self.sequence + 1)


class MessageState(StrEnum):
    """A message's life; erasure, which alone is final, is not an event."""

    VISIBLE = "visible"
    DELETED = "deleted"


MESSAGE_STEPS: Final[Mapping[MessageState, frozenset[MessageState]]] = {
    MessageState.VISIBLE: frozenset({MessageState.VISIBLE, MessageState.DELETED}),
    MessageState.DELETED: frozenset({MessageState.VISIBLE, MessageState.DELETED}),
}
"""Deleted → visible is a restoration, open to the owner node."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the hub knows it; `parent` is None where it stands alone."""

    id: str
    community: str
    node: str
    state: MessageState
    parent: str | None
    thread: str
    author: str
    organisation: str
    title: str | None
    html: str
    link: str | None
    occurred_at: datetime
    first_sequence: int
    last_sequence: int
    first_event: str

    def edited(self, fact: MessagePosted, sequence: int) -> Message:
        """The message after an edit by its owner; visible again if it was deleted."""
        return replace(
            self, state=MessageState.VISIBLE, author=fact.author.name, organisation=fact.author.organisation,
            title=fact.title, html=fact.content.html, link=fact.link, last_sequence=sequence,
        )  # fmt: skip

    def deleted(self, sequence: int) -> Message:
        """The tombstone: nothing of the content stays."""
        return replace(self, state=MessageState.DELETED, title=None, html="", link=None, last_sequence=sequence)
