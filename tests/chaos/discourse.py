"""A Discourse of a run: a category for each community."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from tests.chaos.marks import Way, Ways
from tests.chaos.oracle import Mark
from tests.chaos.people import AGENTS, Abilities, Wish
from tests.chaos.rse import Rse, Sighting

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNT: Final = "traitdunion"
LIKER: Final = "traitdunion-aime"
LIKE: Final = 2
EMOJI: Final = "❤️"
FIRST_CATEGORY: Final = 97
GROUP: Final = 41
GROUP_NAME: Final = "membres"
EMPTIED: Final = "message supprimé par son auteur"


class Discourse(Rse):
    """Writes and reads by the API, each person under her own name."""

    platform: ClassVar[str] = "discourse"
    looked_at: ClassVar[bool] = True
    can: ClassVar[Abilities] = Abilities(restores=True, accepts=True, joins=True)
    longest: ClassVar[Mapping[Wish, int]] = {Wish.POST: 415, Wish.REPLY: 415, Wish.EDIT: 415}
    ways: ClassVar[Ways] = Ways(Way.ONE_LIKE, answers=True)
    _last = 0

    def words(self) -> list[str]:
        """A twin without an API limit of its own: 429 comes as a fault."""
        words = ["--state", str(self.state), "--webhook", self.seat.webhook, "--secret", self.seat.webhook_secret]
        words += ["--api-key", self.seat.api_secret, "--rate", "0", "--retry-unit", str(self.seat.retry_unit), "--undo-seconds", "1000000"]
        for number, community in enumerate(self.communities, FIRST_CATEGORY):
            words += ["--restricted-category", f"{number}:{community}"]
        for number in range(AGENTS + 1):
            words += ["--user", f"agent{number}:Agent {number} du Discourse {self.seat.number}"]
        return words

    def options(self) -> Mapping[str, str]:
        """The connector's accounts."""
        return {"api_username": ACCOUNT, "like_username": LIKER}

    async def furnish(self) -> None:
        """All is there from the start."""
        self.spaces = {community: str(number) for number, community in enumerate(self.communities, FIRST_CATEGORY)}

    async def post(self, agent: int, community: str, title: str, text: str) -> str:
        """Open a topic."""
        return await self._written(agent, {"title": title, "raw": text, "category": self.spaces[community]})

    async def reply(self, agent: int, community: str, answered: str, text: str) -> str:
        """Answer in the topic of what is answered."""
        del community
        to = await self._person(agent, "GET", f"/posts/{_number(answered)}.json")
        return await self._written(agent, {"topic_id": to["topic_id"], "raw": text, "reply_to_post_number": to["post_number"]})

    async def edit(self, agent: int, community: str, edited: str, text: str) -> None:
        """Change the post."""
        del community
        await self._person(agent, "PUT", f"/posts/{_number(edited)}.json", {"post": {"raw": text}})

    async def delete(self, agent: int, community: str, deleted: str) -> None:
        """Delete the post; Discourse refuses that of a topic's first one while others stand below."""
        del community
        await self._person(agent, "DELETE", f"/posts/{_number(deleted)}.json")

    async def restore(self, agent: int, community: str, deleted: str) -> None:
        """Bring the post back."""
        del community
        await self._person(agent, "PUT", f"/posts/{_number(deleted)}/recover.json", {})

    async def react(self, agent: int, community: str, liked: str) -> str:
        """Like the post."""
        del community
        await self._person(agent, "POST", "/post_actions.json", {"id": int(_number(liked)), "post_action_type_id": LIKE})
        return ""

    async def accept(self, agent: int, answer: str) -> None:
        """Mark the post as the topic's solution."""
        await self._person(agent, "POST", "/solution/accept.json", {"id": int(_number(answer))})

    async def unaccept(self, agent: int, answer: str) -> None:
        """Take the mark off."""
        await self._person(agent, "POST", "/solution/unaccept.json", {"id": int(_number(answer))})

    async def enter(self, community: str) -> None:
        """One group may read all of the run's categories."""
        del community
        await self._ask("PUT", f"/groups/{GROUP}/members.json", {"usernames": f"agent{AGENTS}"}, self._staff)

    async def leave(self, community: str) -> None:
        """Out of that group."""
        del community
        await self._ask("DELETE", f"/groups/{GROUP}/members.json", {"usernames": f"agent{AGENTS}"}, self._staff)

    async def members(self, community: str) -> list[str]:
        """That group's."""
        del community
        page = await self._ask("GET", f"/groups/{GROUP_NAME}/members.json", None, self._staff)
        return sorted(str(one["name"]) for one in page["members"])

    async def traces(self, community: str) -> list[str]:
        """Titles and histories, too; deleted posts are for staff."""
        posts = [post for post in await self._ask("GET", "/twin/posts", None, {}) if str(post["category"]) == self.spaces[community]]
        ours = [post for post in posts if post["username"] == ACCOUNT and not post["deleted"]]
        return [text for post in ours for text in (post["raw"], *post["history"], *((post["title"],) if post["number"] == 1 else ()))]

    @property
    def _staff(self) -> dict[str, str]:
        return {"Api-Key": self.seat.api_secret, "Api-Username": "system"}

    async def look(self) -> None:
        """Read the posts since the last look."""
        for post in await self._ask("GET", f"/twin/posts?after={self._last}", None, {}):
            self._last = max(self._last, post["id"])
            self.note(f"post:{post['id']}", post["cooked"])

    async def sightings(self, community: str) -> list[Sighting]:
        """The category's posts, deleted ones left out."""
        posts = [post for post in await self._ask("GET", "/twin/posts", None, {}) if str(post["category"]) == self.spaces[community]]
        places = {(post["topic"], post["number"]): f"post:{post['id']}" for post in posts}
        there = [post for post in posts if not post["deleted"] and not (post["username"] == ACCOUNT and EMPTIED in post["cooked"])]
        return [
            Sighting(f"post:{post['id']}", post["cooked"], _parent(post, places), _marks(post["likes"]), int(post["accepted"]))
            for post in there
        ]

    async def given_up(self) -> list[str]:
        """Discourse gives a webhook up at once where nobody answers, after four retries where it is refused."""
        waiting = await self._ask("GET", "/twin/webhooks", None, {})
        return [f"post:{parcel['about']}" for parcel in waiting if parcel["given_up"] and parcel["type"] != "topic"]

    def scope(self, kind: str) -> Mapping[str, Any]:
        """Answers go wrong for the connector, webhooks and the clock for everybody."""
        return {"username": ACCOUNT} if kind in {"status", "lost_answer", "delay"} else {}

    async def _written(self, agent: int, body: Mapping[str, Any]) -> str:
        return f"post:{(await self._person(agent, 'POST', '/posts.json', body))['id']}"

    async def _person(self, agent: int, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return await self._ask(method, path, body, {"Api-Key": self.seat.api_secret, "Api-Username": f"agent{agent}"})


def _number(native_id: str) -> str:
    return native_id.removeprefix("post:")


def _marks(likes: list[str]) -> tuple[Mark, ...]:
    """The likes of agents, and that of the connector."""
    return tuple(Mark(int(name.removeprefix("agent")) if name.startswith("agent") else None, EMOJI) for name in likes)


def _parent(post: Mapping[str, Any], places: Mapping[tuple[int, int], str]) -> str | None:
    return places.get((post["topic"], post["reply_to"] or 1)) if post["number"] > 1 else None
