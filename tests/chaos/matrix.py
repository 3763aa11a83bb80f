"""A Matrix homeserver of a run: a room for each community."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

from deploy.local.application_service import ApplicationService
from tests.chaos.marks import Way, Ways
from tests.chaos.oracle import Mark
from tests.chaos.people import AGENTS, Abilities, Wish
from tests.chaos.rse import Refused, Rse, Sighting

if TYPE_CHECKING:
    from collections.abc import Mapping

CLIENT: Final = "/_matrix/client/v3"
PAGE: Final = 60
ALL: Final = 1000
EMOJI: Final = "👍"
ACCEPTED: Final = "✅ Réponse retenue"


class Matrix(Rse):
    """Writes and reads by the client-server API, each person with her own token."""

    platform: ClassVar[str] = "matrix"
    looked_at: ClassVar[bool] = False
    dates_edits: ClassVar[bool] = True
    can: ClassVar[Abilities] = Abilities(takes_back=True, joins=True)
    longest: ClassVar[Mapping[Wish, int]] = {Wish.POST: 600, Wish.REPLY: 600, Wish.EDIT: 400}
    ways: ClassVar[Ways] = Ways(Way.EACH, answers=True)

    def words(self) -> list[str]:
        """The twin, its application service beside."""
        path = self.seat.folder / f"service-{self.seat.node}.yaml"
        if not path.exists():
            self._service.write(path)
        return ["--state", str(self.state), "--server-name", self._server, "--registration", str(path)]

    def options(self) -> Mapping[str, str]:
        """Names on this homeserver."""
        return {"server_name": self._server, "bot": self._service.bot, "ghost_prefix": self._service.ghost_prefix}

    @property
    def _server(self) -> str:
        return f"{self.seat.node}.example"

    @property
    def _service(self) -> ApplicationService:
        return ApplicationService(self.seat.webhook, as_token=self.seat.api_secret, hs_token=self.seat.webhook_secret)

    async def furnish(self) -> None:
        """People, and rooms in which they all are, the bot invited."""
        self._tokens = [await self._register(f"agent{number}") for number in range(AGENTS + 1)]
        people = [f"@agent{number}:{self._server}" for number in range(AGENTS)]
        for community in self.communities:
            bot = f"@{self._service.bot}:{self._server}"
            body = {"name": community, "preset": "private_chat", "invite": [*people[1:], bot], "room_version": "11"}
            room = (await self._person(0, "POST", "createRoom", body))["room_id"]
            for number in range(1, AGENTS):
                await self._person(number, "POST", f"join/{quote(room)}", {})
            self.spaces[community] = room

    async def post(self, agent: int, community: str, title: str, text: str) -> str:
        """Say it in the room; there are no titles."""
        del title
        return await self._say(agent, community, {"body": text})

    async def reply(self, agent: int, community: str, answered: str, text: str) -> str:
        """Answer a message."""
        return await self._say(agent, community, {"body": text, "m.relates_to": {"m.in_reply_to": {"event_id": answered}}})

    async def edit(self, agent: int, community: str, edited: str, text: str) -> None:
        """Replace one's own message."""
        new = {"m.new_content": {"msgtype": "m.text", "body": text}, "m.relates_to": {"rel_type": "m.replace", "event_id": edited}}
        await self._say(agent, community, {"body": f"* {text}", **new})

    async def delete(self, agent: int, community: str, deleted: str) -> None:
        """Redact one's own message."""
        path = f"rooms/{quote(self.spaces[community])}/redact/{quote(deleted)}/{secrets.token_hex(8)}"
        await self._person(agent, "PUT", path, {})

    async def react(self, agent: int, community: str, liked: str) -> str:
        """Annotate a message."""
        content = {"m.relates_to": {"rel_type": "m.annotation", "event_id": liked, "key": EMOJI}}
        return await self._send(agent, community, "m.reaction", content)

    async def unreact(self, agent: int, community: str, liked: str, handle: str) -> None:
        """Redact the annotation."""
        del liked
        await self.delete(agent, community, handle)

    async def enter(self, community: str) -> None:
        """Invited first: rooms are closed."""
        room = quote(self.spaces[community])
        visitor = f"@agent{AGENTS}:{self._server}"
        if visitor not in await self._joined(community):
            await self._person(0, "POST", f"rooms/{room}/invite", {"user_id": visitor})
            await self._person(AGENTS, "POST", f"join/{room}", {})

    async def leave(self, community: str) -> None:
        """Out of the room."""
        if f"@agent{AGENTS}:{self._server}" in await self._joined(community):
            await self._person(AGENTS, "POST", f"rooms/{quote(self.spaces[community])}/leave", {})

    async def members(self, community: str) -> list[str]:
        """Who stands in the room and is none of ours."""
        joined = await self._joined(community)
        return sorted(str(shown["display_name"]) for user, shown in joined.items() if self._agent(user) is not None)

    async def _joined(self, community: str) -> dict[str, Any]:
        answer = await self._person(0, "GET", f"rooms/{quote(self.spaces[community])}/joined_members", None)
        found: dict[str, Any] = answer["joined"]
        return found

    async def traces(self, community: str) -> list[str]:
        """All events of the room, those that clients hide too."""
        path, page = f"rooms/{quote(self.spaces[community])}/messages?dir=b&limit={ALL}", ""
        found: list[str] = []
        while True:
            answer = await self._person(0, "GET", f"{path}{page}", None)
            found += [json.dumps(one["content"]) for one in answer["chunk"] if self._agent(one["sender"]) is None]
            if "end" not in answer:
                return found
            page = f"&from={answer['end']}"

    async def look(self) -> None:
        """Read the rooms' last messages."""
        for room in self.spaces.values():
            page = await self._person(0, "GET", f"rooms/{quote(room)}/messages?dir=b&limit={PAGE}", None)
            for event in page["chunk"]:
                content = event["content"]
                if event["type"] == "m.room.message" and "body" in content and "rel_type" not in content.get("m.relates_to", {}):
                    self.note(event["event_id"], content["body"])

    async def sightings(self, community: str) -> list[Sighting]:
        """The room as a client shows it."""
        page = await self._ask("GET", f"/twin/rooms/{quote(self.spaces[community])}", None, {})
        return [self._sighting(one) for one in page["messages"]]

    def scope(self, kind: str) -> Mapping[str, Any]:
        """Answers go wrong for whoever writes in a room, people too."""
        return {"method": "PUT", "path": "/rooms/"} if kind in {"status", "lost_answer", "delay"} else {}

    async def fault(self, kind: str, **details: Any) -> bool:
        """A homeserver words its wish to be left alone in milliseconds."""
        after = details.pop("retry_after", None)
        wish = {} if after is None else {"retry_after_ms": int(after * 1000), "errcode": "M_LIMIT_EXCEEDED"}
        return await super().fault(kind, **details, **wish)

    async def _register(self, username: str) -> str:
        body = {"username": username, "password": secrets.token_urlsafe(16), "auth": {"type": "m.login.dummy"}}
        made = await self._ask("POST", f"{CLIENT}/register", body, {})
        name = {"displayname": f"{username.capitalize()} du Matrix {self.seat.number}"}
        await self._ask("PUT", f"{CLIENT}/profile/{quote(made['user_id'])}/displayname", name, _bearer(made["access_token"]))
        return str(made["access_token"])

    def _sighting(self, message: Mapping[str, Any]) -> Sighting:
        """The bot's words for an accepted answer are no reaction of anybody's."""
        under = [one for one in message["reactions"] if one["key"] != ACCEPTED]
        marks = tuple(Mark(self._agent(one["sender"]), one["key"]) for one in under)
        return Sighting(message["event_id"], message["body"], message["reply_to"], marks, len(message["reactions"]) - len(under))

    def _agent(self, sender: str) -> int | None:
        name = sender.removeprefix("@agent").removesuffix(f":{self._server}")
        return int(name) if name.isdecimal() else None

    async def _say(self, agent: int, community: str, content: Mapping[str, Any]) -> str:
        return await self._send(agent, community, "m.room.message", {"msgtype": "m.text", **content})

    async def _send(self, agent: int, community: str, kind: str, content: Mapping[str, Any]) -> str:
        path = f"rooms/{quote(self.spaces[community])}/send/{kind}/{secrets.token_hex(8)}"
        said = await self._person(agent, "PUT", path, content)
        if "event_id" not in said:
            raise Refused(said)
        return str(said["event_id"])

    async def _person(self, agent: int, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        return await self._ask(method, f"{CLIENT}/{path}", body, _bearer(self._tokens[agent]))


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
