"""The twin's REST v1-alpha3, after `ActivityResources`, `ActivityStreamResources` and `SpacesRestService` of exoplatform/social."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from adapters.exo.twin.call import Refusal

if TYPE_CHECKING:
    from adapters.exo.twin.call import Call, Door
    from adapters.exo.twin.spaces import Spaces
    from adapters.exo.twin.store import Store
    from adapters.exo.twin.views import Views

OLD = "/rest/private/api/social/v1-alpha3/{portal}"
OLD_LIMIT = 100


class OldApi:
    """REST v1-alpha3."""

    def __init__(self, store: Store, views: Views, spaces: Spaces) -> None:
        self._store, self._views, self._spaces = store, views, spaces

    def routes(self, door: Door) -> list[web.RouteDef]:
        """Its routes."""
        return [
            web.get(f"{OLD}/activity_stream/{{id}}.json", door(self._stream)),
            web.post(f"{OLD}/activity.json", door(self._post)),
            web.get(f"{OLD}/activity/{{id}}.json", door(self._one)),
            web.delete(f"{OLD}/activity/{{id}}.json", door(self._delete)),
            web.get(f"{OLD}/activity/{{id}}/comments.json", door(self._comments)),
            web.post(f"{OLD}/activity/{{id}}/comment.json", door(self._comment)),
            web.delete(f"{OLD}/activity/{{id}}/comment/{{comment}}.json", door(self._delete_comment)),
            web.post(f"{OLD}/activity/{{id}}/like.json", door(self._like)),
            web.delete(f"{OLD}/activity/{{id}}/like.json", door(self._unlike)),
            web.get(f"{OLD}/identity/{{id}}.json", door(self._identity)),
            web.get("/rest/private/{portal}/social/spaces/mySpaces/show.json", door(self._list)),
        ]

    async def _stream(self, call: Call) -> web.Response:
        if call.at("id") == "me":
            return web.json_response({"activities": []})
        space = self._spaces.owner(call, call.at("id"))
        items = self._store.stream(space.id)
        base = call.asks("since_id") or call.asks("max_id")  # with both, since_id is chosen
        if base:
            known = self._store.items.get(base)
            if known is None:
                raise Refusal(404)
            newer = bool(call.asks("since_id"))
            items = sorted(items, key=lambda item: -item.created)
            items = [item for item in items if (item.created > known.created if newer else item.created < known.created)]
        items = items[: min(call.number("limit", OLD_LIMIT), OLD_LIMIT)]
        comments, likes = min(call.number("number_of_comments", 0), OLD_LIMIT), min(call.number("number_of_likes", 0), OLD_LIMIT)
        return web.json_response({"activities": [self._views.old_activity(item, comments, likes) for item in items]})

    async def _post(self, call: Call) -> web.Response:
        item = self._spaces.add(call, self._spaces.owner(call, call.asks("identity_id")), call.text("title"))
        return web.json_response(self._views.old_activity(item, 0, 0) | {"posterIdentity": {}})

    async def _one(self, call: Call) -> web.Response:
        item = self._spaces.root(call, call.at("id"), 404)
        comments, likes = min(call.number("number_of_comments", 0), OLD_LIMIT), min(call.number("number_of_likes", 0), OLD_LIMIT)
        document = self._views.old_activity(item, comments, likes)
        return web.json_response(document if call.asks("poster_identity") in {"t", "true", "1"} else document | {"posterIdentity": {}})

    async def _delete(self, call: Call) -> web.Response:
        self._spaces.remove(call, self._spaces.item(call, call.at("id"), 404), 403)
        return web.json_response({"id": call.at("id")})

    async def _comments(self, call: Call) -> web.Response:
        under = self._store.comments(self._spaces.root(call, call.at("id"), 404).id)
        return web.json_response({"totalNumberOfComments": len(under), "comments": [self._views.old_comment(one) for one in under]})

    async def _comment(self, call: Call) -> web.Response:
        root = self._spaces.root(call, call.at("id"), 404)
        return web.json_response(
            self._views.old_comment(self._spaces.add(call, self._store.spaces[root.space], call.text("text"), root=root))
        )

    async def _delete_comment(self, call: Call) -> web.Response:
        item = self._spaces.item(call, call.at("comment"), 404)
        if item.root != call.at("id"):
            raise Refusal(404)
        self._spaces.remove(call, item, 403)
        return web.json_response({"id": item.id})

    async def _like(self, call: Call) -> web.Response:
        item = self._spaces.root(call, call.at("id"), 404)
        item.likes = [*item.likes, call.person.id] if call.person.id not in item.likes else item.likes
        self._store.keep(item)
        return web.json_response({"liked": True})

    async def _unlike(self, call: Call) -> web.Response:
        item = self._spaces.root(call, call.at("id"), 404)
        item.likes = [one for one in item.likes if one != call.person.id]
        self._store.keep(item)
        return web.json_response({"liked": False})

    async def _identity(self, call: Call) -> web.Response:
        person = self._store.people.get(call.at("id"))
        if person is not None:
            return web.json_response(self._views.old_identity(person))
        return web.json_response(self._views.old_space_identity(self._spaces.owner(call, call.at("id"))))

    async def _list(self, call: Call) -> web.Response:
        mine = [space for space in self._store.spaces.values() if call.person.username not in space.outsiders]
        return web.json_response({"spaces": [self._views.old_space(space) for space in mine]})
