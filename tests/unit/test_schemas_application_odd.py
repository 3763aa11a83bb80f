"""Whatever stands in whichever field of a manifest, it is taken or refused by name: anybody may send one."""

from __future__ import annotations

import contextlib
import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.application_faults import Fault, ManifestRefused, check, sign
from schemas.keys import SigningKey
from tests.fakes_application import CHARTER, draft, peer_draft

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY, PEER = SigningKey.generate("wifip"), SigningKey.generate("opsi.example")
SIGNED = [json.loads(sign(draft(KEY, now=NOW), KEY, NOW)), json.loads(sign(peer_draft(PEER, now=NOW), PEER, NOW))]
Path = tuple[str | int, ...]
FIRST, LAST = "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"


def paths(document: Any, before: Path = ()) -> list[Path]:
    """Every place in a document, its own root but for."""
    items = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    return [path for name, said in items for path in [(*before, name), *paths(said, (*before, name))]]


ODD = st.sampled_from(
    [FIRST, LAST, "9999-12-30T00:00:00Z", "9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z", "2026-11-22T12:00:00", "2026-W01", "z6MkFaux", "z",
     "z" * 200, KEY.public.multibase, "10.0.0.1/8", "::/0", "https://[", "https://a:99999/", "\ud800", "\x00", "é", "a@b", 2**63, 10**400, -1, 1e308, "1" * 5000]
)  # fmt: skip
ANY: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8) | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "id", "name", "publicKeyMultibase", "é"]) | ODD.map(str), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
CHANGES = st.lists(
    st.tuples(st.sampled_from(sorted({path for one in SIGNED for path in paths(one)}, key=str)), ANY), min_size=1, max_size=4
)


def changed(document: Any, changes: list[tuple[Path, Any]]) -> bytes:
    """The document with other values at some places, where those are still there."""
    made = copy.deepcopy(document)
    for path, said in changes:
        place = made
        with contextlib.suppress(KeyError, IndexError, TypeError):
            for name in path[:-1]:
                place = place[name]
            place[path[-1]] = copy.deepcopy(said)
    return json.dumps(made).encode()


def of_key(said: Any) -> list[tuple[Path, Any]]:
    """A key of another kind, and a proof that names it as that."""
    return [(("keys", 0, "publicKeyMultibase"), said), (("proof", "verificationMethod"), f"{KEY.owner}#{said}")]


def refused(document: Any, changes: list[tuple[Path, Any]]) -> dict[str, str]:
    """Path → reason."""
    with pytest.raises(ManifestRefused) as found:
        check(changed(document, changes), CHARTER, NOW)
    return {fault.path: fault.reason for fault in found.value.faults}


@pytest.mark.parametrize("said", [FIRST, LAST])
@pytest.mark.parametrize("path", [("issued",), ("expires",), ("keys", 0, "validFrom"), ("keys", 0, "validUntil")])
def test_a_moment_past_the_calendar_is_malformed(path: Path, said: str) -> None:
    assert refused(SIGNED[0], [(path, said)])[".".join(map(str, path))].endswith("_malformed")


def test_the_calendars_last_days_are_judged_as_any() -> None:
    found = refused(SIGNED[0], [(("issued",), "9999-12-30T00:00:00Z"), (("expires",), "9999-12-31T00:00:00Z")])
    assert found == {"issued": "issued_in_future", "proof": "proof_invalid"}


@pytest.mark.parametrize("said", [5, ["a"], {"a": 1}, True, 1.5])
def test_a_proof_by_a_key_that_is_no_text_is_that_keys_fault(said: Any) -> None:
    assert refused(SIGNED[0], of_key(said))["keys.0.publicKeyMultibase"] == "keys_public_key_multibase_malformed"


@given(st.sampled_from(SIGNED), CHANGES)
@example(SIGNED[0], [(("issued",), FIRST)])
@example(SIGNED[0], of_key(5))
def test_any_value_in_any_field_is_taken_or_refused_by_name(document: Any, changes: list[tuple[Path, Any]]) -> None:
    faults: tuple[Fault, ...] | None = None
    try:
        check(changed(document, changes), CHARTER, NOW)
    except ManifestRefused as found:
        faults = found.faults
    assert faults is None or faults
    assert "".join(f"{fault.reason}{fault.path}{fault.sentence}" for fault in faults or ()).encode() is not None
