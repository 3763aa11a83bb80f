"""Events as Kafka records and back: byte for byte, and without a second reading of any header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import CanonicalEvent, Envelope
from schemas.proof import Reason, Refusal, UnverifiedEvent, VerifiedEvent, verify_event
from schemas.wire.records import (
    HeadersMalformed,
    correlation_of,
    new_correlation,
    texts,
    to_headers,
    unverified_event,
)
from tests.fakes_schemas import NOW, registry, signed, signed_by_hand

REGISTRY = registry()
EVENT = signed()
CORRELATION = "c" * 32
RECORD = to_headers(EVENT, CORRELATION)

NAMES = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(NAMES, TEXT), st.binary(max_size=300), st.binary(min_size=32, max_size=32))
def test_an_event_travels_byte_for_byte_with_attributes_we_do_not_know(unknown: dict[str, str], value: bytes, salt: bytes) -> None:
    attributes = {**unknown, **EVENT.attributes}
    event = CanonicalEvent(attributes, value, salt, EVENT.envelope)
    headers = to_headers(event, CORRELATION, {"hub_sequence": "7"})
    back = unverified_event(texts(headers), value)
    assert back == UnverifiedEvent(attributes, value, salt)
    assert sorted(
        to_headers(CanonicalEvent(back.attributes, back.value, back.salt, EVENT.envelope), CORRELATION, {"hub_sequence": "7"})
    ) == sorted(headers)


def test_a_signed_attribute_of_tomorrow_passes_through_records_and_still_verifies() -> None:
    tomorrow = signed_by_hand(futureattribute="été")
    carried = CanonicalEvent(tomorrow.attributes, tomorrow.value, tomorrow.salt, Envelope.tolerant(tomorrow.attributes))
    back = unverified_event(texts(to_headers(carried, CORRELATION)), tomorrow.value)
    assert isinstance(verify_event(back, REGISTRY, NOW), VerifiedEvent)


@pytest.mark.parametrize("name", [name for name, _ in RECORD])
def test_a_doubled_name_is_refused(name: str) -> None:
    with pytest.raises(HeadersMalformed, match=name):
        texts([*RECORD, (name, b"again")])


def test_the_content_type_has_no_second_name() -> None:
    with pytest.raises(HeadersMalformed):
        texts([*RECORD, ("ce_datacontenttype", b"application/json")])


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(HeadersMalformed):
        texts([("ce_subject", b"\xff")])


@pytest.mark.parametrize("salt", ["", "00" * 31, "00" * 33, "0" * 63, "AA" * 32, " " + "00" * 32, "00 " * 32, "zz" * 32, "é" * 64])
def test_a_salt_has_one_writing(salt: str) -> None:
    verdict = verify_event(unverified_event({**texts(RECORD), "salt": salt}, EVENT.value), REGISTRY, NOW)
    assert isinstance(verdict, Refusal)
    assert verdict.reason is Reason.SALT_MALFORMED


@pytest.mark.parametrize("name", ["ce_Proof", "CE_proof", "ce_proof ", "ce_", "ce_Source"])
def test_a_smuggled_variant_of_a_header_changes_nothing_unseen(name: str) -> None:
    verdict = verify_event(unverified_event(texts([*RECORD, (name, b"x")]), EVENT.value), REGISTRY, NOW)
    if name.startswith("ce_"):
        assert isinstance(verdict, Refusal)
        assert verdict.reason is Reason.ENVELOPE_MALFORMED
    else:
        assert isinstance(verdict, VerifiedEvent)
        assert verdict.event.attributes == EVENT.attributes


def test_an_empty_record_is_refused_and_not_an_error() -> None:
    assert isinstance(verify_event(unverified_event({}, None), REGISTRY, NOW), Refusal)


def test_a_correlation_is_kept_if_it_is_one_of_ours_and_else_made_anew() -> None:
    assert correlation_of({"correlation": CORRELATION}) == CORRELATION
    for odd in ("", "C" * 32, "c" * 33, CORRELATION + "\n", "Inès Morel"):
        assert len(correlation_of({"correlation": odd})) == 32
        assert correlation_of({"correlation": odd}) != odd
    assert new_correlation() != new_correlation()
