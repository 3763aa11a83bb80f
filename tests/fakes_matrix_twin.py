"""A Matrix twin, its application service and people in it, in this process, on free ports."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from adapters.matrix import MatrixClient
from adapters.matrix.twin.push import Registration
from adapters.matrix.twin.rooms import Rooms
from adapters.matrix.twin.server import application
from adapters.port import Written
from deploy.local.application_service import ApplicationService
from deploy.local.matrix_user import MatrixUser
from deploy.local.ports import free_port
from tests.fakes_matrix import AS_TOKEN, HS_TOKEN, Sink, matrix_instance, posting

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from pathlib import Path

    from adapters.settings import Instance

BOT = "@traitdunion:tchap.example"
LASTING = 1_000  # calls: aiohttp itself repeats a PUT once when a kept connection breaks


@dataclass
class House:
    """A twin, its application service, a person in it, the connector."""

    folder: Path
    stack: AsyncExitStack
    twin_port: int = field(default_factory=free_port)
    messages_per_second: float = 0.0
    rate_limited: bool = False

    async def open(self) -> None:
        self.sink = Sink(lambda: self.instance)
        sink = TestServer(self.sink.application())
        await sink.start_server()
        self.stack.push_async_callback(sink.close)
        self.door = f"http://127.0.0.1:{sink.port}/webhooks/education"
        service = ApplicationService(url=self.door, as_token=AS_TOKEN, hs_token=HS_TOKEN)
        registered = Registration.read(service.write(self.folder / "registration.yaml"), "tchap.example")
        self.registration = replace(registered, rate_limited=self.rate_limited)
        await self.start_twin()
        self.session = await self.stack.enter_async_context(ClientSession())
        self.client = self.sink.client = MatrixClient(self.instance)
        self.stack.push_async_callback(self.client.close)

    async def start_twin(self) -> None:
        self.twin_rooms = Rooms(self.folder / "twin.db", "tchap.example")
        app = application(self.twin_rooms, self.registration, messages_per_second=self.messages_per_second, waits=(0.02, 0.1))
        self.twin = TestServer(app, port=self.twin_port)
        await self.twin.start_server()
        self.stack.push_async_callback(self.twin.close)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.twin_port}"

    @property
    def instance(self) -> Instance:
        return matrix_instance(self.url)

    async def person(self, username: str = "claire", name: str | None = "Claire Moreau") -> MatrixUser:
        return await MatrixUser.register(self.session, self.url, username, name)

    async def fault(self, kind: str, **details: Any) -> None:
        async with self.session.post(f"{self.url}/twin/faults", json={"kind": kind, **details}) as answer:
            assert answer.status == 200

    async def visible(self, room: str) -> list[dict[str, Any]]:
        async with self.session.get(f"{self.url}/twin/rooms/{room}") as answer:
            messages: list[dict[str, Any]] = (await answer.json())["messages"]
            return messages


async def written(house: House, *args: Any, **kwargs: Any) -> Written:
    """An order of ours, carried out."""
    outcome = await house.client.write(posting(*args, **kwargs))
    assert isinstance(outcome, Written), outcome
    return outcome


async def closed_room(house: House) -> tuple[MatrixUser, str]:
    """Somebody here, and a room of hers to which the bot is invited."""
    claire = await house.person()
    room = await claire.create_room("Futurs Publics", invite=[BOT])
    return claire, room
