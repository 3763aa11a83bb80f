"""Who may say what of whose (FEP-fe34): origins, owners, and what must be asked of an object's own server. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from hub.access import PeerRight
from hub.federation.reasons import Reason, Rejection
from schemas.activities import (
    ACTIVITIES,
    ActivityMalformed,
    Told,
    addressed,
    author_of,
    brought_back_in,
    id_of,
    is_public,
    own_id,
    told,
    type_of,
)  # fmt: skip
from schemas.documents import Reason as ProofReason
from schemas.origins import same_origin
from schemas.provenance import Belief

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

GROUP: Final = "Group"


class Rule(Enum):
    """What an act's object must be to its actor."""

    MADE = auto()  # the actor's own work: of its origin and attributed to it
    OWN = auto()  # something of the actor's origin, which the worker compares with the owner that it knows
    SELF = auto()  # the actor itself
    TAKEN_BACK = auto()  # an act of the actor's own
    ANSWERED = auto()  # a question that was put to the actor
    ANYTHING = auto()  # an address, of whomever


RULES: Final[Mapping[str, Rule]] = {
    "Create": Rule.MADE,
    "Update": Rule.MADE,
    "Delete": Rule.OWN,
    "Undo": Rule.TAKEN_BACK,
    "Move": Rule.SELF,
    "Accept": Rule.ANSWERED,
    "Reject": Rule.ANSWERED,
    "Follow": Rule.ANYTHING,
    "Like": Rule.ANYTHING,
    "Dislike": Rule.ANYTHING,
    "EmojiReact": Rule.ANYTHING,
    "Flag": Rule.ANYTHING,
    "Receipt": Rule.ANYTHING,
}
"""Acts that this server takes; any other is noted and does nothing, so that it needs no rule."""
ACCESS: Final[Mapping[str, PeerRight]] = {
    "Follow": PeerRight.FOLLOW,
    "Accept": PeerRight.FOLLOW,
    "Reject": PeerRight.FOLLOW,
    "Create": PeerRight.SPEAK,
    "Update": PeerRight.SPEAK,
    "Like": PeerRight.SPEAK,
    "Dislike": PeerRight.SPEAK,
    "EmojiReact": PeerRight.SPEAK,
    "Flag": PeerRight.SPEAK,
    "Move": PeerRight.SPEAK,
    "Delete": PeerRight.FORGET,
    "Undo": PeerRight.FORGET,
    "Receipt": PeerRight.REPORT,
}


def right_of(verb: str) -> PeerRight:
    """What a peer must be allowed, to do this; what does nothing asks for the least."""
    return ACCESS.get(verb, PeerRight.FORGET)


@dataclass(frozen=True, slots=True)
class Believed:
    """Believed as it stands."""

    belief: Belief
    told: Told


@dataclass(frozen=True, slots=True)
class Asked:
    """To be believed only as the object's own server tells it: `uri` is fetched there, and must be `owner`'s where one is claimed."""

    uri: str
    owner: str
    verb: str


Judgement = Believed | Asked | Rejection


def judge(activity: Mapping[str, Any], signer: str, kind: str, prover: str) -> Judgement:
    """What an activity is worth whose request `signer` has signed, an actor of this kind.

    `prover` is the owner of the key that has proved what the activity holds; empty where that bears no proof.
    """
    if id_of(activity.get("actor")) != signer:
        return Rejection(Reason.ACTOR_MISMATCH)
    if not own_id(activity):
        return Rejection(Reason.ID_MISSING)
    if not same_origin(own_id(activity), signer):
        return Rejection(Reason.ID_OF_ANOTHER_ORIGIN)
    try:
        said = told(activity)
    except ActivityMalformed as error:
        return Rejection(error.reason, error.detail)
    if said.via is None:
        return _direct(said, Belief.OWN)
    return _passed_on(activity, said, prover) if kind == GROUP else Rejection(Reason.ANNOUNCE_BY_NON_GROUP)


def _direct(said: Told, belief: Belief) -> Judgement:
    """The rule of the act, for an actor who is known to have done it."""
    rule = RULES.get(said.verb)
    if rule is None:
        return Believed(belief, said)
    if not said.object_id and rule not in {Rule.TAKEN_BACK, Rule.ANSWERED} and said.verb != "Flag":
        return Rejection(Reason.ACTIVITY_MALFORMED, "object")
    match rule:
        case Rule.MADE:
            return _made(said, belief)
        case Rule.OWN:
            fits = same_origin(said.object_id, said.actor)
            return Believed(belief, said) if fits else Rejection(Reason.OBJECT_OF_ANOTHER_ORIGIN)
        case Rule.SELF:
            return Believed(belief, said) if said.object_id == said.actor else Rejection(Reason.NOT_OWNER)
        case Rule.TAKEN_BACK:
            return _taken_back(said, belief) if _takes_back_its_own(said) else Rejection(Reason.UNDO_OF_ANOTHER)
        case Rule.ANSWERED:
            asked = id_of(said.object.get("object")) if isinstance(said.object, dict) and "object" in said.object else said.actor
            return Believed(belief, said) if asked == said.actor else Rejection(Reason.NOT_OWNER)
        case Rule.ANYTHING:
            return Believed(belief, said)


def _made(said: Told, belief: Belief) -> Judgement:
    if not same_origin(said.object_id, said.actor):
        return Rejection(Reason.OBJECT_OF_ANOTHER_ORIGIN)
    if said.object_id == said.actor:
        return Believed(belief, said)  # an actor renews itself
    if not isinstance(said.object, dict) or len(said.object) == 1:
        return Asked(said.object_id, said.actor, said.verb)
    return Believed(belief, said) if author_of(said.object) == said.actor else Rejection(Reason.NOT_OWNER)


def _taken_back(said: Told, belief: Belief) -> Judgement:
    """What a Group's moderation brings back has no words in its Undo: its own server, where it was gone, must show it again."""
    back = brought_back_in(said.act) if said.via is not None and belief is not Belief.FETCHED else ""
    return Asked(back, said.actor, "Update") if back else Believed(belief, said)


def _takes_back_its_own(said: Told) -> bool:
    """Whose act it was is told by its address first: under a neighbour's or another server's, anybody may write one's own name."""
    if said.object_id and not same_origin(said.object_id, said.actor):
        return False
    if isinstance(said.object, dict) and "actor" in said.object:
        return id_of(said.object["actor"]) == said.actor
    return bool(said.object_id)


def _passed_on(activity: Mapping[str, Any], said: Told, prover: str) -> Judgement:
    """What a Group passes on is its author's only if the author's server, or the author's proof, says so too."""
    announcer, inner = id_of(activity.get("actor")), said.act
    if prover and prover != said.actor:
        return Rejection(ProofReason.OWNER_MISMATCH)  # a proof is worth nothing in the name of anybody else, however well it holds
    if type_of(inner) in ACTIVITIES and not same_origin(said.id, said.actor):
        return Rejection(Reason.ID_OF_ANOTHER_ORIGIN)
    if said.actor and same_origin(said.actor, announcer) and len(inner) > 1:
        return _direct(said, Belief.OWN)
    if not said.object_id and not said.id:
        return Rejection(Reason.ACTIVITY_MALFORMED, "object")
    if prover:
        return _direct(said, Belief.PROOF)
    match RULES.get(said.verb):
        case Rule.MADE | Rule.OWN:
            if said.actor and not same_origin(said.object_id, said.actor):
                return Rejection(Reason.OBJECT_OF_ANOTHER_ORIGIN)
            return Asked(said.object_id, said.actor, said.verb)
        case Rule.SELF | Rule.TAKEN_BACK | Rule.ANSWERED | Rule.ANYTHING:
            return Asked(said.id, said.actor, said.verb)
        case None:
            return Believed(Belief.OWN, said)


def answered(asked: Asked, activity: Mapping[str, Any], document: Mapping[str, Any] | None) -> Believed | Rejection:
    """What an activity is worth once the object's own server has answered; None is its word that nothing is there any more."""
    if document is None or type_of(document) == "Tombstone":
        return _gone(asked, activity)
    if asked.verb == "Delete":
        return Rejection(Reason.OBJECT_MISMATCH)  # it is there still: nobody deleted it
    if own_id(document) != asked.uri:
        return Rejection(Reason.OBJECT_MISMATCH)
    owner = id_of(document.get("actor")) if type_of(document) in ACTIVITIES else author_of(document)
    if not same_origin(owner, asked.uri) or (asked.owner and owner != asked.owner):
        return Rejection(Reason.NOT_OWNER)
    try:
        said = told(activity, document)
    except ActivityMalformed as error:
        return Rejection(error.reason, error.detail)
    if said.verb not in {asked.verb, "Create"} or said.actor != owner:
        return Rejection(Reason.OBJECT_MISMATCH)
    judged = _direct(said, Belief.FETCHED)
    return judged if not isinstance(judged, Asked) else Rejection(Reason.OBJECT_MISMATCH)


def _gone(asked: Asked, activity: Mapping[str, Any]) -> Believed | Rejection:
    return Believed(Belief.GONE, told(activity)) if asked.verb == "Delete" else Rejection(Reason.OBJECT_UNAVAILABLE)


def why_not_ours(said: Told, owns: Callable[[str], bool]) -> Rejection | None:
    """A post that not everybody may read goes no further, whoever passed it on: an audience never grows. Nor is one taken that calls nobody here."""
    if said.verb not in {"Create", "Update"} or not isinstance(said.object, dict) or said.object_id == said.actor:
        return None
    if not is_public(said.object):
        return Rejection(Reason.AUDIENCE_UNKNOWN)
    readers = chain(addressed(said.object), addressed(said.act))
    return None if said.via is not None or any(map(owns, readers)) else Rejection(Reason.NOT_ADDRESSED)
