"""A Discourse twin and a place for its webhooks, in this process, on free ports."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from adapters.discourse import ADAPTER, DiscourseClient
from adapters.discourse.twin.options import Options
from adapters.discourse.twin.server import Twin
from tests.fakes_discourse import API_KEY, SECRET, instance
from tests.fakes_sink import Sink as WebhookSink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from adapters.settings import Instance


class Sink(WebhookSink):
    """A webhook's target, with the names of what came."""

    def events(self) -> list[str]:
        """Their names."""
        return [request.headers["x-discourse-event"] for request in self.seen]


@dataclass
class Forum:
    """A running twin with its sink, its client, and people who write in it."""

    options: Options
    sink: Sink
    instance: Instance
    client: DiscourseClient
    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, username: str = "camille", /, **body: Any) -> tuple[int, Any]:
        """A person's or a tester's own request: its status and JSON."""
        headers = {"Api-Key": API_KEY, "Api-Username": username}
        async with self.session.request(method, self.options.url + path, json=body or None, headers=headers) as response:
            return response.status, (await response.json() if response.content_type == "application/json" else await response.text())

    async def posts(self) -> list[dict[str, Any]]:
        """All that the twin holds."""
        found: list[dict[str, Any]] = (await self.call("GET", "/twin/posts"))[1]
        return found

    async def fault(self, **fault: Any) -> None:
        """Ask for a fault of the connector's next writes."""
        assert (await self.call("POST", "/twin/faults", **{"username": "traitdunion", **fault}))[0] == 200


@asynccontextmanager
async def forum(folder: Path, **changes: Any) -> AsyncIterator[Forum]:
    """A twin that runs as long as the context; the same folder gives the same twin again."""
    with _bound() as at, _bound() as hook:
        url = f"http://127.0.0.1:{at.getsockname()[1]}"
        options = Options(
            state=folder / "twin.db",
            webhook=f"http://127.0.0.1:{hook.getsockname()[1]}/webhooks/wifip",
            secret=SECRET,
            api_key=API_KEY,
            url=url,
            rate=0,
            retry_unit=0.00001,
            categories=("97:Futurs Publics", "98:Réservé", "96:Interne"),
            restricted=("98:Réservé",),
            people=("camille:Camille Roux", "leo:Léo Petit"),
        )
        rse = instance(url)
        sink = Sink(adapter=ADAPTER, instance=lambda: rse)
        async with (
            _served(sink.application(), hook),
            _served(Twin(replace(options, **changes)).app(), at),
            aiohttp.ClientSession() as session,
        ):
            client = sink.client = DiscourseClient(rse)
            try:
                yield Forum(options, sink, rse, client, session)
            finally:
                await client.close()


def _bound() -> socket.socket:
    found = socket.socket()
    found.bind(("127.0.0.1", 0))
    return found


@asynccontextmanager
async def _served(app: web.Application, at: socket.socket) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.SockSite(runner, at).start()
    try:
        yield
    finally:
        await runner.cleanup()
