"""A private message to the author of a post, once: its external_id is taken the second time.

Source: `PostsController#create` of discourse/discourse (`archetype`, `target_recipients`, `external_id`).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from adapters.discourse.payload import PRIVATE_MESSAGE, Post
from adapters.discourse.search import read, seen
from adapters.markup import to_markdown
from adapters.port import Later, Never

if TYPE_CHECKING:
    from adapters.discourse.http import Api
    from adapters.discourse.search import Search
    from adapters.offers import Greeting
    from adapters.port import WriteOutcome


class Greetings:
    """Under the connector's account; who may not be written to refuses for ever."""

    def __init__(self, api: Api, search: Search, home: str) -> None:
        self._api, self._search, self._home = api, search, home.rstrip("/")

    async def greet(self, greeting: Greeting) -> WriteOutcome:
        """Find out who wrote the post, and write to her."""
        post = await self._search.post(greeting.native_id)
        if isinstance(post, Later):
            return post
        if post is None or not post.username:
            return Never("author_gone")
        answer = await self._api.send("POST", "/posts.json", self._body(greeting, post, post.username))
        if isinstance(answer, Later):
            return answer
        if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            sent = await self._search.topic_named(greeting.key)
            if sent is not None:
                return sent if isinstance(sent, Later) else seen(sent)
        if not answer.done:
            return await self._api.refused(answer)
        written = read(Post, answer.document.get("post", answer.document))
        return Later("answer_unreadable") if written is None else seen(written)

    def _body(self, greeting: Greeting, post: Post, username: str) -> dict[str, object]:
        """With a link to her message: Discourse refuses words that it has just read from the same account."""
        raw = f"{to_markdown(greeting.content.html)}\n\n[Votre message](<{self._home}/t/{post.topic_id}/{post.post_number}>)"
        return {
            "title": greeting.title, "raw": raw, "archetype": PRIVATE_MESSAGE, "target_recipients": username, "external_id": greeting.key,
        }  # fmt: skip
