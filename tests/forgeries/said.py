"""What peers may not say though they sign well, whose key nobody should take, and the name of each refusal. Read it as a table."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from schemas.documents import sign_document
from schemas.facts.external import ACTIVITY_LIMIT
from schemas.facts.message import MessageDeleted
from schemas.keys import from_multibase, to_multibase
from schemas.words import Audience
from tests.forgeries.abroad import ADMITTED_ALSO, FACT
from tests.forgeries.drafts import Draft, signed
from tests.forgeries.inbox import path, signed_by, written
from tests.forgeries.proofs import proved

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.forgeries.abroad import Actor, World
    from tests.forgeries.drafts import Wire

    Says = Callable[[World], Any]
    Whose = Callable[[World], Actor]

NETWORK: Final = frozenset({"network"})
"""Refused by the client that asks other servers: only a socket shows it."""
MEMORY: Final = frozenset({"memory"})
"""Refused before its body is read: over a socket whose other end is closed, its sender may not hear the answer."""


@dataclass(frozen=True)
class Word:
    """One attempt, and what it is refused by."""

    name: str
    reason: str
    make: Callable[[World], Wire]
    needs: frozenset[str] = frozenset()


def _alice(world: World) -> Actor:
    return world.alice


def _forum(world: World) -> Actor:
    return world.forum


def _carol(world: World) -> Actor:
    return world.carol


def _opsi(world: World) -> Actor:
    return world.ministries["opsi"]


def _says(name: str, reason: str, said: Says, by: Whose = _alice) -> Word:
    """Signed as it should be by somebody who may not say this."""
    return Word(name, reason, lambda world: signed(signed_by(world, by(world), said(world))))


def _keyed(name: str, reason: str, key_id: Callable[[World], str], needs: frozenset[str] = frozenset()) -> Word:
    """Signed in alice's name by a key of this id."""

    def make(world: World) -> Wire:
        draft = signed_by(world, world.alice, world.creates(world.alice, path=path()))
        return signed(replace(draft, key_id=key_id(world)).parameter("keyid", f'"{key_id(world)}"'))

    return Word(name, reason, make, needs)


def _odd(name: str, reason: str, who: str, key: str = "", needs: frozenset[str] = frozenset()) -> Word:
    """Signed by an actor of ODD, in its own name; `key` is a fragment of its address, or the path of a key's own page."""

    def make(world: World) -> Wire:
        actor = world.odd[who]
        key_id = actor.key.key_id if not key else f"{actor.origin}{key}" if key.startswith("/") else f"{actor.id}#{key}"
        draft = replace(signed_by(world, actor, world.creates(actor, path=path())), key_id=key_id)
        return signed(draft.parameter("keyid", f'"{key_id}"'))

    return Word(name, reason, make, needs)


KEYS: Final = (
    _keyed("names a key that leads to another server", "redirect_refused", lambda world: f"{world.alice.origin}/keys/elsewhere"),
    _keyed("names a key that leads on and on", "redirected_too_often", lambda world: f"{world.alice.origin}/keys/twice", NETWORK),
    _keyed("names a key that leads to a cloud's metadata", "url_host_refused", lambda world: f"{world.alice.origin}/keys/metadata", NETWORK),
    _keyed("names a key that leads into a private network", "url_host_refused", lambda world: f"{world.alice.origin}/keys/inward", NETWORK),
    _keyed("names a key at a private address", "url_host_refused", lambda _: f"https://{ADMITTED_ALSO[0]}/actor#main-key", NETWORK),
    _keyed("names a key at a link-local address", "url_host_refused", lambda _: f"http://{ADMITTED_ALSO[1]}/latest#main-key", NETWORK),
    _keyed("names a key at a name that stands for a private address", "address_refused", lambda _: "https://prive.example/actor#main-key", NETWORK),
    _keyed("names a key at a name that stands for a cloud's metadata", "address_refused", lambda _: "http://metadonnees.example/actor#main-key", NETWORK),
    _keyed("names a key with a user and a password", "peer_not_admitted", lambda world: world.alice.key.key_id.replace("://", "://moi:mot@")),
    _keyed("names a key that its owner does not claim", "key_not_claimed", lambda world: f"{world.alice.id}#autre"),
    _keyed("names an owner without a key", "key_not_claimed", lambda world: world.alice.id),
    _keyed("names a key document that nobody claims", "key_not_claimed", lambda world: f"{world.alice.origin}/keys/unclaimed"),
    _keyed("names a key document of another server's person", "key_of_another_origin", lambda world: f"{world.alice.origin}/keys/of-carol"),
    _keyed("names a key document of nobody's", "key_malformed", lambda world: f"{world.alice.origin}/keys/of-nobody"),
    _keyed("names a key where nothing is", "key_unknown", lambda world: f"{world.alice.origin}/keys/none"),
    _keyed("names no key", "peer_not_admitted", lambda _: ""),
    _keyed("names a key of no address", "peer_not_admitted", lambda _: "main-key"),
    _keyed("names a key by another scheme", "peer_not_admitted", lambda world: world.alice.key.key_id.replace("http://", "ftp://")),
    _keyed("names a key by « javascript »", "peer_not_admitted", lambda _: "javascript:alert(1)"),
    _keyed("names a key with a backslash", "peer_not_admitted", lambda world: world.alice.key.key_id.replace("/users", "\\\\@autre.example")),
    _keyed("names a key of a server that nobody knows", "peer_not_admitted", lambda world: world.stranger.key.key_id),
    _keyed("names a key at an address without an end", "peer_not_admitted", lambda world: world.alice.origin + "/" + "a" * 2100 + "#main-key"),
    _keyed("is signed by her under a neighbour's key's name", "signature_invalid", lambda world: world.bob.key.key_id),
    _keyed("is an Ed25519 signature under an RSA key's name", "signature_invalid", lambda world: world.alice.rsa.key_id),
    _odd("is of an actor without keys", "key_not_claimed", "keyless"),
    _odd("is by a key whose controller is another", "key_of_another_owner", "controller"),
    _odd("is by a key that has expired", "key_expired", "expired"),
    _odd("is by a key that was revoked", "key_revoked", "revoked"),
    _odd("is by a key id that has two keys", "key_repeated", "twice"),
    _odd("is by a key that is cut", "key_malformed", "cut"),
    _odd("is by a key of small order", "key_malformed", "small"),
    _odd("is by a key of no type", "key_malformed", "untyped"),
    _odd("is by a key that expires in words", "key_malformed", "undated"),
    _odd("is by a key of another curve", "key_malformed", "curve"),
    _odd("is by a PEM that is a number", "key_malformed", "number", "main-key"),
    _odd("is by a key whose own page shows another one", "key_not_claimed", "disagrees", "/keys/disagrees"),
    _odd("is by a key whose owner is a note", "actor_malformed", "noted", "/keys/noted"),
    _odd("is by an RSA key of 1024 bits", "key_malformed", "weak", "main-key"),
    _odd("is by a PEM without an end", "key_malformed", "nopem", "main-key"),
    _odd("is by a key that another's page claims", "key_not_claimed", "claims"),
    _odd("is by a page that bears another server's name", "key_of_another_origin", "names"),
    _odd("is by a page of HTML", "answer_type_refused", "html", needs=NETWORK),
    _odd("is by a file that somebody uploaded", "answer_type_refused", "upload", needs=NETWORK),
    _odd("is by a page that is a list", "answer_malformed", "list"),
    _odd("is by a page with two types", "answer_malformed", "double"),
    _odd("is by a page of eighty levels", "answer_too_deep", "deep"),
    _odd("is by a page with a number that is none", "answer_malformed", "numberless"),
    _odd("is by a page with a number without bound", "answer_malformed", "boundless"),
    _odd("is by a page that fails", "peer_server_error", "broken"),
    _odd("is by a page that has gone", "key_owner_gone", "gone"),
    _odd("is by a page that never was", "key_unknown", "absent"),
    _odd("is by an actor without an inbox", "actor_malformed", "inboxless"),
    _odd("is by a page of a megabyte", "answer_too_large", "large", needs=NETWORK),
    _odd("is by a page of a megabyte that does not say so", "answer_too_large", "endless", needs=NETWORK),
    _odd("is by a page that is packed", "answer_encoded", "packed", needs=NETWORK),
)  # fmt: skip


def _by_key_of(name: str, reason: str, said: Says, signer: Whose) -> Word:
    """Said by one, signed by another's good key."""
    return Word(name, reason, lambda world: signed(signed_by(world, signer(world), said(world))))


def _proof(**options: Any) -> Callable[[World], Any]:
    """Alice's Create whose proof is altered after it was made."""

    def said(world: World) -> dict[str, Any]:
        made = sign_document(world.creates(world.alice, path=path()), world.alice.key, world.now)
        changed = {name: value for name, value in {**made["proof"], **options}.items() if value is not None}
        return {**made, "proof": changed}

    return said


def _proved(world: World, **changes: Any) -> dict[str, Any]:
    """Alice's Create with her proof, something of it altered afterwards."""
    return {**sign_document(world.creates(world.alice, path=path()), world.alice.key, world.now), **changes}


def _resigned(world: World, change: Callable[[bytes], bytes]) -> dict[str, Any]:
    made = _proved(world)
    return {**made, "proof": {**made["proof"], "proofValue": to_multibase(change(from_multibase(made["proof"]["proofValue"])))}}


def _carols(world: World, **changes: Any) -> dict[str, Any]:
    """What carol proves, passed on by a Group that altered it."""
    made = sign_document(world.creates(world.carol, world.note(world.carol, path()), path()), world.carol.key, world.now)
    return world.forum.does("Announce", {**made, **changes}, path())


def _with(**options: Any) -> Callable[[World], Any]:
    """Alice's Create with a proof that holds, of these options."""
    return lambda world: proved(world.creates(world.alice, path=path()), world.alice.key, **options)


def _nine(world: World) -> dict[str, Any]:
    made = _proved(world)
    return {**made, "proof": [made["proof"]] * 9}


PROOFS: Final = (
    _says("proves for signing in", "proof_purpose_mismatch", _with(proofPurpose="authentication")),
    _says("proves in a far future", "proof_in_future", _with(created="2999-01-01T00:00:00Z")),
    _says("proved until 2020", "proof_expired", _with(expires="2020-01-01T00:00:00Z")),
    _says("proves until later", "proof_option_malformed", _with(expires="later")),
    _says("proved now and then", "proof_option_malformed", _with(created="now")),
    _says("proves at no date", "proof_option_missing", _with(created=None)),
    _says("proves upon a proof that nobody checks", "proof_chained", _with(previousProof="urn:uuid:x")),
    _says("proves by a list of keys", "proof_option_malformed", lambda world: _with(verificationMethod=[world.alice.key.key_id])(world)),
    _says("proves in a context that the document has not", "proof_context_mismatch", _with(**{"@context": ["https://autre.example/ns"]})),
    _says("proves by another suite", "proof_suite_unsupported", _with(cryptosuite="ecdsa-jcs-2019")),
    _says("proves in a neighbour's name", "proof_owner_mismatch", lambda world: proved(world.creates(world.alice, path=path()), world.bob.key)),
    _says("proves in the name of somebody on another server", "proof_origin_mismatch", lambda world: proved(world.creates(world.alice, path=path()), world.carol.key)),
    _says("has a proof of another text", "proof_invalid", lambda world: _proved(world, cc=[])),
    _says("has a proof, and a member added", "proof_invalid", lambda world: _proved(world, summary="x")),
    _says("has a proof of other dates", "proof_invalid", _proof(created="2020-01-01T00:00:00Z")),
    _says("has a proof that comes from the future", "proof_in_future", _proof(created="2999-01-01T00:00:00Z")),
    _says("has a proof that has expired", "proof_expired", _proof(expires="2020-01-01T00:00:00Z")),
    _says("has a proof that shall live longer", "proof_invalid", _proof(expires="2999-01-01T00:00:00Z")),
    _says("has a proof that expires in words", "proof_option_malformed", _proof(expires="later")),
    _says("has a proof for signing in", "proof_purpose_mismatch", _proof(proofPurpose="authentication")),
    _says("has a proof without a purpose", "proof_option_missing", _proof(proofPurpose=None)),
    _says("has a proof without a date", "proof_option_missing", _proof(created=None)),
    _says("has a proof of a date in words", "proof_option_malformed", _proof(created="now")),
    _says("has a proof of a date that is a number", "proof_option_malformed", _proof(created=1)),
    _says("has a proof without a value", "proof_option_missing", _proof(proofValue=None)),
    _says("has a proof without a key", "proof_option_missing", _proof(verificationMethod=None)),
    _says("has a proof of another suite", "proof_suite_unsupported", _proof(cryptosuite="eddsa-rdfc-2022")),
    _says("has a proof of an older suite", "proof_suite_unsupported", _proof(type="RsaSignature2017")),
    _says("has a proof of an option that nobody knows", "proof_invalid", _proof(traitdunion="x")),
    _says("has a proof with a nonce added", "proof_invalid", _proof(nonce="x")),
    _says("has a proof for another domain", "proof_invalid", _proof(domain="autre.example")),
    _says("has a proof upon another proof", "proof_chained", _proof(previousProof="urn:uuid:x")),
    _says("has a proof of another context", "proof_context_mismatch", _proof(**{"@context": ["https://autre.example/ns"]})),
    _says("has a proof without its context", "proof_invalid", lambda world: {name: said for name, said in _proved(world, proof={**_proved(world)["proof"], "@context": "x"}).items() if name != "@context"} | {"@context": "x"}),
    _says("has a proof, and its context taken off", "proof_context_mismatch", lambda world: {name: said for name, said in _proved(world).items() if name != "@context"}),
    _says("has a proof, and a context put before it", "proof_context_mismatch", lambda world: _proved(world, **{"@context": ["https://autre.example/ns", "https://www.w3.org/ns/activitystreams"]})),
    _says("has a proof whose value is cut", "proof_invalid", lambda world: _resigned(world, lambda raw: raw[:-1])),
    _says("has a proof whose value has a bit turned", "proof_invalid", lambda world: _resigned(world, lambda raw: bytes([raw[0] ^ 1]) + raw[1:])),
    _says("has a proof whose value is in another base", "proof_option_malformed", _proof(proofValue="uAAAA")),
    _says("has a proof by a neighbour's key", "proof_owner_mismatch", lambda world: sign_document(world.creates(world.alice, path=path()), world.bob.key, world.now)),
    _says("has a proof by a key of another server", "proof_origin_mismatch", lambda world: sign_document(world.creates(world.alice, path=path()), world.carol.key, world.now)),
    _says("has a proof by an RSA key", "proof_key_unsuitable", lambda world: _proof(verificationMethod=world.alice.rsa.key_id)(world)),
    _says("has a proof by a key that nobody claims", "key_not_claimed", lambda world: _proof(verificationMethod=world.alice.id + "#autre")(world)),
    _says("holds a proof of two owners", "proof_owner_mismatch", lambda world: world.creates(world.alice, sign_document(world.note(world.alice, path(), attributedTo=[world.alice.id, world.bob.id]), world.alice.key, world.now), path())),
    _says("has a proof that is a text", "proof_malformed", lambda world: _proved(world, proof="x")),
    _says("has nine proofs", "proof_malformed", _nine),
    _says("has no proof in its list of them", "proof_malformed", lambda world: _proved(world, proof=[])),
    _says("has a bad proof before a good one", "proof_invalid", lambda world: {**(made := _proved(world)), "proof": [{**made["proof"], "created": "2020-01-01T00:00:00Z"}, made["proof"]]}),
    _says("has a number that has no canonical writing", "document_not_canonicalisable", lambda world: _proved(world, size=2**60)),
    _says("holds a note whose proof does not hold", "proof_invalid", lambda world: world.creates(world.alice, {**sign_document(world.note(world.alice, path()), world.alice.key, world.now), "content": "x"}, path())),
    _says("is passed on with words of its own", "proof_invalid", lambda world: _carols(world, summary="x"), _forum),
    _says("is passed on with its proof taken off", "object_unavailable", lambda world: {**_carols(world), "object": {name: said for name, said in _carols(world)["object"].items() if name != "proof"}}, _forum),
    _says("is passed on with the Group's proof in the author's place", "proof_origin_mismatch", lambda world: world.forum.does("Announce", sign_document(world.creates(world.carol, world.note(world.carol, path()), path()), world.forum.key, world.now), path()), _forum),
    _says("is passed on with a proof of a server that nobody knows", "peer_not_admitted", lambda world: world.forum.does("Announce", sign_document(world.creates(world.stranger), world.stranger.key, world.now), path()), _forum),
)  # fmt: skip


def _announces(inner: Says) -> Says:
    return lambda world: world.forum.does("Announce", inner(world), path())


def _brings_back(address: Callable[[World], str]) -> Says:
    return _announces(lambda world: world.brings_back(world.member, address(world), path()))


def _our_delete(world: World) -> dict[str, Any]:
    """What our own moderation says of a note of ours."""
    said = {"id": world.here.activity("e"), "type": "Delete", "actor": world.here.node("labo")}
    return {**said, "object": {"id": world.here.note("m"), "type": "Tombstone"}, "summary": "Retiré par la modération"}


def _does(verb: str, what: Says, **more: Any) -> Says:
    return lambda world: world.alice.does(verb, what(world), path(), **more)


AUTHORITY: Final = (
    _by_key_of("is a neighbour's, by one's own key", "actor_mismatch", lambda world: world.creates(world.bob, path=path()), _alice),
    _by_key_of("is another server's, by one's own key", "actor_mismatch", lambda world: world.creates(world.carol, path=path()), _alice),
    _by_key_of("is nobody's", "actor_mismatch", lambda world: {name: said for name, said in world.creates(world.alice, path=path()).items() if name != "actor"}, _alice),
    _by_key_of("is of two actors", "actor_mismatch", lambda world: {**world.creates(world.alice, path=path()), "actor": [world.alice.id, world.bob.id]}, _alice),
    _by_key_of("is of an actor with a fragment", "actor_mismatch", lambda world: {**world.creates(world.alice, path=path()), "actor": world.alice.id + "#x"}, _alice),
    _by_key_of("is ours, by a key of elsewhere", "actor_mismatch", lambda world: {**world.creates(world.alice, path=path()), "actor": world.group}, _alice),
    _by_key_of("is a moderator's deletion in our group's name", "actor_mismatch", lambda world: {**world.alice.does("Delete", world.here.note("m"), path()), "actor": world.group}, _alice),
    _by_key_of("is a moderator's deletion in our node's name", "actor_mismatch", _our_delete, _alice),
    _says("has no id", "activity_id_missing", lambda world: {name: said for name, said in world.creates(world.alice).items() if name != "id"}),
    _says("has an empty id", "activity_id_missing", lambda world: {**world.creates(world.alice), "id": ""}),
    _says("has an id that is a number", "activity_id_missing", lambda world: {**world.creates(world.alice), "id": 7}),
    _says("has an id of another server", "id_of_another_origin", lambda world: {**world.creates(world.alice), "id": world.carol.origin + "/acts/1"}),
    _says("has an id of ours", "id_of_another_origin", lambda world: {**world.creates(world.alice), "id": world.here.activity("x")}),
    _says("has an id of https", "id_of_another_origin", lambda world: {**world.creates(world.alice), "id": world.alice.origin.replace("http://", "https://") + "/acts/1"}),
    _says("has an id of another port", "id_of_another_origin", lambda world: {**world.creates(world.alice), "id": world.alice.origin + "1/acts/1"}),
    _says("has an id with a user", "id_of_another_origin", lambda world: {**world.creates(world.alice), "id": world.alice.origin.replace("://", "://moi@") + "/acts/1"}),
    _says("has an id that is an URN", "id_of_another_origin", lambda world: {**world.creates(world.alice), "id": "urn:uuid:x"}),
    _says("makes another server's note", "object_of_another_origin", lambda world: world.creates(world.alice, world.note(world.carol), path())),
    _says("makes a note of ours", "object_of_another_origin", lambda world: world.creates(world.alice, {**world.note(world.alice), "id": world.here.note("m")}, path())),
    _says("makes a neighbour's note", "not_owner", lambda world: world.creates(world.alice, {**world.note(world.alice), "attributedTo": world.bob.id}, path())),
    _says("makes a note of another server's author", "not_owner", lambda world: world.creates(world.alice, {**world.note(world.alice), "attributedTo": world.carol.id}, path())),
    _says("makes a note of two authors, another one first", "not_owner", lambda world: world.creates(world.alice, {**world.note(world.alice), "attributedTo": [world.bob.id, world.alice.id]}, path())),
    _says("makes a note of nobody's", "not_owner", lambda world: world.creates(world.alice, {**world.note(world.alice), "attributedTo": []}, path())),
    _says("makes a note without an id", "activity_malformed", lambda world: world.creates(world.alice, {name: said for name, said in world.note(world.alice).items() if name != "id"}, path())),
    _says("makes two notes", "activity_malformed", lambda world: world.alice.does("Create", [world.note(world.alice), world.note(world.alice, "notes/2")], path())),
    _says("makes a note that is not there", "object_unavailable", lambda world: world.alice.does("Create", f"{world.alice.origin}/notes/none", path())),
    _says("changes another server's note", "object_of_another_origin", _does("Update", lambda world: world.note(world.carol))),
    _says("changes a neighbour's note", "not_owner", _does("Update", lambda world: world.note(world.bob))),
    _says("changes another server's actor", "object_of_another_origin", _does("Update", lambda world: world.carol.document())),
    _says("changes a neighbour", "not_owner", _does("Update", lambda world: world.bob.document())),
    _says("changes our group", "object_of_another_origin", _does("Update", lambda world: {"id": world.group, "type": "Group"})),
    _says("deletes another server's note", "object_of_another_origin", _does("Delete", lambda world: world.note(world.carol)["id"])),
    _says("deletes another server's note by its tombstone", "object_of_another_origin", _does("Delete", lambda world: {"id": world.note(world.carol)["id"], "type": "Tombstone"})),
    _says("deletes another server's person", "object_of_another_origin", _does("Delete", lambda world: world.carol.id)),
    _says("deletes a note of ours", "object_of_another_origin", _does("Delete", lambda world: world.here.note("m"))),
    _says("deletes our group", "object_of_another_origin", _does("Delete", lambda world: world.group)),
    _says("deletes nothing", "activity_malformed", _does("Delete", lambda _: None)),
    _says("takes back another server's like", "undo_of_another", _does("Undo", lambda world: world.carol.does("Like", world.here.note("m")))),
    _says("takes back a neighbour's like", "undo_of_another", _does("Undo", lambda world: world.bob.does("Like", world.here.note("m")))),
    _says("takes back another server's like by its id", "undo_of_another", _does("Undo", lambda world: world.carol.origin + "/acts/7")),
    _says("takes back another server's like as if it were one's own", "undo_of_another", _does("Undo", lambda world: {**world.carol.does("Like", world.here.note("m")), "actor": world.alice.id})),
    _says("takes back a follow of ours", "undo_of_another", _does("Undo", lambda world: {"type": "Follow", "actor": world.group, "object": world.alice.id})),
    _says("takes back a deletion of ours", "undo_of_another", _does("Undo", _our_delete)),
    _says("takes back a deletion of ours by its address", "undo_of_another", _does("Undo", lambda world: _our_delete(world)["id"])),
    _says("takes back nothing", "undo_of_another", _does("Undo", lambda _: None)),
    _says("moves somebody else", "not_owner", lambda world: world.alice.does("Move", world.carol.id, path(), target=world.alice.id)),
    _says("moves a neighbour", "not_owner", lambda world: world.alice.does("Move", world.bob.id, path(), target=world.alice.id)),
    _says("moves a neighbour to her own new home", "not_owner", lambda world: world.alice.does("Move", world.bob.id, path(), target=world.moved.id)),
    _says("moves to somebody who does not know her", "move_not_confirmed", lambda world: world.alice.does("Move", world.alice.id, path(), target=world.carol.id)),
    _says("moves to a server that nobody knows", "peer_not_admitted", lambda world: world.alice.does("Move", world.alice.id, path(), target=world.stranger.id)),
    _says("moves to a candidate's server", "peer_not_admitted", lambda world: world.alice.does("Move", world.alice.id, path(), target=world.graded["candidat"].id)),
    _says("moves to nowhere", "peer_not_admitted", _does("Move", lambda world: world.alice.id)),
    _says("accepts what was asked of another", "not_owner", _does("Accept", lambda world: {"type": "Follow", "actor": world.group, "object": world.carol.id})),
    _says("refuses what was asked of another", "not_owner", _does("Reject", lambda world: {"type": "Follow", "actor": world.group, "object": world.carol.id})),
    _says("follows nothing", "activity_malformed", _does("Follow", lambda _: None)),
    _says("likes nothing", "activity_malformed", _does("Like", lambda _: {})),
)  # fmt: skip

PASSED_ON: Final = (
    _says("is passed on by a person", "announce_by_non_group", lambda world: world.alice.does("Announce", world.creates(world.alice), path())),
    _says("is passed on by a person, by its address", "announce_by_non_group", lambda world: world.alice.does("Announce", world.note(world.carol)["id"], path())),
    _says("is passed on by an organisation", "announce_by_non_group", lambda world: _opsi(world).does("Announce", world.ministry_note(), path()), _opsi),
    _says("is passed on in another Group's name", "actor_mismatch", lambda world: {**world.forum.does("Announce", world.creates(world.carol), path()), "actor": world.forum.id}, _carol),
    _says("is passed on twice over", "announce_of_announce", _announces(lambda world: world.forum.does("Announce", world.creates(world.carol))), _forum),
    _says("passes nothing on", "activity_malformed", _announces(lambda _: None), _forum),
    _says("passes on a stranger's word", "peer_not_admitted", _announces(lambda world: world.creates(world.stranger)), _forum),
    _says("passes on a stranger's word by its address", "peer_not_admitted", _announces(lambda world: world.note(world.stranger)["id"]), _forum),
    _says("passes on a candidate's word", "peer_not_admitted", _announces(lambda world: world.creates(world.graded["candidat"])), _forum),
    _says("passes on a candidate's word by its address", "peer_not_admitted", _announces(lambda world: world.note(world.graded["candidat"])["id"]), _forum),
    _says("passes on a candidate's deletion", "peer_not_admitted", _announces(lambda world: world.graded["candidat"].does("Delete", world.note(world.graded["candidat"])["id"])), _forum),
    _says("passes on what a candidate proves", "peer_not_admitted", _announces(lambda world: sign_document(world.creates(world.graded["candidat"]), world.graded["candidat"].key, world.now)), _forum),
    _says("passes on a candidate's like", "peer_not_admitted", _announces(lambda world: world.graded["candidat"].does("Like", world.here.note("m"))), _forum),
    _says("passes on the word of a server that has left", "peer_not_admitted", _announces(lambda world: world.creates(world.graded["parti"])), _forum),
    _says("passes on what a server that has left proves", "peer_not_admitted", _announces(lambda world: sign_document(world.creates(world.graded["parti"]), world.graded["parti"].key, world.now)), _forum),
    _says("passes on a word that was never said", "object_unavailable", _announces(lambda world: world.creates(world.carol, world.note(world.carol, "notes/none"))), _forum),
    _says("passes on another's word under an id of a third server", "id_of_another_origin", _announces(lambda world: {**world.creates(world.carol), "id": world.alice.origin + "/acts/1"}), _forum),
    _says("passes on another's word under an id of its own", "id_of_another_origin", _announces(lambda world: {**world.creates(world.carol), "id": world.forum.origin + "/acts/1"}), _forum),
    _says("passes on another's word as a third one's", "object_of_another_origin", _announces(lambda world: world.creates(world.alice, world.note(world.carol))), _forum),
    _says("passes on a neighbour's word as another's", "not_owner", _announces(lambda world: {**world.creates(world.carol), "actor": world.carol.origin + "/users/autre"}), _forum),
    _says("passes on a member's word under another member's name", "not_owner", _announces(lambda world: world.member.does("Create", world.note(world.forum))), _forum),
    _says("passes on a member's word on another server's note", "object_of_another_origin", _announces(lambda world: world.member.does("Create", world.note(world.carol))), _forum),
    _says("passes on a note whose server names another author", "not_owner", _announces(lambda world: world.note(world.carol, "notes/stolen")["id"]), _forum),
    _says("passes on a note whose server gives it another id", "object_mismatch", _announces(lambda world: world.note(world.carol, "notes/renamed")["id"]), _forum),
    _says("passes on a note whose address leads to another server", "object_unavailable", _announces(lambda world: world.note(world.carol, "notes/led-away")["id"]), _forum),
    _says("passes on an act under another act's address", "object_mismatch", _announces(lambda world: world.carol.does("Like", world.here.note("m"), "acts/followed")), _forum),
    _says("passes on an act that holds an address alone", "object_mismatch", _announces(lambda world: world.carol.origin + "/acts/bare"), _forum),
    _says("passes on a note that is buried", "object_unavailable", _announces(lambda world: world.note(world.carol, "notes/buried")["id"]), _forum),
    _says("passes on a note of followers only", "audience_unknown", _announces(lambda world: world.note(world.carol, "notes/private")["id"]), _forum),
    _says("passes on a note of followers only as if it were for all", "audience_unknown", _announces(lambda world: world.creates(world.carol, world.note(world.carol, "notes/private"))), _forum),
    _says("passes on a deletion of what stands", "object_mismatch", _announces(lambda world: world.carol.does("Delete", world.note(world.carol, "notes/standing")["id"])), _forum),
    _says("passes on a deletion by another", "object_of_another_origin", _announces(lambda world: world.alice.does("Delete", world.note(world.carol)["id"])), _forum),
    _says("passes on its own moderator's deletion of another server's note", "object_of_another_origin", _announces(lambda world: world.member.does("Delete", world.note(world.carol)["id"], path(), summary="hors sujet")), _forum),
    _says("passes on a deletion in our name", "peer_not_admitted", _announces(_our_delete), _forum),
    _says("passes on an undo of a deletion of ours", "peer_not_admitted", _announces(lambda world: {**_our_delete(world), "id": world.here.activity("u"), "type": "Undo", "object": _our_delete(world)}), _forum),
    _says("passes on a like that nobody made", "object_unavailable", _announces(lambda world: world.carol.does("Like", world.here.note("m"))), _forum),
    _says("passes on a follow that nobody asked", "object_unavailable", _announces(lambda world: world.carol.does("Follow", world.group)), _forum),
    _says("passes on an undo that nobody made", "object_unavailable", _announces(lambda world: world.carol.does("Undo", world.carol.does("Like", world.here.note("m")))), _forum),
    _says("passes on a member's deletion of another's", "object_of_another_origin", _announces(lambda world: world.member.does("Delete", world.note(world.carol)["id"])), _forum),
    _says("passes on a member's undo of another's", "undo_of_another", _announces(lambda world: world.member.does("Undo", world.carol.does("Like", world.here.note("m")))), _forum),
    _says("brings back what is away still", "object_unavailable", _brings_back(lambda world: f"{world.member.origin}/post/away"), _forum),
    _says("brings back what is nowhere", "object_unavailable", _brings_back(lambda world: f"{world.member.origin}/post/nowhere"), _forum),
    _says("brings back what stands under another address", "object_mismatch", _brings_back(lambda world: f"{world.member.origin}/post/renamed"), _forum),
    _says("brings back what is for followers only", "audience_unknown", _brings_back(lambda world: f"{world.member.origin}/post/back-private"), _forum),
    _says("brings back another server's note", "not_owner", _brings_back(lambda world: world.note(world.carol, "notes/standing")["id"]), _forum),
    _says("brings back a note of ours", "peer_not_admitted", _brings_back(lambda world: world.here.note("m")), _forum),
    _says("brings back what another took away", "undo_of_another", _announces(lambda world: world.member.does("Undo", world.brings_back(world.carol, world.note(world.carol, "notes/standing")["id"], path())["object"], path())), _forum),
    _says("passes on an act of nobody's", "activity_malformed", _announces(lambda world: {name: said for name, said in world.creates(world.carol).items() if name != "actor"}), _forum),
)  # fmt: skip

AUDIENCES: Final = (
    _says("is for followers only", "audience_unknown", lambda world: world.creates(world.alice, world.note(world.alice, path(), to=[world.alice.id + "/followers"]), path())),
    _says("is for one group only", "audience_unknown", lambda world: world.creates(world.alice, world.note(world.alice, path(), to=[world.group], cc=[]), path())),
    _says("is for nobody", "audience_unknown", lambda world: world.creates(world.alice, world.note(world.alice, path(), to=[], cc=[]), path())),
    _says("is for all in `bto` alone", "audience_unknown", lambda world: world.creates(world.alice, world.note(world.alice, path(), to=[], cc=[world.group], bto=["as:Public"]), path())),
    _says("is for all by its wrapping alone", "audience_unknown", lambda world: world.creates(world.alice, world.note(world.alice, path(), to=[world.group], cc=[]), path())),
    _says("is for all in `audience` alone", "audience_unknown", lambda world: world.creates(world.alice, world.note(world.alice, path(), to=[world.group], cc=[], audience="as:Public"), path())),
    _says("becomes one for followers", "audience_unknown", _does("Update", lambda world: world.note(world.alice, to=[world.alice.id + "/followers"]))),
    _says("calls nobody here", "not_addressed_here", lambda world: {**world.creates(world.alice, world.note(world.alice, path(), cc=[]), path()), "cc": []}),
    _says("calls a group of another server", "not_addressed_here", lambda world: {**world.creates(world.alice, world.note(world.alice, path(), cc=[world.forum.id]), path()), "cc": [world.forum.id]}),
    _says("calls a server whose name begins like ours", "not_addressed_here", lambda world: {**world.creates(world.alice, world.note(world.alice, path(), cc=[world.here.base + ".autre.example/groups/x"]), path()), "cc": []}),
    _says("is passed on for more than it was written for", "audience_unknown", _announces(lambda world: world.member.does("Create", world.note(world.member, path(), to=[world.forum.id], cc=[]))), _forum),
)  # fmt: skip


def _graded(name: str, reason: str, who: str, said: Callable[[World, Actor], Any]) -> Word:
    return _says(name, reason, lambda world: said(world, world.graded[who]), lambda world: world.graded[who])


GRADES: Final = (
    _says("is of a server that nobody knows", "peer_not_admitted", lambda world: world.creates(world.stranger, path=path()), lambda world: world.stranger),
    _graded("is of a candidate", "peer_not_admitted", "candidat", lambda world, actor: world.creates(actor, path=path())),
    _graded("is a candidate's deletion", "peer_not_admitted", "candidat", lambda world, actor: actor.does("Delete", world.note(actor)["id"], path())),
    _graded("is of a server that has left", "peer_not_admitted", "parti", lambda world, actor: world.creates(actor, path=path())),
    _graded("is a deletion of a server that has left", "peer_not_admitted", "parti", lambda world, actor: actor.does("Delete", world.note(actor)["id"], path())),
    _graded("is of a suspended server", "peer_not_permitted", "suspendu", lambda world, actor: world.creates(actor, path=path())),
    _graded("is a suspended server's follow", "peer_not_permitted", "suspendu", lambda world, actor: actor.does("Follow", world.group, path())),
    _graded("is a suspended server's like", "peer_not_permitted", "suspendu", lambda world, actor: actor.does("Like", world.here.note("m"), path())),
    _graded("is of an observer", "peer_not_permitted", "observateur", lambda world, actor: world.creates(actor, path=path())),
    _graded("is an observer's change", "peer_not_permitted", "observateur", lambda world, actor: actor.does("Update", world.note(actor), path())),
    _graded("is an observer's like", "peer_not_permitted", "observateur", lambda world, actor: actor.does("Like", world.here.note("m"), path())),
    _graded("is an observer's report", "peer_not_permitted", "observateur", lambda world, actor: actor.does("Flag", [world.here.note("m")], path())),
    _graded("is of a server whose manifest has expired", "manifest_expired", "echu", lambda world, actor: world.creates(actor, path=path())),
    _graded("is a change by a server whose manifest has expired", "manifest_expired", "echu", lambda world, actor: actor.does("Update", world.note(actor), path())),
    _graded("is a like of a server whose manifest has expired", "manifest_expired", "echu", lambda world, actor: actor.does("Like", world.here.note("m"), path())),
    _says("passes on what a server whose manifest has expired proves", "manifest_expired", _announces(lambda world: sign_document(world.creates(world.graded["echu"]), world.graded["echu"].key, world.now)), _forum),
    _says("passes on what an observer proves", "peer_not_admitted", _announces(lambda world: sign_document(world.creates(world.graded["observateur"]), world.graded["observateur"].key, world.now)), _forum),
    _says("passes on what a suspended server's people prove", "peer_not_admitted", _announces(lambda world: sign_document(world.creates(world.graded["suspendu"]), world.graded["suspendu"].key, world.now)), _forum),
)  # fmt: skip


def _rewritten(write: Callable[[dict[str, Any]], str]) -> Says:
    """The very fact that was signed in other bytes: JSON that means the same."""

    def said(world: World) -> dict[str, Any]:
        note = world.ministry_note()
        value = write(json.loads(base64.b64decode(note["ministryEvent"]["value"]))).encode()
        return {**note, "ministryEvent": {**note["ministryEvent"], "value": base64.b64encode(value).decode()}}

    return said


def _ministry(name: str, reason: str, note: Says, who: str = "opsi") -> Word:
    return _says(name, reason, lambda world: world.creates(world.ministries[who], note(world), path()), lambda world: world.ministries[who])


def _envelope(**changes: Any) -> Says:
    def said(world: World) -> dict[str, Any]:
        note = world.ministry_note()
        return {**note, "ministryEvent": {**note["ministryEvent"], **changes}}

    return said


def _attributes(**changes: str) -> Says:
    def said(world: World) -> dict[str, Any]:
        note = world.ministry_note()
        attributes = {**note["ministryEvent"]["attributes"], **changes}
        return {**note, "ministryEvent": {**note["ministryEvent"], "attributes": attributes}}

    return said


MINISTRIES: Final = (
    _ministry("carries another ministry's envelope", "envelope_of_another_ministry", lambda world: {**world.ministry_note(), "ministryEvent": world.ministry_note(node="regions")["ministryEvent"]}),
    _ministry("carries another ministry's envelope and address", "envelope_of_another_ministry", lambda world: {**world.ministry_note(node="regions"), "attributedTo": world.ministries["opsi"].id}),
    _ministry("is another ministry's, envelope and all", "not_owner", lambda world: world.ministry_note(node="regions")),
    _ministry("carries the envelope of another message", "envelope_of_another_object", lambda world: {**world.ministry_note(), "ministryEvent": world.ministry_note(native="$2")["ministryEvent"]}),
    _ministry("carries an envelope of other words", "digest_mismatch", _envelope(value=base64.b64encode(FACT.to_bytes().replace(b"Bonjour", b"Bonsoir")).decode())),
    _ministry("carries an envelope whose words stand in another order", "digest_mismatch", _rewritten(lambda fact: json.dumps(dict(reversed(fact.items())), ensure_ascii=False, separators=(",", ":")))),
    _ministry("carries an envelope whose inner words stand in another order", "digest_mismatch", _rewritten(lambda fact: json.dumps({**fact, "content": dict(reversed(fact["content"].items()))}, ensure_ascii=False, separators=(",", ":")))),
    _ministry("carries an envelope whose words are spaced otherwise", "digest_mismatch", _rewritten(lambda fact: json.dumps(fact, ensure_ascii=False, indent=1))),
    _ministry("carries an envelope whose words are escaped", "digest_mismatch", _rewritten(lambda fact: json.dumps(fact, separators=(",", ":")))),
    _ministry("carries an envelope whose words have a line after them", "digest_mismatch", _rewritten(lambda fact: json.dumps(fact, ensure_ascii=False, separators=(",", ":")) + "\n")),
    _ministry("carries an envelope whose value is in the other base64", "envelope_in_note_malformed", lambda world: _envelope(value=world.ministry_note()["ministryEvent"]["value"] + "-_")(world)),
    _ministry("carries an envelope with another salt", "digest_mismatch", _envelope(salt="0" * 64)),
    _ministry("carries an envelope with half a salt", "envelope_in_note_malformed", _envelope(salt="0" * 32)),
    _ministry("carries an envelope whose salt is no number", "envelope_in_note_malformed", _envelope(salt="z" * 64)),
    _ministry("carries an envelope whose value is no base64", "envelope_in_note_malformed", _envelope(value="é")),
    _ministry("carries an envelope whose attributes are numbers", "envelope_in_note_malformed", _envelope(attributes={"id": 1})),
    _ministry("carries an envelope without attributes", "envelope_in_note_malformed", _envelope(attributes=[])),
    _ministry("carries an envelope that is a list", "envelope_in_note_malformed", lambda world: world.ministry_note(ministryEvent=[])),
    _ministry("carries an envelope of another author", "proof_invalid", _attributes(actor="b" * 32)),
    _ministry("carries an envelope of another date", "proof_invalid", _attributes(time="2026-01-01T00:00:00.000Z")),
    _ministry("carries an envelope of another community", "proof_invalid", _attributes(community="autre")),
    _ministry("carries an envelope with one attribute more", "proof_invalid", _attributes(more="1")),
    _ministry("carries an envelope whose source was changed", "key_of_another_node", _attributes(source="regions")),
    _ministry("carries an envelope of a key that nobody has", "key_unknown", lambda world: _attributes(keyid="innovation#" + world.cast.stranger.public.multibase)(world)),
    _ministry("carries an envelope of what is no message", "envelope_not_a_message", lambda world: world.ministry_note(fact=MessageDeleted(space="salon"))),
    _ministry("carries an envelope that is not for all", "envelope_not_public", lambda world: world.ministry_note(audience=Audience.UNKNOWN)),
    _ministry("shows other words than were signed", "envelope_content_mismatch", lambda world: world.ministry_note(content="<p>Tout autre chose</p>")),
    _ministry("shows words after those that were signed", "envelope_content_mismatch", lambda world: world.ministry_note(content="<p>Bonjour à tous</p><p>et ceci</p>")),
    _ministry("shows no words", "envelope_content_mismatch", lambda world: world.ministry_note(content=None)),
    _ministry("is of a hub whose registry went back", "peer_registry_refused", lambda world: world.ministry_note("recule"), "recule"),
    _ministry("is of a hub whose registry ran out", "peer_registry_refused", lambda world: world.ministry_note("perime"), "perime"),
    _ministry("is of a hub whose registry another key signed", "peer_registry_refused", lambda world: world.ministry_note("usurpe"), "usurpe"),
    _ministry("is of a hub that shows no registry", "peer_registry_unavailable", lambda world: world.ministry_note("muet"), "muet"),
)  # fmt: skip


def _draft_of(world: World) -> Draft:
    return signed_by(world, world.alice, world.creates(world.alice, path=path()))


def _typed(name: str, reason: str, content_type: str) -> Word:
    def make(world: World) -> Wire:
        draft = _draft_of(world)
        return signed(
            replace(draft, fields=tuple((known, content_type if known == "content-type" else said) for known, said in draft.fields))
        )

    return Word(name, reason, make)


def _bytes(name: str, reason: str, body: Callable[[World], bytes]) -> Word:
    return Word(name, reason, lambda world: signed(signed_by(world, world.alice, body(world))))


def _doubled(world: World) -> bytes:
    return written(world.creates(world.alice, path=path())).replace(b'"type": "Create"', b'"type": "Delete", "type": "Create"', 1)


BODIES: Final = (
    _typed("is plain JSON", "content_type_unsupported", "application/json"),
    _typed("is JSON-LD of no profile", "content_type_unsupported", "application/ld+json"),
    _typed("is JSON-LD of another profile", "content_type_unsupported", 'application/ld+json; profile="https://autre.example/ns"'),
    _typed("is a page", "content_type_unsupported", "text/html"),
    _typed("is in another alphabet", "content_type_unsupported", "application/activity+json; charset=utf-16"),
    _typed("is of no type", "content_type_unsupported", "x"),
    _typed("is of two types in one", "content_type_unsupported", "application/activity+json, text/html"),
    Word("is packed", "content_type_unsupported", lambda world: signed(_draft_of(world)).also("content-encoding", "gzip")),
    Word("has seventy fields", "headers_malformed", lambda world: replace(made := signed(_draft_of(world)), fields=(*made.fields, *((f"x-{number}", "a") for number in range(70))))),
    Word("is a PUT", "method_not_allowed", lambda world: replace(signed(_draft_of(world)), method="PUT")),
    Word("is a DELETE", "method_not_allowed", lambda world: replace(signed(_draft_of(world)), method="DELETE")),
    Word("is larger than an activity may be", "body_too_large", lambda world: signed(signed_by(world, world.alice, world.creates(world.alice, path=path(), summary="a" * ACTIVITY_LIMIT))), MEMORY),
    _bytes("says nothing", "json_malformed", lambda _: b""),
    _bytes("is an empty object", "activity_malformed", lambda _: b"{}"),
    _bytes("is a list", "activity_malformed", lambda _: b"[]"),
    _bytes("is a text", "activity_malformed", lambda _: b'"Create"'),
    _bytes("has no type", "activity_malformed", lambda world: written({name: said for name, said in world.creates(world.alice).items() if name != "type"})),
    _bytes("has a type that is a number", "activity_malformed", lambda world: written({**world.creates(world.alice), "type": 1})),
    _bytes("has a name twice", "json_duplicate_name", _doubled),
    _bytes("has a name twice within", "json_duplicate_name", lambda world: written(world.creates(world.alice)).replace(b'"attributedTo"', b'"attributedTo": "x", "attributedTo"', 1)),
    _bytes("has a name twice, once in other letters", "json_duplicate_name", lambda world: written(world.creates(world.alice)).replace(b'"type": "Create"', b'"type": "Create", "\\u0074ype": "Delete"', 1)),
    _bytes("has eighty levels", "json_too_deep", lambda _: b'{"type":"Create","a":' * 80 + b"1" + b"}" * 80),
    _bytes("holds thirty thousand lists", "json_too_many_parts", lambda _: b'{"type":"Create","a":[' + b"[]," * 30_000 + b"[]]}"),
    _bytes("is not UTF-8", "invalid_utf8", lambda _: b'{"type":"\xff"}'),
    _bytes("is UTF-8 made too long", "invalid_utf8", lambda _: b'{"type":"\xc0\xaf"}'),
    _bytes("holds half a character", "invalid_utf8", lambda _: b'{"type":"\\ud800"}'),
    _bytes("holds what is no number", "json_malformed", lambda _: b'{"type":NaN}'),
    _bytes("holds a number past all", "json_malformed", lambda _: b'{"type":"Create","a":1e999}'),
    _bytes("holds a comma too many", "json_malformed", lambda _: b'{"type":"Create",}'),
    _bytes("begins with a mark", "json_malformed", lambda world: b"\xef\xbb\xbf" + written(world.creates(world.alice))),
    _bytes("has something behind it", "json_malformed", lambda world: written(world.creates(world.alice)) + b"{}"),
    _bytes("ends too early", "json_malformed", lambda world: written(world.creates(world.alice))[:-1]),
    _bytes("holds a comment", "json_malformed", lambda world: b"/* x */" + written(world.creates(world.alice))),
)  # fmt: skip


TABLE: Final[tuple[Word, ...]] = (*KEYS, *PROOFS, *AUTHORITY, *PASSED_ON, *AUDIENCES, *GRADES, *MINISTRIES, *BODIES)
