"""The twin's REST v1, after `ActivityRest` and `SpaceRestResourcesV1` of Meeds-io/social."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from adapters.exo.twin.call import Refusal
from adapters.exo.twin.views import SOCIAL

if TYPE_CHECKING:
    from adapters.exo.twin.call import Call, Door
    from adapters.exo.twin.spaces import Spaces
    from adapters.exo.twin.store import Item, Store
    from adapters.exo.twin.views import Views

DEFAULT_LIMIT = 20


class NewApi:
    """REST v1. `gone_status` is what it answers for an activity that is not there."""

    def __init__(self, store: Store, views: Views, spaces: Spaces, gone_status: int) -> None:
        self._store, self._views, self._spaces, self._gone_status = store, views, spaces, gone_status

    def routes(self, door: Door) -> list[web.RouteDef]:
        """Its routes."""
        activity = f"{SOCIAL}/activities/{{id}}"
        return [
            web.get(f"{SOCIAL}/activities", door(self._feed)),
            web.get(activity, door(self._one)),
            web.put(activity, door(self._edit)),
            web.delete(activity, door(self._delete)),
            web.get(f"{activity}/comments", door(self._comments)),
            web.post(f"{activity}/comments", door(self._comment)),
            web.put(f"{activity}/comments", door(self._edit_comment)),
            web.get(f"{activity}/likes", door(self._likes)),
            web.post(f"{activity}/likes", door(self._like)),
            web.delete(f"{activity}/likes", door(self._unlike)),
            web.post(f"{activity}/pins", door(self._pin)),
            web.delete(f"{activity}/pins", door(self._unpin)),
            web.get(f"{SOCIAL}/spaces/{{id}}", door(self._space)),
            web.get(f"{SOCIAL}/spaces/{{id}}/users", door(self._users)),
            web.get(f"{SOCIAL}/spaces/{{id}}/activities", door(self._stream)),
            web.post(f"{SOCIAL}/spaces/{{id}}/activities", door(self._post)),
            web.get(f"{SOCIAL}/identities/{{id}}", door(self._identity)),
        ]

    # --- reading --------------------------------------------------------------------------------------------------------

    async def _feed(self, call: Call) -> web.Response:
        spaces = [space for space in self._store.spaces.values() if call.person.username not in space.outsiders]
        items = sorted((item for space in spaces for item in self._store.stream(space.id)), key=lambda item: -item.updated)
        return self._collection(call, "activities", [self._views.activity(item, call.asks("expand")) for item in self._slice(call, items)])

    async def _stream(self, call: Call) -> web.Response:
        items = self._slice(call, self._store.stream(self._spaces.mine(call, call.at("id"), 401).id))
        return self._collection(call, "activities", [self._views.activity(item, call.asks("expand")) for item in items])

    async def _one(self, call: Call) -> web.Response:
        item = self._spaces.item(call, call.at("id"), self._gone_status)
        view = self._views.comment if item.root else self._views.activity
        return web.json_response(view(item, call.asks("expand")))

    async def _comments(self, call: Call) -> web.Response:
        expand = call.asks("expand")
        under = self._store.comments(self._spaces.root(call, call.at("id"), 401).id)
        shown = [one for one in under if one.above is None or "subComments" in expand]
        return self._collection(call, "comments", [self._views.comment(one, expand) for one in self._slice(call, shown)])

    async def _space(self, call: Call) -> web.Response:
        space = self._store.spaces.get(call.at("id"))
        if space is None or (space.closed and call.person.username in space.outsiders):
            raise Refusal(404)
        return web.json_response(self._views.space(space))

    async def _users(self, call: Call) -> web.Response:
        """A space's members, for its members; how many there are only where that is asked."""
        space = self._spaces.mine(call, call.at("id"), 401)
        people = sorted((one for one in self._store.people.values() if one.username not in space.outsiders), key=lambda one: one.name)
        offset, limit = call.number("offset", 0), call.number("limit", DEFAULT_LIMIT)
        users = [self._views.profile(person) for person in people[offset : offset + limit]]
        size = {"size": len(people)} if call.asks("returnSize") == "true" else {}
        return web.json_response({"users": users, "offset": offset, "limit": limit, **size})

    async def _identity(self, call: Call) -> web.Response:
        person = self._store.people.get(call.at("id"))
        if person is None:
            raise Refusal(404)
        return web.json_response(self._views.identity(person))

    def _slice(self, call: Call, items: list[Item]) -> list[Item]:
        offset = call.number("offset", 0)
        return items[offset : offset + call.number("limit", DEFAULT_LIMIT)]

    def _collection(self, call: Call, name: str, documents: list[dict[str, Any]]) -> web.Response:
        return web.json_response({name: documents, "offset": call.number("offset", 0), "limit": call.number("limit", DEFAULT_LIMIT)})

    # --- writing -------------------------------------------------------------------------------------------------------

    async def _post(self, call: Call) -> web.Response:
        item = self._spaces.add(call, self._spaces.mine(call, call.at("id"), 401), call.text("title"))
        return web.json_response(self._views.activity(item, ""))

    async def _comment(self, call: Call) -> web.Response:
        root = self._spaces.root(call, call.at("id"), 401)
        above = call.given.get("parentCommentId")
        if above is not None and (above not in self._store.items or self._store.items[above].above is not None):
            raise Refusal(500)
        item = self._spaces.add(call, self._store.spaces[root.space], call.text("title"), root=root, above=above)
        return web.json_response(self._views.comment(item, ""))

    async def _edit(self, call: Call) -> web.Response:
        item = self._store.items.get(call.at("id"))
        if item is None:
            raise Refusal(500)  # the vendor asks whether nothing may be edited
        self._spaces.change(call, item)
        return web.json_response(self._views.activity(item, "") if item.root is None else self._views.comment(item, ""))

    async def _edit_comment(self, call: Call) -> web.Response:
        item = self._store.items.get(str(call.given.get("id")))
        if item is None or item.root != call.at("id") or item.above != call.given.get("parentCommentId"):
            raise Refusal(401)  # « Can't move a comment … »
        self._spaces.change(call, item)
        return web.json_response(self._views.comment(item, ""))

    async def _delete(self, call: Call) -> web.Response:
        item = self._spaces.item(call, call.at("id"), 401)
        document = self._views.comment(item, "") if item.root else self._views.activity(item, "")
        self._spaces.remove(call, item, 401)
        return web.json_response(document)

    async def _likes(self, call: Call) -> web.Response:
        item = self._spaces.item(call, call.at("id"), 401)
        people = [self._views.profile(self._store.people[one]) for one in item.likes]
        offset = call.number("offset", 0)
        return self._collection(call, "likes", people[offset : offset + call.number("limit", DEFAULT_LIMIT)])

    async def _like(self, call: Call) -> web.Response:
        item = self._spaces.item(call, call.at("id"), 401)
        item.likes = [*item.likes, call.person.id] if call.person.id not in item.likes else item.likes
        self._store.keep(item)
        return web.json_response({"likes": [], "offset": 0, "limit": DEFAULT_LIMIT})

    async def _unlike(self, call: Call) -> web.Response:
        item = self._spaces.item(call, call.at("id"), 401)
        item.likes = [one for one in item.likes if one != call.person.id]
        self._store.keep(item)
        return web.json_response({"likes": [], "offset": 0, "limit": DEFAULT_LIMIT})

    async def _pin(self, call: Call) -> web.Response:
        self._spaces.pin(call, self._spaces.item(call, call.at("id"), 404), pinned=True)
        return web.json_response({})

    async def _unpin(self, call: Call) -> web.Response:
        self._spaces.pin(call, self._spaces.item(call, call.at("id"), 404), pinned=False)
        return web.json_response({})
