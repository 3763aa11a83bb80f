"""What a space of eXo held before its tie, through real HTTP, both generations: all of it, a page at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adapters.exo import http
from adapters.offers import Recounted, Survey
from tests.fakes_exo import SPACES

if TYPE_CHECKING:
    from tests.fakes_exo_twin import Portal

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PAGE = 2
pytestmark = pytest.mark.usefixtures("pages_of_two")


async def step(rse: Portal, cursor: str | None, since: datetime = LONG_AGO) -> Survey:
    page = await rse.client.survey(rse.space, since, cursor)
    assert isinstance(page, Survey), page
    return page


async def rest(rse: Portal, cursor: str | None) -> set[str]:
    """All that is named from there on."""
    found = set[str]()
    for _ in range(50):
        page = await step(rse, cursor)
        found |= {one.native_id for one in page.items}
        cursor = page.cursor
        if cursor is None:
            return found
    raise AssertionError("the survey does not end")


async def test_each_step_asks_for_one_page_however_much_the_space_holds(either: Portal) -> None:
    posted = [await either.post(f"Numéro {number}") for number in range(7)]
    comments = [await either.comment(posted[number], "Merci") for number in (0, 3, 6)]
    first = await step(either, None)
    assert len(first.items) == PAGE
    assert {one.native_id for one in first.items} | await rest(either, first.cursor) == {*posted, *comments}


async def test_no_page_is_asked_beyond_one_that_nobody_touched_since(either: Portal) -> None:
    for number in range(7):
        await either.post(f"Numéro {number}")
    page = await step(either, None, datetime.now(UTC) + timedelta(minutes=5))
    assert (page.items, page.cursor) == ((), None)


async def test_what_is_deleted_while_the_pages_are_read_keeps_no_other_from_being_named(either: Portal) -> None:
    posted = [await either.post(f"Numéro {number}") for number in range(7)]
    first = await step(either, None)
    lowest = min((one.native_id for one in first.items), key=posted.index)  # by it the older generation names the next page
    await either.delete(lowest)
    assert {one.native_id for one in first.items} | await rest(either, first.cursor) == {*posted}


async def test_a_message_is_asked_for_in_its_own_space_alone(either: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    native_id, asked = await either.post("Bonjour", space="13"), list[str]()
    space, other = SPACES[either.instance.options["generation"]][1], either.space
    get = http.Api.get

    async def counted(api: http.Api, path: str, *query: Any) -> Any:
        asked.append(path)
        return await get(api, path, *query)

    monkeypatch.setattr(http.Api, "get", counted)
    found = await either.client.recount(space, native_id)
    assert isinstance(found, Recounted)
    assert found.message.space == space
    assert not [path for path in asked if path.endswith(f"/spaces/{other}")]
    elsewhere = await either.client.recount(other, native_id)
    assert isinstance(elsewhere, Recounted)
    assert elsewhere.message.space == ""
