"""An eXo of a run: a closed space for each community; it sends nothing and is asked."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from tests.chaos.marks import Way, Ways
from tests.chaos.oracle import Mark
from tests.chaos.people import AGENTS, Abilities, Wish
from tests.chaos.rse import Refused, Rse, Sighting

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT: Final = "traitdunion"
FIRST_SPACE: Final = 12
SOCIAL: Final = "/portal/rest/v1/social"
METHODS: Final = ("GET", "POST", "PUT", "DELETE")
EMOJI: Final = "👍"
EMPTIED: Final = "message supprimé par son auteur"
QUOTED: Final = re.compile(r"<blockquote>En réponse à : (.*?)</blockquote>", re.DOTALL)
IDENTITY: Final = 5000
"""The older generation knows a space by the identity that owns its stream."""


class Exo(Rse):
    """Writes and reads by REST v1, as people's browsers do."""

    platform: ClassVar[str] = "exo"
    looked_at: ClassVar[bool] = True
    can: ClassVar[Abilities] = Abilities(takes_back=True, joins=True)
    ways: ClassVar[Ways] = Ways(Way.ONE_LIKE, answers=False)
    longest: ClassVar[Mapping[Wish, int]] = {Wish.POST: 600, Wish.REPLY: 600, Wish.EDIT: 600}
    takes_history: ClassVar[bool] = False
    generation: ClassVar[str] = "v1"
    unknown_faults: ClassVar[frozenset[str]] = frozenset({"webhook_twice", "webhook_late"})

    def words(self) -> list[str]:
        """The twin, its people in every space."""
        words = ["--state", str(self.state), "--api-key", self.seat.api_secret, "--account", ACCOUNT]
        for number, community in enumerate(self.communities, FIRST_SPACE):
            words += ["--closed-space", f"{number}:{community.replace('-', '_')}:{community}"]
        for number in range(AGENTS + 1):
            words += ["--user", f"agent{number}:Agent {number} de l'eXo {self.seat.number}"]
        return words

    def options(self) -> Mapping[str, str]:
        """The connector's account."""
        return {"account": ACCOUNT, "generation": self.generation}

    async def furnish(self) -> None:
        """All is there from the start, but that the visitor is in no space yet."""
        self.spaces = {community: self._known_as(community) for community in self.communities}
        for community in self.communities:
            await self.leave(community)

    def _number(self, community: str) -> str:
        """The space's number, by which people's browsers call it."""
        return str(FIRST_SPACE + self.communities.index(community))

    def _known_as(self, community: str) -> str:
        return self._number(community)

    async def post(self, agent: int, community: str, title: str, text: str) -> str:
        """Write in the space; there are no titles."""
        del title
        said = await self._person(agent, "POST", f"/spaces/{self._number(community)}/activities", {"title": f"<p>{text}</p>"})
        return f"activity:{said['id']}"

    async def reply(self, agent: int, community: str, answered: str, text: str) -> str:
        """Comment an activity, or answer a comment."""
        del community
        activity, _, comment = answered.partition(":")[2].partition("/")
        above = {"parentCommentId": comment} if comment else {}
        said = await self._person(agent, "POST", f"/activities/{activity}/comments", {"title": f"<p>{text}</p>", **above})
        return f"comment:{activity}/{said['id']}"

    async def hanger(self, answered: str) -> str | None:
        """An answer to an answer to a comment is an answer to that comment: there are no more levels."""
        item = {_native(one): one for one in await self._items()}.get(answered)
        if item is None:
            return None
        return f"comment:{item['root']}/{item['above']}" if item["above"] else answered

    async def edit(self, agent: int, community: str, edited: str, text: str) -> None:
        """Change what one wrote."""
        del community
        await self._person(agent, "PUT", f"/activities/{_id(edited)}", {"title": f"<p>{text}</p>"})

    async def delete(self, agent: int, community: str, deleted: str) -> None:
        """Take away what one wrote; she refrains where other people's words would go with it."""
        del community
        if any(_id(deleted) in {item["root"], item["above"]} for item in await self._items()):
            raise Refused(deleted)
        await self._person(agent, "DELETE", f"/activities/{_id(deleted)}")

    async def react(self, agent: int, community: str, liked: str) -> str:
        """Like an activity or a comment."""
        del community
        await self._person(agent, "POST", f"/activities/{_id(liked)}/likes", {})
        return liked

    async def unreact(self, agent: int, community: str, liked: str, handle: str) -> None:
        """Like it no longer."""
        del community, handle
        await self._person(agent, "DELETE", f"/activities/{_id(liked)}/likes")

    async def enter(self, community: str) -> None:
        """Let in by a manager."""
        await self._let(community, member=True)

    async def leave(self, community: str) -> None:
        """Put out by one."""
        await self._let(community, member=False)

    async def _let(self, community: str, *, member: bool) -> None:
        asked = {"space": self._number(community), "username": f"agent{AGENTS}", "member": member}
        await self._ask("POST", "/twin/members", asked, {})

    async def members(self, community: str) -> list[str] | None:
        """All but the connector."""
        page = await self._person(0, "GET", f"/spaces/{self._number(community)}/users?role=member&limit=100")
        return sorted(str(one["fullname"]) for one in page["users"] if one["username"] != ACCOUNT)

    async def traces(self, community: str) -> list[str]:
        """Every text of the connector."""
        items = [item for item in await self._items() if item["space"] == self._number(community)]
        return [item["title"] for item in items if item["username"] == ACCOUNT]

    async def look(self) -> None:
        """Read everything."""
        for item in await self._items():
            self.note(_native(item), _own_words(item["title"]))

    async def sightings(self, community: str) -> list[Sighting]:
        """The space's activities and comments, in the order of their numbers; what was emptied in place of a deletion left out."""
        items = [item for item in await self._items() if item["space"] == self._number(community)]
        there = [item for item in items if not (item["username"] == ACCOUNT and EMPTIED in item["title"])]
        return [self._sighting(item) for item in sorted(there, key=lambda item: int(item["id"].removeprefix("comment")))]

    def _sighting(self, item: Mapping[str, Any]) -> Sighting:
        title = item["title"]
        return Sighting(_native(item), _own_words(title), _above(item), _marks(item), deepest=bool(item["above"]), quoted=_quoted(title))

    def scope(self, kind: str) -> Mapping[str, Any]:
        """Answers go wrong for the connector alone, reading and writing."""
        return {"username": ACCOUNT, "methods": METHODS} if kind in {"status", "lost_answer", "delay"} else {}

    async def _items(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._ask("GET", "/twin/activities", None, {})
        return found

    async def _person(self, agent: int, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        signed = b64encode(f"agent{agent}:{self.seat.api_secret}".encode()).decode()
        return await self._ask(method, SOCIAL + path, body, {"Authorization": f"Basic {signed}"})


def _id(native_id: str) -> str:
    return native_id.partition(":")[2].rpartition("/")[2]


def _native(item: Mapping[str, Any]) -> str:
    return f"comment:{item['root']}/{item['id']}" if item["root"] else f"activity:{item['id']}"


def _above(item: Mapping[str, Any]) -> str | None:
    if item["above"]:
        return f"comment:{item['root']}/{item['above']}"
    return f"activity:{item['root']}" if item["root"] else None


def _own_words(title: str) -> str:
    """Without the words of what it answers with which a deep answer begins."""
    return QUOTED.sub("", title)


def _quoted(title: str) -> str | None:
    found = QUOTED.search(title)
    return found[1] if found else None


def _marks(item: Mapping[str, Any]) -> tuple[Mark, ...]:
    return tuple(Mark(int(name.removeprefix("agent")) if name.startswith("agent") else None, EMOJI) for name in item["likes"])


class OldExo(Exo):
    """The same people in an eXo whose connector knows the older API alone: flat comments, nothing is edited, no list of members."""

    can: ClassVar[Abilities] = Abilities(takes_back=True)
    ways: ClassVar[Ways] = Ways(Way.ONE_LIKE, answers=False, replies=False)
    sweeps: ClassVar[bool] = True
    generation: ClassVar[str] = "v1-alpha3"

    def _known_as(self, community: str) -> str:
        return str(IDENTITY + FIRST_SPACE + self.communities.index(community))

    async def members(self, community: str) -> list[str] | None:
        """Nobody is told."""
        del community
        return None

    async def hanger(self, answered: str) -> str | None:
        """All comments stand under their activity."""
        item = {_native(one): one for one in await self._items()}.get(answered)
        return None if item is None else f"activity:{item['root'] or item['id']}"

    async def react(self, agent: int, community: str, liked: str) -> str:
        """A comment has no address at which it could be liked."""
        if liked.startswith("comment:"):
            raise Refused(liked)
        return await super().react(agent, community, liked)

    def _sighting(self, item: Mapping[str, Any]) -> Sighting:
        """What it says first of whom it answers repeats no words."""
        return replace(super()._sighting(item), deepest=bool(item["root"]), quoted=None, fixed=item["username"] == ACCOUNT)
