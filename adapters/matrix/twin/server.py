"""Every route of the small homeserver: client-server API, pushes to an application service, faults on demand."""

from __future__ import annotations

import asyncio
import hashlib
import time
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING

from aiohttp import ClientSession, web

from adapters.matrix.twin.limits import Allowance
from adapters.matrix.twin.page import page, visible
from adapters.matrix.twin.push import Pusher, Registration
from adapters.matrix.twin.timeline import Timeline
from adapters.matrix.twin.users import MatrixError
from adapters.matrix.twin.web import Fault, answering, object_of, user_id_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from adapters.matrix.twin.rooms import Rooms

CLIENT = "/_matrix/client/v3"


@dataclass
class Twin(Timeline):
    """The server's parts; `allowance` is what each user may send, `entries` what each room lets in."""

    pusher: Pusher
    allowance: Allowance
    entries: Allowance
    faults: list[Fault] = field(default_factory=list)

    # --- what a caller may spend -----------------------------------------------------------------------------------

    def spend(self, user: str) -> None:
        """Take a message or a redaction from the user's allowance; a service's users have one where it is rate limited."""
        self._spend(self.allowance, user, user)

    def spend_entry(self, what: str, room: str, user: str) -> None:
        """Take an invitation or an entry from the room's allowance, which all share."""
        self._spend(self.entries, f"{what} {room}", user)

    def _spend(self, allowance: Allowance, whose: str, user: str) -> None:
        if self.registration.owns(user) and not self.registration.rate_limited:
            allowance.spend_nothing()
        else:
            allowance.spend(whose)

    # --- rooms -------------------------------------------------------------------------------------------------------

    async def create(self, request: web.Request) -> web.Response:
        """Make a room."""
        return web.json_response({"room_id": self.rooms.create(self.caller(request), await object_of(request))})

    async def join(self, request: web.Request) -> web.Response:
        """Enter a room."""
        room, user = request.match_info["room"], self.caller(request)
        if self.rooms.enters(room, user):
            self.spend_entry("join", room, user)
        self.rooms.join(room, user)
        return web.json_response({"room_id": room})

    async def invite(self, request: web.Request) -> web.Response:
        """Invite somebody."""
        room, user = request.match_info["room"], self.caller(request)
        self.spend_entry("invite", room, user)
        self.rooms.invite(room, user, await user_id_of(request))
        return web.json_response({})

    async def leave(self, request: web.Request) -> web.Response:
        """Leave a room."""
        user, room = self.caller(request), request.match_info["room"]
        if self.rooms.members(room).get(user) != "leave":  # a real Synapse lets leave who has left
            self.rooms.put_out(room, user, user, "leave")
        return web.json_response({})

    async def kick(self, request: web.Request) -> web.Response:
        """Put somebody out."""
        self.rooms.put_out(request.match_info["room"], self.caller(request), await user_id_of(request), "leave")
        return web.json_response({})

    async def ban(self, request: web.Request) -> web.Response:
        """Put somebody out for good."""
        self.rooms.put_out(request.match_info["room"], self.caller(request), await user_id_of(request), "ban")
        return web.json_response({})

    async def unban(self, request: web.Request) -> web.Response:
        """Let somebody be invited again."""
        self.rooms.put_out(request.match_info["room"], self.caller(request), await user_id_of(request), "leave")
        return web.json_response({})

    async def joined_members(self, request: web.Request) -> web.Response:
        """Who is in the room."""
        room = self.readable(request)
        joined = [user for user, membership in self.rooms.members(room).items() if membership == "join"]
        return web.json_response({"joined": {user: {"display_name": self.rooms.displayname(user)} for user in joined}})

    async def joined_rooms(self, request: web.Request) -> web.Response:
        """The caller's rooms."""
        return web.json_response({"joined_rooms": self.rooms.joined_rooms(self.caller(request))})

    async def state(self, request: web.Request) -> web.Response:
        """The room's state."""
        return web.json_response(self.rooms.state_for(request.match_info["room"], self.caller(request)))

    async def upgrade(self, request: web.Request) -> web.Response:
        """Replace a room by one of another version."""
        version = str((await object_of(request)).get("new_version", ""))
        return web.json_response({"replacement_room": self.rooms.upgrade(request.match_info["room"], self.caller(request), version)})

    async def state_event(self, request: web.Request) -> web.Response:
        """One piece of the room's state."""
        wanted = (request.match_info["type"], request.match_info.get("key", ""))
        state = self.rooms.state_for(request.match_info["room"], self.caller(request))
        found = [event for event in state if (event["type"], event["state_key"]) == wanted]
        if not found:
            raise MatrixError(404, "M_NOT_FOUND", "Event not found.")
        return web.json_response(found[0]["content"])

    async def set_state(self, request: web.Request) -> web.Response:
        """Change a piece of the room's state."""
        info, content = request.match_info, await object_of(request)
        event_id = self.rooms.set_state(info["room"], self.caller(request), info["type"], info.get("key", ""), content)
        return web.json_response({"event_id": event_id})

    # --- messages ------------------------------------------------------------------------------------------------------

    async def send(self, request: web.Request) -> web.Response:
        """Send an event; the same transaction is the same event, whatever the query says."""
        user, info, content = self.caller(request), request.match_info, await object_of(request)
        self.spend(user)
        stamp = request.query.get("ts", "") if self.registration.owns(user) else ""
        ts = int(stamp) if stamp.isdigit() else None
        return self._once(request, lambda: self.rooms.send(info["room"], user, info["type"], content, ts))

    async def redact(self, request: web.Request) -> web.Response:
        """Take an event away."""
        user, info, body = self.caller(request), request.match_info, await object_of(request)
        self.spend(user)
        return self._once(request, lambda: self.rooms.redact(info["room"], user, info["event"], body.get("reason")))

    def _once(self, request: web.Request, act: Callable[[], str]) -> web.Response:
        token = token_of(request.headers["Authorization"])
        return web.json_response({"event_id": self.rooms.once(f"{token} {request.path}", act)})

    async def event(self, request: web.Request) -> web.Response:
        """Show one event."""
        return web.json_response(self.rooms.event(self.readable(request), request.match_info["event"]))

    async def relations(self, request: web.Request) -> web.Response:
        """Show what relates to an event in one way, latest first; what was taken away relates to nothing any more."""
        event, kind = request.match_info["event"], request.match_info["kind"]
        return web.json_response({"chunk": self.rooms.relations(self.readable(request), event, kind)})

    # --- the service and the twin itself -------------------------------------------------------------------------------

    async def ping(self, request: web.Request) -> web.Response:
        """Ask the application service whether it hears us."""
        if self.caller(request) != self.registration.sender or request.match_info["id"] != self.registration.id:
            raise MatrixError(403, "M_FORBIDDEN", "Provided access token is not valid for the application service")
        body, started = await object_of(request), time.monotonic()
        async with ClientSession() as session:
            status, text = await self.pusher.ping(session, body.get("transaction_id"))
        if status == 0:
            raise MatrixError(502, "M_CONNECTION_FAILED", "Could not reach the application service")
        if status != 200:  # noqa: PLR2004 (an HTTP status names itself)
            raise MatrixError(502, "M_BAD_STATUS", "Bad answer of the application service", answered=status, body=text[:500])
        return web.json_response({"duration_ms": int((time.monotonic() - started) * 1000)})

    async def page(self, _: web.Request) -> web.Response:
        """What people see."""
        return web.Response(text=page(self.rooms), content_type="text/html")

    async def visible(self, request: web.Request) -> web.Response:
        """The same for programs."""
        room = request.match_info["room"]
        self.rooms.version(room)
        return web.json_response({"messages": visible(self.rooms, room)})

    async def add_fault(self, request: web.Request) -> web.Response:
        """Make something go wrong, by the kinds that `Fault` names; `none` makes all well again."""
        fault = Fault(**await object_of(request))
        match fault.kind:
            case "none":
                self.faults.clear()
                self.pusher.behave()
                self.rooms.ahead = 0.0
            case "clock":
                self.rooms.ahead = fault.seconds
            case "webhook_twice" | "webhook_late":
                self.pusher.misbehave(fault)
            case _:
                self.faults.append(fault)
        return web.json_response({"faults": len(self.faults)})

    async def limits(self, _: web.Request) -> web.Response:
        """What was taken, and what was too much."""
        return web.json_response({"taken": self.allowance.taken, "refused": self.allowance.refused})

    def routes(self) -> list[web.RouteDef]:
        """Every address of the twin, on one screen."""
        room = CLIENT + "/rooms/{room}"
        return [
            web.get("/", self.page),
            web.get("/health", _well),
            web.get("/_matrix/client/versions", _versions),
            web.post(f"{CLIENT}/register", self.register),
            web.post(f"{CLIENT}/login", self.login),
            web.get(f"{CLIENT}/account/whoami", self.whoami),
            web.get(CLIENT + "/profile/{user}", self.profile),
            web.get(CLIENT + "/profile/{user}/displayname", self.profile),
            web.put(CLIENT + "/profile/{user}/displayname", self.rename),
            web.post(f"{CLIENT}/createRoom", self.create),
            web.get(f"{CLIENT}/joined_rooms", self.joined_rooms),
            web.post(CLIENT + "/join/{room}", self.join),
            web.post(f"{room}/join", self.join),
            web.post(f"{room}/invite", self.invite),
            web.post(f"{room}/leave", self.leave),
            web.post(f"{room}/kick", self.kick),
            web.post(f"{room}/ban", self.ban),
            web.post(f"{room}/unban", self.unban),
            web.post(f"{room}/upgrade", self.upgrade),
            web.get(f"{room}/joined_members", self.joined_members),
            web.get(f"{room}/state", self.state),
            web.get(room + "/state/{type}", self.state_event),
            web.get(room + "/state/{type}/{key:.*}", self.state_event),
            web.put(room + "/state/{type}", self.set_state),
            web.put(room + "/state/{type}/{key:.*}", self.set_state),
            web.put(room + "/send/{type}/{txn}", self.send),
            web.put(room + "/redact/{event}/{txn}", self.redact),
            web.get(room + "/event/{event}", self.event),
            web.get(f"{room}/messages", self.messages),
            web.get(room + "/context/{event}", self.context),
            web.get("/_matrix/client/v1/rooms/{room}/relations/{event}/{kind}", self.relations),
            web.post("/_matrix/client/v1/appservice/{id}/ping", self.ping),
            web.post("/twin/faults", self.add_fault),
            web.get("/twin/rooms/{room}", self.visible),
            web.get("/twin/limits", self.limits),
        ]


def token_of(authorization: str) -> str:
    """Who calls, as the file of transactions notes it."""
    return hashlib.sha256(authorization.encode()).hexdigest()[:16]


async def _well(_: web.Request) -> web.Response:
    return web.Response(text="OK")


async def _versions(_: web.Request) -> web.Response:
    return web.json_response({"versions": ["v1.1", "v1.7", "v1.11"], "unstable_features": {}})


def application(
    rooms: Rooms, registration: Registration, *, messages_per_second: float = 0.0, waits: tuple[float, float] = (0.2, 5.0)
) -> web.Application:
    """The server, which pushes to its application service while it runs."""
    pusher = Pusher(rooms, registration, *waits)
    rooms.on_event = pusher.wake
    twin = Twin(rooms, registration, pusher, Allowance(messages_per_second), Allowance(messages_per_second))
    rooms.forget_transactions(token_of(f"Bearer {registration.as_token}"))
    app = web.Application(middlewares=[answering(twin.faults)], client_max_size=1 << 20)
    app.add_routes(twin.routes())

    async def pushing(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(pusher.run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        rooms.close()

    async def dated(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(time.time() + rooms.ahead, usegmt=True)

    app.cleanup_ctx.append(pushing)
    app.on_response_prepare.append(dated)
    return app
