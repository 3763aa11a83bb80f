"""Connections of strangers: a head that never ends, or never comes, costs no door anything that lasts."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from hub.door import server
from schemas.wire import reception

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def app(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = server(app, "127.0.0.1", 0)
        task = asyncio.create_task(serving.serve(sockets=[listening]))
        yield listening.getsockname()[1]
        serving.should_exit = True
        await task


async def taken(writer: asyncio.StreamWriter, pieces: int) -> int:
    """How many of these pieces of 16 KiB go out before the other side ends the connection."""
    for sent in range(pieces):
        writer.write(b"a" * 16 * 1024)
        try:
            await writer.drain()
        except ConnectionError:
            return sent
        await asyncio.sleep(0.001)
    return pieces


async def test_a_head_without_an_end_is_cut_off(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nX: ")
    assert await taken(writer, 200) < 100
    writer.close()


async def test_a_head_that_is_too_large_is_told_so(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nX: " + b"a" * (reception.HEAD_BYTES + 1))
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).startswith(b"HTTP/1.1 431 ")
    writer.close()


async def test_who_says_nothing_or_half_a_head_is_not_waited_for(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "HEAD_SECONDS", 0.1)
    for words in (b"", b"GET / HTTP/1.1\r\nX: a"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(words)
        assert (await asyncio.wait_for(reader.read(), 60)).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_who_drips_a_head_is_waited_for_no_longer_than_who_stops(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "HEAD_SECONDS", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await asyncio.wait_for(reader.readuntil(b"ok"), 60)
    writer.write(b"GET / HTTP/1.1\r\nX: ")
    answer = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
    for _ in range(6_000):
        writer.write(b"a")
        await asyncio.sleep(0.01)
        if answer.done():
            break
    assert answer.done()
    assert answer.result().startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_bodies_and_several_requests_of_one_connection_are_no_heads(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_a_request_to_speak_websocket_is_answered_as_any_other(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    upgrade = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YQ==\r\n\r\n"
    writer.write(upgrade)
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_only_a_body_that_is_not_all_here_is_read_under_a_clock() -> None:
    waited: list[bool] = []

    async def reading(scope: Any, receive: Any, send: Any) -> None:
        waited.append(isinstance(reception.patience(scope, 60), asyncio.Timeout))
        while (await receive())["more_body"]:
            pass
        await app(scope, receive, send)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = server(reading, "127.0.0.1", 0)
        task = asyncio.create_task(serving.serve(sockets=[listening]))
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.getsockname()[1])
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        await reader.readuntil(b"ok")
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        await reader.readuntil(b"100 Continue")
        writer.write(b"abc")
        await reader.readuntil(b"ok")
        writer.close()
        serving.should_exit = True
        await task
    assert waited == [False, True]
