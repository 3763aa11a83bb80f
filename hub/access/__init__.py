"""Every permission decision, as data; this room alone makes a Permit."""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from schemas.facts.membership import MembershipLeft
from schemas.facts.message import MessageDeleted
from schemas.facts.reaction import ReactionRemoved
from schemas.facts.resync import ResyncRequested
from schemas.facts.tie import TieAccepted, TieRefused
from schemas.manifest import Grade
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


MANIFEST_EXPIRED: Final = "manifest_expired"


class Right(StrEnum):
    """What a node may do."""

    SPEAK = "speak"
    TIE = "tie"
    RECEIVE = "receive"
    REPORT = "report"
    FORGET = "forget"


RIGHTS: Final[Mapping[Grade, frozenset[Right]]] = {
    Grade.CANDIDATE: frozenset(),
    Grade.OBSERVER: frozenset({Right.TIE, Right.RECEIVE, Right.REPORT, Right.FORGET}),
    Grade.FULL: frozenset(Right),
    Grade.SUSPENDED: frozenset({Right.REPORT, Right.FORGET}),
    Grade.GONE: frozenset(),
}
"""An observer reads and does not speak. A suspended node may still tell what it wrote before, and is told what it must forget;
it neither speaks nor receives."""


def node_may(grade: Grade | None, right: Right) -> bool:
    """Tell whether a node of this grade has the right; an unknown node has none."""
    return grade is not None and right in RIGHTS[grade]


def expired(until: datetime | None, at: datetime) -> bool:
    """Tell whether a manifest's word had ended at a moment; None has no end."""
    return until is not None and at >= until


def node_lapsed(right: Right, until: datetime | None, at: datetime) -> bool:
    """Tell whether a right had ended with its node's manifest: who no longer answers for what it says may do what an observer may.

    What it reads rests on something else, the attestation of each space, which the node signs anew every day.
    """
    return expired(until, at) and right not in RIGHTS[Grade.OBSERVER]


SAYING: Final[Mapping[str, Right]] = {
    MessageDeleted.event_type: Right.FORGET,
    ReactionRemoved.event_type: Right.FORGET,
    MembershipLeft.event_type: Right.FORGET,
    ResyncRequested.event_type: Right.FORGET,
    TieAccepted.event_type: Right.TIE,
    TieRefused.event_type: Right.TIE,
}
"""What an event's type alone demands of its node; all others, those of tomorrow too, are speech."""


def right_to_say(event_type: str) -> Right:
    """The right without which an event of this type is refused, whatever it speaks of: a door that sees no content asks for no more."""
    return SAYING.get(event_type, Right.SPEAK)


def why_not_now(grade: Grade, right: Right, until: datetime | None, at: datetime) -> str | None:
    """The reason for which a node may not use a right at a moment, or None where it may; `until` is its manifest's end."""
    if not node_may(grade, right):
        return _unadmitted(grade)
    return MANIFEST_EXPIRED if node_lapsed(right, until, at) else None


def _unadmitted(grade: Grade | None) -> str:
    return "node_observes" if grade is Grade.OBSERVER else "node_not_admitted"


class PeerRight(StrEnum):
    """What a peer, a server of others that speaks ActivityPub, may do."""

    FOLLOW = "follow"
    RECEIVE = "receive"
    SPEAK = "speak"
    REPORT = "report"
    FORGET = "forget"


PEER_RIGHTS: Final[Mapping[Grade, frozenset[PeerRight]]] = {
    Grade.CANDIDATE: frozenset(),
    Grade.OBSERVER: frozenset({PeerRight.FOLLOW, PeerRight.RECEIVE, PeerRight.REPORT, PeerRight.FORGET}),
    Grade.FULL: frozenset(PeerRight),
    Grade.SUSPENDED: frozenset({PeerRight.REPORT, PeerRight.FORGET}),
    Grade.GONE: frozenset(),
}
"""A suspended peer may take back what it said, stop following, tell what became of what was brought to it, and is told what it must forget."""


def peer_may(grade: Grade | None, right: PeerRight) -> bool:
    """Tell whether a peer of this grade has the right; an unknown server has none."""
    return grade is not None and right in PEER_RIGHTS[grade]


def peer_lapsed(right: PeerRight, until: datetime | None, at: datetime) -> bool:
    """Tell whether a right had ended with its peer's manifest; what peers read is public."""
    return expired(until, at) and right not in PEER_RIGHTS[Grade.OBSERVER]


def peer_may_anything(grade: Grade | None) -> bool:
    """Tell whether a peer of this grade has any right at all."""
    return grade is not None and bool(PEER_RIGHTS[grade])


@dataclass(frozen=True, slots=True)
class Speech:
    """What decides whether a node may say something in a community: signed is not permitted."""

    grade: Grade | None
    tied: bool
    owner: bool
    subject_is_its_own: bool
    audience_known: bool = True
    lapsed: bool = False
    """Whether the node's manifest had expired when the broker admitted this."""
    takes_back: bool = False
    """What was said once is taken back whatever became of the tie or of the grade: nobody must keep words that their author deleted."""


def why_not_speak(speech: Speech) -> str | None:
    """The reason for which a node may not say this, or None when it may."""
    right = Right.FORGET if speech.takes_back else Right.SPEAK
    refusals = (
        (not node_may(speech.grade, right), _unadmitted(speech.grade)),
        (speech.lapsed and not speech.takes_back, MANIFEST_EXPIRED),
        (not (speech.tied or speech.takes_back), "not_tied"),
        (not (speech.audience_known or speech.takes_back), "audience_unknown"),
        (not speech.owner, "not_owner"),
        (not speech.subject_is_its_own, "subject_mismatch"),
    )
    return next((reason for refused, reason in refusals if refused), None)


class Accepter(StrEnum):
    """From where a message was accepted as an answer; the RSE there has judged that this person of its own may."""

    QUESTION = "question"  # the node in which the question was asked: its author, or who moderates there
    ELSEWHERE = "elsewhere"


class Reach(StrEnum):
    """How far something that a node says goes."""

    EVERYWHERE = "everywhere"
    HERE = "here"


ACCEPTANCE: Final[Mapping[Accepter, Reach]] = {
    Accepter.QUESTION: Reach.EVERYWHERE,
    Accepter.ELSEWHERE: Reach.HERE,
}
"""Elsewhere the question is a copy, so that only a moderator of that RSE can have accepted an answer to it: true there, not for all."""


def reach_of_acceptance(node: str, asked_in: str) -> Reach:
    """How far a node's acceptance of an answer goes, by the node in which the question was asked."""
    return ACCEPTANCE[Accepter.QUESTION if node == asked_in else Accepter.ELSEWHERE]


class CommunityRole(StrEnum):
    """What a person of some RSE is in one community, by the federation's word."""

    MODERATOR = "moderator"


WITHDRAWAL: Final[Mapping[CommunityRole | None, Reach]] = {
    CommunityRole.MODERATOR: Reach.EVERYWHERE,
    None: Reach.HERE,
}
"""How far the deletion of a copy goes that somebody made of another RSE's message; without a role she acts in her own RSE."""


def reach_of_withdrawal(role: CommunityRole | None) -> Reach:
    """How far a deletion of somebody else's message goes, by the role of who deleted it."""
    return WITHDRAWAL[role]


class Role(StrEnum):
    """Who reads what communities say."""

    OPERATOR = "operator"
    EVERYBODY = "everybody"


READABLE: Final[Mapping[Role, frozenset[Audience]]] = {
    Role.OPERATOR: frozenset(Audience),
    Role.EVERYBODY: frozenset({Audience.PUBLIC}),
}
"""The communities that each reads, by who may read them: for strangers, people and servers alike, the others do not exist."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to read what communities say; repositories of readable things demand one."""

    role: Role

    @property
    def audiences(self) -> frozenset[Audience]:
        """The communities that it opens, by their audience."""
        return READABLE[self.role]


def permit_operator(client: str | None, unverified_token: str | None, token: str | None) -> Permit | None:
    """A permit for who comes from loopback or holds the operator's token; `client` is the peer's address, never a header."""
    if token is not None and unverified_token is not None and hmac.compare_digest(unverified_token.encode(), token.encode()):
        return Permit(Role.OPERATOR)
    return Permit(Role.OPERATOR) if client is not None and _loopback(client) else None


def permit_command_line() -> Permit:
    """A permit for who already holds the database's password: the command line."""
    return Permit(Role.OPERATOR)


def permit_everybody() -> Permit:
    """A permit for whoever asks: it opens the public communities, and nothing else."""
    return Permit(Role.EVERYBODY)


def _loopback(client: str) -> bool:
    try:
        return ipaddress.ip_address(client).is_loopback
    except ValueError:
        return False
