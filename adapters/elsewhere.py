"""What the hub says for people on servers of others, checked again at the last door against the activity as it was received."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from schemas import provenance
from schemas.activities import ActivityMalformed, Told, authority_of, is_public, ministry_via, native_id_of, organisation_of, read, told
from schemas.facts.message import MessageDeleted, MessageEdited, MessagePosted
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.origins import same_origin
from schemas.provenance import Belief, Provenance, ProvenanceRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.envelope import Envelope
    from schemas.facts.base import Fact
    from schemas.facts.external import External
    from schemas.manifest import Registry
    from schemas.proof import VerifiedEvent

MISSING: Final = "external_missing"
MISMATCH: Final = "external_mismatch"
_WRITTEN: Final = frozenset(("Create", "Update"))
ACTS: Final[Mapping[type[Fact], frozenset[str]]] = {
    MessagePosted: _WRITTEN, MessageEdited: _WRITTEN, ReactionAdded: frozenset(("Like", "EmojiReact")),
    MessageDeleted: frozenset(("Delete",)), ReactionRemoved: frozenset(("Undo", "Delete")),
}  # fmt: skip
"""Which acts say such a fact."""


def fault(verified: VerifiedEvent, hub: str, registry: Registry) -> str | None:
    """Why a message or a reaction is not what somebody elsewhere said; None where it is, and for what a ministry said itself.

    The hub has no people of its own: whatever it signs in a person's name must bring along what that person's server signed. What it takes
    back for her may come without, as it did before it could bring it along: a copy too few is not what a forger wants.
    """
    fact, envelope = verified.fact, verified.event.envelope
    if isinstance(fact, MessageDeleted | ReactionRemoved):
        return _fault_of_removal(fact, envelope, hub, registry)
    if not isinstance(fact, MessagePosted | ReactionAdded):
        return None
    if envelope.onbehalf is not None:
        return None  # the hub's memory, which the writer takes only where it has asked for it, and shows as such
    if envelope.source != hub:
        return MISMATCH if fact.external is not None else None
    if fact.external is None:
        return MISSING
    try:
        seen, said = _proved(fact.external, registry)
    except ProvenanceRefused as refused:
        return refused.reason
    except ActivityMalformed:
        return MISMATCH
    made = said.object_id if isinstance(fact, MessagePosted) else said.id
    if said.verb not in ACTS[type(fact)] or (fact.external.object, fact.author.organisation) != (
        made,
        _organisation(seen, fact.external.server),
    ):
        return MISMATCH
    return None if envelope.nativeid == native_id_of(made) and _same(fact.external, seen, said) else MISMATCH


def _fault_of_removal(fact: MessageDeleted | ReactionRemoved, envelope: Envelope, hub: str, registry: Registry) -> str | None:
    """Of what is taken back: it is the actor's own, or she herself is gone."""
    external = fact.external
    if external is None:
        return None
    if envelope.source != hub:
        return MISMATCH
    try:
        seen, said = _proved(external, registry)
    except ProvenanceRefused as refused:
        return refused.reason
    except ActivityMalformed:
        return MISMATCH
    hers = same_origin(external.object, said.actor) and envelope.nativeid == native_id_of(external.object)
    meant = said.verb == "Undo" or said.object_id in {external.object, said.actor}
    return None if said.verb in ACTS[type(fact)] and hers and meant and _same(external, seen, said) else MISMATCH


def _organisation(seen: Provenance, server: str) -> str:
    return ministry_via(seen.ministry, server) if seen.ministry else organisation_of(server)


def _proved(external: External, registry: Registry) -> tuple[Provenance, Told]:
    """What the door saw, under its proof, and what the activity tells; raises ProvenanceRefused or ActivityMalformed."""
    activity, document = external.activity.encode(), external.document.encode() if external.document is not None else None
    members = provenance.members(external.provenance)
    seen = provenance.verify(members, activity, document, partial(provenance.door_key, registry))
    said = told(read(activity), read(document) if document is not None else None)
    provenance.check_author(seen, said)
    return seen, said


def _same(external: External, seen: Provenance, said: Told) -> bool:
    """Whether author, server and Group are the activity's own, by whatever it is believed, and everybody may read what she wrote."""
    if (external.actor, external.server, external.via) != (said.actor, authority_of(said.actor), said.via):
        return False
    if seen.belief is Belief.OWN and not same_origin(seen.actor, said.actor):
        return False
    return said.verb not in ACTS[MessagePosted] or (isinstance(said.object, dict) and is_public(said.object))
