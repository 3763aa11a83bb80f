"""The fault of a gateway that is away keeps it away, whatever its supervisor tries."""

from __future__ import annotations

import asyncio

import pytest

from deploy.local import ports
from tests.chaos.faults import nobody_at


async def nothing(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """A server's answer to whoever comes."""


async def test_while_nobody_is_to_answer_nobody_else_can_listen_and_callers_are_hung_up_on() -> None:
    port = ports.free_port()
    async with nobody_at(port):
        with pytest.raises(OSError, match="in use"):
            await asyncio.start_server(nothing, ports.LOOPBACK, port, reuse_address=True)
        reader, writer = await asyncio.open_connection(ports.LOOPBACK, port)
        assert await reader.read() == b""
        writer.close()
    async with await asyncio.start_server(nothing, ports.LOOPBACK, port, reuse_address=True):
        pass
