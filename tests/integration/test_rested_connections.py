"""What the hub's pool does with connections that the server has ended meanwhile."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.storage import engine as storage
from hub.storage.engine import HEARD, alone, connection_lost, engine_for

PID = text("SELECT pg_backend_pid()")


async def test_a_connection_that_was_cut_while_it_rested_is_replaced_without_an_error(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "RESTED_SECONDS", 0.0)
    before, after = await around_a_cut(database_url)
    assert before != after


async def test_one_that_has_just_worked_is_taken_as_it_is(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "RESTED_SECONDS", 3600.0)
    with pytest.raises(DBAPIError) as error:
        await around_a_cut(database_url)
    assert connection_lost(error.value)


async def around_a_cut(url: str) -> tuple[int, int]:
    """The server's process behind a pool's connection, before and after somebody else ended it."""
    ours, other = engine_for(url), engine_for(url)
    try:
        async with ours.connect() as connection:
            before = await connection.scalar(PID)
        async with other.connect() as connection:
            await connection.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": before})
        async with ours.connect() as connection:
            return int(before or 0), int(await connection.scalar(PID) or 0)
    finally:
        await ours.dispose()
        await other.dispose()


async def test_a_database_whose_machine_vanishes_is_given_up_by_what_waits_for_its_answer(database_url: str) -> None:
    engine, lock = engine_for(database_url), await alone(database_url, 4711)
    try:
        async with engine.connect() as connection:
            pooled: Any = (await connection.get_raw_connection()).driver_connection
            for one in (pooled, lock):
                found = one._transport.get_extra_info("socket")
                assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                assert {name: found.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in HEARD} == HEARD
    finally:
        await lock.close()
        await engine.dispose()
