"""Strict JSON in, canonical JSON out."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from schemas import jcs

UNICODE = st.text(st.characters(exclude_categories=["Cs"]))
ASCII_NAMES = st.text(st.characters(max_codepoint=127))


@given(st.dictionaries(ASCII_NAMES, UNICODE))
def test_the_short_way_for_attributes_gives_the_bytes_of_rfc_8785(attributes: dict[str, str]) -> None:
    assert jcs.canonical_strings(attributes) == rfc8785.dumps(attributes)


REASONS = {None, "invalid_utf8", "json_malformed", "json_too_deep", "json_duplicate_name"}


def reason_of(raw: bytes) -> str | None:
    try:
        jcs.parse(raw)
    except jcs.JsonRefused as refused:
        return refused.reason
    return None


@given(st.binary())
def test_no_bytes_make_the_parser_raise_anything_but_a_refusal(raw: bytes) -> None:
    assert reason_of(raw) in REASONS


@given(st.text('[]{}",:\\u0d8e19 -.INaf', max_size=200))
def test_nor_does_anything_that_looks_like_json(text: str) -> None:
    assert reason_of(text.encode()) in REASONS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-(2.0**52), 2.0**52) | UNICODE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(UNICODE, inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(UNICODE, JSON, max_size=5))
def test_canonical_bytes_read_back_give_the_same_canonical_bytes(value: dict[str, object]) -> None:
    once = jcs.canonical(value)
    assert jcs.canonical(jcs.parse(once)) == once


ODD = st.text('a":,[]{}-0123456789.eE+NaInfity\\\ue000😀', max_size=30)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(ODD, st.recursive(ODD | NUMBERS | st.none() | st.booleans(), lambda one: st.lists(one, max_size=3) | st.dictionaries(ODD, one, max_size=3), max_leaves=6), max_size=3))  # fmt: skip
def test_the_short_way_for_what_was_parsed_gives_the_bytes_of_rfc_8785_or_the_same_refusal(value: dict[str, object]) -> None:
    parsed = jcs.parse(json.dumps(value).encode())
    try:
        expected = jcs.canonical(parsed)
    except jcs.JsonRefused:
        with pytest.raises(jcs.JsonRefused):
            jcs.canonical_parsed(parsed)
    else:
        assert jcs.canonical_parsed(parsed) == expected


@pytest.mark.parametrize("number", ["1.0", "-0.0", "1e30", "1e-7", "-1.5e300", "5e-324", "123456789012345678", "9007199254740991", "1E2"])
def test_a_number_is_written_by_rfc_8785_wherever_it_stands(number: str) -> None:
    for text in (f'{{"a":{number}}}', f'{{"a":[{number}]}}', f'{{"a":[1,{number},2]}}', f'{{"a":{number},"b":1}}'):
        parsed = jcs.parse(text.encode())
        if number == "123456789012345678":
            with pytest.raises(jcs.JsonRefused):
                jcs.canonical_parsed(parsed)
        else:
            assert jcs.canonical_parsed(parsed) == rfc8785.dumps(parsed)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xff", "invalid_utf8"),
        (b'"\xed\xa0\x80"', "invalid_utf8"),
        (b'{"a":"\\ud800"}', "invalid_utf8"),
        (b'{"\\udfff":1}', "invalid_utf8"),
        (b'{"a":1,"a":2}', "json_duplicate_name"),
        (b'{"a":1,"\\u0061":2}', "json_duplicate_name"),
        (b'[{"deep":{"a":1,"a":1}}]', "json_duplicate_name"),
        (b"[" * 65 + b"]" * 65, "json_too_deep"),
        (b"[" * 1_000_000, "json_too_deep"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "json_too_deep"),
        (b"", "json_malformed"),
        (b"NaN", "json_malformed"),
        (b"[-Infinity]", "json_malformed"),
        (b"1e999", "json_malformed"),
        (b"9" * 5000, "json_malformed"),
        (b"\xef\xbb\xbf{}", "json_malformed"),
        (b"{} {}", "json_malformed"),
        (b'"\n"', "json_malformed"),
    ],
)
def test_each_refusal_bears_its_name(raw: bytes, reason: str) -> None:
    assert reason_of(raw) == reason


def test_no_more_objects_and_lists_are_read_than_asked_for() -> None:
    assert jcs.parse(b'[{"a":[]}]', 3) == [{"a": []}]
    with pytest.raises(jcs.JsonRefused) as refused:
        jcs.parse(b'[{"a":[]},{}]', 3)
    assert refused.value.reason == "json_too_many_parts"


def test_brackets_inside_strings_are_no_depth() -> None:
    text = json.dumps({"text": "[{" * 500 + '\\"[['})
    assert jcs.parse(text.encode()) == json.loads(text)
    assert jcs.parse(b"[" * 64 + b"]" * 64) is not None


@pytest.mark.parametrize("value", [{"a": float("nan")}, {"a": 2**53 + 1}, {"a": "\ud800"}])
def test_what_has_no_canonical_form_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(jcs.JsonRefused):
        jcs.canonical(value)


def test_a_lone_surrogate_among_attributes_is_refused() -> None:
    with pytest.raises(jcs.JsonRefused):
        jcs.canonical_strings({"a": "\ud800"})
