"""The homeserver of a story: its transactions come in order, each perhaps twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from adapters.matrix.compose import ACCEPTED_ANSWER
from adapters.matrix.twin.limits import Allowance
from adapters.matrix.twin.page import visible
from adapters.matrix.twin.push import Pusher, Registration
from adapters.matrix.twin.rooms import Rooms
from adapters.matrix.twin.server import Twin
from adapters.matrix.twin.web import Fault, answering
from adapters.platforms import platform
from deploy.local.application_service import ApplicationService
from deploy.local.matrix_user import MatrixRefused, MatrixUser
from tests.converge.rse import Impossible, Original, Rse, Shown, sentences_of, whole, word_of
from tests.fakes_matrix import AS_TOKEN, HS_TOKEN, matrix_instance

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from tests.converge.window import Window

BOT: Final = "@traitdunion:tchap.example"
SERVER: Final = "tchap.example"
VISITOR: Final = "dora"


class Matrix(Rse):
    """Claire and Bob write, Anne moderates the room that she made."""

    node: ClassVar[str] = "education"
    platform = platform("matrix")
    longest: ClassVar[tuple[int, int]] = (600, 400)

    def __init__(self, rooms: Rooms, pusher: Pusher, twin: Twin, server: TestServer, http: ClientSession) -> None:
        self._rooms, self._pusher, self._twin, self._server, self._http = rooms, pusher, twin, server, http
        self._people: dict[str, MatrixUser] = {}
        self._turn = 0

    @classmethod
    async def start(cls, folder: Path) -> Matrix:
        """A homeserver without rooms."""
        rooms = Rooms(folder / "matrix.db", SERVER)
        service = ApplicationService("http://gateway.example/webhooks/education", as_token=AS_TOKEN, hs_token=HS_TOKEN)
        registration = Registration.read(service.write(folder / "registration.yaml"), SERVER)
        pusher = Pusher(rooms, registration, 0.01, 0.01)
        twin = Twin(rooms, registration, pusher, Allowance(0.0), Allowance(0.0))
        app = web.Application(middlewares=[answering(twin.faults)])
        app.add_routes(twin.routes())
        server = TestServer(app)
        await server.start_server()
        rse = cls(rooms, pusher, twin, server, ClientSession())
        for name, shown in (("claire", "Claire Moreau"), ("bob", "Bob Diallo"), ("anne", "Anne Marchand"), (VISITOR, "Dora Weil")):
            person = await MatrixUser.register(rse._http, rse._url, name, shown)
            rse._people[person.user_id] = person
        return rse

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    async def open_space(self, number: int, *, hands: bool) -> None:
        claire, bob, anne, _ = self._people.values()
        self.space = await anne.create_room(f"Salon {number}", invite=[BOT, claire.user_id, bob.user_id])
        for person in (claire, bob):
            await person.join(self.space)
        self.original = Original.LOST if hands else Original.KEPT
        if hands:
            levels = {"users": {anne.user_id: 100, BOT: 50}}
            await anne.call("PUT", f"rooms/{quote(self.space)}/state/m.room.power_levels", levels)
        self._rooms.end_push(self._last())
        self.instance = matrix_instance(self._url).model_copy(update={"spaces": frozenset({self.space})})

    # --- people --------------------------------------------------------------------------------------------------------

    async def post(self, text: str) -> str:
        return await self._somebody().say(self.space, text)

    async def reply(self, answered: str, text: str) -> str:
        return await self._somebody().reply(self.space, answered, text)

    async def edit(self, native_id: str, text: str) -> None:
        """Nobody edits what another wrote: clients show no such edit."""
        await self._author(native_id).edit(self.space, native_id, text)

    async def delete(self, native_id: str) -> None:
        await self._author(native_id).redact(self.space, native_id)

    async def moderate(self, native_id: str) -> None:
        await self._anne.redact(self.space, native_id)

    async def meddle(self, native_id: str) -> None:
        """Any member may send that; no client shows it."""
        sender = self._rooms.event(self.space, native_id)["sender"]
        other = next(person for user, person in self._people.items() if user != sender)
        await other.edit(self.space, native_id, "Des mots que leur auteur n’a pas écrits.")

    async def react(self, native_id: str) -> None:
        await self._tried(self._anne.react(self.space, native_id, "👍"))

    async def unreact(self, native_id: str) -> None:
        mine = [one for message in self._visible() if message["event_id"] == native_id for one in message["reactions"]]
        found = [one["event_id"] for one in mine if one["sender"] == self._anne.user_id]
        if not found:
            raise Impossible(native_id)
        await self._anne.redact(self.space, found[0])

    async def enter(self) -> None:
        dora = self._people[f"@{VISITOR}:{SERVER}"]
        if "Dora Weil" not in self.members():
            await self._anne.call("POST", f"rooms/{quote(self.space)}/invite", {"user_id": dora.user_id})
            await dora.join(self.space)

    async def leave(self) -> None:
        if "Dora Weil" in self.members():
            await self._people[f"@{VISITOR}:{SERVER}"].leave(self.space)

    # --- what comes of it ------------------------------------------------------------------------------------------------

    def shown(self) -> list[Shown]:
        return whole(self._seen(message) for message in self._visible())

    def members(self) -> list[str]:
        """Whoever stands in the room and is neither the bot nor a ghost."""
        there = [user for user, membership in self._rooms.members(self.space).items() if membership == "join"]
        return sorted(self._rooms.displayname(user) or "" for user in there if user in self._people)

    def waiting(self) -> int:
        acknowledged, _, upto = self._rooms.pushed()
        return min(1, len(self._rooms.after(acknowledged, upto, 1)))

    async def deliver(self, which: int, window: Window, *, again: bool) -> None:
        """The next transaction, and the same once more where its answer was lost: nothing overtakes it."""
        del which
        if again:
            self._pusher.misbehave(Fault("webhook_twice"))
        session: Any = window
        await self._pusher._push_next(session)
        self._pusher.behave()

    async def lose_answer(self) -> None:
        self._twin.faults.append(Fault("lost_answer", method="PUT", path="/rooms/"))

    async def heal(self) -> None:
        self._twin.faults.clear()

    async def close(self) -> None:
        await self._http.close()
        await self._server.close()
        self._rooms.close()

    @property
    def _anne(self) -> MatrixUser:
        return self._people[f"@anne:{SERVER}"]

    def _visible(self) -> list[dict[str, Any]]:
        return visible(self._rooms, self.space)

    def _seen(self, message: dict[str, Any]) -> Shown:
        number, version = word_of(message["body"]) or (0, 0)
        marks = [(one["name"], one["key"]) for one in message["reactions"]]
        liked = frozenset(f"{name} {key}" for name, key in marks if key != ACCEPTED_ANSWER)
        accepted = any(key == ACCEPTED_ANSWER for _, key in marks)
        assert len(marks) == len(liked) + accepted, "a reaction twice"
        return Shown(
            message["event_id"], number, version, message["reply_to"], liked, accepted=accepted, sentences=sentences_of(message["body"])
        )

    def _author(self, native_id: str) -> MatrixUser:
        sender = self._rooms.event(self.space, native_id)["sender"]
        if sender not in self._people:
            raise Impossible(native_id)
        return self._people[sender]

    def _somebody(self) -> MatrixUser:
        self._turn += 1
        return list(self._people.values())[self._turn % 2]

    def _last(self) -> int:
        return max((stream for stream, _ in self._rooms.after(0, None, 1 << 30)), default=0)

    async def _tried(self, act: Awaitable[Any]) -> None:
        try:
            await act
        except MatrixRefused as refusal:
            raise Impossible(refusal.errcode) from refusal
