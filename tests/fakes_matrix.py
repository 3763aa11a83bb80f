"""What Matrix's tests share: an instance, events, orders, and a small application service that notes what a homeserver pushes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from adapters.matrix import ADAPTER
from adapters.port import Act, Ask, AuthenticRequest, Change, Order, Outcome, UnverifiedRequest
from adapters.settings import Instance
from schemas.facts.message import Author, Content
from schemas.problem import Problem

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


class Sink:
    """An application service that authenticates and translates as the gateway does, and keeps what it read."""

    def __init__(self, instance: Callable[[], Instance]) -> None:
        self._instance = instance
        self.transactions: list[str] = []
        self.outcomes: list[Outcome] = []
        self.raw: list[dict[str, Any]] = []
        self.refusals = 0
        self.failing = 0
        self._came = asyncio.Condition()

    def application(self) -> web.Application:
        app = web.Application(client_max_size=ADAPTER.body_limit)
        app.router.add_route("*", "/webhooks/education/{path:.*}", self._take)
        return app

    async def until(self, found: Callable[[list[Outcome]], bool], seconds: float = 20) -> list[Outcome]:
        async with asyncio.timeout(seconds), self._came:
            await self._came.wait_for(lambda: found(self.outcomes))
        return self.outcomes

    async def change(self, act: Act, native_id: str) -> Change:
        def mine() -> list[Change]:
            return [change for change in self.outcomes if isinstance(change, Change) and (change.act, change.native_id) == (act, native_id)]

        await self.until(lambda _: bool(mine()))
        return mine()[0]

    async def _take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        unverified = UnverifiedRequest(request.method, request.match_info["path"], headers, dict(request.query), body)
        answer = ADAPTER.authenticate(unverified, self._instance())
        if isinstance(answer, Problem):
            self.refusals += 1
            return web.Response(status=answer.status, body=ADAPTER.problem(answer).to_bytes())
        if isinstance(answer, Ask):
            return web.Response(status=answer.status, body=answer.body, headers=dict(answer.headers))
        return await self._note(answer)

    async def _note(self, authentic: AuthenticRequest) -> web.Response:
        self.transactions.append(authentic.request.path)
        if self.failing:
            self.failing -= 1
            return web.Response(status=503)
        read = ADAPTER.translate(authentic, self._instance())
        async with self._came:
            self.outcomes.extend(read)
            self.raw.extend(json.loads(authentic.request.body)["events"])
            self._came.notify_all()
        content, content_type = ADAPTER.accepted(read)
        return web.Response(body=content, content_type=content_type)
