"""Structured fields: the short way for what our servers send reads it as the whole parser does, and leaves all else to it."""

from __future__ import annotations

from typing import Any

import http_sf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import structured
from schemas.structured import AsWritten, FieldMalformed, dictionary, written, written_bytes

KEYS = st.from_regex(r"[a-z*][a-z0-9_.*-]{0,5}", fullmatch=True)
TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)
PARAMETERS = st.dictionaries(KEYS, st.integers(-(10**15) + 1, 10**15 - 1) | TEXTS | st.booleans(), max_size=4)
LISTS: st.SearchStrategy[list[tuple[str, dict[str, Any]]]] = st.lists(st.tuples(TEXTS, st.just({})), max_size=4)
PIECES = st.lists(
    st.sampled_from(
        ["sig1", "=", "(", ")", '"@method"', '"a b"', " ", ";", "created", "1", "01", "-1", "1.5", ":", "AAAA", "AA==", "AB==", "A", '"', "\\", ",", "*", "?1", "\t"]
    ),
    max_size=12,
).map("".join)  # fmt: skip


def parsed(raw: str) -> Any:
    """What the whole parser reads, None where it refuses."""
    try:
        found: Any = http_sf.parse(raw.encode(), tltype="dictionary")
        return dict(found)
    except Exception:  # noqa: BLE001 - whatever it says
        return None


@given(KEYS, LISTS, PARAMETERS)
def test_a_list_that_was_written_is_read_as_the_parser_reads_it(label: str, items: list[Any], parameters: dict[str, Any]) -> None:
    raw = written(label, items, parameters)
    assert dictionary(raw) == parsed(raw) == {label: (items, parameters)}


@given(KEYS | TEXTS, LISTS, st.dictionaries(KEYS | TEXTS, st.integers(-(10**16), 10**16) | TEXTS | st.booleans(), max_size=3))
def test_what_is_written_in_one_pass_is_what_the_library_writes(label: str, items: list[Any], parameters: dict[str, Any]) -> None:
    raw = structured._listed(label, items, parameters)
    assert raw is None or raw == http_sf.ser({label: (items, parameters)})


def test_our_own_signatures_are_written_in_one_pass() -> None:
    parameters = {"created": 1700000000, "expires": 1700000060, "nonce": "aZ_-0", "keyid": "https://hub.example/groups/a#z6Mk"}
    assert structured._listed("sig1", [("@method", {}), ("content-digest", {})], parameters) is not None
    assert structured._listed("sig1", [("a", {})], {"a=1;b": 2}) is None


@given(KEYS, st.binary(max_size=40))
def test_bytes_that_were_written_are_read_as_the_parser_reads_them(label: str, value: bytes) -> None:
    raw = written_bytes(label, value)
    assert raw == written(label, value)
    assert dictionary(raw) == parsed(raw) == {label: (value, {})}


@given(PIECES)
def test_whatever_the_short_way_reads_the_parser_reads_alike(raw: str) -> None:
    simple = structured._simple(raw)
    assert simple is None or simple == parsed(raw)
    for label, (listed, parameters) in (simple or {}).items():
        assert not isinstance(listed, AsWritten) or written(label, list(listed), parameters) == raw == f"{label}={listed.text}"


def test_what_our_servers_send_goes_the_short_way() -> None:
    raw = 'sig1=("@method" "@target-uri");created=1;expires=61;nonce="abc";keyid="wifip#z6Mk"'
    [(listed, _)] = dictionary(raw).values()
    assert isinstance(listed, AsWritten)
    assert (listed.names, listed.text) == (("@method", "@target-uri"), raw[len("sig1=") :])
    assert structured._simple("sig1=:AAAA:") is not None


@pytest.mark.parametrize("raw", ['sig1=("a");x=1;x=2', "a=1, a=2", 'sig1=("a" "b")  ;x=1', "sig1=:AAA:", 'sig1=("a)', "sig1=:AA=A:"])
def test_what_is_not_in_its_only_writing_is_left_to_the_parser(raw: str) -> None:
    assert structured._simple(raw) is None


@pytest.mark.parametrize("raw", ['sig1=("{}")', "{}=1"])
def test_a_field_longer_than_any_signature_needs_is_not_parsed(raw: str) -> None:
    assert dictionary(raw.format("a" * (structured.LIMIT - len(raw) - 1)))
    with pytest.raises(FieldMalformed, match="characters"):
        dictionary(raw.format("a" * structured.LIMIT))
