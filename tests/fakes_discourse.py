"""Invented Discourse things for tests: an instance, a post's webhook body, the request that carries it."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from adapters.port import Act, AuthenticRequest, Order, UnverifiedRequest
from adapters.settings import Instance
from schemas.facts.message import Author, Content

SECRET = "un-secret-de-webhook"
API_KEY = "une-cle-d-api"
ACCOUNT = "traitdunion"


def instance(url: str = "https://wifip.example", **options: str) -> Instance:
    """A ministry's Discourse."""
    return Instance(
        node="wifip",
        organisation="Finances",
        platform="discourse",
        url=url,
        webhook_secret=SecretStr(SECRET),
        api_secret=SecretStr(API_KEY),
        signing_key=Path("unused.key"),
        options={"api_username": ACCOUNT, **options},
    )


def post(**changes: Any) -> dict[str, Any]:
    """A first message, as WebHookPostSerializer writes it."""
    return {
        "id": 1204,
        "name": "Camille Roux",
        "username": "camille",
        "user_id": 31,
        "created_at": "2026-03-02T08:00:00.100Z",
        "updated_at": "2026-03-02T08:00:00.100Z",
        "deleted_at": None,
        "user_deleted": False,
        "cooked": "<p>Bonjour à tous</p>",
        "raw": "Bonjour à tous",
        "post_number": 1,
        "post_type": 1,
        "reply_to_post_number": None,
        "topic_id": 108,
        "topic_slug": "des-nouvelles-du-mois",
        "topic_title": "Des nouvelles du mois",
        "topic_archetype": "regular",
        "category_id": 97,
        "category_slug": "futurs-publics",
        "version": 1,
        **changes,
    }


def signature(body: bytes, secret: str = SECRET) -> str:
    """What Discourse writes in its header."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def webhook(event: str, body: bytes | dict[str, Any], **headers: str | None) -> UnverifiedRequest:
    """A signed webhook; a header given as None is left out. `x_discourse_instance` names `x-discourse-instance`."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    found: dict[str, str | None] = {
        "content-type": "application/json",
        "x-discourse-event": event,
        "x-discourse-event-type": event.partition("_")[0],
        "x-discourse-event-id": "7",
        "x-discourse-instance": "https://wifip.example",
        "x-discourse-event-signature": signature(raw),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return UnverifiedRequest("POST", "", {name: value for name, value in found.items() if value is not None}, {}, raw)


def authentic(event: str, body: bytes | dict[str, Any], **headers: str | None) -> AuthenticRequest:
    """The same, proved."""
    return AuthenticRequest(webhook(event, body, **headers))


def order(act: Act = Act.POSTED, **changes: Any) -> Order:
    """A message from another ministry, to be written in category 97."""
    found: dict[str, Any] = {
        "act": act,
        "key": "k1",
        "subject": "0f3c9a5e7d1b4c2880e6aa10b3f4d5c6",
        "space": "97",
        "author": Author(name="Léo Martin", organisation="Éducation nationale"),
        "content": Content(html="<p>Voici le compte rendu de mars.</p>", text="Voici le compte rendu de mars."),
        "link": "https://tchap.example/m/1",
        **changes,
    }
    return Order(**found)
