"""The node door's valid requests, of every route, and what it refuses besides: what is said, and who may."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from schemas.node_door import BATCH
from tests.forgeries.cast import GONE, LAPSED, NODE, OBSERVER, OTHER, SUSPENDED
from tests.forgeries.drafts import Base, Draft, drafted, signed
from tests.forgeries.signatures import Forgery

if TYPE_CHECKING:
    from schemas.keys import SigningKey
    from tests.forgeries.cast import Cast

EVENT: Final = {"ce_source": NODE, "ce_id": "0" * 32, "content-type": "application/json"}
EVERY: Final = frozenset({"ours", "registry", "ed25519"})
POSTS: Final = ("events", "receipts", "dead-letters", "sealed")


def bases(url: str, cast: Cast) -> list[Base]:
    """A valid request of each route."""

    def post(route: str) -> Draft:
        return _draft(url, cast.own, route, _batch({**EVENT, "node": NODE}), BATCH)

    made = [
        Base(f"POST {route}", lambda route=route: post(route), 202, EVERY | {"body"})  # type: ignore[misc]  # bound now
        for route in POSTS
    ]
    binary = Base("POST one event", lambda: _one(url, cast.own), 202, EVERY | {"body"})
    poll = Base("GET outbound", lambda: _draft(url, cast.own, "outbound?wait=0&limit=1"), 200, EVERY | {"query"})
    return [*made, binary, poll]


def _draft(url: str, key: SigningKey, route: str, body: bytes | None = None, content_type: str = "") -> Draft:
    method = "GET" if body is None else "POST"
    return drafted(Draft(method, f"{url}/nodes/{NODE}/{route}", key.sign, key.key_id, time.time(), body, content_type))


def _one(url: str, key: SigningKey) -> Draft:
    draft = _draft(url, key, "events", b'{"space":"12"}', "application/json")
    said = tuple((name.replace("_", "-"), value) for name, value in EVENT.items() if name.startswith("ce_"))
    return replace(draft, fields=(*draft.fields, *said))


def _batch(headers: dict[str, str], value: bytes = b'{"space":"12"}') -> bytes:
    record = {"value": base64.b64encode(value).decode(), "headers": [list(pair) for pair in headers.items()]}
    return json.dumps({"records": [record]}).encode()


def _says(name: str, reason: str, route: str, body: bytes, content_type: str = BATCH) -> Forgery:
    """Signed as it should be, saying what it may not."""
    return Forgery(name, reason, lambda draft, cast: signed(_draft(_origin(draft), cast.own, route, body, content_type)))


def _of_another(name: str, reason: str, node: str, key: str, route: str = "events") -> Forgery:
    """At another node's address."""

    def alter(draft: Draft, cast: Cast) -> object:
        signer: SigningKey = getattr(cast, key)
        other = drafted(
            Draft(
                "POST",
                f"{_origin(draft)}/nodes/{node}/{route}",
                signer.sign,
                signer.key_id,
                time.time(),
                _batch({**EVENT, "ce_source": node}),
                BATCH,
            )
        )
        return signed(other)

    return Forgery(name, reason, alter)  # type: ignore[arg-type]  # a Wire


def _origin(draft: Draft) -> str:
    return "/".join(draft.url.split("/")[:3])


TABLE: Final = (
    _says("an event of another node's, signed by this one", "source_of_another_node", "events", _batch({**EVENT, "ce_source": OTHER})),
    _says("an event of the hub's, signed by a node", "source_of_another_node", "events", _batch({**EVENT, "ce_source": "hub"})),
    _says("a receipt of another node's", "source_of_another_node", "receipts", _batch({**EVENT, "ce_source": OTHER})),
    _says("a sealed body in another node's name", "source_of_another_node", "sealed", _batch({**EVENT, "node": OTHER})),
    _says("an event without a source", "headers_malformed", "events", _batch({"ce_id": "0" * 32})),
    _says("an event without an id", "headers_malformed", "events", _batch({"ce_source": NODE})),
    _says("an event that is no object", "value_malformed", "events", _batch(EVENT, b"[]")),
    _says("an event that is no JSON", "value_malformed", "events", _batch(EVENT, b"{")),
    _says("records that are none", "records_malformed", "events", b'{"records":1}'),
    _says("a record of sixty-five headers", "headers_malformed", "events", _batch(EVENT | {f"ce_x{number}": "a" for number in range(65)})),
    _says("a space that is no text", "value_malformed", "events", _batch(EVENT, b'{"space":"\\ud800"}')),
    _says("letters under another type", "content_type_unsupported", "dead-letters", _batch(EVENT), "application/json"),
    _says("a body of another type", "content_type_unsupported", "events", b"<a/>", "text/xml"),
    _of_another("an event at another node's address by this one's key", "key_of_another_node", OTHER, "own"),
    _of_another("an event at the address of a node that nobody knows", "node_unknown", "personne", "own"),
    _of_another("an event at an address that names no node", "node_unknown", "%2e%2e", "own"),
    _of_another("an event of a suspended node", "node_not_admitted", SUSPENDED, "suspended"),
    _of_another("an event of a node that has left", "node_not_admitted", GONE, "gone"),
    _of_another("a receipt of a node that has left", "node_not_admitted", GONE, "gone", "receipts"),
    _of_another("an event of a node that observes", "node_observes", OBSERVER, "observer"),
    _of_another("an event of a node whose manifest has expired", "manifest_expired", LAPSED, "lapsed"),
    _of_another("an event at the hub's address by the hub's key", "node_unknown", "hub", "hub"),
)
"""Attempts that do not depend on how the request is signed."""
