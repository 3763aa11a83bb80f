"""The registry that every verifier opens: which documents it refuses, and whose key it gives for whom."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.documents import document_holds, sign_document
from schemas.keys import PublicKey, SigningKey
from schemas.manifest import Grade, KeyEntry, KeyState, Registry, RegistryRefused, Standing, issue
from schemas.proof import Reason, timestamp
from tests.fakes_schemas import DAY, EDUCATION, FINANCES, HUB, NOW, key_entry, node_entry, registry, registry_document

if TYPE_CHECKING:
    from collections.abc import Callable

ANCHOR = HUB.public.multibase
GOOD = issue(registry_document(), HUB, NOW)


def refused(unverified: bytes, anchor: str = ANCHOR, seen: Registry | None = None) -> str:
    with pytest.raises(RegistryRefused) as refusal:
        Registry.open(unverified, anchor, NOW, seen)
    return refusal.value.reason


def of(**changes: Any) -> bytes:
    return issue(registry_document(**changes), HUB, NOW)


def tampered(change: Callable[[dict[str, Any]], None]) -> bytes:
    document = json.loads(GOOD)
    change(document)
    return json.dumps(document).encode()


def test_a_good_registry_opens_and_keeps_its_bytes() -> None:
    opened = Registry.open(GOOD, ANCHOR, NOW, seen=registry())
    assert opened.unparsed == GOOD
    assert [node.id for node in opened.document.nodes] == ["finances", "education"]
    entry = opened.node("finances")
    assert entry is not None
    assert entry.organisation == "Finances"
    assert opened.node("hub") is None


@pytest.mark.parametrize(
    ("unverified", "reason"),
    [
        (b"", "registry_malformed"),
        (b"\xff", "registry_malformed"),
        (b"[" * 100, "registry_malformed"),
        (GOOD.replace(b'"version":4', b'"version":4,"version":5'), "registry_malformed"),
        (GOOD.replace(b'"version":4', b'"version":4,"\\u0076ersion":5'), "registry_malformed"),
        (b"[]", "registry_signature_invalid"),
        (b"{}", "registry_signature_invalid"),
        (json.dumps(registry_document()).encode(), "registry_signature_invalid"),
        (GOOD.replace(b'"version":4', b'"version":5'), "registry_signature_invalid"),
        (GOOD.replace(b'"education"', b'"educatiom"'), "registry_signature_invalid"),
        (GOOD.replace(b"Finances", "Finance\u0455".encode()), "registry_signature_invalid"),
        (issue(registry_document(), FINANCES, NOW), "registry_anchor_unknown"),
        (of(expires=timestamp(NOW)), "registry_expired"),
        (of(expires="1772443800"), "registry_malformed"),
        (of(version=0), "registry_malformed"),
        (of(version="4"), "registry_malformed"),
        (of(version=True), "registry_malformed"),
        (of(type="Registry"), "registry_malformed"),
        (of(nodes=[node_entry(FINANCES), node_entry(FINANCES)]), "registry_malformed"),
        (of(nodes=[node_entry(FINANCES, id="hub", keys=[])]), "registry_malformed"),
        (of(nodes=[node_entry(FINANCES, id="Finances")]), "registry_malformed"),
        (of(nodes=[node_entry(FINANCES, keys=[key_entry(FINANCES), key_entry(FINANCES)])]), "registry_malformed"),
        (of(nodes=[node_entry(FINANCES, keys=[key_entry(EDUCATION)])]), "registry_malformed"),
        (of(nodes=[node_entry(FINANCES, keys=[{**key_entry(HUB), "id": f"finances#{ANCHOR}"}])]), "registry_malformed"),
        (of(nodes=[node_entry(FINANCES, keys=[{"id": "finances#zz", "publicKeyMultibase": "zz"}])]), "registry_malformed"),
    ],
)  # fmt: skip
def test_a_bad_registry_is_refused_by_name(unverified: bytes, reason: str) -> None:
    assert refused(unverified) == reason


@pytest.mark.parametrize("said", [[], {}, None, 5, ["TraitDUnionAnchorSuccession"]])
def test_successions_whose_type_is_no_text_are_malformed(said: Any) -> None:
    """Read before any signature is checked: whoever stands before a neighbour could bring them."""
    assert refused(of(anchors=[{"type": said, "succession": {"type": said}}])) == "registry_malformed"


def test_a_registry_older_than_one_already_seen_is_a_roll_back() -> None:
    assert refused(GOOD, seen=registry(version=5)) == "registry_rolled_back"


def version(number: int, previous: bytes | None = None, **changes: Any) -> dict[str, Any]:
    digest = {"previous": sha256(previous).hexdigest()} if previous else {}
    return {"version": number, "issued": timestamp(NOW), **digest, "changes": [], **changes}


FOURTH = of(history=[version(3), version(4)])
FIFTH = of(version=5, history=[version(3), version(4), version(5, FOURTH)])
SIXTH = of(version=6, history=[version(3), version(4), version(5, FOURTH), version(6, FIFTH)])


def test_a_later_version_of_the_same_history_follows_even_over_some() -> None:
    for later in (FIFTH, SIXTH):
        Registry.open(later, ANCHOR, NOW, Registry.open(FOURTH, ANCHOR, NOW))
    Registry.open(of(version=5, history=[version(5, GOOD)]), ANCHOR, NOW, Registry.open(GOOD, ANCHOR, NOW))  # it began to tell its history


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        (of(history=[version(3), version(4)], nodes=[]), "registry_forked"),
        (of(version=5, history=[version(3, changes=[{"act": "applied", "subject": "node/x"}]), version(4), version(5, FOURTH)]),
         "registry_history_broken"),
        (of(version=5, history=[version(3), version(4), version(5, GOOD)]), "registry_history_broken"),
        (of(version=5, history=[version(3), version(4), version(5)]), "registry_history_broken"),
        (of(version=5, history=[version(5, FOURTH)]), "registry_history_broken"),
        (of(version=5), "registry_history_broken"),
        (of(version=5, history=[version(3), version(5, FOURTH)]), "registry_malformed"),
        (of(version=5, history=[version(4), version(4)]), "registry_malformed"),
        (of(version=3, history=[version(3)]), "registry_rolled_back"),
    ],
)  # fmt: skip
def test_a_hub_that_shows_another_history_is_not_believed(later: bytes, reason: str) -> None:
    assert refused(later, seen=Registry.open(FOURTH, ANCHOR, NOW)) == reason


def test_a_peer_stands_once_and_with_its_grade() -> None:
    peer = {"authority": "opsi.example", "name": "OPSI", "kind": "traitdunion", "grade": "full"}
    assert Registry.open(of(peers=[peer]), ANCHOR, NOW).document.peers[0].grade is Grade.FULL
    assert refused(of(peers=[peer, peer])) == "registry_malformed"


def test_a_registry_says_that_it_ends_before_it_has_ended() -> None:
    opened = registry()
    days = [NOW, NOW + 4 * DAY, NOW + 5 * DAY, NOW + 7 * DAY]
    assert [opened.standing(now) for now in days] == [Standing.FRESH, Standing.FRESH, Standing.ENDING, Standing.EXPIRED]


def test_an_expired_registry_is_still_known_for_what_it_was() -> None:
    old = of(expires=timestamp(NOW - DAY))
    assert refused(old) == "registry_expired"
    assert Registry.believed(old, ANCHOR).document.version == 4


def test_the_anchor_decides_and_nothing_in_the_document() -> None:
    assert refused(GOOD, anchor=FINANCES.public.multibase) == "registry_anchor_unknown"
    assert refused(GOOD, anchor="not a key") == "registry_malformed"
    thief = SigningKey.generate("hub")
    theirs = issue(registry_document(hub=node_entry(thief)), thief, NOW)
    assert refused(theirs) == "registry_anchor_unknown"


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["proof"].update(proofPurpose="authentication"),
        lambda document: document["proof"].update(cryptosuite="eddsa-rdfc-2022"),
        lambda document: document["proof"].update(type="Other"),
        lambda document: document["proof"].update(created="2026-03-02T09:30:00Z"),
        lambda document: document["proof"].update(added="option"),
        lambda document: document["proof"].update(proofValue=document["proof"]["proofValue"] + " "),
        lambda document: document["proof"].update(proofValue=document["proof"]["proofValue"][1:]),
        lambda document: document["proof"].update(proofValue="z" + "2" * 5_000_000),
        lambda document: document["proof"].update(proofValue=5),
        lambda document: document["proof"].update({"@context": "https://other.example"}),
        lambda document: document.update(proof=[document["proof"]]),
        lambda document: document.update(proof=None),
        lambda document: document.update(added=2**60),
    ],
)
def test_every_option_of_the_proof_is_covered(change: Callable[[dict[str, Any]], None]) -> None:
    assert refused(tampered(change)) == "registry_signature_invalid"


@given(st.integers(0, len(GOOD) * 8 - 1))
def test_one_changed_bit_of_a_registry_is_refused(bit: int) -> None:
    raw = bytearray(GOOD)
    raw[bit // 8] ^= 1 << (bit % 8)
    assert refused(bytes(raw)) in {"registry_malformed", "registry_signature_invalid"}


def test_a_document_names_its_fields_in_one_way() -> None:
    twice = {**key_entry(FINANCES), "multibase": ANCHOR, "revoked_at": timestamp(NOW - DAY)}
    opened = Registry.open(of(nodes=[node_entry(FINANCES, keys=[twice])]), ANCHOR, NOW)
    assert opened.key_at("finances", FINANCES.key_id, NOW) == FINANCES.public
    nameless = {"id": FINANCES.key_id, "multibase": FINANCES.public.multibase}
    assert refused(of(nodes=[node_entry(FINANCES, keys=[nameless])])) == "registry_malformed"


def test_members_of_tomorrow_are_read_over_and_covered() -> None:
    nodes = [node_entry(FINANCES, witnesses=["archives"], keys=[{**key_entry(FINANCES), "attested": True}])]
    opened = Registry.open(of(nodes=nodes, witnesses=["archives"]), ANCHOR, NOW)
    assert isinstance(opened.key_at("finances", FINANCES.key_id, NOW), PublicKey)


@pytest.mark.parametrize(
    ("node", "key_id", "answer"),
    [
        ("culture", FINANCES.key_id, Reason.NODE_UNKNOWN),
        ("finances", EDUCATION.key_id, Reason.KEY_OF_ANOTHER_NODE),
        ("finances", HUB.key_id, Reason.KEY_OF_ANOTHER_NODE),
        ("hub", FINANCES.key_id, Reason.KEY_OF_ANOTHER_NODE),
        ("finances", "finances#z6Mk", Reason.KEY_UNKNOWN),
        ("finances", f"finances#{ANCHOR}", Reason.KEY_UNKNOWN),
    ],
)
def test_nobody_signs_with_another_s_key(node: str, key_id: str, answer: Reason) -> None:
    assert registry().key_at(node, key_id, NOW) == answer


def test_a_key_lives_through_its_states_by_its_dates_alone() -> None:
    dates = {"activeFrom": NOW, "retiringFrom": NOW + DAY, "retiredAt": NOW + 2 * DAY, "revokedAt": NOW + 3 * DAY}
    entry = KeyEntry.model_validate(key_entry(FINANCES, **dates))
    just_before = timedelta(microseconds=1)
    states = [entry.state_at(NOW + days * DAY - early) for days in range(4) for early in (just_before, timedelta())]
    assert states == [
        KeyState.PENDING, KeyState.ACTIVE, KeyState.ACTIVE, KeyState.RETIRING,
        KeyState.RETIRING, KeyState.RETIRED, KeyState.RETIRED, KeyState.REVOKED,
    ]  # fmt: skip


def test_a_key_without_a_first_day_is_pending_and_revocation_beats_all() -> None:
    pending = KeyEntry(id="finances#z", multibase="z")
    assert pending.state_at(NOW) is KeyState.PENDING
    assert pending.model_copy(update={"revoked_at": NOW}).state_at(NOW) is KeyState.REVOKED


def test_a_document_with_a_context_carries_it_in_its_proof() -> None:
    document = sign_document({"@context": ["https://www.w3.org/ns/credentials/v2"], "name": "Essai"}, HUB, NOW)
    assert document_holds(document, HUB.public)
    assert not document_holds({**document, "@context": []}, HUB.public)


def test_the_peers_doors_key_is_not_the_hubs_and_does_not_sign_for_it() -> None:
    door = SigningKey.generate("https://hub.example/actor")
    opened = registry(
        federation=[
            {"id": f"federation#{door.public.multibase}", "publicKeyMultibase": door.public.multibase, "activeFrom": timestamp(NOW)}
        ]
    )
    assert opened.door_key_at(door.key_id, NOW) == door.public
    assert opened.door_key_at(door.key_id, NOW - timedelta(days=1)) is Reason.KEY_PENDING
    assert opened.door_key_at(HUB.key_id, NOW) is Reason.KEY_UNKNOWN
    assert opened.key_at("hub", f"hub#{door.public.multibase}", NOW) is Reason.KEY_UNKNOWN
