"""Whose a document is, and who has proved it: words put into somebody's mouth under a proof that holds, of somebody else's. Read it as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schemas.documents import sign_document
from tests.forgeries.drafts import signed
from tests.forgeries.inbox import path, signed_by
from tests.forgeries.said import Word

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.forgeries.abroad import Actor, World

    Says = Callable[[World], Any]
    Whose = Callable[[World], Actor]


def _alice(world: World) -> Actor:
    return world.alice


def _carol(world: World) -> Actor:
    return world.carol


def _forum(world: World) -> Actor:
    return world.forum


def _neighbour(world: World) -> Actor:
    """Somebody on carol's own server."""
    return world.moved


def _proved(said: Says, by: Whose) -> Says:
    """With a proof that holds, by this one's own key."""
    return lambda world: sign_document(said(world), by(world).key, world.now)


def _note(**who: Whose) -> Says:
    """A note that carol never wrote, under her address; `who` else it names, by member."""
    return lambda world: {**world.note(world.carol, path()), **{member: whose(world).id for member, whose in who.items()}}


def _act(verb: str, by: Whose, what: Says, **who: Whose) -> Says:
    return lambda world: {**by(world).does(verb, what(world), path()), **{member: whose(world).id for member, whose in who.items()}}


def _creates(note: Says, by: Whose = _carol, **who: Whose) -> Says:
    return lambda world: {**world.creates(by(world), note(world), path()), **{member: whose(world).id for member, whose in who.items()}}


def _typed(said: Says, type_: Any) -> Says:
    return lambda world: {**said(world), "type": type_}


def _address(note: Says) -> Says:
    return lambda world: note(world)["id"]


def _passed_on(name: str, reason: str, inner: Says) -> Word:
    """Passed on by the Group, which signs the request as it should."""
    return Word(name, reason, lambda world: signed(signed_by(world, world.forum, world.forum.does("Announce", inner(world), path()))))


def _direct(name: str, reason: str, said: Says, by: Whose = _alice) -> Word:
    return Word(name, reason, lambda world: signed(signed_by(world, by(world), said(world))))


def _under_the_groups_proof(world: World) -> dict[str, Any]:
    """The Group proves its own Announce; the note within, under the same address, has no proof at all."""
    announce = world.forum.does("Announce", None, path())
    return sign_document({**announce, "object": {**world.note(world.carol), "id": announce["id"]}}, world.forum.key, world.now)


TABLE: Final = (
    _passed_on("passes on a bare note that another server's person proves as its actor", "proof_owner_mismatch", _proved(_note(actor=_alice), _alice)),
    _passed_on("passes on a bare note that a neighbour proves as its actor", "proof_owner_mismatch", _proved(_note(actor=_neighbour), _neighbour)),
    _passed_on("passes on a bare note that the Group proves as its actor", "proof_owner_mismatch", _proved(_note(actor=_forum), _forum)),
    _passed_on("passes on a bare note of another actor's that its author proves", "proof_owner_mismatch", _proved(_note(actor=_alice), _carol)),
    _passed_on("passes on a bare note that a neighbour proves", "proof_owner_mismatch", _proved(_note(), _neighbour)),
    _passed_on("passes on a bare note that another server's person proves", "proof_origin_mismatch", _proved(_note(), _alice)),
    _passed_on("passes on a bare article that another proves as its actor", "proof_owner_mismatch", _proved(_typed(_note(actor=_alice), "Article"), _alice)),
    _passed_on("passes on what is a note first and a Create after", "proof_owner_mismatch", _proved(_typed(_note(actor=_alice), ["Note", "Create"]), _alice)),
    _passed_on("passes on a thing of no known type that another proves as its actor", "proof_owner_mismatch", _proved(_typed(_note(actor=_alice), "Dance"), _alice)),
    _passed_on("passes on a bare note in a list that another proves as its actor", "object_unavailable", lambda world: [_proved(_note(actor=_alice), _alice)(world)]),
    _passed_on("passes on a bare note under another server's address that its author proves", "object_of_another_origin", _proved(lambda world: {**world.note(world.alice), "id": world.carol.origin + "/" + path()}, _alice)),
    _passed_on("passes on a Create whose note alone another proves as its actor", "object_unavailable", _creates(_proved(_note(actor=_alice), _alice))),
    _passed_on("passes on a Create whose note alone a neighbour proves as its actor", "object_unavailable", _creates(_proved(_note(actor=_neighbour), _neighbour))),
    _passed_on("passes on another's Create, proved, of a note that is not hers", "object_of_another_origin", _proved(_creates(_note(actor=_alice), _alice), _alice)),
    _passed_on("passes on a neighbour's Create, proved, of a note that is not hers", "not_owner", _proved(_creates(_note(actor=_neighbour), _neighbour), _neighbour)),
    _passed_on("passes on a Create that a neighbour proves", "proof_owner_mismatch", _proved(_creates(_note()), _neighbour)),
    _passed_on("passes on a Create that a neighbour proves as the one to whom it is attributed", "proof_owner_mismatch", _proved(_creates(_note(), attributedTo=_neighbour), _neighbour)),
    _passed_on("passes on a Create that another proves as the one to whom it is attributed", "proof_owner_mismatch", _proved(_creates(_note(), attributedTo=_alice), _alice)),
    _passed_on("passes on an Update that a neighbour proves", "proof_owner_mismatch", _proved(_act("Update", _carol, _note()), _neighbour)),
    _passed_on("passes on an Update that another proves as the one to whom it is attributed", "proof_owner_mismatch", _proved(_act("Update", _carol, _note(), attributedTo=_alice), _alice)),
    _passed_on("passes on another's Update, proved, of a note that is not hers", "object_of_another_origin", _proved(_act("Update", _alice, _note(actor=_alice)), _alice)),
    _passed_on("passes on a neighbour's Update, proved, of a note that is not hers", "not_owner", _proved(_act("Update", _neighbour, _note(actor=_neighbour)), _neighbour)),
    _passed_on("passes on a Delete that a neighbour proves", "proof_owner_mismatch", _proved(_act("Delete", _carol, _address(_note())), _neighbour)),
    _passed_on("passes on a Delete that another proves as the one to whom it is attributed", "proof_owner_mismatch", _proved(_act("Delete", _carol, _address(_note()), attributedTo=_alice), _alice)),
    _passed_on("passes on another's Delete, proved, of what is not hers", "object_of_another_origin", _proved(_act("Delete", _alice, _address(_note())), _alice)),
    _passed_on("passes on a Like that a neighbour proves", "proof_owner_mismatch", _proved(_act("Like", _carol, lambda world: world.here.note("m")), _neighbour)),
    _direct("proves all but the note, which bears its own address", "object_of_another_origin", _under_the_groups_proof, _forum),
    _direct("holds a note of hers that a neighbour proves as its actor", "proof_owner_mismatch", lambda world: world.creates(world.alice, sign_document({**world.note(world.alice, path()), "actor": world.bob.id}, world.bob.key, world.now), path())),
    _direct("is proved by a neighbour as the one to whom it is attributed", "proof_owner_mismatch", lambda world: sign_document({**world.creates(world.alice, path=path()), "attributedTo": world.bob.id}, world.bob.key, world.now)),
)  # fmt: skip
