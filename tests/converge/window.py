"""The gateway's window: what a twin posts is handed to the gateway's application at once, without a socket."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.fakes_asgi import call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import ASGIApp

    from tests.fakes_asgi import Answer


class Window:
    """As much of an aiohttp session as the twins' senders use."""

    def __init__(self, gateway: ASGIApp) -> None:
        self._gateway = gateway
        self.outcomes: list[str] = []

    @asynccontextmanager
    async def post(self, url: str, data: bytes, headers: Mapping[str, str]) -> AsyncIterator[Answered]:
        """A webhook of Discourse."""
        yield await self._bring("POST", url, data, headers)

    @asynccontextmanager
    async def put(self, url: str, json: Any, headers: Mapping[str, str]) -> AsyncIterator[Answered]:
        """A transaction of Matrix."""
        yield await self._bring("PUT", url, _bytes(json), {**headers, "Content-Type": "application/json"})

    async def _bring(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        lower = {name.lower(): said for name, said in headers.items()}
        answer = await call(self._gateway, urlsplit(url).path, method=method, headers=lower, body=body)
        self.outcomes += [said for said in answer.headers.get("x-traitdunion-outcome", "").split(";") if said]
        return Answered(answer)


class Answered:
    """As much of aiohttp's answer as the twins' senders read."""

    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        self.headers = {name.title(): said for name, said in answer.headers.items()}
        self._body = answer.body

    async def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self._body)


def _bytes(document: Any) -> bytes:
    return json.dumps(document).encode()
