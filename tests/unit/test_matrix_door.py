"""Who may push transactions, what a homeserver asks, and how it is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.matrix import ADAPTER
from adapters.port import Ask, AuthenticRequest, Change
from schemas.problem import Problem
from tests.fakes_matrix import HS_TOKEN, knock, matrix_instance, room_event, transaction

AUTHENTIC = {"authorization": f"Bearer {HS_TOKEN}"}


def answered(body: bytes = b'{"events": []}', **changes: Any) -> Any:
    return ADAPTER.authenticate(knock(body, **changes), matrix_instance())


def refused(**changes: Any) -> Problem:
    answer = answered(**changes)
    assert isinstance(answer, Problem)
    return ADAPTER.problem(answer)


def asked(method: str, path: str) -> Ask:
    answer = answered(b"{}", method=method, path=path, headers=AUTHENTIC)
    assert isinstance(answer, Ask)
    return answer


def test_the_homeservers_token_opens() -> None:
    assert isinstance(answered(), AuthenticRequest)


@pytest.mark.parametrize("headers", [{}, {"authorization": ""}, {"authorization": "Bearer "}, {"authorization": f"Basic {HS_TOKEN}"}])
def test_a_missing_token_is_refused_by_name(headers: dict[str, str]) -> None:
    problem = refused(headers=headers)
    assert (problem.status, problem.reason, problem.extra["errcode"]) == (401, "signature_missing", "M_UNAUTHORIZED")


@pytest.mark.parametrize("token", [HS_TOKEN[:-1], HS_TOKEN + "x", HS_TOKEN.upper(), "é", "\udcff"])
def test_a_wrong_token_is_refused_as_the_specification_wants(token: str) -> None:
    problem = refused(headers={"authorization": f"Bearer {token}"})
    assert (problem.status, problem.reason, problem.extra["errcode"]) == (403, "signature_invalid", "M_FORBIDDEN")


def test_a_token_in_the_query_opens_nothing() -> None:
    assert refused(headers={"content-type": "application/json"}, query={"access_token": HS_TOKEN}).status == 401


@given(st.text().filter(lambda token: token != HS_TOKEN))
def test_no_other_token_opens(token: str) -> None:
    assert isinstance(answered(headers={"authorization": f"Bearer {token}"}), Problem)


def test_the_token_is_asked_before_the_path_the_type_or_the_body_is_looked_at() -> None:
    assert refused(body=b"\xff", path="elsewhere", headers={}).status == 401


@pytest.mark.parametrize(
    ("body", "reason", "errcode"),
    [
        (b"{", "json_malformed", "M_NOT_JSON"),
        (b"", "json_malformed", "M_NOT_JSON"),
        (b'{"events": [NaN]}', "json_malformed", "M_NOT_JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "json_malformed", "M_NOT_JSON"),
        (b'{"a": "\xff"}', "invalid_utf8", "M_NOT_JSON"),
        (b"[" * 65 + b"]" * 65, "json_too_deep", "M_BAD_JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "json_too_deep", "M_BAD_JSON"),
    ],
)
def test_a_body_that_is_not_json_is_refused_by_name(body: bytes, reason: str, errcode: str) -> None:
    problem = refused(body=body)
    assert (problem.status, problem.reason, problem.extra["errcode"]) == (400, reason, errcode)


def test_json_of_ordinary_depth_passes() -> None:
    assert isinstance(answered(b'{"a": ' + b"[" * 60 + b"]" * 60 + b"}"), AuthenticRequest)


def test_a_deep_event_of_some_member_never_blocks_the_transactions_after_it() -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    content = {"msgtype": "m.text", "body": "Bonjour", "deep": deep}
    answer = answered(transaction(room_event(event_id="$deep", content=content), room_event(event_id="$next")))
    assert isinstance(answer, AuthenticRequest)
    read = ADAPTER.translate(answer, matrix_instance())
    assert [outcome.native_id for outcome in read if isinstance(outcome, Change)] == ["$deep", "$next"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_refused(content_type: str) -> None:
    problem = refused(headers={**AUTHENTIC, "content-type": content_type})
    assert (problem.status, problem.reason) == (415, "content_type_unsupported")


def test_a_charset_beside_the_content_type_is_fine() -> None:
    assert isinstance(answered(headers={**AUTHENTIC, "content-type": "application/json; charset=utf-8"}), AuthenticRequest)


def test_a_ping_is_answered_without_an_event() -> None:
    assert asked("POST", "_matrix/app/v1/ping") == Ask(200, b"{}", {"content-type": "application/json"})


@pytest.mark.parametrize("user", ["@_tdu_ab12:tchap.example", "%40_tdu_ab12%3Atchap.example"])
def test_a_ghost_exists_for_the_homeserver_that_asks(user: str) -> None:
    assert asked("GET", f"_matrix/app/v1/users/{user}").status == 200


@pytest.mark.parametrize("user", ["@claire:tchap.example", "@_tdu_ab12:elsewhere.example", "_tdu_ab12"])
def test_nobody_else_exists(user: str) -> None:
    answer = asked("GET", f"_matrix/app/v1/users/{user}")
    assert (answer.status, json.loads(answer.body)["errcode"]) == (404, "M_NOT_FOUND")


def test_no_alias_makes_a_room() -> None:
    assert asked("GET", "_matrix/app/v1/rooms/%23salon%3Atchap.example").status == 404


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "_matrix/app/v1/transactions/1"), ("PUT", "_matrix/app/v1/transactions/1/2"), ("PUT", ""), ("POST", "x")]
)
def test_another_address_is_unrecognised(method: str, path: str) -> None:
    problem = refused(method=method, path=path)
    assert (problem.status, problem.extra["errcode"]) == (404, "M_UNRECOGNIZED")


@pytest.mark.parametrize(("status", "errcode"), [(413, "M_TOO_LARGE"), (503, "M_UNKNOWN"), (429, "M_LIMIT_EXCEEDED")])
def test_every_problem_speaks_matrix_beside_rfc_9457(status: int, errcode: str) -> None:
    body = json.loads(ADAPTER.problem(Problem(status, "anything", "Titre")).to_bytes())
    assert (body["errcode"], body["error"], body["reason"]) == (errcode, "Titre", "anything")


def test_a_transaction_is_accepted_with_an_empty_object() -> None:
    assert ADAPTER.accepted([]) == (b"{}", "application/json")


@pytest.mark.parametrize("payload", [json.dumps(room_event()).encode(), transaction(room_event())])
def test_a_payload_of_somebody_else_comes_in_as_the_homeserver_would_send_it(payload: bytes) -> None:
    instance = matrix_instance()
    request = ADAPTER.signed_request(payload, instance, None)
    answer = ADAPTER.authenticate(request, instance)
    assert isinstance(answer, AuthenticRequest)
    assert len(ADAPTER.translate(answer, instance)) == 1
    assert ADAPTER.signed_request(payload, instance, None).path == request.path


def test_a_payload_that_is_no_json_is_sent_as_it_is_and_refused_at_the_door() -> None:
    instance = matrix_instance()
    answer = ADAPTER.authenticate(ADAPTER.signed_request(b"{nonsense", instance, None), instance)
    assert isinstance(answer, Problem)
    assert answer.status == 400
