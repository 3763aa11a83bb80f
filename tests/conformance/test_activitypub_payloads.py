"""What real servers sent, read: their signatures' form, their content types, the keys that they publish."""

from __future__ import annotations

import ast
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas import cavage
from schemas.actor_keys import ActorKey, actor_keys
from schemas.http_signature import UnverifiedHead
from schemas.media_types import holds_activity

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "payloads" / "activitypub"
needs_payloads = pytest.mark.skipif(not FOLDER.is_dir(), reason="the captured payloads are not beside this checkout")
NOW = datetime(2026, 11, 22, tzinfo=UTC)
POSTED = re.compile(r"POST (?P<path>/\S+) (?P<fields>\{.*\})")
INBOX = "https://127.0.0.4"


def posted() -> list[dict[str, str]]:
    """The fields of each captured POST; values of signatures were blanked when they were captured."""
    said = (FOLDER / "captured-2026-11.txt").read_text(encoding="utf-8").splitlines() if FOLDER.is_dir() else []
    found = [match for line in said if (match := POSTED.match(line))]
    return [{**ast.literal_eval(match["fields"]), "(path)": match["path"]} for match in found]


def documents() -> list[dict[str, Any]]:
    read = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.rglob("*.json"))]
    return [one for one in read if isinstance(one, dict) and "publicKey" in one]


@needs_payloads
def test_the_captures_hold_the_three_servers_that_were_seen() -> None:
    agents = {fields["user-agent"].partition("/")[0] for fields in posted()}
    assert agents == {"gotosocial", "NodeBB", "WordPress"}


@pytest.mark.parametrize("fields", posted(), ids=lambda fields: fields["user-agent"].partition("/")[0])
def test_each_captured_signature_has_a_form_that_is_read(fields: dict[str, str]) -> None:
    whole = {name: said.replace("…", "AAAA") for name, said in fields.items()}
    head = UnverifiedHead("POST", INBOX + fields["(path)"], list(whole.items()))
    key_id = cavage.key_id_of(head, cavage.OF_PEERS_WITH_BODY)
    assert isinstance(key_id, str)
    assert key_id.startswith("http://")
    assert f'"{key_id}"' in fields["signature"]
    cavage._check_host(head)
    assert cavage._date(fields["date"]) == pytest.approx(datetime(2026, 11, 22, 1, 22, 5, tzinfo=UTC).timestamp(), abs=5)
    assert cavage._digest(fields["digest"]).startswith("sha-256=:")
    assert holds_activity(fields["content-type"])


@needs_payloads
def test_the_keys_of_real_actors_are_taken() -> None:
    found = documents()
    assert len(found) >= 6
    for document in found:
        [key] = actor_keys(document, NOW).values()
        assert isinstance(key, ActorKey)
        assert (key.algorithm, key.owner) == ("rsa-v1_5-sha256", document["id"])
