"""Discourse's webhooks, read: who proved it sent one, and what it says. No I/O."""

from __future__ import annotations

import hmac
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from pydantic import ValidationError

from adapters.discourse.contract import counted, strange
from adapters.discourse.payload import Edited, Like, Named, Post
from adapters.discourse.reading import ACTS, LIKED, SOLVED, read_hook, read_like, read_solved, read_topic
from adapters.port import UNREAD, Altered, AuthenticRequest, Nonsense, RosterAltered, Unused, UnverifiedRequest
from adapters.secret import accepted
from schemas.jcs import JsonRefused, parse
from schemas.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.port import Ask, Outcome, Strange
    from adapters.settings import Instance

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
_FORM_FIELDS = 20
_WORD = re.compile(r"^[a-z][a-z_]{0,63}$")
ROSTERS = frozenset({"user_added_to_group", "user_removed_from_group"})
RENAMED = "category_updated"  # or opened to others
RETITLED = "topic_edited"
_PING = {"ping": "OK"}
_EVENT, _TYPE = "x-discourse-event", "x-discourse-event-type"
_INSTANCE, _SIGNATURE = "x-discourse-instance", "x-discourse-event-signature"


class Discourse:
    """The reading half of the Discourse connector."""

    platform = "discourse"
    space_field = "category_id"
    body_limit = 2 * 1024 * 1024  # a post of 32,000 characters, cooked and raw, with room for a site that allows more

    def authenticate(self, unverified: UnverifiedRequest, instance: Instance) -> AuthenticRequest | Ask | Problem:
        """Check HMAC-SHA256 over the raw bytes in constant time, and only then that the body can be parsed."""
        if unverified.method != "POST":
            return Problem(405, "method_not_allowed", "Cette adresse ne reçoit que des requêtes POST", extra={"allow": "POST"})
        if _media_type(unverified) not in {JSON, FORM}:
            return Problem(415, "content_type_unsupported", "Type de contenu non pris en charge")
        refused = _unsigned(unverified, instance) or _foreign(unverified, instance)
        if isinstance(refused, Problem):
            return refused
        try:
            return AuthenticRequest(unverified, _document(unverified))
        except JsonRefused as error:
            return Problem(400, error.reason, "Le corps de la requête n’est pas lisible")

    def translate(self, authentic: AuthenticRequest, instance: Instance) -> Sequence[Outcome]:
        """Read the event: always one outcome."""
        try:
            document = _document(authentic.request) if authentic.document is UNREAD else authentic.document
        except JsonRefused as error:
            return [Nonsense(error.reason)]
        return [_outcome(document, authentic.request, instance)]

    def strange(self, authentic: AuthenticRequest) -> Iterator[Strange]:
        """By the event that the header names and the part of the body that we read."""
        return strange(authentic.document, authentic.request.headers.get(_EVENT, ""))

    def accepted(self, outcomes: Sequence[Outcome]) -> tuple[bytes, str]:
        """Discourse keeps the first words of the answer in its webhook's history."""
        del outcomes
        return b"OK", "text/plain; charset=utf-8"

    def problem(self, problem: Problem) -> Problem:
        """Discourse has no shape of its own for errors that it receives."""
        return problem

    def signed_request(self, payload: bytes, instance: Instance, event: str | None) -> UnverifiedRequest:
        """The webhook that would carry a payload: a bare body, or a capture `{"headers": …, "body": …}`, signed anew."""
        captured, body = _capture(payload)
        named = captured.get(_EVENT) or event
        headers = {
            "content-type": captured.get("content-type") or JSON,
            "user-agent": captured.get("user-agent") or "Discourse/x.y.z",
            **{name: value for name, value in captured.items() if name.startswith("x-discourse-")},
            _TYPE: captured.get(_TYPE) or _kind_of(body, named),
            _INSTANCE: instance.url,
            _SIGNATURE: _signature(instance.webhook_secret.get_secret_value(), body),
        }
        if named:
            headers[_EVENT] = named
        return UnverifiedRequest("POST", "", headers, {}, body)


def _outcome(document: Any, request: UnverifiedRequest, instance: Instance) -> Outcome:
    if document == _PING:
        return Unused("ping")
    if not isinstance(document, dict):
        return Nonsense("body_not_an_object")
    event = request.headers.get(_EVENT, "")
    if not _WORD.match(event):
        return Nonsense("event_missing")
    try:
        return _read(document, event, instance)
    except ValidationError as error:
        return Nonsense("post_malformed", _where(error))


def _read(document: dict[str, Any], event: str, instance: Instance) -> Outcome:
    if event in ACTS:
        return read_hook(Post.model_validate(document.get("post")), event, instance)
    if event == LIKED:
        return read_like(Like.model_validate(document.get("like")), instance)
    if event in SOLVED:
        return read_solved(Post.model_validate(document.get("solved")), event)
    if event == RETITLED:
        return read_topic(Edited.model_validate(document.get("topic")), event)
    if event in ROSTERS:
        return RosterAltered()  # it names a group and no category
    if event == RENAMED:
        return Altered(str(Named.model_validate(document.get("category")).id), event)
    return Unused(counted(event))


def _where(error: ValidationError) -> str:
    """The fields that could not be read, never their values."""
    return ", ".join(sorted({".".join(str(part) for part in found["loc"]) or "post" for found in error.errors()}))


def _document(request: UnverifiedRequest) -> Any:
    """The JSON of a body. Discourse set to « form » changes the header alone and still sends JSON; a proxy may really encode it."""
    if _media_type(request) == FORM and not request.body.lstrip().startswith((b"{", b"[")):
        return parse(_form_payload(request.body))
    return parse(request.body)


def _form_payload(body: bytes) -> bytes:
    try:
        fields = parse_qs(body.decode(), max_num_fields=_FORM_FIELDS, errors="strict")
    except UnicodeDecodeError as error:
        raise JsonRefused("invalid_utf8", "the form is not UTF-8") from error
    except ValueError as error:
        raise JsonRefused("form_malformed", "the form has too many fields") from error
    if len(fields.get("payload", [])) != 1:
        raise JsonRefused("form_payload_missing", "the form has no single field named payload")
    return fields["payload"][0].encode()


def _media_type(request: UnverifiedRequest) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()


def _unsigned(request: UnverifiedRequest, instance: Instance) -> Problem | None:
    given = request.headers.get(_SIGNATURE)
    if given is None:
        return Problem(401, "signature_missing", "La requête n’est pas signée")
    said = given.strip().encode(errors="replace")
    proofs = [_signature(secret, request.body).encode() for secret in accepted(instance.webhook_secret)]
    proved = [hmac.compare_digest(said, proof) for proof in proofs]  # each, in the same time
    if not any(proved):
        return Problem(401, "signature_invalid", "La signature ne correspond pas au corps de la requête")
    return None


def _foreign(request: UnverifiedRequest, instance: Instance) -> Problem | None:
    """Refuse what another Discourse sent that happens to share the secret."""
    given = request.headers.get(_INSTANCE)
    if given is None or given.rstrip("/") == instance.url.rstrip("/"):
        return None
    return Problem(401, "instance_mismatch", "La requête vient d’une autre instance de Discourse")


def _capture(payload: bytes) -> tuple[dict[str, str], bytes]:
    """Headers in lower case and the body's bytes of a capture; of anything else, no header and its own bytes."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return {}, payload
    if not isinstance(document, dict) or not isinstance(document.get("headers"), dict) or "body" not in document:
        return {}, payload
    headers = {str(name).lower(): str(value) for name, value in document["headers"].items()}
    return headers, json.dumps(document["body"], ensure_ascii=False).encode()


def _kind_of(body: bytes, event: str | None) -> str:
    """X-Discourse-Event-Type: the body's top key, else the first word of the event's name."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and len(document) == 1:
        return str(next(iter(document)))
    return (event or "post").partition("_")[0]
