"""Two whole hubs for the tests of a file: founded, started, each admitted by the other and following it; stopped, and nothing left, at the end."""

from __future__ import annotations

import os
import secrets
import socket
from typing import TYPE_CHECKING

import asyncpg
import psutil
import pytest_asyncio
from aiohttp import ClientSession, ClientTimeout

from deploy.demo.federated import USUAL_PORT, Place
from deploy.demo.neighbour import Neighbour
from deploy.demo.operator import Operator
from deploy.local.ports import free_port
from tests.fakes_streams import delete_topics
from tests.fakes_two_hubs import OPSI, OURS, Side, Two, admit, belongs_to, follow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

    from deploy.demo.neighbour import Identity
    from tests.servers import Kafka


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(kafka: Kafka, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Two]:
    folder, mark = tmp_path_factory.mktemp("two"), secrets.token_hex(4)
    operator = await Operator.start(folder / "operator.log")
    async with ClientSession(timeout=ClientTimeout(total=120), trust_env=False) as http:
        hubs = [_hub(who, _host(mark, number), folder, mark, (kafka, postgres), operator) for number, who in ((21, OURS), (22, OPSI))]
        try:
            for hub in hubs:
                await _execute(postgres, f'CREATE DATABASE "{hub.who.name}_{mark}"')
                await hub.found()
                hub.start()
            sides = [Side(hub, hub.forum(http)) for hub in hubs]
            for hub in hubs:
                await hub.tie(http)
            for one, other in (sides, reversed(sides)):
                await admit(one, other)
            for one, other in (sides, reversed(sides)):
                await follow(one, other)
            yield Two(*sides)
        finally:
            for hub in hubs:
                await hub.stop()
            await operator.close()
            for hub in hubs:
                delete_topics(kafka.bootstrap, f"{hub.who.name}{mark}.")
                await _execute(postgres, f'DROP DATABASE IF EXISTS "{hub.who.name}_{mark}" WITH (FORCE)')
    assert not [
        one for hub in hubs for one in psutil.process_iter() if one.pid != os.getpid() and belongs_to(one, hub.federated.place.base)
    ]


def _hub(who: Identity, host: str, folder: Path, mark: str, servers: tuple[Kafka, str], operator: Operator) -> Neighbour:
    kafka, postgres = servers
    url = postgres.rpartition("/")[0] + f"/{who.name}_{mark}"
    settings = {
        "TRAITDUNION_KAFKA_BOOTSTRAP": kafka.bootstrap, "TRAITDUNION_TOPIC_PREFIX": f"{who.name}{mark}.",
        "TRAITDUNION_DATABASE_URL": url, "TRAITDUNION_LEDGER_URL": url,
    }  # fmt: skip
    place = Place(host, _port(host), folder / who.name / "keys")
    return Neighbour(who, folder / who.name, place, settings, operator)


def _host(mark: str, number: int) -> str:
    """An address of this machine's own that no other test takes, in this run or in one beside it."""
    return f"127.{100 + int(mark[:2], 16) % 100}.{int(mark[2:4], 16)}.{number}"


def _port(host: str) -> int:
    """The usual one, by which servers on the Internet are named without a port, where this machine gives it to us."""
    try:
        with socket.create_server((host, USUAL_PORT)):
            return USUAL_PORT
    except OSError:
        return free_port()


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
