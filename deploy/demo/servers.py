"""The broker and the database of a session: the clone's own, or the ones that the environment names."""

from __future__ import annotations

import asyncio
import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

import asyncpg

from deploy.local.kafka import STARTS_FAST, LocalKafka
from deploy.local.postgres import LocalPostgres

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KAFKA: Final = "TRAITDUNION_KAFKA_BOOTSTRAP"
DATABASE: Final = "TRAITDUNION_DATABASE_URL"
PREFIX: Final = "TRAITDUNION_TOPIC_PREFIX"
NAME: Final = "traitdunion"
DOOR: Final = "porte"


class Broker(Protocol):
    """A Kafka broker; `settings` are the variables that lead to it."""

    @property
    def settings(self) -> Mapping[str, str]:
        """What a process of ours must find in its environment, once the broker has started."""
        ...

    def start(self) -> str:
        """Start it, or find it; a sentence says which."""
        ...

    def stop(self) -> None:
        """Stop what we started."""
        ...


class Database(Protocol):
    """A PostgreSQL with an empty database for this session."""

    async def start(self) -> str:
        """Start or find it; the database's address."""
        ...

    async def another(self, name: str) -> str:
        """One more empty database for this session; its address."""
        ...

    async def door_role(self) -> DoorRole | None:
        """A role for the node door, without a right yet; None where the account that we were given may not make one."""
        ...

    async def stop(self) -> None:
        """Stop what we started, remove what we made."""
        ...


@dataclass(frozen=True, slots=True)
class DoorRole:
    """The node door's own role, and the database's address under it."""

    name: str
    url: str


class OwnBroker:
    """The clone's own broker."""

    def __init__(self, folder: Path) -> None:
        self._kafka = LocalKafka(folder, java_options=STARTS_FAST)

    @property
    def settings(self) -> Mapping[str, str]:
        """Its address; topics need no prefix."""
        return {KAFKA: self._kafka.bootstrap, PREFIX: ""}

    def start(self) -> str:
        """Start it."""
        self._kafka.start()
        return f"un vrai Kafka répond sur {self._kafka.bootstrap}"

    def stop(self) -> None:
        """Stop it."""
        self._kafka.stop()


@dataclass(frozen=True, slots=True)
class NamedBroker:
    """The user's own broker: its topics get a prefix that no other session has, and stay there when we leave."""

    prefix: str

    @property
    def settings(self) -> Mapping[str, str]:
        """The user's settings lead there; the prefix is ours."""
        return {PREFIX: self.prefix}

    def start(self) -> str:
        """It runs already."""
        return f"votre Kafka, {os.environ[KAFKA]} ; nos topics y commencent par « {self.prefix} »"

    def stop(self) -> None:
        """It is not ours to stop."""


class OwnDatabase:
    """The clone's own PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        self._server = LocalPostgres(folder)

    def start_server(self) -> str:
        """Start it, with an empty database."""
        self._server.start()
        return self._server.create_database(NAME)

    async def start(self) -> str:
        """Start it without holding up the loop."""
        return await asyncio.to_thread(self.start_server)

    async def another(self, name: str) -> str:
        """One more on the same server."""
        return await asyncio.to_thread(self._server.create_database, name)

    async def door_role(self) -> DoorRole:
        """Make it anew: the server is thrown away with its session, or was left behind by one."""
        url, password = self._server.url_of(NAME), secrets.token_hex(24)
        connection = await asyncpg.connect(url)
        try:
            known = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", DOOR)
            await connection.execute(f"{'ALTER' if known else 'CREATE'} ROLE {DOOR} LOGIN PASSWORD '{password}'")
        finally:
            await connection.close()
        parts = urlsplit(url)
        return DoorRole(DOOR, parts._replace(netloc=f"{DOOR}:{password}@{parts.hostname}:{parts.port}").geturl())

    async def stop(self) -> None:
        """Stop it."""
        await asyncio.to_thread(self._server.stop)


@dataclass(frozen=True, slots=True)
class NamedDatabase:
    """The user's own PostgreSQL, on an account that may make databases: ours is made there, and dropped."""

    url: str
    name: str
    others: list[str] = field(default_factory=list)

    async def start(self) -> str:
        """Make an empty database there."""
        return await self._make(self.name)

    async def another(self, name: str) -> str:
        """One more, whose name begins like the first one's."""
        self.others.append(f"{self.name}_{name}")
        return await self._make(self.others[-1])

    async def door_role(self) -> None:
        """A role is the whole server's: the user's is not ours to change. The door works under the account that we were given."""
        return

    async def stop(self) -> None:
        """Drop what we made."""
        for name in (self.name, *self.others):
            await self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def _make(self, name: str) -> str:
        await self._execute(f'CREATE DATABASE "{name}"')
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    async def _execute(self, sql: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


def broker(folder: Path) -> Broker:
    """The named broker, else our own."""
    if os.environ.get(KAFKA):
        return NamedBroker(f"demo{secrets.token_hex(3)}.")
    return OwnBroker(folder)


def database(folder: Path) -> Database:
    """A database on the named server, else our own server."""
    named = os.environ.get(DATABASE)
    if named:
        return NamedDatabase(named.replace("+asyncpg", "", 1), f"traitdunion_demo_{secrets.token_hex(4)}")
    return OwnDatabase(folder)
