"""What the page of the shared language shows a program of others is what ours take and make."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schemas.keys import SigningKey
from schemas.manifest import Registry
from schemas.proof import VerifiedEvent, sign_event, timestamp, verify_event
from schemas.wire.records import texts, to_headers, unverified_event
from schemas.words import Audience
from tests.fakes_adapters import Hub, posted

PAGE = (Path(__file__).resolve().parents[2] / "schemas" / "README.md").read_text(encoding="utf-8")
VERIFYING, SAYING = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_what_is_said_as_the_page_shows_is_taken_and_proved_as_it_shows() -> None:
    now = datetime.now(UTC)
    hub = Hub(nodes={"wifip": SigningKey.generate("wifip")})
    held = hub.nodes["wifip"]
    more = {"time": timestamp(now), "platform": "autre", "audience": "members", "actor": "a" * 32, "community": "essai"}
    said: dict[str, Any] = {
        "node": "wifip", "kind": "fr.gouv.rse.message.posted.v1", "native_id": "billet « 12 »", "marker": "v1", "more": more,
        "fact": posted("Voilà").model_dump(mode="json", exclude_none=True), "key": held, "multikey": held.public.multibase,
    }  # fmt: skip
    exec(SAYING, said)  # noqa: S102 - the page's own lines
    registry = Registry.open(hub.registry(), hub.key.public.multibase, now)
    verified = verify_event(unverified_event(texts(list(said["headers"].items())), said["value"]), registry, now)
    assert isinstance(verified, VerifiedEvent), verified
    proved = {"headers": said["headers"], "value": said["value"], "registry": json.loads(hub.registry())}
    exec(VERIFYING, proved)  # noqa: S102 - as above
    assert proved["ours"]


def test_what_ours_sign_is_proved_as_the_page_shows() -> None:
    now = datetime.now(UTC)
    hub = Hub(nodes={"wifip": SigningKey.generate("wifip")})
    event = sign_event(
        hub.nodes["wifip"], posted("Voilà"), subject="a" * 32, time=now, platform="discourse", native_id="post:1", change_marker="1",
        actor="a" * 32, audience=Audience.MEMBERS,
    )  # fmt: skip
    proved = {"headers": dict(to_headers(event, "c" * 32)), "value": event.value, "registry": json.loads(hub.registry())}
    exec(VERIFYING, proved)  # noqa: S102 - the page's own lines
    assert proved["ours"]
