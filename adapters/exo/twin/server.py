"""Every route of the small eXo, both API generations, over one set of spaces.

Written from the vendors' REST resources (`ActivityRest`, `SpaceRestResourcesV1` of Meeds-io/social; `ActivityResources`,
`ActivityStreamResources`, `SpacesRestService` of exoplatform/social). People act by v1, as their browser does.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from email.utils import formatdate
from typing import TYPE_CHECKING

from aiohttp import web
from pydantic import ValidationError

from adapters.exo.twin.alpha3 import OldApi
from adapters.exo.twin.call import Call, Refusal, given
from adapters.exo.twin.limits import Fault, Faults, Rate, refusal
from adapters.exo.twin.spaces import Spaces
from adapters.exo.twin.store import Item, Space, Store
from adapters.exo.twin.v1 import NewApi
from adapters.exo.twin.views import Views

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    from adapters.exo.twin.call import Act, Handler
    from adapters.exo.twin.options import Options
    from adapters.exo.twin.store import Person

SPACE_IDENTITY = 5000


class Twin:
    """Routes of the vendor's two dialects over one set of spaces."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._store = Store(options.state)
        self._views = Views(self._store, options.url)
        spaces = Spaces(self._store)
        self._new = NewApi(self._store, self._views, spaces, options.gone_status)
        self._old = OldApi(self._store, self._views, spaces)
        self._rate, self._faults = Rate(options.rate, options.rate_window), Faults()
        self._seed()

    def app(self) -> web.Application:
        """The application; its file is closed with it."""
        app = web.Application(client_max_size=8 * 1024 * 1024, middlewares=[_in_its_words])
        app.cleanup_ctx.append(self._life)
        app.on_response_prepare.append(self._dated)
        app.add_routes([*self._new.routes(self._door), *self._old.routes(self._door)])
        app.add_routes(
            [
                web.get("/portal/rest/platform/info", self._about),
                web.get("/rest/private/platform/info", self._about),
                web.get("/", self._page),
                web.get("/portal/{site}/activity", self._page),
                web.post("/twin/faults", self._fault),
                web.post("/twin/people", self._named),
                web.post("/twin/members", self._member),
                web.post("/twin/system", self._system),
                web.get("/twin/activities", self._all),
                web.get("/twin/limits", self._limits),
            ]
        )
        return app

    # --- the door -----------------------------------------------------------------------------------------------------

    def _door(self, act: Act) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            person = self._who(request)
            wait = self._rate.wait()
            if wait:
                return refusal(429, wait)
            call = Call(request, person, await given(request))
            return await self._faults.around(person.username, request, lambda: act(call))

        return handle

    def _who(self, request: web.Request) -> Person:
        kind, _, said = request.headers.get("Authorization", "").partition(" ")
        username, password = self._options.account, said
        if kind == "Basic":
            try:
                username, _, password = base64.b64decode(said).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                raise Refusal(401) from None
        known = any(person.username == username for person in self._store.people.values())
        if kind not in {"Basic", "Bearer"} or not known or not hmac.compare_digest(password.encode(), self._options.api_key.encode()):
            raise Refusal(401)
        return self._store.person(username)

    # --- pages and the twin's own -------------------------------------------------------------------------------------------

    async def _page(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._views.page(self._options.title), content_type="text/html")

    async def _about(self, _request: web.Request) -> web.Response:
        return web.json_response({"platformVersion": "6.5.0", "platformEdition": "community", "platformBuildNumber": "2024.10"})

    async def _fault(self, request: web.Request) -> web.Response:
        fault = Fault.model_validate(await request.json())
        match fault.kind:
            case "none":
                self._faults.clear()
                self._store.move_clock(0)
            case "clock":
                self._store.move_clock(fault.seconds)
            case "status" | "lost_answer" | "delay":
                self._faults.add(fault)
        return web.json_response({"success": "OK"})

    async def _named(self, request: web.Request) -> web.Response:
        asked: dict[str, Any] = await request.json()
        person = self._store.person(str(asked["username"]), str(asked.get("name", "")))
        return web.json_response({"id": person.id})

    async def _member(self, request: web.Request) -> web.Response:
        """Put somebody out of a space, or let her in again."""
        asked: dict[str, Any] = await request.json()
        space, username = self._store.spaces[str(asked["space"])], str(asked["username"])
        space.outsiders = [one for one in space.outsiders if one != username] + ([] if asked["member"] else [username])
        self._store.keep(space)
        return web.json_response({"success": "OK"})

    async def _system(self, request: web.Request) -> web.Response:
        """An activity that eXo writes by itself."""
        asked: dict[str, Any] = await request.json()
        now, number = self._store.stamp(), self._store.next_number("item", 42)
        poster = self._store.person(str(asked["username"]))
        item = Item(
            str(number), str(asked["space"]), poster.id, str(asked["title"]), now, now, type=str(asked.get("type", "SPACE_ACTIVITY"))
        )
        self._store.items[item.id] = item
        self._store.keep(item)
        return web.json_response({"id": item.id})

    async def _all(self, _request: web.Request) -> web.Response:
        shown = [
            {
                "id": item.id,
                "space": item.space,
                "root": item.root,
                "above": item.above,
                "title": item.title,
                "type": item.type,
                "username": self._store.people[item.poster].username,
                "name": self._store.people[item.poster].name,
                "likes": [self._store.people[one].username for one in item.likes],
                "created": item.created,
                "updated": item.updated,
                "pinned": item.pinned,
            }
            for item in sorted(self._store.items.values(), key=lambda item: item.created)
        ]
        return web.json_response(shown)

    async def _limits(self, _request: web.Request) -> web.Response:
        return web.json_response({"taken": self._rate.taken, "refused": self._rate.refused})

    async def _dated(self, _request: web.Request, response: web.StreamResponse) -> None:
        """The time by this eXo's clock, which a fault may have moved."""
        response.headers["Date"] = formatdate(self._store.now(), usegmt=True)

    # --- the rest -----------------------------------------------------------------------------------------------------------

    async def _life(self, _app: web.Application) -> AsyncIterator[None]:
        yield
        self._store.close()

    def _seed(self) -> None:
        for text in self._options.spaces:
            number, pretty, name = text.split(":", 2)
            if number not in self._store.spaces:
                space = Space(number, pretty, name, str(SPACE_IDENTITY + int(number)), text in self._options.closed)
                self._store.spaces[number] = space
                self._store.keep(space)
        for text in (f"{self._options.account}:Trait d’union", *self._options.people):
            username, _, name = text.partition(":")
            self._store.person(username, name)
        for username in self._options.managers:
            person = self._store.person(username)
            person.manager = True
            self._store.keep(person)


@web.middleware
async def _in_its_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refused:
        return web.Response(status=refused.status)
    except ValidationError as error:
        return web.Response(status=400, text=str(error))
