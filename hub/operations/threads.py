"""A page of messages as a tree: replies under what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.communities.model import Message

DEEPEST: Final = 4
"""Replies below this level stand under their nearest ancestor that is above it: a narrow screen has no room for more."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A message with its replies on this page; `parent_elsewhere` says that what it answers is on another page."""

    message: Message
    replies: tuple[Branch, ...]
    parent_elsewhere: bool


def nest(messages: Sequence[Message]) -> tuple[Branch, ...]:
    """Messages in the hub's order as trees; each appears once, whatever their parents say (two that answer each other included)."""
    here = {message.id for message in messages}
    stands_under: dict[str, str | None] = {}
    depth: dict[str | None, int] = {None: -1}
    replies: dict[str | None, list[Message]] = {}
    for message in messages:
        parent = message.parent if message.parent in stands_under else None
        while parent is not None and depth[parent] >= DEEPEST:
            parent = stands_under[parent]
        stands_under[message.id] = parent
        depth[message.id] = depth[parent] + 1
        replies.setdefault(parent, []).append(message)
    return _branches(None, replies, here)


def _branches(parent: str | None, replies: dict[str | None, list[Message]], here: set[str]) -> tuple[Branch, ...]:
    return tuple(
        Branch(message, _branches(message.id, replies, here), message.parent is not None and message.parent not in here)
        for message in replies.get(parent, ())
    )
