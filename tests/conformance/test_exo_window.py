"""What the window of an eXo holds, through real HTTP, both generations: as many of the newest as asked, and no page older than the days asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from adapters import looks
from adapters.exo.http import Api
from adapters.looks import Looked, Looker
from adapters.port import REACTIONS, Act, Change, Never, Reading, Same
from tests.fakes_exo import ALPHA3
from tests.fakes_exo_twin import Portal, portal
from tests.fakes_polled import view_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.exo.http import Answer
    from adapters.port import Later

LONG_AGO = datetime.fromtimestamp(0, UTC)
PAGE = 2
pytestmark = pytest.mark.usefixtures("pages_of_two")


async def window(rse: Portal, since: datetime, most: int) -> list[str]:
    """The activities that a look would read again."""
    found = await rse.client.window(rse.space, since, most, "")
    assert isinstance(found, Reading)
    return [one.native_id for one in found.sightings if one.native_id.startswith("activity")]


async def test_it_reaches_back_over_pages_to_as_many_of_the_newest_as_asked(either: Portal) -> None:
    posted = [await either.post(f"Numéro {number}") for number in range(7)]
    assert await window(either, LONG_AGO, 5) == posted[-5:]
    assert await window(either, LONG_AGO, 200) == posted


async def test_no_page_is_asked_beyond_one_that_ends_before_the_days_asked(either: Portal) -> None:
    posted = [await either.post(f"Numéro {number}") for number in range(7)]
    assert await window(either, datetime.now(UTC) + timedelta(hours=1), 5) == posted[-PAGE:]


async def test_no_look_asks_for_a_page_twice(either: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        await either.post(f"Numéro {number}")
    asked, get = list[tuple[str, str]](), Api.get

    async def noted(self: Api, path: str, query: Sequence[tuple[str, str]] = ()) -> Answer | Later:
        asked.append((path, str(query)))
        return await get(self, path, query)

    monkeypatch.setattr(Api, "get", noted)
    looker = Looker(either.client, either.sink.watch, either.sink.admit, lambda: either.sink.room, lambda: datetime.now(UTC), reread=0.0)
    view = view_of(either.space)
    for moved in (0, 0, -72_000):
        await either.fault(kind="clock", seconds=moved)
        asked.clear()
        assert isinstance(await looker.look(view), Looked)
        assert sorted(asked) == sorted(set(asked))
    assert any("stream" in path or "activities" in path for path, _ in asked)


async def beyond(rse: Portal) -> list[str]:
    """What lies beyond a window of three, page after page."""
    first = await rse.client.window(rse.space, LONG_AGO, 3, "")
    assert isinstance(first, Reading)
    found, place = list[str](), first.cursor
    while place is not None:
        page = await rse.client.deeper(rse.space, place, "")
        assert isinstance(page, Reading)
        assert await rse.client.deeper(rse.space, place, page.mark) == Same()
        found += [one.native_id for one in page.sightings if one.native_id.startswith("activity")]
        place = page.cursor
    return found


async def test_what_lies_beyond_is_read_to_its_end(either: Portal) -> None:
    posted = [await either.post(f"Numéro {number}") for number in range(9)]
    assert {*await beyond(either), *await window(either, LONG_AGO, 3)} == set(posted)


async def test_what_people_touch_again_hides_nothing_of_what_lies_beyond(either: Portal) -> None:
    posted = [await either.post(f"Numéro {number}") for number in range(9)]
    for touched in posted[:3]:
        await either.comment(touched, "Je relance")
    assert {*await beyond(either), *await window(either, LONG_AGO, 3)} == set(posted)


async def test_a_window_that_holds_all_has_nothing_beyond(either: Portal) -> None:
    await either.post("Le seul")
    assert await beyond(either) == []


async def test_a_page_beyond_one_that_is_gone_is_no_page(tmp_path: Path) -> None:
    async with portal(tmp_path, ALPHA3) as old:
        assert await old.client.deeper(old.space, "4711", "") == Never("not_found")


async def test_a_reaction_beyond_the_window_is_seen_in_the_end_and_its_end_too(either: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "WINDOW_ROOTS", 2)
    first = await either.post("Le premier")
    for number in range(7):
        await either.post(f"Numéro {number}")
    now = datetime.now(UTC)
    looker = Looker(either.client, either.sink.watch, either.sink.admit, lambda: either.sink.room, lambda: now)
    view = view_of(either.space)

    async def gestures() -> list[Act]:
        nonlocal now
        for _ in range(12):
            assert isinstance(await looker.look(view), Looked)
            now += timedelta(seconds=5)
        return [one.act for one in either.sink.outcomes if isinstance(one, Change) and one.act in REACTIONS]

    assert await gestures() == []
    await either.like(first, "POST")
    assert await gestures() == [Act.REACTED]
    await either.like(first, "DELETE")
    assert await gestures() == [Act.REACTED, Act.UNREACTED]


async def test_what_a_clock_moved_back_and_forth_put_beyond_the_window_is_told_in_the_end(
    either: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "WINDOW_ROOTS", 2)
    for number in range(7):
        await either.post(f"Avant, numéro {number}")
    now = datetime.now(UTC)
    looker = Looker(either.client, either.sink.watch, either.sink.admit, lambda: either.sink.room, lambda: now)
    view = view_of(either.space, since=now + timedelta(seconds=1))
    await looker.look(view)
    await either.fault(kind="clock", seconds=-72_000)
    lost = await either.post("Hier, dit l'horloge")
    await either.fault(kind="clock", seconds=0)
    for _ in range(12):
        now += timedelta(seconds=5)
        await looker.look(view)
    assert [one.native_id for one in either.sink.outcomes if isinstance(one, Change)] == [lost]


async def test_what_comes_once_a_clock_that_was_ahead_went_back_is_news_however_much_came_meanwhile(either: Portal) -> None:
    await either.fault(kind="clock", seconds=86_400)
    for number in range(7):
        await either.post(f"Demain, numéro {number}")
    space = either.space
    before = await either.client.newer(space, None)
    assert isinstance(before, Reading)
    await either.fault(kind="clock", seconds=0)
    after = await either.post("Aujourd'hui")
    found = await either.client.newer(space, before.cursor)
    assert isinstance(found, Reading)
    assert after in [one.native_id for one in found.sightings]
