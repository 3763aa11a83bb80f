"""What a Discourse holds already: posts, topics, and the copies that carry our marker."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from adapters.discourse import render
from adapters.discourse.payload import Post, Topic, moment
from adapters.discourse.reading import locator, native_id
from adapters.port import Later, Written

if TYPE_CHECKING:
    from datetime import datetime

    from adapters.discourse.http import Answer, Api
    from adapters.port import Order

SEARCHED_POSTS = 100  # of a topic's end: how far back a reply with our marker is looked for
PAGE = 20
_NATIVE = re.compile(r"^post:([1-9][0-9]{0,15})$")
_LOCATOR = re.compile(r"^topic:([1-9][0-9]{0,15})/([1-9][0-9]{0,15})$")
_TOPIC_PATH = re.compile(r"/t/(?:[^/?]+/)?([1-9][0-9]{0,15})(?:[/.?]|$)")

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Thread:
    """Where a reply goes."""

    topic: int
    number: int


class Search:
    """Looks, and writes nothing."""

    def __init__(self, api: Api, account: str) -> None:
        self._api = api
        self._account = account.casefold()

    async def thread(self, order: Order) -> Thread | Later | None:
        """Where a reply goes; None when the message must stand alone."""
        if order.parent is None or order.parent_missing:
            return None
        if found := _LOCATOR.match(order.parent):
            return Thread(int(found[1]), int(found[2]))
        post = await self.post(order.parent)
        if isinstance(post, Later) or post is None:
            return post
        return Thread(post.topic_id, post.post_number)

    async def topic_of(self, order: Order) -> Written | Later | None:
        """The first post of the topic that bears the order's external_id."""
        first = await self.topic_named(render.external_id(order))
        return seen(first) if isinstance(first, Post) else first

    async def topic_named(self, external_id: str) -> Post | Later | None:
        """The first post, with its source, of the topic that bears this external_id."""
        answer = await self._api.get(f"/t/external_id/{external_id}.json")
        if isinstance(answer, Later):
            return answer
        found = _TOPIC_PATH.search(answer.location)
        if found is None:
            return None
        posts = await self._stream(int(found[1]))
        if isinstance(posts, Later):
            return posts
        return next((post for post in posts[0] if post.post_number == 1), None)

    async def reply_of(self, order: Order, thread: Thread) -> Written | Later | None:
        """Search a topic's end, newest first, twenty posts at a time."""
        found = await self._stream(thread.topic)
        if isinstance(found, Later):
            return found
        posts, stream = found
        mark = render.marker(order)
        known = {post.id for post in posts}
        wanted = [number for number in stream[-SEARCHED_POSTS:] if number not in known][::-1]
        for start in range(0, len(wanted), PAGE):
            more = await self._posts(thread.topic, wanted[start : start + PAGE])
            if isinstance(more, Later):
                return more
            posts += more
        # Under our own account only: anyone who reads a copy's source can paste its marker.
        ours = (post for post in reversed(posts) if (post.username or "").casefold() == self._account)
        return next((seen(post) for post in ours if mark in (post.raw or "")), None)

    async def edited(self, order: Order, raw: str) -> Written | Later | None:
        """The copy, where it says already what the order says."""
        post = await self.post(order.native_id or "")
        if isinstance(post, Later) or post is None:
            return post
        return seen(post) if not post.gone and (post.raw or "").strip() == raw.strip() else None

    async def deleted(self, order: Order) -> Written | Later | None:
        """The copy, where it is gone already; what was emptied may have been so in part, and is emptied again."""
        if order.native_id is None:
            return None
        post = await self.post(order.native_id)
        if isinstance(post, Later):
            return post
        if post is None:
            return None if order.original else Written(order.native_id, "")
        if not post.gone or (order.original and not deleted_by(post, self._account)):
            return None
        return replace(seen(post), found=post.updated_at) if order.original else seen(post)

    async def post(self, native: str) -> Post | Later | None:
        """A post; None where it is not there or not ours to see."""
        number = number_of(native)
        if number is None:
            return None
        return await self._shown(f"/posts/{number}.json")

    async def post_at(self, reference: str) -> Post | Later | None:
        """The post at a locator; None where none is there or ours to see."""
        found = _LOCATOR.match(reference)
        return await self._shown(f"/posts/by_number/{found[1]}/{found[2]}.json") if found is not None else None

    async def topic(self, number: int) -> Topic | Later | None:
        """A topic; None where it is not there or not ours to see."""
        answer = await self._api.get(f"/t/{number}.json")
        if isinstance(answer, Later):
            return answer
        if answer.done:
            return read(Topic, answer.document) or Later("answer_unreadable")
        return await self._absent(answer)

    async def posts_since(self, topic: int, since: datetime) -> list[Post] | Later:
        """A topic's posts from its end back to a moment; some older ones may come with them."""
        found = await self._stream(topic)
        if isinstance(found, Later):
            return found
        posts, stream = found
        known = {post.id for post in posts}
        rest = [number for number in stream if number not in known][::-1]
        for start in range(0, len(rest), PAGE):
            more = await self._posts(topic, rest[start : start + PAGE])
            if isinstance(more, Later):
                return more
            posts += more
            if more and min(moment(post.created_at) for post in more) < since:
                break
        return posts

    async def _shown(self, path: str) -> Post | Later | None:
        answer = await self._api.get(path)
        if isinstance(answer, Later):
            return answer
        if answer.done:
            return read(Post, answer.document) or Later("answer_unreadable")
        return await self._absent(answer)

    async def _stream(self, topic: int) -> tuple[list[Post], list[int]] | Later:
        """A topic's first posts, and the numbers of all that it shows."""
        answer = await self._api.get(f"/t/{topic}.json", [("include_raw", "1")])
        if isinstance(answer, Later):
            return answer
        stream = answer.document.get("post_stream")
        if not answer.done or not isinstance(stream, dict):
            return [], []
        numbers = stream.get("stream")
        return _posts(stream), [number for number in numbers if isinstance(number, int)] if isinstance(numbers, list) else []

    async def _posts(self, topic: int, numbers: list[int]) -> list[Post] | Later:
        query = [("post_ids[]", str(number)) for number in numbers]
        answer = await self._api.get(f"/t/{topic}/posts.json", [*query, ("include_raw", "1")])
        if isinstance(answer, Later):
            return answer
        stream = answer.document.get("post_stream")
        return _posts(stream) if isinstance(stream, dict) else []

    async def _absent(self, answer: Answer) -> Later | None:
        """None for what is not there or not ours to see; Later when it is our key that is refused."""
        refused = None if answer.gone else await self._api.refused(answer)
        return refused if isinstance(refused, Later) else None


def seen(post: Post) -> Written:
    """A post as what a write made of it: its version is what its webhook says."""
    return Written(native_id(post), post.deleted_at or post.updated_at, locator(post.topic_id, post.post_number))


def deleted_by(post: Post, account: str) -> bool:
    """Whether an account deleted a post; told to staff alone. Discourse holds two spellings of a user name to be one."""
    who = post.deleted_by
    return post.deleted_at is not None and who is not None and (who.username or "").casefold() == account.casefold()


def number_of(native: str | None) -> int | None:
    """The number in `post:127406`."""
    found = _NATIVE.match(native or "")
    return int(found[1]) if found else None


def read(kind: type[Model], document: object) -> Model | None:
    """A part of an answer, or None where it has not that shape."""
    try:
        return kind.model_validate(document)
    except ValidationError:
        return None


def _posts(stream: dict[str, Any]) -> list[Post]:
    found = stream.get("posts")
    posts = [read(Post, document) for document in found] if isinstance(found, list) else []
    return [post for post in posts if post is not None]
