"""Every reason for which an event is refused, each provoked for real; and what no alteration gets past."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.facts.message import MessagePosted
from schemas.proof import (
    AHEAD,
    UNPROVEN,
    Reason,
    Refusal,
    UnverifiedEvent,
    VerifiedEvent,
    decode,
    encode,
    own_event,
    sign_event,
    timestamp,
    verify_event,
)
from schemas.words import Audience
from tests.fakes_schemas import (
    DAY,
    EDUCATION,
    FACTS,
    FINANCES,
    NOW,
    key_entry,
    node_entry,
    registry,
    signed,
    signed_by_hand,
    unverified,
)
from tests.forgeries.events import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.envelope import CanonicalEvent
    from schemas.facts.base import Fact

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = registry()
EVENT = signed()


def refused(event: UnverifiedEvent) -> Reason:
    verdict = verify_event(event, REGISTRY, NOW)
    assert isinstance(verdict, Refusal)
    return verdict.reason


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.event_type)
def test_what_a_node_signed_is_verified_and_read_back(fact: Fact) -> None:
    verdict = verify_event(unverified(signed(fact)), REGISTRY, NOW)
    assert isinstance(verdict, VerifiedEvent)
    assert verdict.fact == fact
    assert verdict.event.value == fact.to_bytes()
    assert verdict.key_id == FINANCES.key_id


@pytest.mark.parametrize(("make", "reason"), TABLE)
def test_each_refusal_bears_its_name(make: Callable[[], UnverifiedEvent], reason: Reason) -> None:
    assert refused(make()) == reason


@pytest.mark.parametrize(
    ("dates", "reason"),
    [
        ({"activeFrom": NOW + DAY}, Reason.KEY_PENDING),
        ({"retiringFrom": NOW - 2 * DAY, "retiredAt": NOW - DAY}, Reason.KEY_RETIRED),
        ({"revokedAt": NOW - DAY}, Reason.KEY_REVOKED),
        ({"revokedAt": NOW}, Reason.KEY_REVOKED),
        ({"activeFrom": NOW}, None),
        ({"retiringFrom": NOW - DAY, "retiredAt": NOW + DAY}, None),
        ({"revokedAt": NOW + DAY}, None),
    ],
)
def test_a_key_is_judged_by_its_state_at_admission(dates: dict[str, object], reason: Reason | None) -> None:
    of_that_day = registry(nodes=[node_entry(FINANCES, keys=[key_entry(FINANCES, **dates)])])  # type: ignore[arg-type]  # dates by name
    verdict = verify_event(unverified(EVENT), of_that_day, NOW)
    assert (verdict.reason if isinstance(verdict, Refusal) else None) == reason


def test_an_event_admitted_before_the_revocation_stays_good_afterwards() -> None:
    revoked_since = registry(nodes=[node_entry(FINANCES, keys=[key_entry(FINANCES, revokedAt=NOW)])])
    assert isinstance(verify_event(unverified(signed(time=NOW - DAY)), revoked_since, NOW - DAY), VerifiedEvent)


def test_every_reason_is_provoked_here_but_the_one_of_the_worker() -> None:
    """RECORD_KEY_MISMATCH speaks of the Kafka record's key, which this module never sees."""
    module = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    named = {reason.name for _, reason in TABLE} | {
        node.attr
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Reason"
    }
    assert {reason.name for reason in Reason} - named == {"RECORD_KEY_MISMATCH"}


def test_only_what_the_node_itself_signed_wrong_is_held_against_it() -> None:
    assert frozenset(Reason) - UNPROVEN == {Reason.TIME_IN_FUTURE, Reason.MAJOR_UNKNOWN, Reason.FACT_MALFORMED, Reason.ID_MISMATCH}


def test_an_event_five_minutes_ahead_passes_and_one_of_ten_years_ago_too() -> None:
    for time in (NOW + AHEAD, NOW - 3650 * DAY):
        assert isinstance(verify_event(unverified(signed(time=time)), REGISTRY, NOW), VerifiedEvent)


def test_an_unknown_type_of_a_known_major_is_verified_without_a_fact() -> None:
    verdict = verify_event(signed_by_hand(type="fr.gouv.rse.idea.proposed.v1", value=b"not even JSON"), REGISTRY, NOW)
    assert isinstance(verdict, VerifiedEvent)
    assert verdict.fact is None


def test_attributes_and_fields_of_tomorrow_are_read_over_and_kept() -> None:
    tomorrow = json.dumps({**json.loads(EVENT.value), "mood": "gai", "author": {"organisation": "Finances", "rank": 3}}).encode()
    verdict = verify_event(signed_by_hand(value=tomorrow, futureattribute="oui"), REGISTRY, NOW)
    assert isinstance(verdict, VerifiedEvent)
    assert isinstance(verdict.fact, MessagePosted)
    assert verdict.fact.author.organisation == "Finances"
    assert verdict.event.attributes["futureattribute"] == "oui"
    assert verdict.event.value == tomorrow


@given(st.data())
def test_one_changed_bit_anywhere_is_refused_by_name(data: st.DataObject) -> None:
    parts = {**{name: said.encode() for name, said in EVENT.attributes.items()}, "(value)": EVENT.value, "(salt)": EVENT.salt}
    name = data.draw(st.sampled_from(sorted(parts)))
    bit = data.draw(st.integers(0, len(parts[name]) * 8 - 1))
    raw = bytearray(parts[name])
    raw[bit // 8] ^= 1 << (bit % 8)
    parts[name] = bytes(raw)
    attributes = {of: said.decode(errors="replace") for of, said in parts.items() if not of.startswith("(")}
    assert refused(UnverifiedEvent(attributes, parts["(value)"], parts["(salt)"])) in Reason


@given(st.data())
def test_one_changed_letter_of_a_name_is_refused_by_name(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(EVENT.attributes)))
    other = data.draw(st.text(min_size=1, max_size=20).filter(lambda text: text not in EVENT.attributes))
    renamed = {(other if of == name else of): said for of, said in EVENT.attributes.items()}
    assert refused(UnverifiedEvent(renamed, EVENT.value, EVENT.salt)) in {Reason.ENVELOPE_MALFORMED, Reason.PROOF_INVALID}


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)


@given(
    st.dictionaries(st.sampled_from(sorted(EVENT.attributes)) | ANY_TEXT, ANY_TEXT),
    st.dictionaries(st.sampled_from(sorted(EVENT.attributes)) | ANY_TEXT, ANY_TEXT, max_size=2),
    st.binary(max_size=80),
    st.binary(max_size=40),
)
def test_no_attributes_make_the_verifier_raise(alone: dict[str, str], changes: dict[str, str], value: bytes, salt: bytes) -> None:
    assert isinstance(verify_event(UnverifiedEvent(alone, value, salt), REGISTRY, NOW), Refusal)
    assert isinstance(verify_event(UnverifiedEvent({**EVENT.attributes, **changes}, value, salt), REGISTRY, NOW), Refusal)


@given(ANY_TEXT, st.binary(max_size=200))
def test_no_signed_bytes_make_the_verifier_raise(native_id: str, value: bytes) -> None:
    try:
        event = signed_by_hand(value=value, nativeid=native_id)
    except ValueError:
        return  # a lone surrogate cannot be signed
    assert isinstance(verify_event(event, REGISTRY, NOW), Refusal | VerifiedEvent)


def test_a_refusal_repeats_nothing_that_is_not_shaped_like_an_id() -> None:
    verdict = verify_event(unverified(EVENT, source="Ève\n{level: error}", id="../../etc"), REGISTRY, NOW)
    assert isinstance(verdict, Refusal)
    assert (verdict.claimed_source, verdict.claimed_id) == ("", "")


def test_what_no_reader_would_take_is_not_signed() -> None:
    with pytest.raises(ValueError, match="nativeid"):
        signed_with_native_id("post:1\x00")
    with pytest.raises(ValueError, match="zone"):
        signed(time=NOW.replace(tzinfo=None))


def signed_with_native_id(native_id: str) -> None:
    sign_event(
        FINANCES,
        FACTS[2],
        subject="s",
        time=NOW,
        platform="discourse",
        native_id=native_id,
        change_marker="1",
        actor="a",
        audience=Audience.PUBLIC,
    )


def test_base64url_has_one_writing_per_signature() -> None:
    for text in ("", "AA", "-_8", encode(bytes(range(64)))):
        assert encode(decode(text)) == text
    for odd in ("AB", "AA==", "+/8", "A", "A A", "AA\n", "é"):  # AB holds bits that belong to no byte
        with pytest.raises(ValueError):  # noqa: PT011 - which of the ways of being odd does not matter
            decode(odd)


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    assert timestamp(NOW) == "2026-03-02T09:30:00.000Z"


def makes_one(node: ast.AST) -> bool:
    calls = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
    return any("VerifiedEvent" in (getattr(func, "id", ""), getattr(func, "attr", "")) for func in calls)


def test_only_the_proof_module_makes_a_verified_event() -> None:
    files = {path: path.read_text(encoding="utf-8") for folder in ("schemas", "adapters", "hub") for path in (ROOT / folder).rglob("*.py")}
    naming = {path: text for path, text in files.items() if "VerifiedEvent" in text}
    makers = [path.relative_to(ROOT).as_posix() for path, text in naming.items() if makes_one(ast.parse(text))]
    assert makers == ["schemas/proof.py"]
    module = ast.parse((ROOT / makers[0]).read_text(encoding="utf-8"))
    functions = {node.name for node in module.body if isinstance(node, ast.FunctionDef) and makes_one(node)}
    assert functions == {"verify_event", "own_event"}


def test_a_process_vouches_for_what_it_signed_itself_and_for_nothing_else() -> None:
    mine = own_event(FINANCES, EVENT, FACTS[0], NOW)
    assert mine.fact == FACTS[0]
    for key, event, fact in ((EDUCATION, EVENT, FACTS[0]), (FINANCES, EVENT, FACTS[2]), (FINANCES, forged(EVENT), FACTS[0])):
        with pytest.raises(ValueError):  # noqa: PT011 - any refusal will do
            own_event(key, event, fact, NOW)


def forged(event: CanonicalEvent) -> CanonicalEvent:
    return replace(event, attributes={**event.attributes, "subject": "another"})


def test_no_content_shows_where_an_event_is_printed() -> None:
    shown = repr((verify_event(unverified(EVENT), REGISTRY, NOW), EVENT, unverified(EVENT), own_event(FINANCES, EVENT, FACTS[0], NOW)))
    assert "Bonjour" not in shown
    assert "Inès" not in shown
