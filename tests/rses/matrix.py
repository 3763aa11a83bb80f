"""A Matrix homeserver as the conformance suite plays it."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from adapters.matrix import MatrixClient
from adapters.matrix.compose import ACCEPTED_ANSWER
from tests import fakes_matrix
from tests.fakes_matrix_twin import BOT, LASTING, House
from tests.rses.rse import Pushing, Reacted, Sample, Shown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from typing import Self

    from adapters.port import RseClient
    from deploy.local.matrix_user import MatrixUser


class MatrixRse(Pushing):
    """A homeserver with an application service: copies are written by ghosts who bear their authors' names."""

    name = "matrix"
    configured = fakes_matrix.matrix_instance()
    sample = Sample(fakes_matrix.transaction(fakes_matrix.room_event()), None, "$one")
    signature = "authorization"
    error_members = frozenset({"errcode", "error"})
    accepted = b"{}"
    nowhere = "$never"
    unknown_space = "!nowhere:tchap.example"
    people = ("Claire Moreau", "Bob Diallo")

    def __init__(self, house: House, claire: MatrixUser, bob: MatrixUser) -> None:
        self._house, self._claire, self._bob = house, claire, bob
        self._authors: dict[str, MatrixUser] = {}
        self.instance, self.client, self.sink, self.session = house.instance, house.client, house.sink, house.session
        self.door = house.door

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Self]:
        async with AsyncExitStack() as stack:
            house = House(folder, stack)
            await house.open()
            rse = cls(house, await house.person("claire", cls.people[0]), await house.person("bob", cls.people[1]))
            await rse._settle()
            yield rse

    async def post(self, text: str) -> str:
        return self._by(self._claire, await self._claire.say(self.space, text))

    async def reply(self, answered: str, text: str) -> str:
        return self._by(self._bob, await self._bob.reply(self.space, answered, text))

    async def edit(self, native_id: str, text: str) -> None:
        await self._authors[native_id].edit(self.space, native_id, text)

    async def delete(self, native_id: str) -> None:
        await self._authors[native_id].redact(self.space, native_id)

    async def shown(self) -> list[Shown]:
        messages = await self._house.visible(self.space)
        return [Shown(message["event_id"], message["name"], message["body"], message["reply_to"]) for message in messages]

    async def traces(self) -> str:
        return json.dumps([event["content"] for event in self._house.twin_rooms.events(self.space)], ensure_ascii=False)

    heart = "❤️"

    async def react(self, native_id: str) -> str:
        return await self._bob.react(self.space, native_id, self.heart)

    async def unreact(self, reaction: str) -> None:
        await self._bob.redact(self.space, reaction)

    async def reactions(self) -> list[Reacted]:
        return [one for one in await self._annotations() if one.emoji != ACCEPTED_ANSWER]

    async def accepted_answers(self) -> list[str]:
        return [one.message for one in await self._annotations() if one.emoji == ACCEPTED_ANSWER]

    async def _annotations(self) -> list[Reacted]:
        shown = await self._house.visible(self.space)
        return [Reacted(message["event_id"], one["key"], one["name"]) for message in shown for one in message["reactions"]]

    async def enter(self) -> None:
        await self._bob.join(self.members_space)

    async def leave(self) -> None:
        await self._bob.leave(self.members_space)

    async def lose_answers(self) -> None:
        await self._fault("lost_answer")

    async def refuse(self, status: int, after: float | None = None) -> None:
        errcode = {403: "M_FORBIDDEN", 429: "M_LIMIT_EXCEEDED"}.get(status, "M_UNKNOWN")
        wish = {} if after is None else {"retry_after_ms": int(after * 1000)}
        await self._fault("status", status=status, errcode=errcode, **wish)

    async def set_clock(self, seconds: float) -> None:
        await self._house.fault("clock", seconds=seconds)

    async def stall(self) -> None:
        await self._fault("delay", seconds=0.8)

    def hasty(self) -> RseClient:
        return MatrixClient(self.instance, timeout=0.3)

    async def heal(self) -> None:
        await self._house.fault("none")

    async def _fault(self, kind: str, **details: Any) -> None:
        await self._house.fault(kind, method="PUT", path="/rooms/", count=LASTING, **details)

    async def _settle(self) -> None:
        """Rooms that the bot has entered; all that the twin pushes for that has come before a test begins."""
        self.space = self.restricted_space = await self._claire.create_room("Futurs Publics", invite=[BOT, self._bob.user_id])
        self.open_space = await self._claire.create_room("Place", preset="public_chat")
        self.members_space = await self._claire.create_room("Atelier", preset="public_chat", invite=[BOT])
        await self._bob.join(self.space)
        await self.client.report_space(self.members_space)
        await self.client.report_space(self.space)
        last = self._house.twin_rooms.events(self.space)[-1]["event_id"]
        await self.sink.until(lambda _: any(event["event_id"] == last for event in self._house.sink.raw))

    def _by(self, author: MatrixUser, native_id: str) -> str:
        self._authors[native_id] = author
        return native_id
