"""Receipts that a Trait d'union never gave, or gave of something else, and the name of each refusal. Read it as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schemas.keys import from_multibase, to_multibase
from schemas.peer_receipt import RECEIPT_LIMIT
from tests.forgeries.drafts import signed
from tests.forgeries.inbox import path, signed_by
from tests.forgeries.said import Word

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.forgeries.abroad import Actor, World

    Given = Callable[[World], Any]
    Whose = Callable[[World], Actor]


def _opsi(world: World) -> Actor:
    return world.servers["opsi"]


def _gives(name: str, reason: str, given: Given, by: Whose = _opsi) -> Word:
    """A receipt in a request that its server signs as it should."""
    return Word(
        f"receipt: {name}",
        reason,
        lambda world: signed(signed_by(world, by(world), by(world).does("Receipt", world.here.host_actor, path(), receipt=given(world)))),
    )


def _says(name: str, reason: str, said: Given, by: Whose) -> Word:
    return Word(f"receipt: {name}", reason, lambda world: signed(signed_by(world, by(world), said(world))))


def _signed(**changes: Any) -> Given:
    """Signed by OPSI's hub as it stands."""
    return lambda world: world.receipt(**changes)


def _altered(**changes: Any) -> Given:
    """Altered after it was signed."""
    return lambda world: {**world.receipt(), **changes}


def _word(**changes: Any) -> Given:
    """Of one delivery, otherwise than it should be, and signed so."""
    return lambda world: world.receipt(deliveries=[{**world.receipt()["deliveries"][0], **changes}])


def _promoted(**changes: Any) -> Given:
    """Of one delivery that was altered after it was signed."""
    return lambda world: {**(made := world.receipt()), "deliveries": [{**made["deliveries"][0], **changes}]}


def _passed_on(world: World) -> Any:
    return world.innovation.does("Announce", _opsi(world).does("Receipt", world.here.host_actor, path(), receipt=world.receipt()), path())


def _turned(world: World) -> Any:
    made = world.receipt()
    raw = from_multibase(made["proof"]["proofValue"])
    return {**made, "proof": {**made["proof"], "proofValue": to_multibase(bytes([raw[0] ^ 1]) + raw[1:])}}


def _without(member: str) -> Given:
    return lambda world: {name: said for name, said in world.receipt().items() if name != member}


def _hub_of(name: str) -> Whose:
    return lambda world: world.servers[name]


MALFORMED, INVALID, NOT_OURS = "receipt_malformed", "receipt_proof_invalid", "receipt_of_anothers_activity"
TABLE: Final = (
    _gives("by a server that is no Trait d'union", "receipt_not_expected", _signed(), lambda world: world.playing_server),
    _gives("by somebody on a server of others", "receipt_not_expected", _signed(), lambda world: world.alice),
    _gives("by a ministry's actor", "receipt_by_another_actor", _signed(), lambda world: world.ministries["opsi"]),
    _gives("by a community's actor", "receipt_by_another_actor", _signed(), lambda world: world.innovation),
    _gives("that another Trait d'union gave, in its own name", INVALID, _signed(), _hub_of("muet")),
    _gives("by another Trait d'union, in OPSI's name", "receipt_of_another_server", lambda world: world.receipt(world.anchor("muet")), _hub_of("muet")),
    _says("passed on by a community", "receipt_passed_on", _passed_on, lambda world: world.innovation),
    _says("passed on by no community", "announce_by_non_group", lambda world: _opsi(world).does("Announce", _passed_on(world)["object"], path()), _opsi),
    _says("in another server's name", "actor_mismatch", lambda world: {**world.servers["muet"].does("Receipt", world.here.host_actor, path(), receipt=world.receipt())}, _opsi),
    _says("that speaks of nothing", "activity_malformed", lambda world: {name: said for name, said in _opsi(world).does("Receipt", "", path(), receipt=world.receipt()).items() if name != "object"}, _opsi),
    _gives("of a server that is suspended and no Trait d'union", "receipt_not_expected", _signed(), lambda world: world.graded["suspendu"]),
    _gives("of a server that has left", "peer_not_admitted", _signed(), lambda world: world.graded["parti"]),
    _gives("of a server that nobody has admitted yet", "peer_not_admitted", _signed(), lambda world: world.graded["candidat"]),
    _gives("for another server", "receipt_for_another_server", _signed(addressee="autre.example")),
    _gives("for nobody", MALFORMED, _signed(addressee="")),
    _gives("in the name of another server", "receipt_of_another_server", _signed(issuer="autre.example")),
    _gives("by the key of the server's door", INVALID, lambda world: world.receipt(_opsi(world).key)),
    _gives("by the key of one of its ministries", INVALID, lambda world: world.receipt(world.ministries["opsi"].key)),
    _gives("by the key of our own cast", INVALID, lambda world: world.receipt(world.cast.hub)),
    _gives("without a proof", INVALID, _without("proof")),
    _gives("with an empty proof", INVALID, _altered(proof={})),
    _gives("with a list of proofs", INVALID, lambda world: {**(made := world.receipt()), "proof": [made["proof"]]}),
    _gives("with a proof whose value has a bit turned", INVALID, _turned),
    _gives("with a proof of another date", INVALID, lambda world: {**(made := world.receipt()), "proof": {**made["proof"], "created": "2020-01-01T00:00:00.000Z"}}),
    _gives("with a proof for signing in", INVALID, lambda world: {**(made := world.receipt()), "proof": {**made["proof"], "proofPurpose": "authentication"}}),
    _gives("with a member added", INVALID, _altered(more="x")),
    _gives("addressed to us afterwards", INVALID, lambda world: {**world.receipt(addressee="autre.example"), "addressee": world.here.base.partition("://")[2]}),
    _gives("of another date than was signed", INVALID, _altered(issued="2027-01-01T00:00:00.000Z")),
    _gives("of another activity than was signed", INVALID, lambda world: _promoted(activity=world.here.announce("e2"))(world)),
    _gives("of other bytes than were signed", INVALID, _promoted(digest="e" * 64)),
    _gives("of another fate than was signed", INVALID, _promoted(fate="refused", reason="not_owner")),
    _gives("of another number than was signed", INVALID, _promoted(sequence=8)),
    _gives("of nodes that were not signed", INVALID, _promoted(nodes={"labo": "written"})),
    _gives("of an activity of its own", NOT_OURS, lambda world: _word(activity=_opsi(world).origin + "/activities/e1#announce")(world)),
    _gives("of an activity of a third server", NOT_OURS, _word(activity="https://tiers.example/activities/e1#announce")),
    _gives("of a message of ours, which is no activity", NOT_OURS, lambda world: _word(activity=world.here.note("m"))(world)),
    _gives("of an activity that we did not announce", NOT_OURS, lambda world: _word(activity=world.here.activity("e1"))(world)),
    _gives("of a boost, which no Trait d'union is told", NOT_OURS, lambda world: _word(activity=world.here.activity("e1") + "#boost")(world)),
    _gives("of an activity by a longer way", NOT_OURS, lambda world: _word(activity=world.here.activity("e1") + "/..#announce")(world)),
    _gives("of an activity under a name like ours", NOT_OURS, lambda world: _word(activity=world.here.base + ".autre.example/activities/e1#announce")(world)),
    _gives("of ours and, beside it, of another's", NOT_OURS, lambda world: world.receipt(deliveries=[world.receipt()["deliveries"][0], _word(activity="https://tiers.example/activities/e1#announce")(world)["deliveries"][0]])),
    _gives("of nothing", MALFORMED, _signed(deliveries=[])),
    _gives("of too much", MALFORMED, lambda world: world.receipt(deliveries=world.receipt()["deliveries"] * (RECEIPT_LIMIT + 1))),
    _gives("of a fate that nobody knows", MALFORMED, _word(fate="arrived")),
    _gives("of a digest that is none", MALFORMED, _word(digest="x")),
    _gives("of a number below zero", MALFORMED, _word(sequence=-1)),
    _gives("of a number in words", MALFORMED, _word(sequence="sept")),
    _gives("of a reason in prose", MALFORMED, _word(reason="Parce que.")),
    _gives("of a node that is none", MALFORMED, _word(nodes={"<b>": "written"})),
    _gives("of a verdict in prose", MALFORMED, _word(nodes={"labo": "Oui !"})),
    _gives("at no date", MALFORMED, _signed(issued="hier")),
    _gives("of another type", MALFORMED, _signed(type="TraitDUnionRegistry")),
    _gives("that is a text", MALFORMED, lambda _: "reçu"),
    _gives("that is a list", MALFORMED, lambda world: [world.receipt()]),
    _gives("that is not there", MALFORMED, lambda _: None),
)  # fmt: skip
"""A receipt that is true, and was altered, borrowed or misdirected."""
