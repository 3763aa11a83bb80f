"""A manifest: taken when it is whole, refused with every fault at once and by name when it is not."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import siret
from schemas.application import Kind
from schemas.application_faults import ManifestRefused, check, reopened, sign
from schemas.application_words import EXPECTED, LABELS
from schemas.keys import SigningKey
from schemas.proof import timestamp
from tests.fakes_application import CHARTER, SIRETS, declared, draft, peer_draft

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY, PEER, OTHER = SigningKey.generate("wifip"), SigningKey.generate("opsi.example"), SigningKey.generate("wifip")
WHOLE = draft(KEY, now=NOW)


def paths(document: Any, before: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every field below a document."""
    items = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    return [path for name, said in items for path in [(*before, name), *paths(said, (*before, name))]]


def changed(path: tuple[str | int, ...], said: Any = ..., base: Any = WHOLE) -> dict[str, Any]:
    """The document with another value at a place, or without it."""
    made: dict[str, Any] = copy.deepcopy(base)
    place: Any = made
    for name in path[:-1]:
        place = place[name]
    if said is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = said
    return made


def faults(document: dict[str, Any], key: SigningKey = KEY) -> dict[str, str]:
    """Path → reason."""
    try:
        check(sign(document, key, NOW), CHARTER, NOW)
    except ManifestRefused as refused:
        return {fault.path: fault.reason for fault in refused.faults}
    return {}


NAMED = [path for path in paths(WHOLE) if not isinstance(path[-1], int)]
PEER_NAMED = [path for path in paths(peer_draft(PEER, now=NOW)) if path[0] == "peering"]


def test_a_whole_manifest_is_taken_and_read_again_as_it_was() -> None:
    signed = check(sign(WHOLE, KEY, NOW), CHARTER, NOW)
    assert (signed.manifest.subject, signed.key_id) == ("node/wifip", KEY.key_id)
    assert reopened(signed.unparsed) == signed.manifest
    indented = json.dumps(json.loads(signed.unparsed), indent=4).encode()
    assert check(indented, CHARTER, NOW).digest == signed.digest


@pytest.mark.parametrize("path", NAMED, ids=lambda path: ".".join(map(str, path)))
def test_each_missing_field_is_named(path: tuple[str | int, ...]) -> None:
    found = faults(changed(path))
    place = ".".join(map(str, path))
    assert found[place].endswith("_missing")
    assert place.replace(".0", "") in LABELS


@pytest.mark.parametrize("path", [*NAMED, *PEER_NAMED], ids=lambda path: ".".join(map(str, path)))
def test_each_malformed_field_is_named(path: tuple[str | int, ...]) -> None:
    of_peer = path[0] == "peering"
    found = faults(changed(path, {"a": "b"}, peer_draft(PEER, now=NOW) if of_peer else WHOLE), PEER if of_peer else KEY)
    place = ".".join(map(str, path))
    assert any(said == place or said.startswith(f"{place}.") for said in found), found
    assert place.replace(".0", "") in EXPECTED


def test_all_faults_are_told_at_once() -> None:
    broken = changed(("organisation", "siret"), "00000000000019")
    broken["keys"][0]["validUntil"] = timestamp(NOW - timedelta(days=1))
    broken["contacts"]["dpo"]["mailbox"] = "camille.roux@ministere.example"
    del broken["charter"]
    broken["mood"] = "gay"
    assert faults(broken) == {
        "organisation.siret": "organisation_siret_checksum", "keys.0.validUntil": "keys_valid_until_out_of_order", "charter": "charter_missing",
        "contacts.dpo.mailbox": "contacts_dpo_mailbox_personal", "mood": "mood_unknown",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "said", "reason"),
    [
        (("organisation", "siret"), "0000000000001", "organisation_siret_malformed"),
        (("organisation", "siret"), "0000000000001８", "organisation_siret_malformed"),
        (("charter",), "1999", "charter_outdated"),
        (("issued",), timestamp(NOW + timedelta(hours=1)), "issued_in_future"),
        (("expires",), timestamp(NOW + timedelta(days=3000)), "expires_too_late"),
        (("expires",), "2026-12-01", "expires_malformed"),
        (("id",), "WiFiP", "id_malformed"),
        (("platform",), "Discourse !", "platform_malformed"),
        (("endpoints", 0, "url"), "http://rse.example/", "endpoints_url_malformed"),
        (("endpoints", 0, "url"), "https://a:b@rse.example/", "endpoints_url_malformed"),
        (("endpoints",), [], "endpoints_empty"),
        (("keys", 0, "publicKeyMultibase"), "z6MkFaux", "keys_public_key_multibase_malformed"),
        (("keys", 0, "custody"), "voisin", "keys_custody_unlisted"),
        (("dataClasses",), ["secrets"], "data_classes_unlisted"),
        (("kind",), "ministry", "kind_unlisted"),
    ],
)  # fmt: skip
def test_each_field_is_refused_by_name(path: tuple[str | int, ...], said: Any, reason: str) -> None:
    assert reason in faults(changed(path, said)).values()


def test_each_fault_is_a_french_sentence() -> None:
    with pytest.raises(ManifestRefused) as refused:
        check(sign(changed(("organisation", "siret"), "00000000000019"), KEY, NOW), CHARTER, NOW)
    assert [fault.sentence for fault in refused.value.faults] == [
        "Le SIRET de l’organisme ne convient pas : sa clé de contrôle est fausse."
    ]


def test_a_key_twice_and_an_old_manifest_are_refused() -> None:
    assert faults(changed(("keys",), [declared(KEY, NOW), declared(KEY, NOW)])) == {
        "keys.1.publicKeyMultibase": "keys_public_key_multibase_twice"
    }
    past = draft(KEY, now=NOW - timedelta(days=400))
    assert faults(past) == {"expires": "expires_past", "keys.0.validUntil": "keys_valid_until_past"}


def test_only_a_declared_key_signs_and_nothing_is_changed_after() -> None:
    assert faults(WHOLE, OTHER) == {"proof": "proof_of_another_key"}
    signed = json.loads(sign(WHOLE, KEY, NOW))
    for forged in (changed(("platform",), "matrix", signed), changed(("proof", "created"), timestamp(NOW - timedelta(1)), signed)):
        with pytest.raises(ManifestRefused, match="proof_invalid"):
            check(json.dumps(forged).encode(), CHARTER, NOW)
    with pytest.raises(ManifestRefused, match="proof_missing"):
        check(json.dumps(WHOLE).encode(), CHARTER, NOW)


def test_a_peer_says_what_kind_of_server_it_is() -> None:
    peer = peer_draft(PEER, now=NOW)
    assert faults(peer, PEER) == {}
    assert check(sign(peer, PEER, NOW), CHARTER, NOW).manifest.kind is Kind.PEER
    del peer["peering"]
    assert faults(peer, PEER) == {"peering": "peering_missing"}
    assert faults(peer_draft(SigningKey.generate("Opsi_!"), now=NOW), PEER)["id"] == "id_malformed"


@given(st.binary(max_size=300) | st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WHOLE, "proof", "x"]), inner, max_size=6)).map(lambda said: json.dumps(said).encode()))  # fmt: skip
def test_whatever_comes_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(ManifestRefused) as refused:
        check(body, CHARTER, NOW)
    assert refused.value.faults


def test_too_large_a_manifest_is_not_read() -> None:
    with pytest.raises(ManifestRefused, match="manifest_too_large"):
        check(b" " * 70_000, CHARTER, NOW)


@pytest.mark.parametrize("number", [*SIRETS, "13002526500013", "35600000000048", "35600000049837"])
def test_a_siret_holds_by_luhn_or_by_la_postes_own_rule(number: str) -> None:
    assert siret.holds(number)


@given(st.sampled_from(SIRETS), st.integers(0, 13), st.integers(1, 9))
def test_one_wrong_digit_in_a_siret_is_seen(number: str, place: int, more: int) -> None:
    wrong = number[:place] + str((int(number[place]) + more) % 10) + number[place + 1 :]
    assert not siret.holds(wrong)
