"""The twin's history of a post: what it said before each edit, shown to readers until staff hides it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from adapters.discourse.twin.forum import NOT_FOUND, NOT_PERMITTED, Refusal

if TYPE_CHECKING:
    from adapters.discourse.twin.call import Call, Door
    from adapters.discourse.twin.forum import Forum
    from adapters.discourse.twin.store import Store

FIRST = 2


class Revisions:
    """After `PostsController#revisions` and `#hide_revision`."""

    def __init__(self, forum: Forum, store: Store) -> None:
        self._forum, self._store = forum, store

    def routes(self, read: Door, write: Door) -> list[web.RouteDef]:
        """Its routes."""
        revision = r"/posts/{id:\d+}/revisions/{revision:\d+}"
        return [
            web.get(rf"{revision}{{json:(?:\.json)?}}", read(self._one)),
            web.put(rf"{revision}/hide{{json:(?:\.json)?}}", write(self._hide)),
        ]

    async def _one(self, call: Call) -> web.Response:
        post, revision = self._forum.post(call.person, call.number), self._number(call)
        if revision in post.hidden and not call.person.staff:
            raise Refusal(403, [NOT_PERMITTED], "invalid_access")
        return web.json_response({"post_id": post.id, "current_revision": revision, "previous_raw": post.past[revision - FIRST]})

    async def _hide(self, call: Call) -> web.Response:
        if not call.person.staff:
            raise Refusal(403, [NOT_PERMITTED], "invalid_access")
        post, revision = self._forum.post(call.person, call.number), self._number(call)
        post.hidden, post.updated_at = sorted({*post.hidden, revision}), self._store.stamp()  # it counts its public versions anew
        self._store.keep(post)
        return web.Response()

    def _number(self, call: Call) -> int:
        post, revision = self._forum.post(call.person, call.number), int(call.request.match_info["revision"])
        if not FIRST <= revision < FIRST + len(post.past):
            raise Refusal(404, [NOT_FOUND], "not_found")
        return revision
