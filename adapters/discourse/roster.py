"""Who takes part in a category: the members of the groups that may read it, where it is not open to all.

Sources: `CategorySerializer`, `GroupsController#members` of discourse/discourse (a page holds 1,000 at most).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from adapters.discourse.payload import Category, GroupMember, GroupPage
from adapters.discourse.search import read
from adapters.people import ROSTER_LIMIT, TOO_MANY, Member
from adapters.port import UNSUPPORTED, Later, Never

if TYPE_CHECKING:
    from adapters.discourse.http import Answer, Api

PAGE = 200
MOST_GROUPS = 50
EVERYONE = "everyone"


class Roster:
    """Asks for the members of categories; `ours` are the connector's own accounts."""

    def __init__(self, api: Api, ours: frozenset[str]) -> None:
        self._api, self._ours = api, ours

    async def of(self, space: str) -> tuple[Member, ...] | Later | Never:
        """The people of a category."""
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
        return await self._of_groups(names) if len(names) <= MOST_GROUPS else Never(TOO_MANY)

    async def _of_groups(self, names: list[str]) -> tuple[Member, ...] | Later | Never:
        found: dict[str, Member] = {}
        for name in names:
            members = await self._of_group(name)
            if not isinstance(members, list):
                return members
            found |= {f"user:{one.id}": _member(one) for one in members if self._is_person(one)}
        return tuple(found.values())

    async def _of_group(self, name: str) -> list[GroupMember] | Later | Never:
        """All of a group; a list that does not hold as many as it counts is none."""
        found: list[GroupMember] = []
        while True:
            query = [("limit", str(PAGE)), ("offset", str(len(found)))]
            page = await self._page(await self._api.get(f"/groups/{quote(name, safe='')}/members.json", query))
            if not isinstance(page, GroupPage):
                return page
            found += page.members
            if page.meta.total > ROSTER_LIMIT:
                return Never(TOO_MANY)
            if len(found) >= page.meta.total:
                return found
            if not page.members:
                return Later("list_incomplete")

    async def _page(self, answer: Answer | Later) -> GroupPage | Later | Never:
        if isinstance(answer, Later):
            return answer
        if not answer.done:
            return await self._api.refused(answer)
        return read(GroupPage, answer.document) or Later("answer_unreadable")

    def _is_person(self, one: GroupMember) -> bool:
        return one.id > 0 and (one.username or "").casefold() not in self._ours


def _member(one: GroupMember) -> Member:
    return Member(f"user:{one.id}", one.name or "")
