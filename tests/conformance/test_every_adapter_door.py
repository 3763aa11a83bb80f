"""What every connector must do at its door, whatever its RSE: who enters, what is read, and what it says of itself."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st
from pydantic import SecretStr

from adapters.capabilities import BothWays, Capabilities, Feature, FeatureUnanswered, No, Yes
from adapters.platforms import MODULES, capability_table
from adapters.port import Act, AuthenticRequest, Change, Incomplete, Nonsense, RosterAltered, Unused, UnverifiedRequest
from adapters.sorting import MOST_SEALED
from hub.node_door.inbox import OVERHEAD
from schemas.problem import MEDIA_TYPE, Problem
from schemas.topics import ADAPTERS_DLQ
from tests.rses.kinds import POLLED, PUSHING, RSES
from tests.rses.rse import Pushing, Rse

PAYLOADS = Path(__file__).resolve().parents[2].parent / "shared" / "payloads"
CAPTURED = [(kind, path) for kind in RSES for path in sorted((PAYLOADS / kind.name).glob("*"))]
SNAKE_CASE = re.compile(r"[a-z][a-z0-9_]*")
OUTCOMES = (Change, Unused, Nonsense, Incomplete)

every_kind = pytest.mark.parametrize("kind", RSES, ids=lambda kind: kind.__name__)
every_pushing_kind = pytest.mark.parametrize("kind", PUSHING, ids=lambda kind: kind.__name__)
every_polled_kind = pytest.mark.parametrize("kind", POLLED, ids=lambda kind: kind.__name__)


def signed(kind: type[Rse], payload: bytes, event: str | None = None) -> UnverifiedRequest:
    return kind.platform().adapter.signed_request(payload, kind.configured, event)


def of_sample(rse: Pushing) -> UnverifiedRequest:
    return rse.platform().adapter.signed_request(rse.sample.payload, rse.instance, rse.sample.event)


# --- the door ------------------------------------------------------------------------------------------------------


async def refusal(pushing: Pushing, request: UnverifiedRequest) -> tuple[int, str]:
    """The status and reason of a refusal, which bears RFC 9457's members and those of the platform."""
    status, headers, body = await pushing.knock(request)
    said = json.loads(body)
    assert headers["content-type"] == MEDIA_TYPE
    assert {"type", "title", "status", "reason"} | pushing.error_members <= said.keys()
    assert said["status"] == status
    assert said["title"]
    assert pushing.sink.changes(pushing.sample.native_id) == []
    return status, said["reason"]


async def test_what_a_platform_would_send_is_taken_and_answered_in_its_own_words(pushing: Pushing) -> None:
    status, _, body = await pushing.knock(of_sample(pushing))
    assert (status, body) == (200, pushing.accepted)
    assert (await pushing.sink.change(Act.POSTED, pushing.sample.native_id)).native_id == pushing.sample.native_id


async def test_a_webhook_without_its_signature_is_refused(pushing: Pushing) -> None:
    request = of_sample(pushing)
    unsigned = {name: value for name, value in request.headers.items() if name != pushing.signature}
    assert await refusal(pushing, replace(request, headers=unsigned)) == (401, "signature_missing")


async def test_a_webhook_signed_with_another_secret_is_refused(pushing: Pushing) -> None:
    stranger = pushing.instance.model_copy(update={"webhook_secret": SecretStr("le-secret-d-un-autre")})
    forged = pushing.platform().adapter.signed_request(pushing.sample.payload, stranger, pushing.sample.event)
    status, reason = await refusal(pushing, forged)
    assert (status in {401, 403}, reason) == (True, "signature_invalid")


async def test_a_content_type_that_is_not_the_platforms_is_refused(pushing: Pushing) -> None:
    request = of_sample(pushing)
    assert await refusal(pushing, replace(request, headers={**request.headers, "content-type": "text/plain"})) == (
        415,
        "content_type_unsupported",
    )


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"a": "\xff"}', "invalid_utf8"),
        (b"[" * 100 + b"]" * 100, "json_too_deep"),
        (b'{"a": ', "json_malformed"),
        (b"", "json_malformed"),
    ],
    ids=["not UTF-8", "too deep", "cut", "empty"],
)
async def test_a_signed_body_that_cannot_be_read_is_refused_by_name(pushing: Pushing, payload: bytes, reason: str) -> None:
    request = pushing.platform().adapter.signed_request(payload, pushing.instance, pushing.sample.event)
    assert await refusal(pushing, request) == (400, reason)


async def test_a_signed_body_that_makes_no_sense_is_taken_and_named(pushing: Pushing) -> None:
    request = pushing.platform().adapter.signed_request(b'{"surprise": [1]}', pushing.instance, None)
    heard = len(pushing.sink.outcomes)
    assert (await pushing.knock(request))[0] == 200
    (outcome,) = pushing.sink.outcomes[heard:]
    assert isinstance(outcome, Nonsense)
    assert SNAKE_CASE.fullmatch(outcome.reason)


@every_polled_kind
@examples(body=st.binary(max_size=200), header=st.text(max_size=80))
def test_the_door_of_a_polled_platform_takes_nothing_and_says_why(kind: type[Rse], body: bytes, header: str) -> None:
    request = UnverifiedRequest("POST", "", {"authorization": header}, {}, body)
    for knocking in (request, signed(kind, kind.sample.payload)):
        answer = kind.platform().adapter.authenticate(knocking, kind.configured)
        assert isinstance(answer, Problem)
        assert (answer.status, answer.reason) == (404, "platform_polled")


# --- the reading half by itself --------------------------------------------------------------------------------------


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def spoiled(value: Any, data: st.DataObject) -> Any:
    """The same document with something else somewhere in it."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 5)):
        name = data.draw(st.sampled_from(sorted(value)))
        return {**value, name: spoiled(value[name], data)}
    if isinstance(value, list) and value and data.draw(st.integers(0, 5)):
        return [spoiled(value[0], data), *value[1:]]
    return data.draw(JSON)


@every_kind
@examples(body=st.binary(max_size=400))
def test_no_bytes_make_the_reading_half_fail(kind: type[Rse], body: bytes) -> None:
    adapter, request = kind.platform().adapter, signed(kind, kind.sample.payload, kind.sample.event)
    outcomes = adapter.translate(AuthenticRequest(replace(request, body=body)), kind.configured)
    assert all(isinstance(outcome, OUTCOMES) for outcome in outcomes)
    adapter.accepted(outcomes)


@every_kind
@examples(data=st.data())
def test_no_document_makes_the_reading_half_fail(kind: type[Rse], data: st.DataObject) -> None:
    adapter, request = kind.platform().adapter, signed(kind, kind.sample.payload, kind.sample.event)
    body = json.dumps(spoiled(json.loads(request.body), data)).encode()
    outcomes = adapter.translate(AuthenticRequest(replace(request, body=body)), kind.configured)
    assert all(isinstance(outcome, OUTCOMES) for outcome in outcomes)
    assert all(SNAKE_CASE.fullmatch(outcome.reason) for outcome in outcomes if isinstance(outcome, Nonsense))


@every_pushing_kind
@examples(body=st.binary(max_size=200), header=st.text(max_size=80))
def test_no_request_makes_the_door_fail_and_none_enters_unsigned(kind: type[Pushing], body: bytes, header: str) -> None:
    request = signed(kind, kind.sample.payload, kind.sample.event)
    forged = replace(request, body=body, headers={**request.headers, kind.signature: header})
    assert not isinstance(kind.platform().adapter.authenticate(forged, kind.configured), AuthenticRequest)


@every_pushing_kind
@examples(data=st.data())
def test_a_signature_of_which_one_character_was_changed_is_refused(kind: type[Pushing], data: st.DataObject) -> None:
    request = signed(kind, kind.sample.payload, kind.sample.event)
    proof = request.headers[kind.signature]
    place = data.draw(st.integers(len(proof) // 2, len(proof) - 1))
    other = data.draw(st.sampled_from("0123456789abcdefxyz").filter(lambda found: found != proof[place]))
    forged = {**request.headers, kind.signature: proof[:place] + other + proof[place + 1 :]}
    assert isinstance(kind.platform().adapter.authenticate(request, kind.configured), AuthenticRequest)
    assert not isinstance(kind.platform().adapter.authenticate(replace(request, headers=forged), kind.configured), AuthenticRequest)


@every_kind
def test_a_body_of_the_greatest_size_fits_sealed_into_the_dead_letters(kind: type[Rse]) -> None:
    assert 0 < min(kind.platform().adapter.body_limit, MOST_SEALED) < ADAPTERS_DLQ.record_limit - OVERHEAD
    assert kind.name == "matrix" or kind.platform().adapter.body_limit < MOST_SEALED


# --- what it says of itself --------------------------------------------------------------------------------------------


def test_the_table_names_every_connector_and_every_feature() -> None:
    said = capability_table()
    assert all(f"{name} : lu" in said for name in MODULES)
    assert all(f"| {feature.value} |" in said for feature in Feature)


def test_a_connector_that_leaves_a_feature_unanswered_does_not_start() -> None:
    with pytest.raises(FeatureUnanswered, match="membres"):
        Capabilities({feature: BothWays(Yes("x"), No("y")) for feature in Feature if feature is not Feature.MEMBERS}, retries="", outage="")


@every_kind
def test_each_feature_is_answered_both_ways_by_a_form_or_by_a_reason(kind: type[Rse]) -> None:
    said = kind.platform().capabilities
    for both in said.features.values():
        for ability in (both.read, both.write):
            assert re.match(r"(oui|non) — \S", str(ability))
            assert "|" not in str(ability)
    assert len(said.retries) > 20


@pytest.mark.skipif(not CAPTURED, reason="the captured payloads are not beside this checkout (../shared/payloads)")
@pytest.mark.parametrize(("kind", "path"), CAPTURED, ids=lambda value: value.name)
def test_every_payload_that_somebody_else_wrote_is_understood(kind: type[Rse], path: Path) -> None:
    adapter = kind.platform().adapter
    request = signed(kind, path.read_bytes())
    authentic = adapter.authenticate(request, kind.configured) if issubclass(kind, Pushing) else AuthenticRequest(request)
    assert isinstance(authentic, AuthenticRequest), authentic
    outcomes = adapter.translate(authentic, kind.configured)
    assert outcomes
    assert all(isinstance(outcome, (Change, Unused, Incomplete, RosterAltered)) for outcome in outcomes), outcomes
