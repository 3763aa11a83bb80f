"""A Discourse as the conformance suite plays it."""

from __future__ import annotations

import html
import json
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adapters.discourse import DiscourseClient
from adapters.memory import Kind, KnownObject
from adapters.unliked import taken_back
from tests import fakes_discourse
from tests.fakes_discourse_twin import Forum, forum
from tests.fakes_matrix_twin import LASTING
from tests.rses.rse import Pushing, Reacted, Sample, Shown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path
    from typing import Self

    from adapters.port import RseClient


class DiscourseRse(Pushing):
    """A forum: a post is a topic or stands in one; copies are written by the connector's account, their author named on top."""

    name = "discourse"
    configured = fakes_discourse.instance()
    sample = Sample(json.dumps({"post": fakes_discourse.post()}).encode(), "post_created", "post:1204")
    signature = "x-discourse-event-signature"
    error_members = frozenset()
    accepted = b"OK"
    nowhere = "post:999999"
    unknown_space = "99"
    people = ("Camille Roux", "Léo Petit")
    space, open_space, restricted_space, members_space = "97", "97", "98", "98"

    def __init__(self, forum: Forum) -> None:
        self._forum = forum
        self._topics = 0
        self.instance, self.client, self.sink, self.session = forum.instance, forum.client, forum.sink, forum.session
        self.door = forum.options.webhook

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Self]:
        async with forum(folder) as found:
            rse = cls(found)
            await rse._done("PUT", "/groups/41/members.json", "system", usernames="camille,traitdunion")
            await found.sink.until(lambda outcomes: len(outcomes) == 2)  # of these two, so that a test hears its own
            yield rse

    async def post(self, text: str) -> str:
        self._topics += 1
        title = f"Des nouvelles de l’atelier, numéro {self._topics}"
        return await self._write("camille", title=title, raw=text, category=int(self.space))

    async def reply(self, answered: str, text: str) -> str:
        post = await self._post(answered)
        return await self._write("leo", topic_id=post["topic"], raw=text, reply_to_post_number=post["number"])

    async def edit(self, native_id: str, text: str) -> None:
        await self._done("PUT", f"/posts/{_number(native_id)}.json", (await self._post(native_id))["username"], post={"raw": text})

    async def delete(self, native_id: str) -> None:
        await self._done("DELETE", f"/posts/{_number(native_id)}.json", (await self._post(native_id))["username"])

    async def shown(self) -> list[Shown]:
        posts = [post for post in await self._forum.posts() if not post["deleted"] and str(post["category"]) == self.space]
        places = {(post["topic"], post["number"]): post["id"] for post in posts}
        return [self._seen(post, places) for post in posts]

    async def traces(self) -> str:
        posts = [post for post in await self._forum.posts() if not post["deleted"]]
        return "\n".join(f"{post['title']}\n{post['raw']}\n{post['cooked']}\n{post['history']}" for post in posts)

    heart = "❤️"

    async def react(self, native_id: str) -> str:
        await self._done("POST", "/post_actions.json", "leo", id=_number(native_id), post_action_type_id=2)
        return native_id

    async def unreact(self, reaction: str) -> None:
        before = await self._likes(reaction)
        await self._done("DELETE", f"/post_actions/{_number(reaction)}.json", "leo", post_action_type_id=2)
        gone = before - await self._likes(reaction)  # no webhook tells it: as `Unliked` finds it by what the ledger knows
        kept = [KnownObject(one, "", "own", None, (), self.space, "", kind=Kind.REACTION, about=reaction) for one in gone]
        await self.sink.hear(taken_back(kept, datetime.now(UTC)))

    async def _likes(self, message: str) -> frozenset[str]:
        found: Any = await self._forum.client.standing_likes(message)
        assert isinstance(found, frozenset), found
        return found

    async def accept(self, answer: str) -> None:
        await self._done("POST", "/solution/accept", "camille", id=_number(answer))

    async def unaccept(self, answer: str) -> None:
        await self._done("POST", "/solution/unaccept", "camille", id=_number(answer))

    async def reactions(self) -> list[Reacted]:
        return [Reacted(f"post:{post['id']}", "❤️", name) for post in await self._forum.posts() for name in post["likes"]]

    async def accepted_answers(self) -> list[str]:
        return [f"post:{post['id']}" for post in await self._forum.posts() if post["accepted"]]

    async def enter(self) -> None:
        await self._done("PUT", "/groups/41/members.json", "system", usernames="leo")

    async def leave(self) -> None:
        await self._done("DELETE", "/groups/41/members.json", "system", usernames="leo")

    async def lose_answers(self) -> None:
        await self._forum.fault(kind="lost_answer", count=LASTING)

    async def refuse(self, status: int, after: float | None = None) -> None:
        await self._forum.fault(kind="status", status=status, retry_after=after, count=LASTING)

    async def set_clock(self, seconds: float) -> None:
        await self._forum.fault(kind="clock", seconds=seconds)

    async def stall(self) -> None:
        await self._forum.fault(kind="delay", seconds=0.8, count=LASTING)

    def hasty(self) -> RseClient:
        return DiscourseClient(self.instance, timeout=0.3)

    async def heal(self) -> None:
        assert (await self._forum.call("POST", "/twin/faults", kind="none"))[0] == 200

    async def _write(self, username: str, **body: Any) -> str:
        return f"post:{(await self._done('POST', '/posts.json', username, **body))['id']}"

    async def _done(self, method: str, path: str, username: str, **body: Any) -> Any:
        status, said = await self._forum.call(method, path, username, **body)
        assert status == 200, said
        return said

    async def _post(self, native_id: str) -> dict[str, Any]:
        return next(post for post in await self._forum.posts() if post["id"] == _number(native_id))

    def _seen(self, post: dict[str, Any], places: Mapping[tuple[int, int], int]) -> Shown:
        head = re.match(r"<p><strong>(.*?)</strong> a écrit", post["cooked"])
        ours = post["username"] == fakes_discourse.ACCOUNT and head is not None
        by = html.unescape(head[1]) if ours and head else post["name"]
        above = places.get((post["topic"], post["reply_to"] or 1)) if post["number"] > 1 else None
        return Shown(f"post:{post['id']}", by, html.unescape(post["cooked"]), f"post:{above}" if above else None)


def _number(native_id: str) -> int:
    return int(native_id.removeprefix("post:"))
