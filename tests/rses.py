"""Every kind of RSE as the conformance suite plays it: its twin, people in it, its connector, its webhooks, its faults.

A platform more is one class more, in RSES: Pushing where it sends webhooks, else polled.
"""

from __future__ import annotations

import html
import json
import re
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from adapters.discourse import DiscourseClient
from adapters.exo import ExoClient
from adapters.gateway import named
from adapters.matrix import MatrixClient
from adapters.matrix.compose import ACCEPTED_ANSWER
from adapters.platforms import Platform, platform
from tests import fakes_discourse, fakes_exo, fakes_matrix
from tests.fakes_discourse_twin import Forum, forum
from tests.fakes_exo_twin import Portal, portal
from tests.fakes_matrix_twin import BOT, LASTING, House

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from typing import Self

    import aiohttp

    from adapters.port import Act, Change, RseClient, UnverifiedRequest
    from adapters.settings import Instance
    from deploy.local.matrix_user import MatrixUser
    from tests.fakes_sink import Heard, Sink


@dataclass(frozen=True)
class Shown:
    """A message as people of this RSE see it; `answers` is the native id of what it stands under."""

    native_id: str
    by: str
    text: str
    answers: str | None


@dataclass(frozen=True)
class Reacted:
    """A reaction as people of this RSE see it."""

    message: str
    emoji: str
    by: str


@dataclass(frozen=True)
class Sample:
    """A payload that holds one message of a person, as signed_request takes it."""

    payload: bytes
    event: str | None
    native_id: str


class NotOffered(AssertionError):
    """A test asked of an RSE what its capabilities deny: the test is wrong, not the RSE."""


class Rse(ABC):
    """One RSE with its connector. Its two people write in `space`, which the connector may write in too."""

    name: ClassVar[str]
    configured: ClassVar[Instance]  # an instance whose RSE does not run: for the reading half, which needs none
    sample: ClassVar[Sample]
    edits: ClassVar[bool] = True  # whether its API can change what was written
    nests: ClassVar[bool] = True  # whether an answer to an answer stands under it, and not beside it
    nowhere: ClassVar[str]  # a native id that nothing bears
    unknown_space: ClassVar[str]
    people: ClassVar[tuple[str, str]]  # the names of who posts and of who replies

    instance: Instance
    client: RseClient
    sink: Heard
    space: str
    open_space: str
    restricted_space: str

    @classmethod
    def platform(cls) -> Platform:
        """The connector as the program knows it."""
        return platform(cls.name)

    @classmethod
    @abstractmethod
    def open(cls, folder: Path) -> AbstractAsyncContextManager[Self]:
        """Start the twin; it runs as long as the context."""

    # --- people ---------------------------------------------------------------------------------------------------

    @abstractmethod
    async def post(self, text: str) -> str:
        """The first person writes; the message's native id."""

    @abstractmethod
    async def reply(self, answered: str, text: str) -> str:
        """The second person answers; the answer's native id."""

    @abstractmethod
    async def edit(self, native_id: str, text: str) -> None:
        """Its author changes a message."""

    @abstractmethod
    async def delete(self, native_id: str) -> None:
        """Its author takes a message away."""

    @abstractmethod
    async def shown(self) -> list[Shown]:
        """What people see in the space, oldest first."""

    @abstractmethod
    async def traces(self) -> str:
        """All words that readers may find there by looking closely: in titles, histories, quotations, events that no client shows."""

    # --- what people set on messages; only asked of an RSE whose capabilities say that it can be read --------------------

    heart: ClassVar[str]  # the emoji that its people react with here

    @abstractmethod
    async def react(self, native_id: str) -> str:
        """The second person sets a heart on a message; what names her reaction for `unreact`."""

    @abstractmethod
    async def unreact(self, reaction: str) -> None:
        """She takes it back."""

    async def accept(self, answer: str) -> None:
        """The first person, who asked, accepts an answer."""
        raise NotOffered(type(self).__name__, answer)

    async def unaccept(self, answer: str) -> None:
        """She accepts it no longer."""
        raise NotOffered(type(self).__name__, answer)

    @abstractmethod
    async def reactions(self) -> list[Reacted]:
        """What people see set on the space's messages, the marks of answers left out."""

    @abstractmethod
    async def accepted_answers(self) -> list[str]:
        """The messages that people see marked as accepted answers."""

    # --- who takes part; only asked of an RSE whose capabilities say that it can be read ---------------------------------

    members_space: str  # a space whose members are told; the first person is in it already

    async def enter(self) -> None:
        """The second person becomes a member of that space."""
        raise NotOffered(type(self).__name__)

    async def leave(self) -> None:
        """She is one no longer."""
        raise NotOffered(type(self).__name__)

    # --- faults of the connector's next writes, until `heal` ---------------------------------------------------------

    @abstractmethod
    async def lose_answers(self) -> None:
        """Do what is asked and break the connection before answering."""

    @abstractmethod
    async def refuse(self, status: int, after: float | None = None) -> None:
        """Do nothing and answer a status, with the RSE's wish in seconds."""

    @abstractmethod
    async def stall(self) -> None:
        """Answer later than a hasty connector waits."""

    @abstractmethod
    async def heal(self) -> None:
        """Be well again."""

    @abstractmethod
    def hasty(self) -> RseClient:
        """A connector that waits less long than a stalled RSE takes."""

    # --- what is heard --------------------------------------------------------------------------------------------------

    async def change(self, act: Act, native_id: str) -> Change:
        """What the connector understood, once it has come; with the name that only the RSE can tell, as the gateway asks it."""
        found: Any = await named(self.client, await self.sink.change(act, native_id))
        return found  # type: ignore[no-any-return]  # `named` gives back what it took


class Pushing(Rse):
    """An RSE that sends webhooks to a door."""

    signature: ClassVar[str]  # the header by which the platform proves itself
    error_members: ClassVar[frozenset[str]]  # what this platform's errors bear beside RFC 9457's members
    accepted: ClassVar[bytes]  # what it wants to read in our 2xx

    sink: Sink
    session: aiohttp.ClientSession
    door: str  # where its webhooks go

    async def knock(self, request: UnverifiedRequest) -> tuple[int, Mapping[str, str], bytes]:
        """Bring a request to the door over HTTP: status, headers and body of the answer."""
        url = f"{self.door}/{request.path}".rstrip("/")
        async with self.session.request(
            request.method, url, data=request.body, headers=request.headers, skip_auto_headers=["content-type"]
        ) as answer:
            return answer.status, answer.headers, await answer.read()


class DiscourseRse(Pushing):
    """A forum: a post is a topic or stands in one; copies are written by the connector's account, their author named on top."""

    name = "discourse"
    configured = fakes_discourse.instance()
    sample = Sample(json.dumps({"post": fakes_discourse.post()}).encode(), "post_created", "post:1204")
    signature = "x-discourse-event-signature"
    error_members = frozenset()
    accepted = b"OK"
    nowhere = "post:999999"
    unknown_space = "99"
    people = ("Camille Roux", "Léo Petit")
    space, open_space, restricted_space, members_space = "97", "97", "98", "98"

    def __init__(self, forum: Forum) -> None:
        self._forum = forum
        self._topics = 0
        self.instance, self.client, self.sink, self.session = forum.instance, forum.client, forum.sink, forum.session
        self.door = forum.options.webhook

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Self]:
        async with forum(folder) as found:
            rse = cls(found)
            await rse._done("PUT", "/groups/41/members.json", "system", usernames="camille,traitdunion")
            await found.sink.until(lambda outcomes: len(outcomes) == 2)  # of these two, so that a test hears its own
            yield rse

    async def post(self, text: str) -> str:
        self._topics += 1
        title = f"Des nouvelles de l’atelier, numéro {self._topics}"
        return await self._write("camille", title=title, raw=text, category=int(self.space))

    async def reply(self, answered: str, text: str) -> str:
        post = await self._post(answered)
        return await self._write("leo", topic_id=post["topic"], raw=text, reply_to_post_number=post["number"])

    async def edit(self, native_id: str, text: str) -> None:
        await self._done("PUT", f"/posts/{_number(native_id)}.json", (await self._post(native_id))["username"], post={"raw": text})

    async def delete(self, native_id: str) -> None:
        await self._done("DELETE", f"/posts/{_number(native_id)}.json", (await self._post(native_id))["username"])

    async def shown(self) -> list[Shown]:
        posts = [post for post in await self._forum.posts() if not post["deleted"] and str(post["category"]) == self.space]
        places = {(post["topic"], post["number"]): post["id"] for post in posts}
        return [self._seen(post, places) for post in posts]

    async def traces(self) -> str:
        posts = [post for post in await self._forum.posts() if not post["deleted"]]
        return "\n".join(f"{post['title']}\n{post['raw']}\n{post['cooked']}\n{post['history']}" for post in posts)

    heart = "❤️"

    async def react(self, native_id: str) -> str:
        await self._done("POST", "/post_actions.json", "leo", id=_number(native_id), post_action_type_id=2)
        return native_id

    async def unreact(self, reaction: str) -> None:
        await self._done("DELETE", f"/post_actions/{_number(reaction)}.json", "leo", post_action_type_id=2)

    async def accept(self, answer: str) -> None:
        await self._done("POST", "/solution/accept", "camille", id=_number(answer))

    async def unaccept(self, answer: str) -> None:
        await self._done("POST", "/solution/unaccept", "camille", id=_number(answer))

    async def reactions(self) -> list[Reacted]:
        return [Reacted(f"post:{post['id']}", "❤️", name) for post in await self._forum.posts() for name in post["likes"]]

    async def accepted_answers(self) -> list[str]:
        return [f"post:{post['id']}" for post in await self._forum.posts() if post["accepted"]]

    async def enter(self) -> None:
        await self._done("PUT", "/groups/41/members.json", "system", usernames="leo")

    async def leave(self) -> None:
        await self._done("DELETE", "/groups/41/members.json", "system", usernames="leo")

    async def lose_answers(self) -> None:
        await self._forum.fault(kind="lost_answer", count=LASTING)

    async def refuse(self, status: int, after: float | None = None) -> None:
        await self._forum.fault(kind="status", status=status, retry_after=after, count=LASTING)

    async def stall(self) -> None:
        await self._forum.fault(kind="delay", seconds=0.8, count=LASTING)

    def hasty(self) -> RseClient:
        return DiscourseClient(self.instance, timeout=0.3)

    async def heal(self) -> None:
        assert (await self._forum.call("POST", "/twin/faults", kind="none"))[0] == 200

    async def _write(self, username: str, **body: Any) -> str:
        return f"post:{(await self._done('POST', '/posts.json', username, **body))['id']}"

    async def _done(self, method: str, path: str, username: str, **body: Any) -> Any:
        status, said = await self._forum.call(method, path, username, **body)
        assert status == 200, said
        return said

    async def _post(self, native_id: str) -> dict[str, Any]:
        return next(post for post in await self._forum.posts() if post["id"] == _number(native_id))

    def _seen(self, post: dict[str, Any], places: Mapping[tuple[int, int], int]) -> Shown:
        head = re.match(r"<p><strong>(.*?)</strong> a écrit", post["cooked"])
        ours = post["username"] == fakes_discourse.ACCOUNT and head is not None
        by = html.unescape(head[1]) if ours and head else post["name"]
        above = places.get((post["topic"], post["reply_to"] or 1)) if post["number"] > 1 else None
        return Shown(f"post:{post['id']}", by, html.unescape(post["cooked"]), f"post:{above}" if above else None)


class MatrixRse(Pushing):
    """A homeserver with an application service: copies are written by ghosts who bear their authors' names."""

    name = "matrix"
    configured = fakes_matrix.matrix_instance()
    sample = Sample(fakes_matrix.transaction(fakes_matrix.room_event()), None, "$one")
    signature = "authorization"
    error_members = frozenset({"errcode", "error"})
    accepted = b"{}"
    nowhere = "$never"
    unknown_space = "!nowhere:tchap.example"
    people = ("Claire Moreau", "Bob Diallo")

    def __init__(self, house: House, claire: MatrixUser, bob: MatrixUser) -> None:
        self._house, self._claire, self._bob = house, claire, bob
        self._authors: dict[str, MatrixUser] = {}
        self.instance, self.client, self.sink, self.session = house.instance, house.client, house.sink, house.session
        self.door = house.door

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Self]:
        async with AsyncExitStack() as stack:
            house = House(folder, stack)
            await house.open()
            rse = cls(house, await house.person("claire", cls.people[0]), await house.person("bob", cls.people[1]))
            await rse._settle()
            yield rse

    async def post(self, text: str) -> str:
        return self._by(self._claire, await self._claire.say(self.space, text))

    async def reply(self, answered: str, text: str) -> str:
        return self._by(self._bob, await self._bob.reply(self.space, answered, text))

    async def edit(self, native_id: str, text: str) -> None:
        await self._authors[native_id].edit(self.space, native_id, text)

    async def delete(self, native_id: str) -> None:
        await self._authors[native_id].redact(self.space, native_id)

    async def shown(self) -> list[Shown]:
        messages = await self._house.visible(self.space)
        return [Shown(message["event_id"], message["name"], message["body"], message["reply_to"]) for message in messages]

    async def traces(self) -> str:
        return json.dumps([event["content"] for event in self._house.twin_rooms.events(self.space)], ensure_ascii=False)

    heart = "❤️"

    async def react(self, native_id: str) -> str:
        return await self._bob.react(self.space, native_id, self.heart)

    async def unreact(self, reaction: str) -> None:
        await self._bob.redact(self.space, reaction)

    async def reactions(self) -> list[Reacted]:
        return [one for one in await self._annotations() if one.emoji != ACCEPTED_ANSWER]

    async def accepted_answers(self) -> list[str]:
        return [one.message for one in await self._annotations() if one.emoji == ACCEPTED_ANSWER]

    async def _annotations(self) -> list[Reacted]:
        shown = await self._house.visible(self.space)
        return [Reacted(message["event_id"], one["key"], one["name"]) for message in shown for one in message["reactions"]]

    async def enter(self) -> None:
        await self._bob.join(self.members_space)

    async def leave(self) -> None:
        await self._bob.leave(self.members_space)

    async def lose_answers(self) -> None:
        await self._fault("lost_answer")

    async def refuse(self, status: int, after: float | None = None) -> None:
        errcode = {403: "M_FORBIDDEN", 429: "M_LIMIT_EXCEEDED"}.get(status, "M_UNKNOWN")
        wish = {} if after is None else {"retry_after_ms": int(after * 1000)}
        await self._fault("status", status=status, errcode=errcode, **wish)

    async def stall(self) -> None:
        await self._fault("delay", seconds=0.8)

    def hasty(self) -> RseClient:
        return MatrixClient(self.instance, timeout=0.3)

    async def heal(self) -> None:
        await self._house.fault("none")

    async def _fault(self, kind: str, **details: Any) -> None:
        await self._house.fault(kind, method="PUT", path="/rooms/", count=LASTING, **details)

    async def _settle(self) -> None:
        """Rooms that the bot has entered; all that the twin pushes for that has come before a test begins."""
        self.space = self.restricted_space = await self._claire.create_room("Futurs Publics", invite=[BOT, self._bob.user_id])
        self.open_space = await self._claire.create_room("Place", preset="public_chat")
        self.members_space = await self._claire.create_room("Atelier", preset="public_chat", invite=[BOT])
        await self._bob.join(self.space)
        await self.client.report_space(self.members_space)
        await self.client.report_space(self.space)
        last = self._house.twin_rooms.events(self.space)[-1]["event_id"]
        await self.sink.until(lambda _: any(event["event_id"] == last for event in self._house.sink.raw))

    def _by(self, author: MatrixUser, native_id: str) -> str:
        self._authors[native_id] = author
        return native_id


class ExoRse(Rse):
    """An eXo that is asked by REST v1: activities, comments, answers to comments."""

    name = "exo"
    generation: ClassVar[str] = fakes_exo.V1
    configured = fakes_exo.exo_instance()
    sample = Sample(json.dumps(fakes_exo.activity()).encode(), None, "activity:42")
    nowhere = "activity:999999"
    unknown_space = "99"
    people = ("Camille Roux", "Léo Petit")

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self.instance, self.client, self.sink = portal.instance, portal.client, portal.sink
        self.space, self.restricted_space = fakes_exo.SPACES[self.generation]
        self.open_space = self.space
        self.members_space = self.restricted_space

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Self]:
        async with portal(folder, cls.generation) as found:
            rse = cls(found)
            for username in ("leo", "animatrice"):
                await found.member(is_one=False, space="13", username=username)
            async with found.sink.looking(found.client, rse.space):
                yield rse

    async def post(self, text: str) -> str:
        return await self._portal.post(text)

    async def reply(self, answered: str, text: str) -> str:
        return await self._portal.comment(answered, text)

    async def edit(self, native_id: str, text: str) -> None:
        await self._portal.edit(native_id, text)

    async def delete(self, native_id: str) -> None:
        await self._portal.delete(native_id)

    async def shown(self) -> list[Shown]:
        return [self._seen(item) for item in await self._portal.items() if item["space"] == fakes_exo.SPACES[fakes_exo.V1][0]]

    async def traces(self) -> str:
        return "\n".join(item["title"] for item in await self._portal.items())

    heart = "👍"

    async def react(self, native_id: str) -> str:
        await self._portal.like(native_id, "POST")
        return native_id

    async def unreact(self, reaction: str) -> None:
        await self._portal.like(reaction, "DELETE")

    async def reactions(self) -> list[Reacted]:
        items = await self._portal.items()
        return [Reacted(self._seen(item).native_id, self.heart, name) for item in items for name in item["likes"]]

    async def accepted_answers(self) -> list[str]:
        return []

    async def enter(self) -> None:
        await self._portal.member(is_one=True, space=self.members_space, username="leo")

    async def leave(self) -> None:
        await self._portal.member(is_one=False, space=self.members_space, username="leo")

    async def lose_answers(self) -> None:
        await self._portal.fault(kind="lost_answer", count=LASTING)

    async def refuse(self, status: int, after: float | None = None) -> None:
        await self._portal.fault(kind="status", status=status, retry_after=after, count=LASTING)

    async def stall(self) -> None:
        await self._portal.fault(kind="delay", seconds=0.8, count=LASTING)

    def hasty(self) -> RseClient:
        return ExoClient(self.instance, timeout=0.3)

    async def heal(self) -> None:
        await self._portal.fault(kind="none")

    def _seen(self, item: dict[str, Any]) -> Shown:
        head = re.match(r"<p><strong>(.*?)</strong> a écrit", item["title"])
        ours = item["username"] == fakes_exo.ACCOUNT and head is not None
        by = html.unescape(head[1]) if ours and head else item["name"]
        above = item["above"] or item["root"]
        answers = None if above is None else (f"comment:{item['root']}/{above}" if item["above"] else f"activity:{above}")
        native_id = f"comment:{item['root']}/{item['id']}" if item["root"] else f"activity:{item['id']}"
        return Shown(native_id, by, html.unescape(item["title"]), answers)


class OldExoRse(ExoRse):
    """An eXo that is asked by REST v1-alpha3: nothing can be edited, comments are flat."""

    generation = fakes_exo.ALPHA3
    configured = fakes_exo.exo_instance(generation=fakes_exo.ALPHA3)
    sample = Sample(json.dumps(fakes_exo.old_activity()).encode(), None, "activity:f92cd6f0")
    edits = nests = False


def _number(native_id: str) -> int:
    return int(native_id.removeprefix("post:"))


RSES: tuple[type[Rse], ...] = (DiscourseRse, MatrixRse, ExoRse, OldExoRse)
PUSHING: tuple[type[Pushing], ...] = (DiscourseRse, MatrixRse)
POLLED: tuple[type[Rse], ...] = tuple(kind for kind in RSES if not issubclass(kind, Pushing))
