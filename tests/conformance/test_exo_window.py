"""What the window of an eXo holds, through real HTTP, both generations: as many of the newest as asked, and no page older than the days asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.exo import alpha3, v1
from adapters.port import Reading
from tests.fakes_exo import ALPHA3, SPACES, V1
from tests.fakes_exo_twin import Portal, portal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LONG_AGO = datetime.fromtimestamp(0, UTC)
PAGE = 2


@pytest.fixture(params=[V1, ALPHA3])
async def either(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Portal]:
    monkeypatch.setattr(v1, "PAGE", PAGE)
    monkeypatch.setattr(alpha3, "PAGE", PAGE)
    async with portal(tmp_path, request.param) as found:
        yield found


def space_of(rse: Portal) -> str:
    return SPACES[rse.instance.options["generation"]][0]


async def window(rse: Portal, since: datetime, most: int) -> list[str]:
    """The activities that a look would read again."""
    found = await rse.client.window(space_of(rse), since, most, "")
    assert isinstance(found, Reading)
    return [one.native_id for one in found.sightings if one.native_id.startswith("activity")]


async def test_it_reaches_back_over_pages_to_as_many_of_the_newest_as_asked(either: Portal) -> None:
    posted = [await either.post(f"Numéro {number}") for number in range(7)]
    assert await window(either, LONG_AGO, 5) == posted[-5:]
    assert await window(either, LONG_AGO, 200) == posted


async def test_no_page_is_asked_beyond_one_that_ends_before_the_days_asked(either: Portal) -> None:
    posted = [await either.post(f"Numéro {number}") for number in range(7)]
    assert await window(either, datetime.now(UTC) + timedelta(hours=1), 5) == posted[-PAGE:]


async def test_what_comes_once_a_clock_that_was_ahead_went_back_is_news_however_much_came_meanwhile(either: Portal) -> None:
    await either.fault(kind="clock", seconds=86_400)
    for number in range(7):
        await either.post(f"Demain, numéro {number}")
    space = space_of(either)
    before = await either.client.newer(space, None)
    assert isinstance(before, Reading)
    await either.fault(kind="clock", seconds=0)
    after = await either.post("Aujourd'hui")
    found = await either.client.newer(space, before.cursor)
    assert isinstance(found, Reading)
    assert after in [one.native_id for one in found.sightings]
