"""The twin's accounts over HTTP: who calls, how people and ghosts come to be, what they are called."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from adapters.matrix.twin.users import MatrixError
from adapters.matrix.twin.web import object_of

if TYPE_CHECKING:
    from adapters.matrix.twin.push import Registration
    from adapters.matrix.twin.rooms import Rooms


@dataclass
class Accounts:
    """What a homeserver knows of who speaks to it."""

    rooms: Rooms
    registration: Registration

    def caller(self, request: web.Request) -> str:
        """The user who calls; an application service says for whom."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            raise MatrixError(401, "M_MISSING_TOKEN", "Missing access token")
        if secrets.compare_digest(token.encode(), self.registration.as_token.encode()):
            return self._masked(request.query.get("user_id", self.registration.sender))
        user = self.rooms.user_of(token)
        if user is None:
            raise MatrixError(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.", soft_logout=False)
        return user

    def _masked(self, user: str) -> str:
        if not self.registration.owns(user):
            raise MatrixError(403, "M_FORBIDDEN", "Application service cannot masquerade as this user.")
        if user != self.registration.sender and not self.rooms.knows(user):
            raise MatrixError(403, "M_FORBIDDEN", "Application service has not registered this user")
        if not self.rooms.knows(user):
            self.rooms.add_user(user, None)
        return user

    async def register(self, request: web.Request) -> web.Response:
        """Make an account: a person's (dummy stage) or a ghost (application service)."""
        body = await object_of(request)
        if body.get("type") == "m.login.application_service":
            return self._register_ghost(request, body)
        if "auth" not in body:
            flows = {"flows": [{"stages": ["m.login.dummy"]}], "params": {}, "session": secrets.token_hex(8)}
            return web.json_response(flows, status=401)
        user = f"@{body.get('username') or secrets.token_hex(6)}:{self.rooms.server_name}"
        if self.registration.owns(user):
            raise MatrixError(400, "M_EXCLUSIVE", "This user ID is reserved by an application service.")
        self.rooms.add_user(user, body.get("password"))
        return self._signed_in(user)

    def _register_ghost(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.registration.as_token}":
            raise MatrixError(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.")
        user = f"@{body.get('username', '')}:{self.rooms.server_name}"
        if not self.registration.owns(user):
            raise MatrixError(400, "M_EXCLUSIVE", "Invalid user localpart for this application service.")
        self.rooms.add_user(user, None)
        return web.json_response({"user_id": user, "home_server": self.rooms.server_name})

    def _signed_in(self, user: str) -> web.Response:
        token = self.rooms.new_token(user)
        return web.json_response(
            {"user_id": user, "access_token": token, "device_id": secrets.token_hex(4), "home_server": self.rooms.server_name}
        )

    async def login(self, request: web.Request) -> web.Response:
        """Sign in by password."""
        body = await object_of(request)
        name = str(body.get("identifier", {}).get("user") or body.get("user", ""))
        user = name if name.startswith("@") else f"@{name}:{self.rooms.server_name}"
        self.rooms.check_password(user, str(body.get("password", "")))
        return self._signed_in(user)

    async def whoami(self, request: web.Request) -> web.Response:
        """Whose token."""
        return web.json_response({"user_id": self.caller(request)})

    async def profile(self, request: web.Request) -> web.Response:
        """A user's name."""
        name = self.rooms.displayname(request.match_info["user"])
        return web.json_response({"displayname": name} if name else {})

    async def rename(self, request: web.Request) -> web.Response:
        """Change one's own name."""
        user = self.caller(request)
        if user != request.match_info["user"]:
            raise MatrixError(400, "M_UNKNOWN", "Cannot set another user's displayname")
        if self.rooms.fixed_names:
            raise MatrixError(400, "M_FORBIDDEN", "Changing display name is disabled on this server")
        self.rooms.rename(user, str((await object_of(request)).get("displayname", "")))
        return web.json_response({})
