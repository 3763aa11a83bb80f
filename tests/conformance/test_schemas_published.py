"""What is published says what the code says: JSON Schemas, AsyncAPI, and the README's tables and snippet."""

from __future__ import annotations

import json
import re
from pathlib import Path  # noqa: TC003 - pytest reads annotations of parametrised tests
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are not among our dependencies
import pytest
import yaml
from cryptography.exceptions import InvalidSignature
from starlette.routing import Route

from hub.door import node_door
from hub.node_door.answers import STATUSES
from hub.node_door.parts import Parts
from schemas import generate, openapi
from schemas.asyncapi import CARRIES, OUTBOUND
from schemas.envelope import Envelope
from schemas.facts import FACTS
from schemas.manifest import issue
from schemas.sequence import HEADERS, HISTORY_HEADER
from schemas.topics import DAY_MS, DEAD_LETTER_HEADERS, STATIC, Topic
from schemas.wire.records import to_headers
from tests.fakes_asgi import call
from tests.fakes_schemas import HUB, NOW, registry_document, signed

OF_BODIES = {"content_type_unsupported"}
"""What a poll cannot be refused for: the type of a body that it does not have."""
README = (generate.HERE / "README.md").read_text(encoding="utf-8")
ASYNCAPI: dict[str, Any] = yaml.safe_load((generate.HERE / "asyncapi.yaml").read_text(encoding="utf-8"))
OPENAPI: dict[str, Any] = yaml.safe_load((generate.HERE / "openapi.yaml").read_text(encoding="utf-8"))


def test_the_committed_schemas_are_those_of_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--check"]) == 0, capsys.readouterr().err


def test_drift_is_told_in_one_sentence_and_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main([], tmp_path) == 0
    assert generate.main(["--check"], tmp_path) == 0
    (tmp_path / "jsonschema" / "envelope.json").write_text("{}", encoding="utf-8")
    (tmp_path / "jsonschema" / "left.over.json").write_text("{}", encoding="utf-8")
    (tmp_path / "asyncapi.yaml").unlink()
    assert generate.main(["--check"], tmp_path) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "run `python -m schemas.generate`" in said
    assert "asyncapi.yaml, jsonschema/envelope.json, jsonschema/left.over.json" in said
    assert generate.main([], tmp_path) == 0
    assert generate.main(["--check"], tmp_path) == 0


@pytest.mark.parametrize("path", sorted((generate.HERE / "jsonschema").glob("*.json")), ids=lambda path: path.stem)
def test_each_published_schema_is_a_json_schema_that_lets_tomorrow_add_names(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:traitdunion:schema:{path.stem}"
    assert "additionalProperties" not in path.read_text(encoding="utf-8")


def test_an_event_names_the_schema_that_is_published() -> None:
    event = signed()
    published = json.loads((generate.HERE / "jsonschema" / f"{event.envelope.type}.json").read_text(encoding="utf-8"))
    assert event.envelope.dataschema == published["$id"]


def test_each_topic_is_a_channel_with_its_partitions_and_retention() -> None:
    topics = {topic.name: topic for topic in (*STATIC, OUTBOUND, OUTBOUND.dead_letters)}
    assert {channel["address"] for channel in ASYNCAPI["channels"].values()} == set(topics)
    for channel in ASYNCAPI["channels"].values():
        topic, kafka = topics[channel["address"]], channel["bindings"]["kafka"]
        assert kafka["partitions"] == topic.partitions
        assert kafka["topicConfiguration"]["retention.ms"] == topic.days * DAY_MS
        assert kafka["topicConfiguration"]["max.message.bytes"] == topic.record_limit


def test_the_openapi_document_tells_the_routes_that_the_door_has() -> None:
    app = node_door(Parts(None, None, None))  # type: ignore[arg-type]  # its routes are looked at, not used
    methods = {route.path: route.app._route.method.lower() for route in app.routes if isinstance(route, Route) and "{node}" in route.path}  # type: ignore[attr-defined]
    told = {path: said for path, said in OPENAPI["paths"].items() if path != openapi.APPLICATIONS}  # the site's own
    assert {path: next(iter(said)) for path, said in told.items()} == methods
    assert {status for said in told.values() for one in said.values() for status in one["responses"]} >= {
        str(status) for status, _ in STATUSES.values()
    }


@pytest.mark.parametrize("path", [path for path in OPENAPI["paths"] if path != openapi.APPLICATIONS])
async def test_another_method_and_a_fault_of_the_doors_own_are_answered_as_the_document_tells(path: str) -> None:
    ((method, operation),) = OPENAPI["paths"][path].items()
    app = node_door(Parts(None, None, None))  # type: ignore[arg-type]  # without its parts, whatever it does fails
    for asked, status, reason in (("PUT", 405, "method_not_allowed"), ("HEAD", 405, "method_not_allowed"), (method, 500, "door_failed")):
        answer = await call(app, path.replace("{node}", "wifip"), method=asked.upper())
        assert (answer.status, answer.json()["reason"]) == (status, reason)
        told = OPENAPI["components"]["responses"][operation["responses"][str(status)]["$ref"].rpartition("/")[2]]
        assert f"`{reason}`" in told["description"]
        jsonschema.validate(answer.json(), OPENAPI["components"]["schemas"]["Problem"])
        assert answer.headers["content-type"] in told["content"]
        assert {name for name in told.get("headers", {}) if name.lower() in answer.headers} == set(told.get("headers", {}))
        assert answer.headers.get("allow") == (method.upper() if status == 405 else None)


@pytest.mark.parametrize("path", [path for path in OPENAPI["paths"] if path != openapi.APPLICATIONS])
def test_each_operation_tells_every_refusal_that_its_route_can_give(path: str) -> None:
    ((method, operation),) = OPENAPI["paths"][path].items()
    reasons = set(STATUSES) - ({"cursor_ahead", "cursor_expired"} if method == "post" else OF_BODIES)
    told = {status for status in operation["responses"] if int(status) >= 400}
    assert told == {str(STATUSES[reason][0]) for reason in reasons}


def test_every_reference_of_the_openapi_document_leads_somewhere() -> None:
    assert references(OPENAPI)
    for reference in references(OPENAPI):
        target: Any = OPENAPI
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        assert target


def test_each_fact_is_carried_by_some_topic_and_has_its_message() -> None:
    assert {fact for carried in CARRIES.values() for fact in carried} == set(FACTS.values())
    assert {message["name"] for message in ASYNCAPI["components"]["messages"].values() if "payload" in message} == set(FACTS)


def references(part: object) -> list[str]:
    if isinstance(part, dict):
        return [inner for name, inner in part.items() if name == "$ref"] + [found for inner in part.values() for found in references(inner)]
    return [found for inner in part for found in references(inner)] if isinstance(part, list) else []


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    assert references(ASYNCAPI)
    for reference in references(ASYNCAPI):
        file, _, pointer = reference.partition("#")
        target: Any = json.loads((generate.HERE / file).read_text(encoding="utf-8")) if file else ASYNCAPI
        for step in pointer.split("/")[1:]:
            target = target[step]
        assert target


def test_the_headers_of_a_real_record_are_those_of_the_document() -> None:
    said = ASYNCAPI["components"]["schemas"]
    headers = {name for name, _ in to_headers(signed(), "c" * 32)}
    assert set(said["EventHeaders"]["required"]) <= headers <= set(said["EventHeaders"]["properties"])
    assert tuple(said["HubHeaders"]["properties"]) == (*HEADERS, HISTORY_HEADER)
    assert tuple(said["DeadLetterHeaders"]["properties"]) == DEAD_LETTER_HEADERS


def rows(title: str) -> list[list[str]]:
    """Cells of the README's table under a title."""
    table = README.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_the_readme_s_table_of_attributes_is_the_envelope() -> None:
    required = {name: "yes" if field.is_required() else "no" for name, field in Envelope.model_fields.items()}
    assert [(name, must) for name, _, must, _ in rows("The attributes of an event")] == list(required.items())
    for name, header, _, description in rows("The attributes of an event"):
        assert header == ("content-type" if name == "datacontenttype" else f"ce_{name}")
        assert description == Envelope.model_fields[name].description


def test_the_readme_s_table_of_topics_is_the_code_s() -> None:
    def cells(topic: Topic) -> list[str]:
        return [
            topic.name,
            topic.key,
            str(topic.partitions),
            f"{topic.days} d",
            f"{topic.record_limit / 1024 / 1024:g} MiB",
            topic.value.replace("`", ""),
        ]

    said = [[cell.replace("`", "") for cell in row] for row in rows("The topics")]
    assert said == [cells(topic) for topic in (*STATIC, OUTBOUND, OUTBOUND.dead_letters)]


def test_the_readme_names_each_fact_and_each_module() -> None:
    for fact in FACTS:
        assert f"`{fact}`" in README
    for path in generate.HERE.glob("*.py"):
        assert path.stem == "__init__" or f"`{path.name}`" in README


def test_the_readme_s_fifteen_lines_verify_a_real_event_by_hand_and_refuse_an_altered_one() -> None:
    snippet = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert snippet is not None
    assert len(snippet[1].strip().splitlines()) <= 15
    event = signed()
    registry = generate_registry()
    scope: dict[str, Any] = {"registry": registry, "headers": dict(to_headers(event, "c" * 32)), "value": event.value}
    exec(snippet[1], scope)  # noqa: S102 - the README's own lines, to prove that they work
    assert scope["ours"] is True
    for change in ({"value": event.value + b" "}, {"headers": {**scope["headers"], "ce_subject": b"another"}}):
        with pytest.raises((AssertionError, InvalidSignature)):
            exec(snippet[1], {**scope, **change})  # noqa: S102 - the same


def generate_registry() -> dict[str, Any]:

    parsed: dict[str, Any] = json.loads(issue(registry_document(), HUB, NOW))
    return parsed
