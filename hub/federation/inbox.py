"""Where peers bring what they say: POST to an inbox, proved, put on Kafka, acknowledged; counted and logged without content."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import structlog
from starlette.routing import Route

from hub.crowd import Crowded
from hub.federation.addresses import GROUPS, NODES, SHARED_INBOX
from hub.federation.answers import refusal
from hub.federation.purses import caller
from hub.federation.reasons import Reason, Rejection
from hub.federation.verification import UnverifiedPost, VerifiedActivity
from schemas.activities import type_of
from schemas.facts.external import ACTIVITY_LIMIT
from schemas.http_signature import UnverifiedHead
from schemas.media_types import holds_activity
from schemas.topics import PEER_INBOUND
from schemas.wire.publisher import NotAcknowledged
from schemas.wire.reception import patience
from schemas.wire.records import new_correlation
from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prometheus_client import Counter
    from starlette.types import Receive, Scope, Send

    from hub.crowd import Crowd
    from hub.federation.addresses import Addresses
    from hub.federation.verification import Verifier
    from hub.registry.peers import Peer
    from schemas.wire.publisher import Publisher
    from schemas.wire.records import Headers

BODY_SECONDS: Final = 20.0
FIELDS_LIMIT: Final = 64
BYTES_AT_ONCE: Final = 64 * 1024 * 1024
ALWAYS: Final = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_LENGTH: Final = re.compile(r"[0-9]{1,12}")
KNOWN: Final = frozenset(
    ("Create", "Update", "Delete", "Like", "Dislike", "EmojiReact", "Undo", "Flag", "Move", "Announce", "Accept", "Reject", "Follow", "Receipt")
)  # fmt: skip
log = structlog.get_logger()


class _TurnedAway(Exception):
    """The door does not read on; for what is found while a body comes in."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason)
        self.rejection = Rejection(reason, detail)


@dataclass(frozen=True, slots=True)
class InboxParts:
    """What the inboxes work with."""

    addresses: Addresses
    verifier: Verifier
    publisher: Publisher
    crowd: Crowd


@dataclass(frozen=True, slots=True)
class Inward:
    """An activity that is ready for Kafka."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


class Inbox:
    """One inbox, shared or an actor's own, as an ASGI application: the same checks, whichever was chosen."""

    def __init__(self, parts: InboxParts) -> None:
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        correlation = new_correlation()
        status, body, fields = await self._answer(scope, receive, correlation)
        told = [(name.encode(), said.encode("latin-1")) for name, said in fields.items()]
        own = [(b"content-length", b"%d" % len(body)), (b"x-correlation-id", correlation.encode())]
        await send({"type": "http.response.start", "status": status, "headers": [*told, *ALWAYS, *own]})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive, correlation: str) -> tuple[int, bytes, dict[str, str]]:
        taken: VerifiedActivity | Rejection
        try:
            taken = await self._take(_Request(scope, receive, self._parts), correlation)
        except _TurnedAway as turned:
            taken = turned.rejection
        except Crowded as full:
            taken = Rejection(full.reason)
        except NotAcknowledged:
            taken = Rejection(Reason.KAFKA)
        except Exception as error:  # noqa: BLE001 - whatever failed, the peer is told to come again and the others are served
            log.error("inbox_failed", correlation=correlation, error=type(error).__name__)  # noqa: TRY400 - no content in traces
            taken = Rejection(Reason.FAILED)
        if isinstance(taken, Rejection):
            Metric.inbox.labels("?", "?", taken.reason).inc()
            log.info("activity_refused", correlation=correlation, reason=taken.reason, detail=taken.detail)
            return refusal(taken)
        _accepted(taken.peer, type_of(taken.activity)).inc()
        log.info(
            "activity_accepted", correlation=correlation, peer=taken.peer, scheme=taken.provenance.scheme, belief=taken.provenance.belief
        )
        return 202, b"", {}

    async def _take(self, request: _Request, correlation: str) -> VerifiedActivity | Rejection:
        """Believed only once Kafka has acknowledged it."""
        try:
            proved = await self._parts.verifier.verified(request.checked())
            if isinstance(proved, VerifiedActivity):
                await self._parts.publisher.publish([_inward(proved, correlation)])
            return proved
        finally:
            request.done()


class _Request:
    """A request on its way in: the checks that need nothing but its head, and its body, read within its peer's share."""

    def __init__(self, scope: Scope, receive: Receive, parts: InboxParts) -> None:
        self._scope, self._receive, self._parts = scope, receive, parts
        self._peer, self._size = "", 0
        self._held: int | None = None

    def checked(self) -> UnverifiedPost:
        """The request with its head checked, its body unread; raises _TurnedAway."""
        scope = self._scope
        if scope["method"] != "POST":
            raise _TurnedAway(Reason.METHOD)
        if len(scope["headers"]) > FIELDS_LIMIT:
            raise _TurnedAway(Reason.HEADERS, f"{FIELDS_LIMIT} champs au plus")
        fields = tuple((name.decode("latin-1").lower(), said.decode("latin-1")) for name, said in scope["headers"])
        head = UnverifiedHead("POST", self._target(), fields)
        self._size = self._declared(head.named)
        client = scope.get("client")
        here = caller(client[0] if client else None, head.named.get("x-forwarded-for", ()))
        return UnverifiedPost(head, scope["path"], self._read, self._enter, here)

    def _declared(self, named: Mapping[str, Sequence[str]]) -> int:
        """How many bytes are set aside for the body of an activity."""
        types, lengths = named.get("content-type", ()), named.get("content-length", ())
        if len(types) != 1 or not holds_activity(types[0]):
            raise _TurnedAway(Reason.CONTENT_TYPE, "application/activity+json")
        if any(said.strip().lower() != "identity" for said in named.get("content-encoding", ())):
            raise _TurnedAway(Reason.CONTENT_TYPE, "content-encoding")
        if len(lengths) > 1 or (lengths and not _LENGTH.fullmatch(lengths[0])):
            raise _TurnedAway(Reason.HEADERS, "content-length")
        size = int(lengths[0]) if lengths else ACTIVITY_LIMIT
        if size > ACTIVITY_LIMIT:
            raise _TurnedAway(Reason.BODY_TOO_LARGE, f"{ACTIVITY_LIMIT} octets au plus")
        return size

    def _enter(self, peer: Peer) -> None:
        self._parts.crowd.enter(peer.id)
        self._peer = peer.id

    async def _read(self, peer: Peer) -> bytes:
        self._parts.crowd.take(peer.id, self._size)
        self._held = self._size
        return await self._body()

    def done(self) -> None:
        """Give back what the request and its body took."""
        if self._held is not None:
            self._parts.crowd.give_back(self._peer, self._held)
        if self._peer:
            self._parts.crowd.leave(self._peer)

    def _target(self) -> str:
        """The address as its sender must have meant it: our own name, whatever Host and X-Forwarded-* say."""
        query = self._scope["query_string"]
        raw = self._scope["raw_path"] + (b"?" + query if query else b"")
        try:
            return self._parts.addresses.base + str(raw.decode("ascii"))
        except UnicodeDecodeError as error:
            raise _TurnedAway(Reason.HEADERS, "@target-uri") from error

    async def _body(self) -> bytes:
        parts, size = [], 0
        try:
            async with patience(self._scope, BODY_SECONDS):
                while True:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise _TurnedAway(Reason.BODY_TOO_SLOW)
                    part = message.get("body", b"")
                    size += len(part)
                    if size > ACTIVITY_LIMIT:
                        raise _TurnedAway(Reason.BODY_TOO_LARGE, f"{ACTIVITY_LIMIT} octets au plus")
                    parts.append(part)
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError as error:
            raise _TurnedAway(Reason.BODY_TOO_SLOW) from error


def routes(parts: InboxParts) -> list[Route]:
    """The inboxes of this server."""
    inbox = Inbox(parts)
    paths = (SHARED_INBOX, f"{GROUPS}{{community}}/inbox", f"{NODES}{{node}}/inbox")
    return [Route(path, inbox, include_in_schema=False) for path in paths]


@lru_cache(maxsize=1024)
def _accepted(peer: str, kind: str) -> Counter:
    """What counts them: finding it by its labels costs three times what counting does."""
    return Metric.inbox.labels(peer, kind if kind in KNOWN else "other", "accepted")


def _inward(proved: VerifiedActivity, correlation: str) -> Inward:
    """Keyed by the actor's server, so that one server's activities keep their order."""
    return Inward(PEER_INBOUND.name, proved.peer.encode(), proved.unparsed, list(proved.headers(correlation)))
