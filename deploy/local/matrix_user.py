"""A person at her Matrix client, on a real Synapse or on its twin: what the demo and the tests have people do."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import ClientSession


class MatrixRefused(RuntimeError):
    """The homeserver refused what a person asked of it."""

    def __init__(self, status: int, errcode: str) -> None:
        super().__init__(f"{status} {errcode}")
        self.status = status
        self.errcode = errcode


class MatrixUser:
    """One person's access to one homeserver."""

    def __init__(self, session: ClientSession, url: str, user_id: str, token: str) -> None:
        self.user_id = user_id
        self._session = session
        self._url = url
        self._token = token

    @classmethod
    async def register(cls, session: ClientSession, url: str, username: str, displayname: str | None) -> Self:
        """Make an account and give it a name; without one it keeps that which the homeserver gives it."""
        nobody = cls(session, url, "", "")
        body = {"username": username, "password": secrets.token_urlsafe(16), "auth": {"type": "m.login.dummy"}}
        made = await nobody.call("POST", "register", body)
        person = cls(session, url, made["user_id"], made["access_token"])
        if displayname is not None:
            await person.call("PUT", f"profile/{quote(person.user_id)}/displayname", {"displayname": displayname})
        return person

    async def create_room(
        self, name: str, *, preset: str = "private_chat", invite: Sequence[str] = (), version: str = "11", **more: Any
    ) -> str:
        """Make a room; its id."""
        body = {"name": name, "preset": preset, "invite": list(invite), "room_version": version, **more}
        return str((await self.call("POST", "createRoom", body))["room_id"])

    async def join(self, room: str) -> None:
        """Enter a room."""
        await self.call("POST", f"join/{quote(room)}", {})

    async def leave(self, room: str) -> None:
        """Leave a room."""
        await self.call("POST", f"rooms/{quote(room)}/leave", {})

    async def say(self, room: str, text: str, **content: Any) -> str:
        """Write a message; its id."""
        return await self._send(room, {"msgtype": "m.text", "body": text, **content})

    async def reply(self, room: str, answered: str, text: str) -> str:
        """Answer a message; the answer's id."""
        return await self.say(room, text, **{"m.relates_to": {"m.in_reply_to": {"event_id": answered}}})

    async def say_in_thread(self, room: str, root: str, last: str, text: str) -> str:
        """Go on with a thread, as clients do: the message before is named for clients that know no threads."""
        before = {"m.in_reply_to": {"event_id": last}, "is_falling_back": True}
        return await self.say(room, text, **{"m.relates_to": {"rel_type": "m.thread", "event_id": root, **before}})

    async def reply_in_thread(self, room: str, root: str, answered: str, text: str) -> str:
        """Answer one message of a thread."""
        answers = {"m.in_reply_to": {"event_id": answered}, "is_falling_back": False}
        return await self.say(room, text, **{"m.relates_to": {"rel_type": "m.thread", "event_id": root, **answers}})

    async def edit(self, room: str, edited: str, text: str) -> str:
        """Change one's message; the edit's id."""
        relation = {"m.new_content": {"msgtype": "m.text", "body": text}, "m.relates_to": {"rel_type": "m.replace", "event_id": edited}}
        return await self.say(room, f"* {text}", **relation)

    async def redact(self, room: str, redacted: str) -> str:
        """Take a message away; the redaction's id."""
        path = f"rooms/{quote(room)}/redact/{quote(redacted)}/{secrets.token_hex(8)}"
        return str((await self.call("PUT", path, {}))["event_id"])

    async def react(self, room: str, message: str, emoji: str) -> str:
        """Set an emoji on a message; the reaction's id."""
        relation = {"m.relates_to": {"rel_type": "m.annotation", "event_id": message, "key": emoji}}
        return await self._send(room, relation, "m.reaction")

    async def read(self, room: str, limit: int = 50) -> list[dict[str, Any]]:
        """The room's last events, oldest first."""
        page = await self.call("GET", f"rooms/{quote(room)}/messages?dir=b&limit={limit}")
        return list(reversed(page["chunk"]))

    async def event(self, room: str, event_id: str) -> dict[str, Any]:
        """One event."""
        return await self.call("GET", f"rooms/{quote(room)}/event/{quote(event_id)}")

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Any other call of the client-server API. Raises MatrixRefused."""
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        async with self._session.request(method, f"{self._url}/_matrix/client/v3/{path}", json=body, headers=headers) as answer:
            said: dict[str, Any] = await answer.json()
            if answer.status != 200:  # noqa: PLR2004 (an HTTP status names itself)
                raise MatrixRefused(answer.status, said.get("errcode", ""))
            return said

    async def _send(self, room: str, content: Mapping[str, Any], kind: str = "m.room.message") -> str:
        path = f"rooms/{quote(room)}/send/{kind}/{secrets.token_hex(8)}"
        return str((await self.call("PUT", path, content))["event_id"])
