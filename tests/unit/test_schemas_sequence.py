"""The hub's number and targets: altered in any part, or written in any other way, they are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import RESYNC
from schemas.keys import SigningKey
from schemas.proof import encode
from schemas.sequence import HEADERS, HISTORY_HEADER, Sequence, SequenceRefused, verify_sequence
from tests.fakes_schemas import DAY, FINANCES, HUB, NOW, key_entry, node_entry, registry, signed

REGISTRY = registry()
EVENT = signed()
PLACE = Sequence(EVENT.digest, "futurs-publics", 7, {"finances": "category:5", "education": "!salon:education.example"}, NOW)
GOOD = PLACE.signed(HUB)


def verified(headers: dict[str, str], *, digest: str = EVENT.digest, community: str = "futurs-publics") -> Sequence:
    return verify_sequence(headers, event_digest=digest, community=community, hub="hub", registry=REGISTRY, at=NOW)


def reason(headers: dict[str, str], *, digest: str = EVENT.digest, community: str = "futurs-publics") -> str:
    with pytest.raises(SequenceRefused) as refused:
        verified(headers, digest=digest, community=community)
    return refused.value.reason


def test_what_the_hub_signed_is_read_back() -> None:
    assert verified(GOOD) == PLACE
    assert tuple(GOOD) == HEADERS


@pytest.mark.parametrize(
    ("name", "said", "expected"),
    [
        ("hub_sequence", "8", "hub_proof_invalid"),
        ("hub_sequence", "", "hub_headers_malformed"),
        ("hub_sequence", "07", "hub_headers_malformed"),
        ("hub_sequence", "+7", "hub_headers_malformed"),
        ("hub_sequence", " 7", "hub_headers_malformed"),
        ("hub_sequence", "7\n", "hub_headers_malformed"),
        ("hub_sequence", "-7", "hub_headers_malformed"),
        ("hub_sequence", "٧", "hub_headers_malformed"),
        ("hub_sequence", "7_0", "hub_headers_malformed"),
        ("hub_sequence", "9" * 5000, "hub_headers_malformed"),
        ("hub_admitted", "1", "hub_proof_invalid"),
        ("hub_admitted", "9" * 16, "hub_headers_malformed"),
        ("hub_admitted", "9" * 400, "hub_headers_malformed"),
        ("hub_admitted", "1e3", "hub_headers_malformed"),
        ("hub_targets", '{"finances":"category:6"}', "hub_proof_invalid"),
        ("hub_targets", '{"finances":"category:5"}', "hub_proof_invalid"),
        ("hub_targets", GOOD["hub_targets"].replace(":", ": ", 1), "hub_headers_malformed"),
        ("hub_targets", '{"a1":"x","a1":"y"}', "hub_headers_malformed"),
        ("hub_targets", '{"a1":"\\ud800"}', "hub_headers_malformed"),
        ("hub_targets", '{"Éducation":"x"}', "hub_headers_malformed"),
        ("hub_targets", '{"a1":5}', "hub_headers_malformed"),
        ("hub_targets", "[]", "hub_headers_malformed"),
        ("hub_targets", "[" * 100_000, "hub_headers_malformed"),
        ("hub_keyid", FINANCES.key_id, "hub_key_refused"),
        ("hub_keyid", "hub#z", "hub_key_refused"),
        ("hub_proof", encode(bytes(64)), "hub_proof_invalid"),
        pytest.param("hub_proof", GOOD["hub_proof"] + "==", "hub_headers_malformed", id="hub_proof-padded"),
        ("hub_proof", "é", "hub_headers_malformed"),
    ],
)
def test_each_altered_header_is_refused_by_name(name: str, said: str, expected: str) -> None:
    assert reason({**GOOD, name: said}) == expected


@pytest.mark.parametrize("name", HEADERS)
def test_each_missing_header_is_refused(name: str) -> None:
    assert reason({of: said for of, said in GOOD.items() if of != name}) == "hub_headers_malformed"


def test_the_place_of_one_event_is_not_another_s() -> None:
    assert reason(GOOD, digest=signed(key=FINANCES).digest) == "hub_proof_invalid"
    assert reason(GOOD, community="autre") == "hub_proof_invalid"


def test_that_a_record_is_sent_again_is_proved_with_it_and_cannot_be_added_or_taken_away() -> None:
    again = replace(PLACE, history=RESYNC)
    headers = again.signed(HUB)
    assert verified(headers) == again
    assert reason({of: said for of, said in headers.items() if of != HISTORY_HEADER}) == "hub_proof_invalid"
    assert reason({**GOOD, HISTORY_HEADER: RESYNC}) == "hub_proof_invalid"
    assert reason({**headers, HISTORY_HEADER: "Re sync"}) == "hub_headers_malformed"


def test_only_the_hub_s_live_key_numbers() -> None:
    assert reason(PLACE.signed(FINANCES)) == "hub_key_refused"
    assert reason(PLACE.signed(SigningKey.generate("hub"))) == "hub_key_refused"
    retired = registry(hub=node_entry(HUB, keys=[key_entry(HUB, retiredAt=NOW - DAY)]))
    with pytest.raises(SequenceRefused, match="hub_key_refused"):
        verify_sequence(GOOD, event_digest=EVENT.digest, community="futurs-publics", hub="hub", registry=retired, at=NOW)


@given(st.sampled_from(HEADERS), st.data())
def test_one_changed_bit_is_refused(name: str, data: st.DataObject) -> None:
    raw = bytearray(GOOD[name].encode())
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << (bit % 8)
    assert reason({**GOOD, name: bytes(raw).decode(errors="replace")}).startswith("hub_")


@given(st.dictionaries(st.sampled_from(HEADERS), st.text(st.characters(exclude_categories=()))))
def test_no_headers_make_the_verifier_raise_anything_else(changes: dict[str, str]) -> None:
    try:
        said = verified({**GOOD, **changes})
    except SequenceRefused:
        return
    assert said == PLACE
