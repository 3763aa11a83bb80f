"""What the twin offers about whole topics: closed, pinned, listed by category."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.discourse.twin_call import Call
    from adapters.discourse.twin_forum import Forum

    Act = Callable[["Call"], Awaitable[web.Response]]
    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Topics:
    """After `TopicsController` and `ListController`."""

    def __init__(self, forum: Forum) -> None:
        self._forum = forum

    def routes(self, write: Callable[[Act], Handler]) -> list[web.RouteDef]:
        """Its routes."""
        return [web.put(r"/t/{id:\d+}/status{json:(?:\.json)?}", write(self._status))]

    async def _status(self, call: Call) -> web.Response:
        self._forum.set_status(call.person, self._forum.topic(call.number), call.given)
        return web.json_response({"success": "OK", "topic_status_update": None})
