"""What the twin offers about whole topics: closed, pinned, listed by category."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from adapters.discourse.twin.forum import NOT_FOUND, Refusal
from adapters.discourse.twin.views import post_document, topic_document

if TYPE_CHECKING:
    from adapters.discourse.twin.call import Call, Door
    from adapters.discourse.twin.forum import Forum
    from adapters.discourse.twin.store import Store


PER_PAGE = 30
LATEST = 50


class Topics:
    """After `TopicsController` and `ListController`."""

    def __init__(self, forum: Forum, store: Store) -> None:
        self._forum, self._store = forum, store

    def routes(self, read: Door, write: Door) -> list[web.RouteDef]:
        """Its routes."""
        return [
            web.put(r"/t/{id:\d+}/status{json:(?:\.json)?}", write(self._status)),
            web.get(r"/c/{id:\d+}/none/l/latest.json", read(self._latest)),
            web.get("/posts.json", read(self._posts)),
        ]

    async def _posts(self, call: Call) -> web.Response:
        """`PostsController#latest`: the last posts of the whole forum by their numbers, but for private messages."""
        topics = self._store.topics
        shown = [post for post in self._store.posts.values() if post.deleted_at is None and topics[post.topic_id].archetype == "regular"]
        shown.sort(key=lambda post: post.id, reverse=True)
        return web.json_response({"latest_posts": [post_document(self._store, post, call.person) for post in shown[:LATEST]]})

    async def _latest(self, call: Call) -> web.Response:
        """The last touched first, but for the pinned ones, which stand on top."""
        if call.number not in self._store.categories:
            raise Refusal(404, [NOT_FOUND], "not_found")
        there = [topic for topic in self._store.topics.values() if topic.category_id == call.number and not topic.deleted_at]
        shown = sorted((topic_document(self._store, topic) for topic in there), key=lambda one: one["last_posted_at"], reverse=True)
        shown.sort(key=lambda one: not one["pinned"])
        page = int(call.request.query.get("page", "0"))
        begin, end = page * PER_PAGE, (page + 1) * PER_PAGE
        more = {"more_topics_url": f"/c/{call.number}/none/l/latest?page={page + 1}"} if len(shown) > end else {}
        return web.json_response({"users": [], "topic_list": {"per_page": PER_PAGE, "topics": shown[begin:end], **more}})

    async def _status(self, call: Call) -> web.Response:
        self._forum.set_status(call.person, self._forum.topic(call.number), call.given)
        return web.json_response({"success": "OK", "topic_status_update": None})
