"""Every route of the small Discourse, over one forum."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from contextlib import suppress
from dataclasses import asdict
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web
from pydantic import ValidationError

from adapters.discourse.twin.admin import Administration
from adapters.discourse.twin.call import Call, given
from adapters.discourse.twin.forum import MAX_TITLE, MIN_TITLE, NOT_FOUND, NOT_PERMITTED, Forum, Refusal
from adapters.discourse.twin.gestures import Gestures
from adapters.discourse.twin.groups import Groups
from adapters.discourse.twin.hooks import Hooks
from adapters.discourse.twin.limits import ALL_CALLS, Fault, Faults, Rate, too_many
from adapters.discourse.twin.revisions import Revisions
from adapters.discourse.twin.store import Category, Person, Post, Store, Topic
from adapters.discourse.twin.topics import Topics
from adapters.discourse.twin.views import (
    category_document,
    home_page,
    post_document,
    post_list,
    post_summary,
    short_person,
    topic_page,
    topic_view,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from adapters.discourse.twin.call import Act, Handler
    from adapters.discourse.twin.options import Options
    from adapters.discourse.twin.store import Parcel

CHUNK = 20  # posts of a topic's stream
WELCOME = 1  # the number of the first post of all
LIKERS = 200  # people shown at once who like a post
MEMORY = 120.0  # seconds that the answer to an API creation is remembered


class Twin:
    """Routes of the vendor's dialect over one forum."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._store = Store(options.state)
        self._hooks = Hooks(self._store, options.webhook, options.secret, options.url, options.retry_unit)
        self._forum = Forum(self._store, self._hooks, (options.min_post_length, options.max_post_length))
        self._gestures = Gestures(self._store, self._hooks, undo_seconds=options.undo_seconds)
        self._administration = Administration(self._store, options)
        self._groups = Groups(self._store, self._hooks)
        self._rate = Rate(options.rate, options.rate_window)
        self._faults = Faults()
        self._remembered: dict[str, tuple[float, dict[str, Any]]] = {}
        self._seed()

    def app(self) -> web.Application:
        """The application, its webhook sender running as long as it does."""
        app = web.Application(client_max_size=8 * 1024 * 1024, middlewares=[_in_its_words])
        app.cleanup_ctx.append(self._life)
        app.on_response_prepare.append(self._dated)
        app.add_routes(Topics(self._forum, self._store).routes(self._read, self._write))
        app.add_routes(Revisions(self._forum, self._store).routes(self._read, self._write))
        app.add_routes(
            [
                web.post("/posts.json", self._write(self._create)),
                web.put(r"/posts/{id:\d+}.json", self._write(self._edit)),
                web.delete(r"/posts/{id:\d+}.json", self._write(self._destroy)),
                web.put(r"/posts/{id:\d+}/recover{json:(?:\.json)?}", self._write(self._recover)),
                web.delete(r"/t/{id:\d+}.json", self._write(self._destroy_topic)),
                web.put(r"/t/{id:\d+}/recover{json:(?:\.json)?}", self._write(self._recover_topic)),
                web.post("/post_actions.json", self._write(self._like)),
                web.delete(r"/post_actions/{id:\d+}.json", self._write(self._unlike)),
                web.post(r"/solution/accept{json:(?:\.json)?}", self._write(self._accept)),
                web.post(r"/solution/unaccept{json:(?:\.json)?}", self._write(self._unaccept)),
                web.post("/users.json", self._write(self._name)),
                web.get(r"/posts/{id:\d+}.json", self._read(self._post)),
                web.get(r"/posts/by_number/{id:\d+}/{number:\d+}.json", self._read(self._post_by_number)),
                web.get(r"/t/external_id/{external_id}.json", self._read(self._by_external_id)),
                web.get(r"/t/{id:\d+}.json", self._read(self._topic)),
                web.get(r"/t/{id:\d+}/posts.json", self._read(self._posts)),
                web.get(r"/t/{slug}/{id:\d+}.json", self._read(self._topic)),
                web.get(r"/c/{id:\d+}/show.json", self._read(self._category)),
                web.get("/admin/api/web_hooks.json", self._read(self._administration.webhooks)),
                web.get(r"/admin/api/web_hook_events/{id:\d+}.json", self._read(self._administration.log)),
                web.get("/post_action_users.json", self._read(self._likers)),
                *self._groups.routes(self._read, self._write),
                web.get("/session/current.json", self._read(self._session)),
                web.get("/site/settings.json", self._read(self._settings)),
                web.get(r"/u/{username:[^/]+}.json", self._read(self._user)),
                web.get("/", self._home_page),
                web.get(r"/t/{slug}/{id:\d+}{rest:(?:/\d+)?}", self._topic_page),
                web.post("/twin/faults", self._fault),
                web.get("/twin/posts", self._all_posts),
                web.get("/twin/webhooks", self._waiting),
                web.get("/twin/limits", self._limits),
            ]
        )
        return app

    # --- doors ----------------------------------------------------------------------------------------------------

    def _read(self, act: Act) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            call = Call(request, self._who(request), {})
            wait = self._rate.wait()
            return too_many(wait, ALL_CALLS) if wait else await act(call)

        return handle

    def _write(self, act: Act) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            call = Call(request, self._who(request), await given(request))
            wait = self._rate.wait()
            if wait:
                return too_many(wait, ALL_CALLS)
            return await self._faults.around(call.person.username, request, lambda: act(call))

        return handle

    def _who(self, request: web.Request) -> Person:
        key, username = request.headers.get("Api-Key", ""), request.headers.get("Api-Username", "").strip()
        if not username or not hmac.compare_digest(key.encode(), self._options.api_key.encode()):
            raise Refusal(403, [f"{NOT_PERMITTED} The API username or key is invalid."], "invalid_access")
        return self._store.person(username)

    # --- writing --------------------------------------------------------------------------------------------------

    async def _create(self, call: Call) -> web.Response:
        signature = json.dumps([call.person.id, call.given], sort_keys=True)
        now = time.monotonic()
        self._remembered = {key: kept for key, kept in self._remembered.items() if kept[0] > now - MEMORY}
        if signature in self._remembered:
            return web.json_response(self._remembered[signature][1])
        try:
            document = post_document(self._store, self._forum.create(call.person, call.given))
        except Refusal as refusal:
            if refusal.status != web.HTTPUnprocessableEntity.status_code:
                raise
            return web.json_response({"action": "create_post", "errors": refusal.errors}, status=refusal.status)
        self._remembered[signature] = (now, document)
        return web.json_response(document)

    async def _edit(self, call: Call) -> web.Response:
        post = self._forum.edit(call.person, self._forum.post(call.person, call.number), call.given)
        return web.json_response({"post": post_document(self._store, post)})

    async def _destroy(self, call: Call) -> web.Response:
        post = self._forum.post(call.person, call.number)
        self._forum.destroy(call.person, post)
        self._gestures.forget(post)
        return web.Response()

    async def _recover(self, call: Call) -> web.Response:
        return web.json_response(post_document(self._store, self._forum.recover(call.person, self._forum.post(call.person, call.number))))

    async def _destroy_topic(self, call: Call) -> web.Response:
        self._forum.destroy(call.person, self._first(call))
        return web.json_response({"success": "OK"})

    async def _recover_topic(self, call: Call) -> web.Response:
        self._forum.recover(call.person, self._first(call))
        return web.json_response({"success": "OK"})

    async def _like(self, call: Call) -> web.Response:
        post = self._given_post(call)
        self._gestures.like(call.person, post, call.given.get("post_action_type_id"))
        return web.json_response(post_document(self._store, post, call.person))

    async def _unlike(self, call: Call) -> web.Response:
        post = self._forum.post(call.person, call.number)
        self._gestures.unlike(call.person, post)
        return web.json_response(post_document(self._store, post, call.person))

    async def _accept(self, call: Call) -> web.Response:
        self._gestures.accept(call.person, self._given_post(call))
        return web.json_response({"success": "OK"})

    async def _unaccept(self, call: Call) -> web.Response:
        self._gestures.unaccept(call.person, self._given_post(call))
        return web.json_response({"success": "OK"})

    def _given_post(self, call: Call) -> Post:
        number = str(call.given.get("id") or "")
        if not number.isdecimal():
            raise Refusal(400, ["param is missing or the value is empty: id"])
        return self._forum.post(call.person, int(number))

    async def _name(self, call: Call) -> web.Response:
        if not call.given.get("username"):
            raise Refusal(422, ["Username can't be blank"])
        named = self._store.person(str(call.given["username"]), str(call.given.get("name") or ""))
        return web.json_response({"success": True, "active": True, "user_id": named.id})

    # --- reading --------------------------------------------------------------------------------------------------

    async def _post(self, call: Call) -> web.Response:
        return web.json_response(post_document(self._store, self._forum.post(call.person, call.number), call.person))

    async def _post_by_number(self, call: Call) -> web.Response:
        """What is deleted is there for staff's eyes, as its topic."""
        topic, number = self._store.topics.get(call.number), int(call.request.match_info["number"])
        found = next((post for post in self._store.posts_of(topic) if post.number == number), None) if topic is not None else None
        if topic is None or found is None or (topic.deleted_at and not call.person.staff):
            raise Refusal(404, [NOT_FOUND], "not_found")
        return web.json_response(post_document(self._store, self._forum.post(call.person, found.id), call.person))

    async def _topic(self, call: Call) -> web.Response:
        return web.json_response(topic_view(self._store, self._seen(call.person, call.number), CHUNK, include_raw=call.wants_raw))

    async def _posts(self, call: Call) -> web.Response:
        topic = self._seen(call.person, call.number)
        wanted = {int(number) for number in call.request.query.getall("post_ids[]", []) if number.isdecimal()}
        posts = [post for post in self._store.posts_of(topic) if post.id in wanted and post.deleted_at is None]
        document = {"post_stream": {"posts": post_list(self._store, posts, include_raw=call.wants_raw)}, "id": topic.id}
        return web.json_response(document)

    async def _by_external_id(self, call: Call) -> web.Response:
        external = call.request.match_info["external_id"]
        found = next((topic for topic in self._store.topics.values() if topic.external_id == external and not topic.deleted_at), None)
        if found is None:
            raise Refusal(404, [NOT_FOUND], "not_found")
        return web.Response(status=301, headers={"Location": f"{self._options.url}/t/{found.slug}/{found.id}.json"})

    async def _category(self, call: Call) -> web.Response:
        category = self._store.categories.get(call.number)
        if category is None:
            raise Refusal(404, [NOT_FOUND], "not_found")
        return web.json_response({"category": category_document(category, call.person)})

    async def _user(self, call: Call) -> web.Response:
        username = call.request.match_info["username"]
        found = next((one for one in self._store.people.values() if one.username == username), None)
        if found is None:
            raise Refusal(404, [NOT_FOUND], "not_found")
        return web.json_response({"user": {"id": found.id, "username": found.username, "name": found.name}})

    async def _settings(self, _call: Call) -> web.Response:
        lengths = {
            "min_topic_title_length": MIN_TITLE,
            "max_topic_title_length": MAX_TITLE,
            "min_first_post_length": self._options.min_post_length,
        }
        lengths |= {"min_post_length": self._options.min_post_length, "max_post_length": self._options.max_post_length}
        return web.json_response({"title": self._options.title, **lengths})

    async def _session(self, call: Call) -> web.Response:
        return web.json_response({"current_user": {"id": call.person.id, "username": call.person.username, "moderator": call.person.staff}})

    async def _likers(self, call: Call) -> web.Response:
        """Oldest first, two hundred at once."""
        number, start = call.request.query.get("id", ""), LIKERS * int(call.request.query.get("page", "0"))
        post = self._forum.post(call.person, int(number) if number.isdecimal() else 0)
        likes = post.standing_likes
        people = [self._store.people[liker] for liker in likes[start : start + LIKERS]]
        total = {"total_rows_post_action_users": len(likes)} if len(likes) > LIKERS else {}
        return web.json_response({"post_action_users": [short_person(one) for one in people], **total})

    # --- pages and the twin's own ---------------------------------------------------------------------------------

    async def _home_page(self, _request: web.Request) -> web.Response:
        return web.Response(text=home_page(self._store, self._options.title), content_type="text/html")

    async def _topic_page(self, request: web.Request) -> web.Response:
        topic = self._forum.topic(_id(request))
        if topic.deleted_at:
            raise web.HTTPNotFound
        return web.Response(text=topic_page(self._store, topic, self._options.title), content_type="text/html")

    async def _fault(self, request: web.Request) -> web.Response:
        fault = Fault.model_validate(await request.json())
        match fault.kind:
            case "none":
                self._faults.clear()
                self._hooks.behave()
                self._store.move_clock(0)
            case "clock":
                self._store.move_clock(fault.seconds)
            case "webhook_twice" | "webhook_late":
                self._hooks.misbehave(fault)
            case "status" | "lost_answer" | "delay":
                self._faults.add(fault)
        return web.json_response({"success": "OK"})

    async def _all_posts(self, request: web.Request) -> web.Response:
        after = max(int(request.query.get("after", "0")), WELCOME)
        shown = [post_summary(self._store, post) for post in self._store.posts.values() if post.id > after]
        return web.json_response(shown)

    async def _waiting(self, _request: web.Request) -> web.Response:
        parcels = self._store.parcels.values()
        return web.json_response([asdict(one) | {"body": len(one.body), "about": _about(one)} for one in parcels])

    async def _limits(self, _request: web.Request) -> web.Response:
        return web.json_response({"taken": self._rate.taken, "refused": self._rate.refused})

    # --- the rest -------------------------------------------------------------------------------------------------

    def _first(self, call: Call) -> Post:
        return self._store.posts_of(self._forum.topic(call.number))[0]

    def _seen(self, person: Person, number: int) -> Topic:
        topic = self._forum.topic(number)
        if topic.deleted_at and not person.staff:
            raise Refusal(404, [NOT_FOUND], "not_found")
        return topic

    async def _dated(self, _request: web.Request, response: web.StreamResponse) -> None:
        """The time by this forum's clock, which a fault may have moved."""
        response.headers["Date"] = format_datetime(self._store.now(), usegmt=True)

    async def _life(self, _app: web.Application) -> AsyncIterator[None]:
        sender = asyncio.create_task(self._hooks.run())
        yield
        sender.cancel()
        with suppress(asyncio.CancelledError):
            await sender
        self._store.close()

    def _seed(self) -> None:
        for text in self._options.categories:
            number, _, name = text.partition(":")
            category = Category(int(number), name or number, text in self._options.restricted, text not in self._options.unsolved)
            self._store.categories[category.id] = category
            self._store.keep(category)
        for text in self._options.people:
            username, _, name = text.partition(":")
            self._store.person(username, name)
        for username in self._options.staff:
            person = self._store.person(username)
            person.staff = True
            self._store.keep(person)
        self._welcome()

    def _welcome(self) -> None:
        """No forum is without a word: Discourse writes its welcome when it is set up, before anybody's webhook (`db/fixtures/990_topics.rb`)."""
        if self._store.posts:
            return
        system, now = Person(-1, "system", "system", staff=True), self._store.stamp()
        general = Category(1, "Non classé")
        topic = Topic(1, "Bienvenue sur ce forum", "bienvenue-sur-ce-forum", general.id, system.id, now)
        words = "Voici le premier message de ce forum, que personne n’a écrit."
        post = Post(WELCOME, topic.id, 1, system.id, words, f"<p>{words}</p>", now, now)
        self._store.people[system.id], self._store.categories[general.id], self._store.topics[topic.id] = system, general, topic
        self._store.add(post)
        self._store.keep(system, general, topic, post)


@web.middleware
async def _in_its_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        document: dict[str, Any] = {"errors": refusal.errors}
        if refusal.error_type:
            document["error_type"] = refusal.error_type
        return web.json_response(document, status=refusal.status)
    except ValidationError as error:
        return web.json_response({"errors": [str(error)]}, status=400)


def _id(request: web.Request) -> int:
    return int(request.match_info["id"])


def _about(parcel: Parcel) -> int:
    """The number of the post or topic that a webhook tells of; of a like, the post's."""
    told = json.loads(parcel.body)[parcel.type]
    return int(told["post"]["id"] if parcel.type == "like" else told["id"])
