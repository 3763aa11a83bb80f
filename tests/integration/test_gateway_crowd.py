"""The gateway with more at its door than it can hold: who comes too much is told to come again, through HTTP."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import uvicorn

from adapters.crowd import Crowd
from adapters.gateway import RETRY_AFTER, Counter, application
from adapters.sorting import Stored
from schemas.wire.telemetry import Health
from tests.fakes_plain import SECRET, PlainAdapter, PlainRse, an_instance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

POST = b'{"what": "other"}'


@dataclass
class SlowAdmission:
    """Stores what it is given when it is let."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    async def admit(self, _outcomes: object, _body: bytes, _correlation: str) -> Stored:
        self.waiting += 1
        await self.open.wait()
        return Stored(())


@asynccontextmanager
async def gateway(folder: Path, crowd: Crowd, admission: SlowAdmission) -> AsyncIterator[str]:
    counter = Counter("rse", an_instance(folder), PlainAdapter(), PlainRse(), admission, crowd)  # type: ignore[arg-type]  # it only admits
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(application({"rse": counter}, Health()), lifespan="off", log_config=None))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/webhooks/rse"
        server.should_exit = True
        await task


async def post(url: str, body: bytes = POST, token: str = SECRET) -> tuple[int, str, Any]:
    """Status, Retry-After, and the reason of a refusal."""
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers={"x-token": token}) as answer:
        said = await answer.json(content_type=None)
        return answer.status, answer.headers.get("Retry-After", ""), said.get("reason")


async def until_waiting(admission: SlowAdmission, count: int) -> None:
    async with asyncio.timeout(60):
        while admission.waiting < count:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


async def test_who_comes_while_enough_wait_to_be_stored_is_told_to_come_again(tmp_path: Path) -> None:
    admission = SlowAdmission()
    async with gateway(tmp_path, Crowd(most_waiting=2), admission) as url:
        first = [asyncio.create_task(post(url)) for _ in range(2)]
        await until_waiting(admission, 2)
        assert await post(url) == (503, RETRY_AFTER, "gateway_busy")
        assert (await post(url, token="forged"))[0] == 401
        admission.open.set()
        assert [status for status, _, _ in await asyncio.gather(*first)] == [200, 200]
        assert (await post(url))[0] == 200


async def test_bodies_that_would_hold_too_much_memory_are_told_to_come_again(tmp_path: Path) -> None:
    admission = SlowAdmission()
    async with gateway(tmp_path, Crowd(most_bytes=1_000), admission) as url:
        first = asyncio.create_task(post(url, POST + b" " * 800))
        await until_waiting(admission, 1)
        assert await post(url, POST + b" " * 800) == (503, RETRY_AFTER, "gateway_busy")
        admission.open.set()
        assert (await first)[0] == 200
        assert (await post(url, POST + b" " * 800))[0] == 200


async def test_what_is_announced_and_does_not_come_holds_up_nobody(tmp_path: Path) -> None:
    admission = SlowAdmission()
    admission.open.set()
    async with gateway(tmp_path, Crowd(most_waiting=1, most_bytes=1_000), admission) as url:
        port = int(url.split(":")[2].partition("/")[0])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /webhooks/rse HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\nx")
        await writer.drain()
        assert (await post(url))[0] == 200
        writer.close()
