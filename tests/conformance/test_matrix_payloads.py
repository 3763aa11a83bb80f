"""Every Matrix payload that somebody else wrote, through the door as the homeserver would send it."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.matrix import ADAPTER
from adapters.port import Act, AuthenticRequest, Change, Outcome, RosterAltered, Unused
from tests.fakes_matrix import matrix_instance

PAYLOADS = Path(__file__).resolve().parents[2].parent / "shared" / "payloads" / "matrix"

EXPECTED: dict[str, list[str]] = {
    "appservice_transaction.json": ["members", "posted", "m.receipt", "m.presence"],
    "reaction.json": ["reacted"],
    "room_member_join.json": ["members"],
    "room_message_file.json": ["posted"],
    "room_message_text.json": ["posted"],
    "room_redaction.json": ["deleted"],
    "room_topic.json": ["m.room.topic"],
}


@pytest.fixture
def payloads() -> Path:
    if not PAYLOADS.is_dir():
        pytest.skip(f"no payloads beside the checkout ({PAYLOADS.name} of ../shared/payloads)")
    return PAYLOADS


def fed(payload: bytes) -> list[Outcome]:
    instance = matrix_instance()
    answer = ADAPTER.authenticate(ADAPTER.signed_request(payload, instance, None), instance)
    assert isinstance(answer, AuthenticRequest)
    return list(ADAPTER.translate(answer, instance))


def named(outcome: Outcome) -> str:
    match outcome:
        case Change(act=act):
            return act.value
        case Unused(type=kind):
            return kind
        case RosterAltered():
            return "members"
        case other:
            return repr(other)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_payload_of_the_specification_is_understood(payloads: Path, name: str) -> None:
    assert [named(outcome) for outcome in fed((payloads / name).read_bytes())] == EXPECTED[name]


def test_no_payload_is_left_untried(payloads: Path) -> None:
    assert {path.name for path in payloads.iterdir()} == set(EXPECTED)


def test_the_specifications_file_message_gives_its_file(payloads: Path) -> None:
    (change,) = fed((payloads / "room_message_file.json").read_bytes())
    assert isinstance(change, Change)
    (file,) = change.attachments
    assert (file.name, file.media_type, file.size) == ("something-important.doc", "application/msword", 46144)


def test_the_specifications_redaction_names_what_it_takes_away(payloads: Path) -> None:
    (change,) = fed((payloads / "room_redaction.json").read_bytes())
    assert isinstance(change, Change)
    assert (change.act, change.native_id) == (Act.DELETED, "$fukweghifu23:localhost")
