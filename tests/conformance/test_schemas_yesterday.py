"""Today's events are read with yesterday's models, yesterday's with today's, and no published schema narrows."""

from __future__ import annotations

import copy
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are not among our dependencies
import pytest

from schemas import facts
from schemas.generate import documents
from schemas.manifest import Registry
from schemas.proof import UnverifiedEvent, VerifiedEvent, verify_event
from tests.conformance.yesterday.models import READERS, Envelope
from tests.fakes_schemas import FACTS, NOW, registry, registry_document, signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.facts.base import Fact

YESTERDAY = Path(__file__).parent / "yesterday"
FROZEN = json.loads((YESTERDAY / "events.json").read_text(encoding="utf-8"))
OLD = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((YESTERDAY / "jsonschema").glob("*.json"))}
NEW = {Path(name).stem: json.loads(text) for name, text in documents().items() if name.endswith(".json")}
ADMITTED = datetime.fromisoformat(FROZEN["admitted_at"])
KNOWN_THEN = tuple(fact for fact in FACTS if fact.event_type in READERS)
NEW_SINCE = tuple(fact for fact in FACTS if fact.event_type not in READERS)


def valid(schema: dict[str, Any], value: object) -> None:
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(value)


@pytest.mark.parametrize("kept", FROZEN["events"], ids=lambda kept: kept["attributes"]["type"])
def test_yesterday_s_signed_events_still_verify_and_say_the_same(kept: dict[str, Any]) -> None:
    registry = Registry.open(FROZEN["registry"].encode(), FROZEN["anchor"], ADMITTED)
    event = UnverifiedEvent(kept["attributes"], kept["value"].encode(), bytes.fromhex(kept["salt"]))
    verdict = verify_event(event, registry, ADMITTED)
    assert isinstance(verdict, VerifiedEvent)
    assert verdict.fact is not None
    assert json.loads(verdict.fact.to_bytes()) == {**json.loads(verdict.fact.to_bytes()), **json.loads(kept["value"])}


@pytest.mark.parametrize("fact", KNOWN_THEN, ids=lambda fact: fact.event_type)
def test_today_s_events_are_read_with_yesterday_s_models(fact: Fact) -> None:
    event = signed(fact)
    envelope = Envelope.model_validate(dict(event.attributes))
    read = READERS[envelope.type].model_validate_json(event.value)
    said = json.loads(event.value)
    understood = read.model_dump(mode="json", exclude_none=True)
    assert {name: said[name] for name in understood if name in said} == {name: understood[name] for name in understood if name in said}
    assert understood.keys() & said.keys()


def test_who_has_not_learnt_what_history_is_reads_it_as_any_message() -> None:
    event = signed(history="backfill")
    assert event.envelope.history == "backfill"
    assert Envelope.model_validate(dict(event.attributes)).type == event.envelope.type
    verdict = verify_event(UnverifiedEvent(event.attributes, event.value, event.salt), registry(), NOW)
    assert isinstance(verdict, VerifiedEvent)
    without = {name: said for name, said in event.attributes.items() if name != "history"}
    refused = verify_event(UnverifiedEvent(without, event.value, event.salt), registry(), NOW)
    assert getattr(refused, "reason", None) == "proof_invalid"  # the mark is its ministry's word: nobody takes it away


@pytest.mark.parametrize("fact", NEW_SINCE, ids=lambda fact: fact.event_type)
def test_yesterday_reads_the_envelope_of_a_fact_that_it_has_not_learnt_and_may_call_it_unsupported(fact: Fact) -> None:
    event = signed(fact)
    envelope = Envelope.model_validate(dict(event.attributes))
    valid(OLD["envelope"], dict(event.attributes))
    valid(NEW[fact.event_type], json.loads(event.value))
    assert envelope.type == fact.event_type


@pytest.mark.parametrize("fact", KNOWN_THEN, ids=lambda fact: fact.event_type)
def test_today_s_events_satisfy_yesterday_s_published_schemas_and_today_s(fact: Fact) -> None:
    event = signed(fact)
    for schemas in (OLD, NEW):
        valid(schemas[fact.event_type], json.loads(event.value))
        valid(schemas["envelope"], dict(event.attributes))
        valid(schemas["registry"], registry_document())


@pytest.mark.parametrize("kept", FROZEN["events"], ids=lambda kept: kept["attributes"]["type"])
def test_yesterday_s_events_satisfy_today_s_published_schemas(kept: dict[str, Any]) -> None:
    valid(NEW[kept["attributes"]["type"]], json.loads(kept["value"]))
    valid(NEW["envelope"], kept["attributes"])


def test_yesterday_knows_every_fact_of_yesterday_and_today_forgets_none() -> None:
    assert set(READERS) == {kept["attributes"]["type"] for kept in FROZEN["events"]} == set(OLD) - {"envelope", "registry"}
    assert set(OLD) <= set(NEW)
    assert set(READERS) <= set(facts.FACTS)


def test_yesterday_s_models_share_nothing_with_today_s() -> None:
    text = (YESTERDAY / "models.py").read_text(encoding="utf-8")
    assert "import schemas" not in text
    assert "from schemas" not in text


LOWER_IS_NARROWER = ("maxLength", "maxItems", "maximum")
HIGHER_IS_NARROWER = ("minLength", "minItems", "minimum")


def inlined(part: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(part, dict):
        target = definitions[part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else {}
        return {name: inlined(inner, definitions) for name, inner in {**target, **part}.items() if name not in ("$ref", "$defs")}
    return [inlined(inner, definitions) for inner in part] if isinstance(part, list) else part


def breaks(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What a schema demands that it did not, or no longer promises."""
    return _breaks(inlined(old, old.get("$defs", {})), inlined(new, new.get("$defs", {})), "")


def _breaks(old: dict[str, Any], new: dict[str, Any], at: str) -> list[str]:
    found = [f"{at}: {name} is required now" for name in set(new.get("required", ())) - set(old.get("required", ()))]
    found += [f"{at}: {name} is no longer promised" for name in set(old.get("required", ())) - set(new.get("required", ()))]
    found += [f"{at}: {name} is lower" for name in LOWER_IS_NARROWER if name in new and new[name] < old.get(name, float("inf"))]
    found += [f"{at}: {name} is higher" for name in HIGHER_IS_NARROWER if name in new and new[name] > old.get(name, float("-inf"))]
    found += [f"{at}: {name} changed" for name in ("type", "pattern", "enum", "const", "format") if old.get(name) != new.get(name)]
    if len(old.get("anyOf", ())) != len(new.get("anyOf", ())):
        return [*found, f"{at}: its alternatives changed"]
    for index, (before, after) in enumerate(zip(old.get("anyOf", ()), new.get("anyOf", ()), strict=True)):
        found += _breaks(before, after, f"{at}|{index}")
    if "items" in old:
        found += _breaks(old["items"], new.get("items", {}), f"{at}[]")
    for name, before in old.get("properties", {}).items():
        after = new.get("properties", {}).get(name)
        found += [f"{at}.{name} is gone"] if after is None else _breaks(before, after, f"{at}.{name}")
    return found


@pytest.mark.parametrize("name", OLD)
def test_no_published_schema_demands_more_or_promises_less_than_yesterday(name: str) -> None:
    assert breaks(OLD[name], NEW[name]) == []


def changed(change: Callable[[dict[str, Any]], object]) -> list[str]:
    schema = copy.deepcopy(OLD["fr.gouv.rse.message.posted.v1"])
    change(schema)
    return breaks(OLD["fr.gouv.rse.message.posted.v1"], schema)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda schema: schema["required"].append("title"), ": title is required now"),
        (lambda schema: schema["required"].remove("space"), ": space is no longer promised"),
        (lambda schema: schema["properties"].pop("link"), ".link is gone"),
        (lambda schema: schema["properties"]["space"].update(maxLength=10), ".space: maxLength is lower"),
        (lambda schema: schema["properties"]["space"].update(minLength=2), ".space: minLength is higher"),
        (lambda schema: schema["properties"]["space"].update(pattern="^a"), ".space: pattern changed"),
        (lambda schema: schema["properties"].update(title={"type": "string"}), ".title: its alternatives changed"),
        (lambda schema: schema["$defs"]["Author"]["properties"]["kind"]["enum"].remove("bot"), ".author.kind: enum changed"),
        (lambda schema: schema["$defs"]["Attachment"]["properties"].pop("link"), ".attachments[].link is gone"),
    ],
)
def test_the_comparison_sees_each_kind_of_break(change: Callable[[dict[str, Any]], object], sentence: str) -> None:
    assert sentence in changed(change)


def test_the_comparison_lets_a_new_optional_field_pass() -> None:
    assert changed(lambda schema: schema["properties"].update(mood={"type": "string"})) == []
