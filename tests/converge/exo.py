"""The eXo of a story: it tells nothing; it is looked at whenever the story says so."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import aiohttp
from aiohttp.test_utils import TestServer

from adapters.exo.alpha3 import Alpha3
from adapters.exo.render import DELETED_NOTICE
from adapters.exo.twin.options import Options
from adapters.exo.twin.server import SPACE_IDENTITY, Twin
from adapters.exo.twin.store import Item, Space
from adapters.exo.v1 import V1
from adapters.platforms import platform
from deploy.local.ports import free_port
from tests.converge.rse import GONE, Impossible, Original, Rse, Shown, sentences_of, whole, word_of
from tests.fakes_exo import ACCOUNT, API_KEY, exo_instance

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from tests.converge.window import Window

SOCIAL: Final = "/portal/rest/v1/social"
PEOPLE: Final = ("camille", "leo")
MANAGER: Final = "animatrice"
VISITOR: Final = "dora"
QUOTATION: Final = re.compile(r"<blockquote>En réponse à : (.*?)</blockquote>", re.DOTALL)


class Exo(Rse):
    """Camille and Léo write, the animatrice manages."""

    node: ClassVar[str] = "diplomatie"
    platform = platform("exo")
    longest: ClassVar[tuple[int, int]] = (600, 600)
    generation: ClassVar[str] = "v1"
    levels, fixed = V1.levels, not V1.edits

    def __init__(self, twin: Twin, server: TestServer, http: aiohttp.ClientSession, url: str) -> None:
        self._twin, self._server, self._http, self.url = twin, server, http, url
        self._turn = 0

    @classmethod
    async def start(cls, folder: Path) -> Exo:
        """A portal without spaces."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        twin = Twin(
            Options(
                state=folder / "exo.db",
                api_key=API_KEY,
                url=url,
                people=("camille:Camille Roux", "leo:Léo Petit", "animatrice:Anne Marchand", f"{VISITOR}:Dora Weil"),
                managers=(MANAGER,),
            )
        )
        server = TestServer(twin.app(), port=port)
        await server.start_server()
        return cls(twin, server, aiohttp.ClientSession(), url)

    async def open_space(self, number: int, *, hands: bool) -> None:
        self._number, identity = str(number), str(SPACE_IDENTITY + number)
        self.space = self._known_as(self._number, identity)
        space = Space(self._number, f"espace_{number}", f"Espace {number}", identity, closed=True, outsiders=[VISITOR])
        self._twin._store.spaces[self._number] = space
        self._twin._store.keep(space)
        account = next(one for one in self._twin._store.people.values() if one.username == ACCOUNT)
        account.manager, self.original = hands, Original.LOST if hands else Original.KEPT
        self.instance = exo_instance(self.url, self.generation).model_copy(update={"node": self.node, "spaces": frozenset({self.space})})

    def _known_as(self, number: str, identity: str) -> str:
        """By which its connector knows a space."""
        del identity
        return number

    # --- people --------------------------------------------------------------------------------------------------------

    async def post(self, text: str) -> str:
        said = await self._done("POST", f"/spaces/{self._number}/activities", self._somebody(), title=f"<p>{text}</p>")
        return f"activity:{said['id']}"

    async def reply(self, answered: str, text: str) -> str:
        """Two levels: an answer to an answer stands beside it."""
        item = self._item(answered)
        activity, above = item.root or item.id, (item.above or item.id) if item.root else None
        body = {"title": f"<p>{text}</p>"} | ({"parentCommentId": above} if above else {})
        said = await self._done("POST", f"/activities/{activity}/comments", self._somebody(), **body)
        return f"comment:{activity}/{said['id']}"

    async def edit(self, native_id: str, text: str) -> None:
        """Only who wrote it: nobody edits a copy."""
        item = self._item(native_id)
        if self._author(item) == ACCOUNT:
            raise Impossible(native_id)
        await self._done("PUT", f"/activities/{item.id}", self._author(item), title=f"<p>{text}</p>")

    async def delete(self, native_id: str) -> None:
        item = self._item(native_id)
        await self._done("DELETE", f"/activities/{item.id}", self._author(item))

    async def moderate(self, native_id: str) -> None:
        await self._done("DELETE", f"/activities/{self._item(native_id).id}", MANAGER)

    async def react(self, native_id: str) -> None:
        await self._done("POST", f"/activities/{self._item(native_id).id}/likes", MANAGER)

    async def unreact(self, native_id: str) -> None:
        await self._done("DELETE", f"/activities/{self._item(native_id).id}/likes", MANAGER)

    async def enter(self) -> None:
        await self._let(VISITOR, member=True)

    async def leave(self) -> None:
        await self._let(VISITOR, member=False)

    # --- what comes of it ------------------------------------------------------------------------------------------------

    def shown(self) -> list[Shown]:
        items = [
            item
            for item in self._twin._store.items.values()
            if item.space == self._number and not any(said in item.title for said in (DELETED_NOTICE, GONE))
        ]
        return whole(self._seen(item) for item in sorted(items, key=lambda item: item.created))

    def members(self) -> list[str]:
        out = {ACCOUNT, *self._twin._store.spaces[self._number].outsiders}
        return sorted(one.name for one in self._twin._store.people.values() if one.username not in out)

    def waiting(self) -> int:
        return 0

    async def deliver(self, which: int, window: Window, *, again: bool) -> None:
        """It tells nothing."""

    async def lose_answer(self) -> None:
        await self._fault(kind="lost_answer", username=ACCOUNT)

    async def heal(self) -> None:
        await self._fault(kind="none")

    async def close(self) -> None:
        await self._http.close()
        await self._server.close()

    def _seen(self, item: Item) -> Shown:
        quotation = QUOTATION.search(item.title)
        number, version = word_of(QUOTATION.sub("", item.title)) or (0, 0)
        above = item.above or item.root
        parent = None if above is None else (f"comment:{item.root}/{above}" if item.above else f"activity:{above}")
        native_id = f"comment:{item.root}/{item.id}" if item.root else f"activity:{item.id}"
        quotes = None if quotation is None else word_of(quotation[1]) or (0, 0)
        return Shown(native_id, number, version, parent, frozenset(item.likes), quotes=quotes, sentences=sentences_of(item.title))

    def _item(self, native_id: str) -> Item:
        wanted = native_id.partition(":")[2].rpartition("/")[2]
        if wanted not in self._twin._store.items:
            raise Impossible(native_id)
        return self._twin._store.items[wanted]

    def _author(self, item: Item) -> str:
        return self._twin._store.people[item.poster].username

    def _somebody(self) -> str:
        self._turn += 1
        return PEOPLE[self._turn % 2]

    async def _let(self, username: str, *, member: bool) -> None:
        asked = {"space": self._number, "username": username, "member": member}
        async with self._http.post(f"{self.url}/twin/members", json=asked) as answer:
            assert answer.status == 200

    async def _fault(self, **fault: Any) -> None:
        async with self._http.post(f"{self.url}/twin/faults", json=fault) as answer:
            assert answer.status == 200

    async def _done(self, method: str, path: str, username: str, /, **body: Any) -> Any:
        headers = {"Authorization": aiohttp.encode_basic_auth(username, API_KEY)}
        async with self._http.request(method, self.url + SOCIAL + path, json=body or None, headers=headers) as answer:
            if answer.status in {401, 404}:
                raise Impossible(path)
            assert answer.status == 200, await answer.text()
            return await answer.json()


class OldExo(Exo):
    """The same people in an eXo whose connector knows the older API alone: flat comments, nothing is edited, no list of members.

    What it deletes takes along all that stands below; a comment has no address at which it could be liked.
    """

    generation: ClassVar[str] = "v1-alpha3"
    levels, fixed = Alpha3.levels, not Alpha3.edits
    sweeps: ClassVar[bool] = True

    @classmethod
    def beside(cls, newer: Exo) -> Self:
        """Of the same portal, whose numbers go on: to the hub, which outlives a story, no two of a node's messages bear the same."""
        return cls(newer._twin, newer._server, newer._http, newer.url)

    def _known_as(self, number: str, identity: str) -> str:
        del number
        return identity

    async def reply(self, answered: str, text: str) -> str:
        """All comments stand under their activity."""
        item = self._item(answered)
        return await super().reply(f"activity:{item.root or item.id}", text)

    async def react(self, native_id: str) -> None:
        """Of a comment nobody would hear it."""
        if native_id.startswith("comment:"):
            raise Impossible(native_id)
        await super().react(native_id)

    def members(self) -> list[str]:
        """Nobody is told."""
        return []

    def _seen(self, item: Item) -> Shown:
        """What it says first of whom it answers repeats no words."""
        return replace(super()._seen(item), quotes=None)
