"""What people do and see in their own RSE: through its API, with their own account, as their browser or telephone would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import ClientSession

    from deploy.local.matrix_user import MatrixUser

PAGE: Final = 500
LIKE: Final = "❤"
"""What a like is shown as, where a platform has but one."""
_TAG: Final = re.compile(r"<[^>]+>")
_SIGNED: Final = re.compile(r"<p><strong>(?P<by>[^<]+)</strong> a écrit")


class RseRefused(RuntimeError):
    """The RSE refused what a person asked of it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as its readers see it; `by` is the name above it, `parent` the message that it answers.

    `reactions` are what stands under it, each with who set it; `accepted` says that it is marked as the solution.
    """

    id: str
    by: str
    text: str
    parent: str | None
    reactions: tuple[tuple[str, str], ...] = ()
    accepted: bool = False


class Space(Protocol):
    """A space that somebody reads."""

    async def shown(self) -> Sequence[Shown]:
        """Its messages, oldest first."""
        ...


class Forum:
    """A Discourse category and one person in it."""

    def __init__(self, http: ClientSession, url: str, api_key: str, username: str, category: str) -> None:
        self._http, self._url, self._category = http, url, category
        self._headers = {"Api-Key": api_key, "Api-Username": username}

    async def open_topic(self, title: str, text: str) -> str:
        """Write a new topic; its first message."""
        return str((await self._call("POST", "/posts.json", {"title": title, "raw": text, "category": self._category}))["id"])

    async def reply(self, answered: str, text: str) -> str:
        """Answer a message; the answer."""
        to = await self._call("GET", f"/posts/{answered}.json")
        body = {"topic_id": to["topic_id"], "raw": text, "reply_to_post_number": to["post_number"]}
        return str((await self._call("POST", "/posts.json", body))["id"])

    async def edit(self, edited: str, text: str) -> None:
        """Change one's own message."""
        await self._call("PUT", f"/posts/{edited}.json", {"post": {"raw": text}})

    async def delete(self, deleted: str) -> None:
        """Delete one's own message."""
        await self._call("DELETE", f"/posts/{deleted}.json")

    async def like(self, liked: str) -> None:
        """Like somebody's message."""
        await self._call("POST", "/post_actions.json", {"id": liked, "post_action_type_id": 2})

    async def accept(self, answer: str) -> None:
        """Mark an answer as the solution of one's own question."""
        await self._call("POST", "/solution/accept", {"id": answer})

    async def shown(self) -> Sequence[Shown]:
        """The category's messages, the deleted ones left out."""
        posts = [post for post in await self._call("GET", "/twin/posts") if str(post["category"]) == self._category]
        places = {(post["topic"], post["number"]): str(post["id"]) for post in posts}
        return [_post(post, places) for post in posts if not post["deleted"]]

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        async with self._http.request(method, self._url + path, json=body, headers=self._headers) as answer:
            if answer.status != 200:  # noqa: PLR2004 (an HTTP status names itself)
                raise RseRefused(f"{method} {path} : {answer.status} {(await answer.text())[:300]}")
            return await answer.json() if answer.content_type == "application/json" else None


class Room:
    """A Matrix room and one person in it."""

    def __init__(self, person: MatrixUser, room: str) -> None:
        self._person, self._room = person, room
        self._names: dict[str, str] = {}

    async def invite(self, user: str) -> None:
        """Bring somebody in."""
        await self._person.call("POST", f"rooms/{quote(self._room)}/invite", {"user_id": user})

    async def write(self, text: str) -> str:
        """Write a message; its id."""
        return await self._person.say(self._room, text)

    async def reply(self, answered: str, text: str) -> str:
        """Answer a message; the answer."""
        return await self._person.reply(self._room, answered, text)

    async def react(self, message: str, emoji: str) -> str:
        """Set an emoji on a message; the reaction."""
        return await self._person.react(self._room, message, emoji)

    async def redact(self, event: str) -> None:
        """Take back what one wrote or set."""
        await self._person.redact(self._room, event)

    async def shown(self) -> Sequence[Shown]:
        """The room's messages as a client shows them: edits applied, redacted ones left out."""
        messages: dict[str, tuple[str, str, str | None]] = {}
        reactions: dict[str, list[tuple[str, str]]] = {}
        for event in await self._person.read(self._room, PAGE):
            content = event["content"]
            if event["type"] == "m.reaction" and content:
                set_on = content["m.relates_to"]
                reactions.setdefault(set_on["event_id"], []).append((set_on["key"], await self._name(event["sender"])))
            if event["type"] != "m.room.message" or "body" not in content:
                continue
            relation = content.get("m.relates_to", {})
            if relation.get("rel_type") == "m.replace":
                _edit(messages, event, str(relation.get("event_id")))
            else:
                messages[event["event_id"]] = (event["sender"], content["body"], relation.get("m.in_reply_to", {}).get("event_id"))
        return [
            Shown(name, await self._name(sender), text, parent, tuple(reactions.get(name, ())))
            for name, (sender, text, parent) in messages.items()
        ]

    async def _name(self, user: str) -> str:
        """A person's name, asked once."""
        if user not in self._names:
            self._names[user] = str((await self._person.call("GET", f"profile/{quote(user)}"))["displayname"])
        return self._names[user]


def _post(post: Mapping[str, Any], places: Mapping[tuple[int, int], str]) -> Shown:
    signed = _SIGNED.search(post["cooked"])
    answered = post["reply_to"] or (1 if post["number"] > 1 else None)
    parent = places.get((post["topic"], answered)) if answered else None
    by = unescape(signed["by"]) if signed else post["name"] or post["username"]
    liked = tuple((LIKE, username) for username in post["likes"])
    return Shown(str(post["id"]), by, unescape(_TAG.sub("", post["cooked"])), parent, liked, post["accepted"])


def _edit(messages: dict[str, tuple[str, str, str | None]], event: Mapping[str, Any], target: str) -> None:
    """Only the author's own edits count."""
    edited, new = messages.get(target), event["content"].get("m.new_content", {})
    if edited is not None and edited[0] == event["sender"] and "body" in new:
        messages[target] = (edited[0], new["body"], edited[2])


def find(shown: Sequence[Shown], words: str) -> Shown | None:
    """The message that holds these words."""
    return next((message for message in shown if words in message.text), None)
