"""The names of a Discourse's people, as its pages and its groups tell them: never a user name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from adapters.discourse import roster
from adapters.discourse.http import Answer
from adapters.discourse.people import People
from adapters.discourse.roster import Roster
from adapters.people import TOO_MANY, Member
from adapters.port import Never

if TYPE_CHECKING:
    from adapters.discourse.http import Api


class Pages:
    """A site that answers each address with one document."""

    def __init__(self, **documents: dict[str, Any]) -> None:
        self._documents = documents

    async def get(self, path: str, query: object = None) -> Answer:
        del query
        return Answer(200, self._documents[path.strip("/").split("/")[0]])


@pytest.mark.parametrize(
    ("told", "name"),
    [("Claire Moreau", "Claire Moreau"), ("", None), (None, None), ("claire@rse.example", "un agent"), ("Claire.Moreau", None)],
)
async def test_a_mention_is_named_by_the_display_name_alone(told: str | None, name: str | None) -> None:
    site = Pages(u={"user": {"username": "claire.moreau", "name": told}})
    assert await People(cast("Api", site)).name("claire.moreau") == name


async def test_who_takes_part_is_named_by_the_display_name_alone() -> None:
    category = {"category": {"read_restricted": True, "group_permissions": [{"group_name": "agents"}]}}
    members = [{"id": 7, "username": "claire", "name": "Claire Moreau"}, {"id": 8, "username": "leo.petit", "name": None}]
    members += [{"id": 9, "username": "omar.b", "name": "omar.b"}]
    site = Pages(c=category, groups={"members": members, "meta": {"total": 3}})
    people = (Member("user:7", "Claire Moreau"), Member("user:8", ""), Member("user:9", ""))
    assert await Roster(cast("Api", site), frozenset()).of("97") == people


async def test_groups_that_hold_the_same_people_are_not_read_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster, "MOST_READ", 5)
    groups = [{"group_name": f"agents{number}"} for number in range(9)]
    members = [{"id": number, "username": f"u{number}", "name": "U"} for number in (7, 8)]
    site = Pages(c={"category": {"read_restricted": True, "group_permissions": groups}}, groups={"members": members, "meta": {"total": 2}})
    assert await Roster(cast("Api", site), frozenset()).of("97") == Never(TOO_MANY)
