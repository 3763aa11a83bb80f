"""Keys that actors publish: which are taken, under which id, and why the others are not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from schemas.actor_keys import ActorKey, KeyFault, actor_keys, multikey_of, rsa_multikey
from schemas.keys import KeyMalformed
from schemas.origins import origin_of, same_origin
from schemas.proof import timestamp
from tests.fakes_peers import INES, NOW, ed25519_key, rsa_key

ED25519, RSA = ed25519_key(), rsa_key()
MULTIKEY: dict[str, Any] = {"id": ED25519.key_id, "type": "Multikey", "controller": INES, "publicKeyMultibase": ED25519.public.multibase}
MAIN: dict[str, Any] = {"id": RSA.key_id, "owner": INES, "publicKeyPem": RSA.public_pem}
ED25519_PEM = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n"


def of(document: dict[str, Any]) -> dict[str, ActorKey | KeyFault]:
    return actor_keys({"id": INES, **document}, NOW)


def only(entry: dict[str, Any], member: str = "assertionMethod") -> ActorKey | KeyFault | None:
    found = of({member: entry})
    return next(iter(found.values()), None)


def test_an_actor_s_keys_stand_under_their_ids() -> None:
    found = of({"publicKey": MAIN, "assertionMethod": [MULTIKEY, "https://pair.example/keys/2"]})
    assert found == {
        ED25519.key_id: ActorKey(ED25519.key_id, INES, ED25519.public),
        RSA.key_id: ActorKey(RSA.key_id, INES, RSA.public),
    }
    for key in (RSA, ED25519):
        entry = found[key.key_id]
        assert isinstance(entry, ActorKey)
        assert entry.algorithm == key.algorithm
        assert entry.verifies(key.sign(b"Bonjour"), b"Bonjour")
        assert not entry.verifies(key.sign(b"Bonjour"), b"Bonsoir")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, None),
        ({"controller": "https://pair.example/users/autre"}, KeyFault.OF_ANOTHER_OWNER),
        ({"controller": [INES]}, KeyFault.OF_ANOTHER_OWNER),
        ({"controller": None}, KeyFault.OF_ANOTHER_OWNER),
        ({"id": "https://autre.example/users/x#main-key"}, KeyFault.OF_ANOTHER_ORIGIN),
        ({"id": "http://pair.example/users/ines#key"}, KeyFault.OF_ANOTHER_ORIGIN),
        ({"id": "https://pair.example:8443/users/ines#key"}, KeyFault.OF_ANOTHER_ORIGIN),
        ({"id": "https://pair.example:443/autre/chemin"}, None),
        ({"id": "did:key:z6Mk"}, KeyFault.OF_ANOTHER_ORIGIN),
        ({"type": "Ed25519VerificationKey2020"}, KeyFault.MALFORMED),
        ({"publicKeyMultibase": None}, KeyFault.MALFORMED),
        ({"publicKeyMultibase": "z6MkNon"}, KeyFault.MALFORMED),
        ({"publicKeyMultibase": "uABC"}, KeyFault.MALFORMED),
        ({"publicKeyMultibase": rsa_multikey(RSA.public)}, None),
        ({"publicKeyMultibase": rsa_multikey(RSA.public)[:-4]}, KeyFault.MALFORMED),
        ({"publicKeyMultibase": "z" + "2" * 2000}, KeyFault.MALFORMED),
        ({"revoked": timestamp(NOW + timedelta(days=1))}, KeyFault.REVOKED),
        ({"expires": timestamp(NOW)}, KeyFault.EXPIRED),
        ({"expires": timestamp(NOW + timedelta(seconds=1))}, None),
        ({"expires": "un jour"}, KeyFault.MALFORMED),
    ],
)
def test_each_multikey_is_taken_or_refused_by_name(changes: dict[str, Any], fault: KeyFault | None) -> None:
    found = only({**MULTIKEY, **changes})
    assert (found if isinstance(found, KeyFault) else None) == fault


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, None),
        ({"type": "Key"}, None),
        ({"owner": "https://autre.example/users/x"}, KeyFault.OF_ANOTHER_OWNER),
        ({"id": "https://autre.example/users/x#main-key"}, KeyFault.OF_ANOTHER_ORIGIN),
        ({"id": "https://pair.example/?author=1#main-key"}, None),
        ({"publicKeyPem": "clé"}, KeyFault.MALFORMED),
        ({"publicKeyPem": 7}, KeyFault.MALFORMED),
        ({"publicKeyPem": ED25519_PEM}, None),
        ({"publicKeyPem": ED25519_PEM.replace("MCow", "MCox")}, KeyFault.MALFORMED),
    ],
)
def test_each_pem_is_taken_or_refused_by_name(changes: dict[str, Any], fault: KeyFault | None) -> None:
    found = only({**MAIN, **changes}, "publicKey")
    assert (found if isinstance(found, KeyFault) else None) == fault


def test_an_ed25519_pem_is_an_ed25519_key() -> None:
    found = only({**MAIN, "publicKeyPem": ED25519_PEM}, "publicKey")
    assert isinstance(found, ActorKey)
    assert found.algorithm == "ed25519"


def test_one_id_with_two_keys_is_nobody_s_and_with_the_same_key_twice_is_one() -> None:
    other = ed25519_key("autre").public.multibase
    assert of({"assertionMethod": [MULTIKEY, {**MULTIKEY, "publicKeyMultibase": other}]}) == {ED25519.key_id: KeyFault.REPEATED}
    assert of({"assertionMethod": [MULTIKEY, {**MULTIKEY, "publicKeyMultibase": other}, MULTIKEY]}) == {ED25519.key_id: KeyFault.REPEATED}
    twice = of({"assertionMethod": {**MULTIKEY, "id": RSA.key_id, "publicKeyMultibase": rsa_multikey(RSA.public)}, "publicKey": [MAIN]})
    assert twice == {RSA.key_id: ActorKey(RSA.key_id, INES, RSA.public)}


@pytest.mark.parametrize("entry", [None, [], "x", 5, [None, 3, [MAIN]], {}, {"id": 3}, [{"id": None}]])
def test_what_names_no_key_is_none(entry: Any) -> None:
    assert of({"publicKey": entry, "assertionMethod": entry}) == {}
    assert actor_keys({"publicKey": MAIN}, NOW) == {}


def test_a_thousand_keys_are_not_read() -> None:
    many = [{**MULTIKEY, "id": f"{INES}#{place}"} for place in range(1000)]
    assert len(of({"assertionMethod": many})) == 32


@pytest.mark.parametrize("multibase", ["", "z", "z6Mk", "é", "z4MX" + "é" * 20, "z" * 1600])
def test_a_multikey_is_refused_without_being_shown(multibase: str) -> None:
    with pytest.raises(KeyMalformed) as raised:
        multikey_of(multibase)
    assert not multibase or multibase not in str(raised.value) or multibase in {"z", "z6Mk"}


@given(
    some.recursive(
        some.none() | some.integers() | some.text(max_size=6),
        lambda one: some.lists(one, max_size=3) | some.dictionaries(some.sampled_from([*MULTIKEY, *MAIN]), one, max_size=4),
        max_leaves=6,
    )
)
def test_any_document_gets_an_answer(value: object) -> None:
    assert all(isinstance(key, KeyFault) for key in of({"assertionMethod": value, "publicKey": value}).values())


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://Pair.example/users/ines#key", "https://pair.example"),
        ("https://pair.example:443/", "https://pair.example"),
        ("http://pair.example:80", "http://pair.example"),
        ("https://pair.example:8443?x", "https://pair.example:8443"),
        ("https://[2001:DB8::1]:8443/a", "https://[2001:db8::1]:8443"),
        ("https://ines@pair.example/", None),
        ("https://pair.example\\@autre.example/", None),
        ("https://pair.example:port/", None),
        ("https://pair.example /", None),
        ("https://", None),
        ("//pair.example/", None),
        ("ftp://pair.example/", None),
        ("https://pàir.example/", None),
        ("https://[::1/", None),
        (None, None),
    ],
)
def test_an_address_has_one_origin_or_none(uri: object, origin: str | None) -> None:
    assert origin_of(uri) == origin
    assert same_origin(uri, uri) is (origin is not None)


@given(some.text(max_size=30), some.text("htps:/@.[]#?exampl:0123\\", max_size=30))
def test_any_text_has_an_origin_or_none(said: str, likely: str) -> None:
    for text in (said, likely, f"https://{likely}"):
        assert origin_of(text) is None or str(origin_of(text)).startswith("http")
