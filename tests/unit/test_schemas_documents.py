"""Documents that carry their own proof: what is believed, and what each refusal is called."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from schemas import documents, jcs
from schemas.actor_keys import ActorKey, KeyFault
from schemas.documents import ProvedDocument, Reason, document_holds, key_id_of, sign_document, verify
from schemas.http_signature import Rejection
from schemas.keys import to_multibase
from schemas.proof import timestamp
from tests.fakes_peers import INES, NOW, ed25519_key, rsa_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEY, THIEF = ed25519_key(), ed25519_key("https://autre.example/users/x")
ACTIVITY: dict[str, Any] = {
    "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/data-integrity/v2"],
    "id": "https://pair.example/activities/1",
    "type": "Create",
    "actor": INES,
    "x-inconnu": [1, 2.5, None, True],
    "object": {"id": "https://pair.example/notes/1", "type": "Note", "attributedTo": INES, "content": "<p>Où en est l'atelier ?</p>"},
}
SIGNED = sign_document(ACTIVITY, KEY, NOW)


def find(key_id: str) -> ActorKey | KeyFault:
    keys = {key.key_id: ActorKey(key.key_id, key.owner, key.public) for key in (KEY, THIEF)}
    return keys.get(key_id, KeyFault.UNKNOWN)


def reason_of(received: Mapping[str, Any], owner: str = INES) -> str | None:
    found = verify(received, find, NOW)
    assert isinstance(found, Rejection) or found.owner == owner
    return found.reason if isinstance(found, Rejection) else None


def with_options(options: dict[str, Any], document: dict[str, Any] | None = None, key: Any = KEY) -> dict[str, Any]:
    """A document rightly signed with options of the test's choosing; None leaves one out."""
    document = ACTIVITY if document is None else document
    usual = {name: option for name, option in SIGNED["proof"].items() if name != "proofValue"}
    chosen = {name: option for name, option in {**usual, **options}.items() if option is not None}
    covered = {**document, **({"@context": chosen["@context"]} if "@context" in chosen else {})}
    return {**document, "proof": {**chosen, "proofValue": to_multibase(key.sign(documents._hash(covered, chosen)))}}


def test_a_signed_document_is_believed_with_all_that_it_says() -> None:
    found = verify(jcs.parse(json.dumps(SIGNED).encode()), find, NOW)
    assert found == ProvedDocument(ACTIVITY, INES, KEY.key_id, NOW)
    assert key_id_of(SIGNED) == KEY.key_id


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda document: document.pop("proof"), Reason.MISSING),
        (lambda document: document.update(proof=None), Reason.MALFORMED),
        (lambda document: document.update(proof=[]), Reason.MALFORMED),
        (lambda document: document.update(proof=["https://pair.example/proofs/1"]), Reason.MALFORMED),
        (lambda document: document.update(proof=[document["proof"]] * 9), Reason.MALFORMED),
        (lambda document: document["proof"].update(type="RsaSignature2017"), Reason.SUITE_UNSUPPORTED),
        (lambda document: document["proof"].update(cryptosuite="eddsa-rdfc-2022"), Reason.SUITE_UNSUPPORTED),
        (lambda document: document["proof"].update(cryptosuite="ecdsa-jcs-2019"), Reason.SUITE_UNSUPPORTED),
        (lambda document: document["proof"].update(proofPurpose="authentication"), Reason.PURPOSE_MISMATCH),
        (lambda document: document["proof"].update(previousProof="urn:x"), Reason.CHAINED),
        (lambda document: document["proof"].update(created="2026-11-22T12:00:00Z"), Reason.INVALID),
        (lambda document: document["proof"].update(created="hier"), Reason.OPTION_MALFORMED),
        (lambda document: document["proof"].update(created="2026-11-22T12:00:00"), Reason.OPTION_MALFORMED),
        (lambda document: document["proof"].update(created=1), Reason.OPTION_MALFORMED),
        (lambda document: document["proof"].update(ajout="x"), Reason.INVALID),
        (lambda document: document["proof"].update(verificationMethod=THIEF.key_id), Reason.ORIGIN_MISMATCH),
        (lambda document: document["proof"].update(verificationMethod=f"{INES}#autre"), KeyFault.UNKNOWN),
        (lambda document: document["proof"].update(verificationMethod={"id": KEY.key_id}), Reason.OPTION_MALFORMED),
        (lambda document: document["proof"].update(proofValue="u" + document["proof"]["proofValue"]), Reason.OPTION_MALFORMED),
        (lambda document: document["proof"].update(proofValue="z2"), Reason.INVALID),
        (lambda document: document["proof"].pop("@context"), None),
        (lambda document: document["proof"].update({"@context": ["https://autre.example"]}), Reason.CONTEXT_MISMATCH),
        (lambda document: document["proof"].update({"@context": [*document["@context"], "x"]}), Reason.CONTEXT_MISMATCH),
        (lambda document: document["proof"].update({"@context": document["@context"][:1]}), Reason.INVALID),
        (lambda document: document.pop("@context"), Reason.CONTEXT_MISMATCH),
        (lambda document: document.update({"@context": document["@context"][::-1]}), Reason.CONTEXT_MISMATCH),
        (lambda document: document.update(type="Delete"), Reason.INVALID),
        (lambda document: document.update(ajout=None), Reason.INVALID),
        (lambda document: document["object"].update(content="<p>Autre chose</p>"), Reason.INVALID),
        (lambda document: document["object"].pop("attributedTo"), Reason.INVALID),
        (lambda document: document.update(actor=[INES]), Reason.INVALID),
        (lambda document: document.update(actor=[INES, THIEF.owner]), Reason.OWNER_MISMATCH),
        (lambda document: document.update(actor=None), Reason.OWNER_MISMATCH),
        (lambda document: document.update(actor=THIEF.owner), Reason.ORIGIN_MISMATCH),
        (lambda document: document.update(actor="https://pair.example/users/autre"), Reason.OWNER_MISMATCH),
        (lambda document: document.update(nombre=2**60), Reason.NOT_CANONICAL),
    ],
)  # fmt: skip
def test_each_change_is_refused_by_its_name(change: Callable[[dict[str, Any]], None], reason: str | None) -> None:
    document = deepcopy(SIGNED)
    change(document)
    assert reason_of(document) == reason


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"created": None}, Reason.OPTION_MISSING),
        ({"proofPurpose": None}, Reason.OPTION_MISSING),
        ({"verificationMethod": None}, Reason.OPTION_MISSING),
        ({"created": timestamp(NOW + timedelta(minutes=5))}, None),
        ({"created": timestamp(NOW + timedelta(minutes=5, milliseconds=1))}, Reason.IN_FUTURE),
        ({"created": "2023-02-24T23:36:38.123456789+01:00"}, None),
        ({"created": "0001-01-01T00:00:00+23:59"}, None),
        ({"expires": timestamp(NOW)}, Reason.EXPIRED),
        ({"expires": timestamp(NOW + timedelta(seconds=1))}, None),
        ({"expires": "demain"}, Reason.OPTION_MALFORMED),
        ({"domain": "pair.example", "challenge": "x", "nonce": "y", "id": "urn:uuid:1", "extra": {"a": [1]}}, None),
    ],
)
def test_options_are_covered_and_judged(options: dict[str, Any], reason: str | None) -> None:
    assert reason_of(with_options(options)) == reason


def test_what_stands_behind_the_proof_s_context_is_not_proved_and_not_handed_on() -> None:
    signed = with_options({})
    signed["@context"] = [*ACTIVITY["@context"], {"content": "https://autre.example/ns#hidden"}]
    found = verify(signed, find, NOW)
    assert isinstance(found, ProvedDocument)
    assert found.document == ACTIVITY


@pytest.mark.parametrize(("proof", "document"), [("x", ["x", "y"]), (["x"], "x"), ("x", "x"), (["x"], ["x", {"y": "z"}])])
def test_one_context_and_a_list_of_one_begin_alike(proof: object, document: object) -> None:
    assert reason_of(with_options({"@context": proof}, {**ACTIVITY, "@context": document})) is None


def test_a_document_without_context_needs_none_in_its_proof() -> None:
    bare = {name: member for name, member in ACTIVITY.items() if name != "@context"}
    assert reason_of(sign_document(bare, KEY, NOW)) is None
    assert reason_of(with_options({}, bare)) == Reason.CONTEXT_MISMATCH


def test_fedify_signs_a_context_that_its_proof_does_not_show() -> None:
    signed = deepcopy(SIGNED)
    del signed["proof"]["@context"]
    assert reason_of(signed) is None
    signed["@context"] = ["https://autre.example"]
    assert reason_of(signed) == Reason.INVALID


@pytest.mark.parametrize("signature", [{"type": "RsaSignature2017", "creator": f"{INES}#main-key", "signatureValue": "eA=="}, "x", None])
def test_a_linked_data_signature_beside_the_proof_is_taken_off_and_not_believed(signature: object) -> None:
    found = verify({**SIGNED, "signature": signature}, find, NOW)
    assert isinstance(found, ProvedDocument)
    assert found.document == ACTIVITY
    assert reason_of({name: member for name, member in SIGNED.items() if name != "proof"} | {"signature": signature}) == Reason.MISSING
    assert not document_holds({**SIGNED, "signature": signature}, KEY.public)


def test_a_proof_over_a_signature_that_was_there_before_is_none() -> None:
    assert reason_of(sign_document({**ACTIVITY, "signature": {"type": "RsaSignature2017"}}, KEY, NOW)) == Reason.INVALID


def test_an_object_is_its_author_s_and_an_actor_her_own() -> None:
    note = {"id": "https://pair.example/notes/1", "attributedTo": [{"id": INES, "type": "Person"}], "content": "Bonjour"}
    assert reason_of(sign_document(note, KEY, NOW)) is None
    assert reason_of(sign_document({"id": INES, "type": "Person"}, KEY, NOW)) is None
    assert reason_of(sign_document({"type": "Note"}, KEY, NOW)) == Reason.OWNER_MISMATCH
    borrowed = sign_document({**note, "attributedTo": "https://pair.example/users/autre"}, KEY, NOW)
    assert reason_of(borrowed) == Reason.OWNER_MISMATCH


def test_the_first_proof_of_our_suite_must_hold_whatever_the_others_are() -> None:
    good = SIGNED["proof"]
    bad = {**good, "created": "2026-11-22T11:00:00Z"}
    other = {"type": "DataIntegrityProof", "cryptosuite": "ecdsa-jcs-2019", "proofValue": "z2"}
    assert reason_of({**SIGNED, "proof": [good]}) is None
    assert reason_of({**SIGNED, "proof": [other, good, bad]}) is None
    assert reason_of({**SIGNED, "proof": [bad, good]}) == Reason.INVALID
    assert reason_of({**SIGNED, "proof": [other]}) == Reason.SUITE_UNSUPPORTED


def test_an_rsa_key_makes_no_such_proof() -> None:
    key = rsa_key()
    signed = with_options({"verificationMethod": key.key_id}, key=key)
    signed["proof"]["proofValue"] = SIGNED["proof"]["proofValue"]
    found = verify(signed, lambda key_id: ActorKey(key_id, INES, key.public), NOW)
    assert found == Rejection(Reason.KEY_UNSUITABLE, "rsa-v1_5-sha256")


def test_no_key_of_another_server_is_looked_for() -> None:
    def nobody(key_id: str) -> KeyFault:
        raise AssertionError(key_id)

    stolen = sign_document({**ACTIVITY, "actor": INES}, THIEF, NOW)
    assert verify(stolen, nobody, NOW) == key_id_of(stolen) == Rejection(Reason.ORIGIN_MISMATCH)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every string and number of a document, by its path."""
    if isinstance(value, dict):
        return [path for name, inner in value.items() for path in paths(inner, (*at, name))]
    if isinstance(value, list):
        return [path for place, inner in enumerate(value) for path in paths(inner, (*at, place))]
    return [at]


@given(some.data())
def test_one_changed_bit_is_refused(data: some.DataObject) -> None:
    raw = bytearray(jcs.canonical(SIGNED))
    spot = data.draw(some.integers(0, len(raw) * 8 - 1))
    raw[spot // 8] ^= 1 << (spot % 8)
    try:
        received = jcs.parse(bytes(raw))
    except jcs.JsonRefused:
        return
    if received != SIGNED and isinstance(received, dict):
        assert reason_of(received) is not None


@given(some.data(), some.none() | some.booleans() | some.integers() | some.text(max_size=5) | some.lists(some.text(max_size=3), max_size=2))
def test_any_value_anywhere_is_refused_and_never_an_error(data: some.DataObject, value: object) -> None:
    document = deepcopy(SIGNED)
    *way, last = data.draw(some.sampled_from(paths(document)))
    inner: Any = document
    for step in way:
        inner = inner[step]
    if inner[last] != value or type(inner[last]) is not type(value):
        inner[last] = value
        assert reason_of(document) is not None


@given(
    some.recursive(
        some.none() | some.booleans() | some.integers() | some.text(max_size=4),
        lambda one: (
            some.lists(one, max_size=3)
            | some.dictionaries(
                some.sampled_from(["proof", "type", "cryptosuite", "@context", "created", "actor", "id"]) | some.text(max_size=3),
                one,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_any_proof_and_any_document_get_an_answer(value: object) -> None:
    assert isinstance(verify({**ACTIVITY, "proof": value}, find, NOW), Rejection)
    assert isinstance(key_id_of({"proof": value, "actor": value}), Rejection)
    if isinstance(value, dict):
        assert isinstance(verify(value, find, NOW), Rejection)
        verify({**ACTIVITY, "proof": {**SIGNED["proof"], **value}}, find, NOW)
