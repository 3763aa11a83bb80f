"""Who follows our communities, and which Groups elsewhere our communities follow: values and lifecycles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Follower:
    """An actor elsewhere to whom a community's activities are brought."""

    community: str
    actor: str
    peer: str
    inbox: str
    shared_inbox: str
    kind: str
    follow: str
    """The id of the Follow that asked for it."""
    since: datetime


class FollowState(StrEnum):
    """A follow of ours."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    ENDED = "ended"


FOLLOW_STEPS: Final[Mapping[FollowState, frozenset[FollowState]]] = {
    FollowState.PENDING: frozenset({FollowState.ACCEPTED, FollowState.REFUSED, FollowState.ENDED}),
    FollowState.ACCEPTED: frozenset({FollowState.REFUSED, FollowState.ENDED}),
    FollowState.REFUSED: frozenset({FollowState.PENDING, FollowState.ACCEPTED, FollowState.ENDED}),
    FollowState.ENDED: frozenset({FollowState.PENDING}),
}
"""Who was refused, or left, may ask again; who was refused may also leave. A Group may take back what it accepted. What its server alone refused, it may accept."""


@dataclass(frozen=True, slots=True)
class Follow:
    """A Group elsewhere that a community here follows: what it passes on is heard in that community."""

    community: str
    group: str
    peer: str
    state: FollowState
    activity: str
    asked_at: datetime
    answered_at: datetime | None = None
    reason: str | None = None
    """Why it is refused."""


@dataclass(frozen=True, slots=True)
class ExternalObject:
    """Something that somebody elsewhere made and that stands here: a message, or a reaction."""

    id: str
    subject: str
    community: str
    owner: str
    peer: str
    kind: str
    via: str | None
    at: datetime
    about: str | None = None
    """What a reaction is set on."""
    emoji: str | None = None
    withdrawal: str | None = None
    """Where a Group's moderation took it away: the id of that Delete, which alone can be undone; kept once it was, for what comes after."""
    withdrawn_by: str | None = None
    """That Group."""


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody elsewhere brought to the animators' notice."""

    id: str
    community: str
    actor: str
    peer: str
    subject: str
    comment: str
    at: datetime
