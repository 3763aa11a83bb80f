"""Other people's numbers: requests that bovine signed with draft-cavage-12."""

from __future__ import annotations

from typing import Any

import pytest

from schemas import cavage
from schemas.http_signature import SignedHead, UnverifiedHead, VerifiedRequest, verify_body
from tests.fakes_peers import BOVINE, NOW, rsa_key

CASES: list[dict[str, Any]] = BOVINE["cases"]
KEY = rsa_key(BOVINE["actor"])


def received(case: dict[str, Any]) -> UnverifiedHead:
    host = case["uri"].split("/")[2]
    return UnverifiedHead(case["method"], case["uri"], [("host", host), *((name.lower(), said) for name, said in case["fields"].items())])


def body_of(case: dict[str, Any]) -> bytes | None:
    return None if case["body"] is None else case["body"].encode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["uri"])
def test_what_bovine_signs_is_believed(case: dict[str, Any]) -> None:
    body = body_of(case)
    demands = cavage.OF_PEERS if body is None else cavage.OF_PEERS_WITH_BODY
    proved = cavage.verify_head(received(case), demands, lambda _: KEY.public, NOW)
    assert isinstance(proved, SignedHead)
    assert verify_body(proved, body or b"") == VerifiedRequest(KEY.key_id, body or b"")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["uri"])
def test_the_bytes_to_sign_are_bovine_s(case: dict[str, Any]) -> None:
    components = [line.partition(": ")[0] for line in case["signed"].splitlines()]
    assert cavage._base(received(case), components, None, None).decode() == case["signed"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["uri"])
def test_what_we_sign_is_what_bovine_signs_byte_for_byte(case: dict[str, Any]) -> None:
    made = cavage.signed_fields(KEY, case["method"], case["uri"], NOW, "application/activity+json", body_of(case))
    assert {name: made[name] for name in case["fields"]} == case["fields"]
