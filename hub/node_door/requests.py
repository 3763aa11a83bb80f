"""From an ASGI scope to a request whose node, body and right are established; in that order, the body read last."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final

from hub.access import why_not_now
from hub.node_door.answers import TurnedAway
from schemas.envelope import NODE_PATTERN
from schemas.http_signature import BARE, WITH_BODY, Rejection, SignedHead, UnverifiedHead, verify_body, verify_head
from schemas.node_door import BODY_LIMIT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Receive, Scope

    from hub.access import Right
    from hub.crowd import Crowd
    from hub.node_door.trust import DoorTrust
    from hub.node_door.witness import Witness
    from hub.ports import Clock
    from schemas.nonces import Nonces

BODY_SECONDS: Final = 30.0
BYTES_AT_ONCE: Final = 128 * 1024 * 1024
"""Bodies that the process holds together, of all nodes."""
FIELDS_LIMIT: Final = 128
"""Fields of one request: an event has some thirty."""
_NODE: Final = re.compile(NODE_PATTERN)
_LENGTH: Final = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose node and right are established; its body is still unread."""

    node: str
    head: SignedHead
    fields: tuple[tuple[str, str], ...] = field(repr=False)
    query: str
    stands: Callable[[Right], None] = field(repr=False)
    """Judges the key and a right as the registry is now: a request that waited may have outlived them; raises TurnedAway."""

    def field(self, name: str) -> str:
        """A field that stands once; empty where it does not stand."""
        return next((said for known, said in self.fields if known == name), "")


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Establishes who asks, and whether they may."""

    public_url: str
    trust: DoorTrust
    nonces: Nonces
    witness: Witness
    clock: Clock

    def prove(self, scope: Scope, right: Right) -> Signed:
        """Who asks, by the signature, and whether they may, by `access`; raises TurnedAway. Not a byte of the body is read for a stranger."""
        node = scope["path_params"]["node"]
        registry = self.trust.current()
        if registry is None:
            raise TurnedAway("registry_unavailable")
        entry = registry.node(node) if _NODE.fullmatch(node) else None
        if entry is None:
            raise TurnedAway("node_unknown")
        if len(scope["headers"]) > FIELDS_LIMIT:
            raise TurnedAway("headers_malformed", f"{FIELDS_LIMIT} champs au plus")
        demands, now = WITH_BODY if scope["method"] == "POST" else BARE, self.clock()
        fields = fields_of(scope)
        head = UnverifiedHead(scope["method"], self._target(scope), fields)
        proved = verify_head(head, demands, lambda key_id: registry.key_at(node, key_id, now), self.nonces, now)
        if isinstance(proved, Rejection):
            raise TurnedAway(proved.reason, proved.detail)
        if reason := why_not_now(entry.grade, right, entry.manifest_expires, now):
            raise TurnedAway(reason, entry.grade.value)
        return Signed(node, proved, fields, scope["query_string"].decode("ascii"), partial(self._judge, node, proved.key_id))

    def _judge(self, node: str, key_id: str, right: Right) -> None:
        """Whether the key, and a right, stand as the registry is now; raises TurnedAway."""
        registry = self.trust.current()
        if registry is None:
            raise TurnedAway("registry_unavailable")
        key, entry = registry.key_at(node, key_id, self.clock()), registry.node(node)
        if isinstance(key, StrEnum):
            raise TurnedAway(key.value)
        if entry is None:
            raise TurnedAway("node_unknown")
        if reason := why_not_now(entry.grade, right, entry.manifest_expires, self.clock()):
            raise TurnedAway(reason, entry.grade.value)

    def _target(self, scope: Scope) -> str:
        """The address as its sender must have meant it: our own name, whatever Host and X-Forwarded-* say."""
        query = scope["query_string"]
        raw = scope["raw_path"] + (b"?" + query if query else b"")
        try:
            return self.public_url + str(raw.decode("ascii"))
        except UnicodeDecodeError as error:
            raise TurnedAway("query_malformed") from error


def fields_of(scope: Scope) -> tuple[tuple[str, str], ...]:
    """The request's fields, each occurrence as it came."""
    return tuple((name.decode("latin-1").lower(), said.decode("latin-1")) for name, said in scope["headers"])


@asynccontextmanager
async def body_of(signed: Signed, receive: Receive, crowd: Crowd) -> AsyncIterator[bytes]:
    """The body, capped, proved to be the one that was signed; raises TurnedAway, Crowded."""
    declared = signed.field("content-length")
    size = int(declared) if _LENGTH.fullmatch(declared) else BODY_LIMIT
    if size > BODY_LIMIT:
        raise TurnedAway("body_too_large", f"{BODY_LIMIT} octets au plus")
    with crowd.room(signed.node, size):
        proved = verify_body(signed.head, await _read(receive))
        if isinstance(proved, Rejection):
            raise TurnedAway(proved.reason, proved.detail)
        yield proved.body


async def _read(receive: Receive) -> bytes:
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise TurnedAway("body_too_slow")
                part = message.get("body", b"")
                size += len(part)
                if size > BODY_LIMIT:
                    raise TurnedAway("body_too_large", f"{BODY_LIMIT} octets au plus")
                parts.append(part)
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError as error:
        raise TurnedAway("body_too_slow") from error
