"""The Discourse of a story: webhooks leave it in any order, each perhaps twice, as Sidekiq's retries do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import aiohttp
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from adapters.discourse.render import DELETED_NOTICE
from adapters.discourse.twin.groups import FIRST
from adapters.discourse.twin.options import Options
from adapters.discourse.twin.server import Twin
from adapters.discourse.twin.store import Category
from adapters.platforms import platform
from deploy.local.ports import free_port
from tests.converge.rse import GONE, Impossible, Original, Rse, Shown, sentences_of, whole, word_of
from tests.fakes_discourse import ACCOUNT, API_KEY, SECRET, instance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from adapters.discourse.twin.store import Parcel, Post
    from tests.converge.window import Window

STAFF: Final = "anne"
PEOPLE: Final = ("camille", "leo")


class _Held(Twin):
    """A twin that sends nothing by itself."""

    async def _life(self, _app: web.Application) -> AsyncIterator[None]:
        yield
        self._store.close()


class Discourse(Rse):
    """Camille and Léo write, Anne moderates."""

    node: ClassVar[str] = "wifip"
    platform = platform("discourse")
    longest: ClassVar[tuple[int, int]] = (415, 415)
    original = Original.RETURNS

    def __init__(self, twin: _Held, server: TestServer, http: aiohttp.ClientSession, url: str) -> None:
        self._twin, self._server, self._http, self.url = twin, server, http, url
        self._turn = 0
        self.moderator = f"user:{twin._store.person(STAFF).id}"

    @classmethod
    async def start(cls, folder: Path) -> Discourse:
        """A forum without categories."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        twin = _Held(
            Options(
                state=folder / "discourse.db",
                webhook="http://gateway.example/webhooks/wifip",
                secret=SECRET,
                api_key=API_KEY,
                url=url,
                rate=0,
                people=("camille:Camille Roux", "leo:Léo Petit", "anne:Anne Marchand", "dora:Dora Weil"),
                staff=("system", ACCOUNT, STAFF),
            )
        )
        server = TestServer(twin.app(), port=port)
        await server.start_server()
        return cls(twin, server, aiohttp.ClientSession(), url)

    async def open_space(self, number: int, *, hands: bool) -> None:
        """Our account is staff in any case: as a mere member it could keep no copy in order."""
        del hands
        self.space = str(number)
        category = Category(number, f"Espace {number}", read_restricted=True)
        self._twin._store.categories[number] = category
        self._twin._store.keep(category)
        self._twin._store.parcels.clear()
        self._twin._store.groups[FIRST].members.clear()
        self._twin._forum._recent.clear()  # each story says the same words
        self.instance = instance(self.url).model_copy(update={"spaces": frozenset({self.space}), "api_secret": SecretStr(API_KEY)})

    # --- people --------------------------------------------------------------------------------------------------------

    async def post(self, text: str) -> str:
        title = f"Une question de plus, la {text[-40:-30]} {self._next()}"
        return f"post:{(await self._done('POST', '/posts.json', self._somebody(), title=title, raw=text, category=int(self.space)))['id']}"

    async def reply(self, answered: str, text: str) -> str:
        post = self._post(answered)
        body = {"topic_id": post.topic_id, "raw": text, "reply_to_post_number": post.number}
        return f"post:{(await self._done('POST', '/posts.json', self._somebody(), **body))['id']}"

    async def edit(self, native_id: str, text: str) -> None:
        post = self._post(native_id)
        author = self._author(post)
        raw = post.raw.replace("\n", " ") if author == ACCOUNT else ""
        body = f"{raw} — {text}" if raw and word_of(raw) is None else text
        await self._done("PUT", f"/posts/{post.id}.json", STAFF if author == ACCOUNT else author, post={"raw": body})

    async def delete(self, native_id: str) -> None:
        post = self._post(native_id)
        await self._done("DELETE", f"/posts/{post.id}.json", self._author(post))

    async def moderate(self, native_id: str) -> None:
        """Never a topic that others have answered: with it they would all be gone, and Discourse tells nothing of them."""
        post = self._post(native_id)
        topic = self._twin._store.topics[post.topic_id]
        if post.number == 1 and sum(other.deleted_at is None for other in self._twin._store.posts_of(topic)) > 1:
            raise Impossible(native_id)
        await self._done("DELETE", f"/posts/{post.id}.json", STAFF)

    async def recover(self, native_id: str) -> None:
        post = self._post(native_id)
        await self._done("PUT", f"/posts/{post.id}/recover.json", self._author(post) if post.user_deleted else STAFF)

    def taken_away(self) -> list[str]:
        account = self._twin._store.person(ACCOUNT).id
        gone = [post for post in self._posts() if post.user_deleted or (post.deleted_at and post.deleted_by != account)]
        return [f"post:{post.id}" for post in gone]

    async def react(self, native_id: str) -> None:
        post = self._post(native_id)
        liker = PEOPLE[self._author(post) == PEOPLE[0]]
        await self._done("POST", "/post_actions.json", liker, id=post.id, post_action_type_id=2)

    async def unreact(self, native_id: str) -> None:
        post = self._post(native_id)
        liker = PEOPLE[self._author(post) == PEOPLE[0]]
        await self._done("DELETE", f"/post_actions/{post.id}.json", liker, post_action_type_id=2)

    async def accept(self, native_id: str) -> None:
        await self._solve("accept", native_id)

    async def unaccept(self, native_id: str) -> None:
        await self._solve("unaccept", native_id)

    async def _solve(self, verb: str, native_id: str) -> None:
        """Only of a question that was asked here."""
        post = self._post(native_id)
        asker = self._twin._store.people[self._twin._store.topics[post.topic_id].user_id].username
        if asker == ACCOUNT:
            raise Impossible(native_id)
        await self._done("POST", f"/solution/{verb}.json", asker, id=post.id)

    async def enter(self) -> None:
        if "Dora Weil" not in self.members():
            await self._done("PUT", f"/groups/{FIRST}/members.json", STAFF, usernames="dora")

    async def leave(self) -> None:
        if "Dora Weil" in self.members():
            await self._done("DELETE", f"/groups/{FIRST}/members.json", STAFF, usernames="dora")

    # --- what comes of it ------------------------------------------------------------------------------------------------

    def shown(self) -> list[Shown]:
        posts = self._posts()
        places = {(post.topic_id, post.number): f"post:{post.id}" for post in posts}
        return whole(self._seen(post, places) for post in posts if self._stands(post))

    def members(self) -> list[str]:
        store = self._twin._store
        return sorted(store.people[int(one)].name for one in store.groups[FIRST].members)

    def waiting(self) -> int:
        return len(self._mail())

    async def deliver(self, which: int, window: Window, *, again: bool) -> None:
        mail = self._mail()
        parcel = mail[which % len(mail)]
        session: Any = window
        status = await self._twin._hooks._attempt(session, parcel)
        assert status == 200, status
        if not again:
            self._twin._store.forget(parcel)

    async def lose_answer(self) -> None:
        await self._fault(kind="lost_answer", username=ACCOUNT)

    async def heal(self) -> None:
        await self._fault(kind="none")

    async def close(self) -> None:
        await self._http.close()
        await self._server.close()

    def _mail(self) -> list[Parcel]:
        return list(self._twin._store.parcels.values())

    def _posts(self) -> list[Post]:
        store = self._twin._store
        return [post for post in store.posts.values() if store.topics[post.topic_id].category_id == int(self.space)]

    def _stands(self, post: Post) -> bool:
        topic = self._twin._store.topics[post.topic_id]
        return not (post.deleted_at or post.user_deleted or topic.deleted_at or DELETED_NOTICE in post.raw or GONE in post.raw)

    def _seen(self, post: Post, places: dict[tuple[int, int], str]) -> Shown:
        store = self._twin._store
        number, version = word_of(post.raw) or (-post.id, 0)
        parent = places.get((post.topic_id, post.reply_to or 1)) if post.number > 1 else None
        likers = frozenset(store.people[one].username for one in post.likes)
        accepted = store.topics[post.topic_id].solution == post.id
        return Shown(f"post:{post.id}", number, version, parent, likers, accepted=accepted, sentences=sentences_of(post.raw))

    def _post(self, native_id: str) -> Post:
        return self._twin._store.posts[int(native_id.removeprefix("post:"))]

    def _author(self, post: Post) -> str:
        return self._twin._store.people[post.user_id].username

    def _somebody(self) -> str:
        return PEOPLE[self._next() % 2]

    def _next(self) -> int:
        self._turn += 1
        return self._turn

    async def _fault(self, **fault: Any) -> None:
        await self._done("POST", "/twin/faults", ACCOUNT, **fault)

    async def _done(self, method: str, path: str, username: str, /, **body: Any) -> Any:
        headers = {"Api-Key": API_KEY, "Api-Username": username}
        async with self._http.request(method, self.url + path, json=body or None, headers=headers) as answer:
            if answer.status in {403, 404}:
                raise Impossible(path)
            assert answer.status == 200, await answer.text()
            return await answer.json() if answer.content_type == "application/json" else None
