"""Sends requests byte for byte over a connection of their own: no client library that would put right what was made wrong."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from starlette.types import ASGIApp

    from tests.forgeries.drafts import Wire


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def reason(self) -> str:
        """The named reason of problem details; empty for anything else."""
        if not self.headers.get("content-type", "").startswith("application/problem+json"):
            return ""
        said: Any = json.loads(self.body)
        return str(said["reason"])


async def send(port: int, wire: Wire) -> Answer:
    """One request, one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(written(wire))
        async with asyncio.timeout(30):
            return await _read(reader)
    finally:
        writer.close()


def written(wire: Wire) -> bytes:
    """The request's bytes."""
    fields = [*wire.fields, ("connection", "close"), *([("content-length", str(len(wire.body)))] if wire.method != "GET" else [])]
    head = "".join([f"{wire.method} {wire.target} HTTP/1.1\r\n", *(f"{name}: {said}\r\n" for name, said in fields), "\r\n"])
    return head.encode("latin-1") + wire.body


async def _read(reader: asyncio.StreamReader) -> Answer:
    raw = await reader.read()
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): said.strip() for name, _, said in (line.partition(":") for line in lines)}
    return Answer(int(first.split(" ")[1]) if first else 0, headers, body)


async def deliver(app: ASGIApp, wire: Wire) -> Answer:
    """One request to an application, as a server would bring it."""
    return await _delivered(app, wire, [{"type": "http.request", "body": wire.body, "more_body": False}])


async def deliver_broken(app: ASGIApp, wire: Wire) -> Answer:
    """The same, of a client who hangs up before having said that this is all."""
    return await _delivered(app, wire, [{"type": "http.request", "body": wire.body, "more_body": True}])


async def _delivered(app: ASGIApp, wire: Wire, pieces: list[dict[str, Any]]) -> Answer:
    path, _, query = wire.target.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": wire.method, "scheme": "http", "root_path": "",
        "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(), "client": None, "server": None,
        "headers": [(name.lower().encode(), said.encode("latin-1")) for name, said in wire.fields],
    }  # fmt: skip
    came: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return pieces.pop() if pieces else {"type": "http.disconnect"}

    async def keep(message: MutableMapping[str, Any]) -> None:
        came.append(message)

    await app(scope, receive, keep)
    headers = {name.decode().lower(): said.decode("latin-1") for name, said in came[0]["headers"]}
    return Answer(came[0]["status"], headers, b"".join(one.get("body", b"") for one in came[1:]))
