"""What Matrix's tests share: an instance, events, orders, and a small application service that notes what a homeserver pushes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.matrix import ADAPTER
from adapters.port import Act, AuthenticRequest, Change, Order, Outcome, UnverifiedRequest
from adapters.settings import Instance
from schemas.facts.message import Author, Content
from tests.fakes_sink import Sink as WebhookSink

if TYPE_CHECKING:
    from collections.abc import Callable

HS_TOKEN = "hs-secret-of-the-tests"
AS_TOKEN = "as-secret-of-the-tests"
ROOM = "!salon:tchap.example"
PERSON = "@claire.moreau:tchap.example"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def matrix_instance(url: str = "https://matrix.tchap.example", **options: str) -> Instance:
    return Instance.model_validate(
        {
            "node": "education",
            "organisation": "Éducation nationale",
            "platform": "matrix",
            "url": url,
            "webhook_secret": HS_TOKEN,
            "api_secret": AS_TOKEN,
            "signing_key": Path("unused.key"),
            "options": {"server_name": "tchap.example", "bot": "traitdunion", **options},
        }
    )


def room_event(kind: str = "m.room.message", event_id: str = "$one", content: Any = None, **members: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "event_id": event_id,
        "room_id": ROOM,
        "sender": PERSON,
        "origin_server_ts": 1_772_452_800_000,
        "content": {"msgtype": "m.text", "body": "Bonjour"} if content is None else content,
        **members,
    }


def transaction(*events: Any, **members: Any) -> bytes:
    return json.dumps({"events": list(events), **members}).encode()


def knock(body: bytes, **changes: Any) -> UnverifiedRequest:
    request = UnverifiedRequest(
        method="PUT",
        path="_matrix/app/v1/transactions/17",
        headers={"authorization": f"Bearer {HS_TOKEN}", "content-type": "application/json"},
        query={},
        body=body,
    )
    return replace(request, **changes)


def outcomes(*events: Any, **options: str) -> list[Outcome]:
    return list(ADAPTER.translate(AuthenticRequest(knock(transaction(*events))), matrix_instance(**options)))


def only_change(*events: Any, **options: str) -> Change:
    (outcome,) = outcomes(*events, **options)
    assert isinstance(outcome, Change), outcome
    return outcome


def posting(key: str = "k1", text: str = "Bonjour à tous", space: str = ROOM, **changes: Any) -> Order:
    order = Order(
        act=Act.POSTED,
        key=key,
        subject=f"urn:traitdunion:{key}",
        space=space,
        author=Author(name="Léa Martin", organisation="Finances"),
        content=Content(html=f"<p>{text}</p>", text=text),
        occurred_at=NOON,
    )
    return replace(order, **changes)


class Sink(WebhookSink):
    """An application service: what a homeserver pushes, also in its own words."""

    def __init__(self, instance: Callable[[], Instance]) -> None:
        super().__init__(adapter=ADAPTER, instance=instance)

    @property
    def transactions(self) -> list[str]:
        """The path of each transaction that came, as often as it came."""
        return [request.path for request in self.seen if "/transactions/" in request.path]

    @property
    def raw(self) -> list[dict[str, Any]]:
        """The events of all that was taken."""
        return [event for request in self.taken for event in json.loads(request.body)["events"]]
