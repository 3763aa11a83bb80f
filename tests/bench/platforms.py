"""One kilobyte of each platform, as its gateway or its poller gets it, and how that is proved and read."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nh3
from pydantic import SecretStr

from adapters.discourse import ADAPTER as DISCOURSE
from adapters.exo.dialect import listed
from adapters.exo.reading import entry_of, sightings_of
from adapters.matrix import ADAPTER as MATRIX
from adapters.port import AuthenticRequest, UnverifiedRequest
from adapters.settings import Instance
from adapters.telling import as_told
from tests.bench.connectors import SECRET, WORDS, post
from tests.hub_world import NODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.port import Adapter, Outcome

PAGE = 50  # activities of one page of eXo
Received = UnverifiedRequest | bytes
"""A webhook, or the page that a poll got: the connector asked for it itself, so there is nobody to be proved."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """A platform whose webhooks prove themselves."""

    adapter: Adapter
    instance: Instance
    space: str
    at_once: int = 1

    def received(self, first: int) -> UnverifiedRequest:
        document = {"post": post(first)} if self.adapter is DISCOURSE else _room_event(first, self.space)
        return self.adapter.signed_request(json.dumps(document, ensure_ascii=False).encode(), self.instance, "post_created")

    def read(self, received: Received) -> Sequence[Outcome]:
        assert isinstance(received, UnverifiedRequest)
        authentic = self.adapter.authenticate(received, self.instance)
        assert isinstance(authentic, AuthenticRequest), authentic
        return self.adapter.translate(authentic, self.instance)

    def proved(self, received: Received) -> object:
        assert isinstance(received, UnverifiedRequest)
        if self.adapter is DISCOURSE:
            return hmac.new(SECRET.encode(), received.body, hashlib.sha256).hexdigest()
        return hashlib.sha256(received.headers["authorization"].encode()).digest()


@dataclass(frozen=True, slots=True)
class Asked:
    """A platform that tells nothing by itself: pages of its API."""

    instance: Instance
    space: str
    at_once: int = PAGE

    def received(self, first: int) -> bytes:
        return json.dumps({"activities": [_activity(first + n) for n in range(PAGE)]}, ensure_ascii=False).encode()

    def read(self, received: Received) -> Sequence[Outcome]:
        page = listed(json.loads(body_of(received)), "activities")
        seen = sightings_of(map(entry_of, page), self.space, self.instance)
        return [one.outcome for one in seen if as_told(one.document)]

    def proved(self, received: Received) -> object:
        return received


Kind = Pushed | Asked
"""`at_once` is how many events one body holds."""


def body_of(received: Received) -> bytes:
    """The bytes of a body."""
    return received.body if isinstance(received, UnverifiedRequest) else received


def html_of(received: Received) -> list[str]:
    """What people wrote in it."""
    said = json.loads(body_of(received))
    if "post" in said:
        return [said["post"]["cooked"]]
    if "events" in said:
        return [event["content"]["formatted_body"] for event in said["events"]]
    return [activity["title"] for activity in said["activities"]]


def cleaned(html: str) -> str:
    """The bare sanitiser, made once."""
    return _CLEANER.clean(html)


_CLEANER = nh3.Cleaner()


def _instance(platform: str, node: str, **options: str) -> Instance:
    return Instance(
        node=node, organisation="Ministère d’essai", platform=platform, url="http://rse.example", webhook_secret=SecretStr(SECRET),
        api_secret=SecretStr("unused"), signing_key=Path("unused.pem"), spaces=frozenset({NODES[node]}), options=options,
    )  # fmt: skip


def _room_event(number: int, room: str) -> dict[str, Any]:
    html = f"<p>{WORDS}</p><p>{WORDS}</p><p>Contribution n° {number}, à lire avant jeudi.</p>"
    said = {
        "msgtype": "m.text",
        "body": f"{WORDS}\n{WORDS}\nContribution n° {number}.",
        "format": "org.matrix.custom.html",
        "formatted_body": html,
    }
    return {
        "type": "m.room.message", "event_id": f"$evenement{number}", "room_id": room, "sender": f"@agent{number % 50}:tchap.example",
        "origin_server_ts": int(datetime.now(UTC).timestamp() * 1000), "content": said, "unsigned": {"age": 12},
    }  # fmt: skip


def _activity(number: int) -> dict[str, Any]:
    stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    profile = {
        "id": str(number % 50),
        "username": f"agent{number % 50}",
        "fullname": "Camille Roux",
        "avatar": "/portal/rest/avatar",
        "external": "false",
    }
    return {
        "id": str(number), "title": f"<p>{WORDS}</p><p>{WORDS}</p><p>Contribution n° {number}, à lire avant jeudi.</p>", "type": "DEFAULT_ACTIVITY",
        "owner": {"id": str(number % 50), "href": f"http://rse.example/portal/rest/v1/social/users/agent{number % 50}"},
        "identity": {"id": str(number % 50), "providerId": "organization", "remoteId": f"agent{number % 50}", "profile": profile},
        "createDate": stamp, "updateDate": stamp, "hidden": False, "likesCount": 0, "commentsCount": 0, "likes": [], "comments": [],
        "activityStream": {"type": "space", "id": "futurs_publics"},
    }  # fmt: skip


KINDS: dict[str, Kind] = {
    "discourse": Pushed(DISCOURSE, _instance("discourse", "wifip"), NODES["wifip"]),
    "matrix": Pushed(MATRIX, _instance("matrix", "education", server_name="tchap.example", bot="traitdunion"), NODES["education"]),
    "exo": Asked(_instance("exo", "diplomatie", generation="v1"), NODES["diplomatie"]),
}
