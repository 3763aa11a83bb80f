"""The reading half at the gateway: who knocks, what a homeserver asks, and the answers in the shape it expects."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from adapters.matrix.contract import strange
from adapters.matrix.names import is_ghost
from adapters.matrix.translate import ephemeral_outcomes, outcome_of
from adapters.port import UNREAD, Ask, AuthenticRequest, Nonsense, Outcome, UnverifiedRequest
from adapters.secret import accepted
from schemas.jcs import DEPTH_LIMIT
from schemas.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.port import Strange
    from adapters.settings import Instance

BODY_LIMIT = 24 * 1024 * 1024
"""More than the greatest transaction of Synapse 1.163: 100 events of 64 KiB, each of which may bring the state that it replaces twice
(`prev_content`, there and in `unsigned`). What is refused for its size comes again for ever and holds up all that follows."""

_JSON = {"content-type": "application/json"}
_TRANSACTION = re.compile(r"_matrix/app/v1/transactions/[^/]{1,1024}")
_USER = re.compile(r"_matrix/app/v1/users/(?P<user>[^/]{1,1024})")
_ROOM = re.compile(r"_matrix/app/v1/rooms/[^/]{1,1024}")
_PING = "_matrix/app/v1/ping"

_ERRCODES_BY_REASON = {"json_malformed": "M_NOT_JSON", "invalid_utf8": "M_NOT_JSON", "content_type_unsupported": "M_NOT_JSON"}
_ERRCODES_BY_STATUS = {
    400: "M_BAD_JSON",
    401: "M_UNAUTHORIZED",
    403: "M_FORBIDDEN",
    404: "M_NOT_FOUND",
    405: "M_UNRECOGNIZED",
    413: "M_TOO_LARGE",
    429: "M_LIMIT_EXCEEDED",
}


class Matrix:
    """Application service API, version 1 (Matrix specification 1.15), as Synapse calls it."""

    platform = "matrix"
    space_field = "room_id"
    body_limit = BODY_LIMIT

    def authenticate(self, unverified: UnverifiedRequest, instance: Instance) -> AuthenticRequest | Ask | Problem:
        """Compare the homeserver's token in constant time, then see what it asks.

        The specification wants 401 for a missing and 403 for a wrong token. A token in the query is not read: it would stand in logs.
        """
        scheme, _, token = unverified.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return Problem(401, "signature_missing", "Jeton du serveur Matrix absent")
        given = _digest(token)
        proved = [hmac.compare_digest(given, _digest(secret)) for secret in accepted(instance.webhook_secret)]  # each, in the same time
        if not any(proved):
            return Problem(403, "signature_invalid", "Jeton du serveur Matrix refusé")
        return _routed(unverified, instance)

    def translate(self, authentic: AuthenticRequest, instance: Instance) -> Sequence[Outcome]:
        """One outcome per event, in the transaction's order, then what is ephemeral."""
        parsed = parse(authentic.request.body) if authentic.document is UNREAD else authentic.document
        if isinstance(parsed, Problem):
            return [Nonsense(parsed.reason)]
        if not isinstance(parsed, dict) or not isinstance(events := parsed.get("events", []), list):
            return [Nonsense("transaction_without_events")]
        return [*(outcome_of(event, instance) for event in events), *ephemeral_outcomes(parsed)]

    def strange(self, authentic: AuthenticRequest) -> Iterator[Strange]:
        """In the transaction and in the events that we read."""
        return strange(authentic.document)

    def accepted(self, outcomes: Sequence[Outcome]) -> tuple[bytes, str]:
        """An empty object, whatever came: Synapse sends a transaction again until it has one (with its Content-Length)."""
        del outcomes
        return b"{}", "application/json"

    def problem(self, problem: Problem) -> Problem:
        """Add Matrix's standard error members."""
        errcode = _ERRCODES_BY_REASON.get(problem.reason) or _ERRCODES_BY_STATUS.get(problem.status, "M_UNKNOWN")
        return replace(problem, extra={"errcode": errcode, "error": problem.title, **problem.extra})

    def signed_request(self, payload: bytes, instance: Instance, event: str | None) -> UnverifiedRequest:
        """The transaction by which a homeserver would send this payload: a whole transaction, or one event of it."""
        del event  # a Matrix event names its own type
        body = _as_transaction(payload)
        return UnverifiedRequest(
            method="PUT",
            path=f"_matrix/app/v1/transactions/{hashlib.sha256(body).hexdigest()[:32]}",
            headers={**_JSON, "authorization": f"Bearer {instance.webhook_secret.get_secret_value()}"},
            query={},
            body=body,
        )


def parse(body: bytes) -> Any | Problem:
    """Read JSON as RFC 8259 knows it; the refusal names what was wrong.

    Only what is no transaction is refused for its depth. A refused transaction comes again for ever and holds up all that follows, and
    any member of a room may write an event of 100 levels (Synapse 1.163 takes that many): it must not silence a whole ministry.
    """
    try:
        parsed = _DECODER.decode(body.decode())
    except UnicodeDecodeError:
        return Problem(400, "invalid_utf8", "Le corps n’est pas de l’UTF-8")
    except RecursionError:
        return Problem(400, "json_too_deep", "Le JSON est trop profond")
    except ValueError:
        return Problem(400, "json_malformed", "Le corps n’est pas du JSON")
    if not _is_transaction(parsed) and _deeper(parsed, DEPTH_LIMIT):
        return Problem(400, "json_too_deep", "Le JSON est trop profond")
    return parsed


def _is_transaction(parsed: object) -> bool:
    return isinstance(parsed, dict) and isinstance(parsed.get("events"), list)


def _refuse_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
"""Made once: `json.loads` would make another for each transaction."""


def _deeper(parsed: object, limit: int) -> bool:
    """Tell whether the value has more levels than the limit; by levels, so that depth costs no stack."""
    level: list[object] = [parsed]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _routed(unverified: UnverifiedRequest, instance: Instance) -> AuthenticRequest | Ask | Problem:
    path = unverified.path.strip("/")
    match unverified.method:
        case "PUT" if _TRANSACTION.fullmatch(path):
            return _read(unverified)
        case "POST" if path == _PING:
            return Ask(200, b"{}", _JSON)
        case "GET" if user := _USER.fullmatch(path):
            return Ask(200, b"{}", _JSON) if is_ghost(unquote(user["user"]), instance) else _not_found()
        case "GET" if _ROOM.fullmatch(path):
            return _not_found()
        case _:
            return Problem(404, "path_unknown", "Adresse inconnue", extra={"errcode": "M_UNRECOGNIZED"})


def _read(unverified: UnverifiedRequest) -> AuthenticRequest | Problem:
    media_type = unverified.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        return Problem(415, "content_type_unsupported", "Type de contenu refusé")
    parsed = parse(unverified.body)
    return parsed if isinstance(parsed, Problem) else AuthenticRequest(unverified, parsed)


def _not_found() -> Ask:
    return Ask(404, json.dumps({"errcode": "M_NOT_FOUND", "error": "Inconnu"}).encode(), _JSON)


def _digest(token: str) -> bytes:
    """Digests have one length, so that comparing tells nothing of the secret's; `replace` since a header may hold lone surrogates."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def _as_transaction(payload: bytes) -> bytes:
    """Wrap a bare event; leave a transaction, and what is not JSON at all, as they are."""
    parsed = parse(payload)
    if isinstance(parsed, Problem) or _is_transaction(parsed):
        return payload
    return b'{"events": [' + payload + b"]}"
