"""Who takes part in a category: the members of the groups that may read it, where it is not open to all.

Sources: `CategorySerializer`, `GroupsController#members` of discourse/discourse (a page holds 1,000 at most).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from adapters.discourse.payload import Category, GroupMember, GroupPage
from adapters.discourse.search import read
from adapters.pages import Portion, gathered
from adapters.people import CROWD_LIMIT, ROSTER_LIMIT, TOO_MANY, Member, Pieced, chosen_name
from adapters.port import UNSUPPORTED, Later, Never

if TYPE_CHECKING:
    from adapters.discourse.http import Answer, Api

PAGE = 200
MOST_GROUPS = 50
MOST_READ = 2 * CROWD_LIMIT  # of all groups together: many may be in several
EVERYONE = "everyone"


class Roster:
    """Asks for the members of categories; `ours` are the connector's own accounts."""

    def __init__(self, api: Api, ours: frozenset[str]) -> None:
        self._api, self._ours = api, ours

    async def of(self, space: str, most: int = ROSTER_LIMIT) -> tuple[Member, ...] | Later | Never:
        """The people of a category; Never(TOO_MANY) where any of its groups has more than `most`."""
        answer = await self._api.get(f"/c/{space}/show.json")
        if isinstance(answer, Later):
            return answer
        if not answer.done:
            return await self._api.refused(answer)
        category = read(Category, answer.document.get("category"))
        if category is None:
            return Later("answer_unreadable")
        if category.read_restricted is None or (category.read_restricted and category.group_permissions is None):
            return Never("groups_not_shown")
        names = sorted({one.group_name for one in category.group_permissions or ()})
        if not category.read_restricted or EVERYONE in names:
            return Never(UNSUPPORTED, "open_to_all")
        return await self._of_groups(names, most) if len(names) <= MOST_GROUPS else Never(TOO_MANY)

    async def _of_groups(self, names: list[str], most: int) -> tuple[Member, ...] | Later | Never:
        found: dict[str, Member] = {}
        pieces = read_on = 0
        for name in names:
            members = await gathered(partial(self._of_group, name), _number, min(most, MOST_READ - read_on))
            if not isinstance(members, tuple):
                return members
            found |= {f"user:{one.id}": _member(one) for one in members if self._is_person(one)}
            pieces += 2 if isinstance(members, Pieced) else 1
            read_on += len(members)
            if len(found) > most:
                return Never(TOO_MANY)
        return Pieced(found.values()) if pieces > 1 else tuple(found.values())

    async def _of_group(self, name: str, offset: int) -> Portion[GroupMember] | Later | Never:
        query = [("limit", str(PAGE)), ("offset", str(offset))]
        page = await self._page(await self._api.get(f"/groups/{quote(name, safe='')}/members.json", query))
        return Portion(page.members, page.meta.total) if isinstance(page, GroupPage) else page

    async def _page(self, answer: Answer | Later) -> GroupPage | Later | Never:
        if isinstance(answer, Later):
            return answer
        if not answer.done:
            return await self._api.refused(answer)
        return read(GroupPage, answer.document) or Later("answer_unreadable")

    def _is_person(self, one: GroupMember) -> bool:
        return one.id > 0 and (one.username or "").casefold() not in self._ours


def _number(one: GroupMember) -> int:
    return one.id


def _member(one: GroupMember) -> Member:
    return Member(f"user:{one.id}", chosen_name(one.name, one.username))
