"""Every Discourse payload that somebody else wrote, through the adapter's real door."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters.discourse import ADAPTER
from adapters.port import Act, AuthenticRequest, Change, Incomplete, Nonsense, Outcome, Unused
from schemas.names import ANYBODY
from tests.fakes_discourse import instance

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "payloads" / "discourse"
PAYLOADS = sorted(FOLDER.glob("*.json"))
EXPECTED: dict[str, Outcome] = {
    "post_edited_reply.json": Incomplete("post:127406", Act.EDITED),
    "topic_created.json": Unused("topic_created"),
}

needs_payloads = pytest.mark.skipif(not PAYLOADS, reason="the captured payloads are not beside this checkout")


def entered(path: Path) -> Outcome:
    rse = instance()
    answer = ADAPTER.authenticate(ADAPTER.signed_request(path.read_bytes(), rse, None), rse)
    assert isinstance(answer, AuthenticRequest), answer
    (outcome,) = ADAPTER.translate(answer, rse)
    return outcome


@needs_payloads
@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.name)
def test_a_captured_payload_enters_and_is_understood(path: Path) -> None:
    outcome = entered(path)
    assert outcome == EXPECTED.get(path.name, outcome)
    assert not isinstance(outcome, Nonsense)


@needs_payloads
def test_a_captured_post_with_its_text_is_an_edit_of_a_reply(tmp_path: Path) -> None:
    capture = json.loads((FOLDER / "post_edited_reply.json").read_text())
    capture["body"]["post"] |= {"cooked": "<p>texte</p>", "raw": "texte"}
    whole = tmp_path / "whole.json"
    whole.write_text(json.dumps(capture))
    change = entered(whole)
    assert isinstance(change, Change)
    assert (change.native_id, change.parent, change.space) == ("post:127406", "topic:31544/37", "97")
    assert change.marker == "post_edited:2023-02-10T09:44:54.865Z"
    assert change.author is not None
    assert change.author.name == ANYBODY  # « agent.f » is her user name


@needs_payloads
def test_a_captured_like_names_its_giver_apart_from_the_posts_author() -> None:
    body = json.loads((FOLDER / "like_post_liked.json").read_text())["body"]["like"]
    assert body["user"]["username"] != body["post"]["username"]
    change = entered(FOLDER / "like_post_liked.json")
    assert isinstance(change, Change)
    assert change.author is not None
    assert (change.act, change.author.name, change.parent) == (Act.REACTED, body["user"]["name"], f"post:{body['post']['id']}")
