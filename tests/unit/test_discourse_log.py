"""A Discourse's log of webhooks, read again and again by one process: few pages, and nothing that came meanwhile is passed over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.discourse import attempts
from adapters.discourse.http import Answer
from adapters.port import Change, Later, Losses, Never
from tests.fakes_discourse_log import TIED, Server, told

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGES = "/admin/api/web_hook_events/1.json"
FRESH, WHOLE = attempts.FRESH.total_seconds(), attempts.WHOLE_EVERY.total_seconds()


@pytest.fixture
def server() -> Server:
    """A forum that one process asks again and again; its log holds four pages, and a minute passes between two attempts."""
    server = Server()
    server.kept = server.recall()
    for minute in range(200):
        attempt(server, minute)
    return server


def stamp(minute: float) -> str:
    moment = TIED + timedelta(days=8, minutes=minute)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def attempt(server: Server, minute: float, at: float | None = None) -> int:
    """A new message that nobody was there to hear; it is dated as its attempt is, or at another minute."""
    number = len(server.attempts) + 1
    said = stamp(minute if at is None else at)
    server.tried("post_created", id=number, created_at=said, updated_at=said)
    server.stands(id=number, created_at=said, updated_at=said)
    return number


def pages(server: Server) -> int:
    return server.asked.count(PAGES)


def names(numbers: Iterable[int]) -> list[str]:
    return [f"post:{number}" for number in numbers]


async def found(server: Server, cursor: str | None) -> tuple[list[str], str | None]:
    looked = await server.lost(cursor)
    return [one.native_id for one in told(looked) if isinstance(one, Change)], looked.cursor


async def drained(server: Server) -> str | None:
    cursor: str | None = None
    while True:
        looked = await server.lost(cursor)
        cursor = looked.cursor
        if not looked.waiting:
            return cursor


def later(server: Server, seconds: float) -> None:
    server.now += seconds
    server.asked.clear()


async def test_the_pages_are_read_once_while_there_is_more_to_ask_for(server: Server) -> None:
    await server.lost()
    assert pages(server) == 5  # the last one is empty
    server.asked.clear()
    cursor = await drained(server)
    assert cursor == "200"
    assert pages(server) <= 2 * 5  # each portion takes longer than a reading is good for


async def test_a_well_forum_is_asked_for_its_first_page_alone(server: Server) -> None:
    cursor = await drained(server)
    later(server, 2 * FRESH)
    assert await found(server, cursor) == ([], cursor)
    assert server.asked == [PAGES] * len(server.asked)
    assert pages(server) <= 2


async def test_what_came_since_is_found_at_the_front(server: Server) -> None:
    cursor = await drained(server)
    later(server, 2 * FRESH)
    new = attempt(server, 200)
    assert await found(server, cursor) == (names([new]), str(new))
    assert pages(server) <= 2


async def test_more_than_a_page_that_came_since_is_found_whole(server: Server) -> None:
    cursor = await drained(server)
    later(server, 2 * FRESH)
    new = [attempt(server, 200 + number / 60) for number in range(120)]
    seen: list[str] = []
    while True:
        looked = await server.lost(cursor)
        seen += [one.native_id for one in told(looked) if isinstance(one, Change)]
        cursor = looked.cursor
        if not looked.waiting:
            break
    assert seen == names(new)


async def test_another_space_shares_the_reading(server: Server) -> None:
    await server.ask()
    server.now = 0.0
    server.asked.clear()
    assert await server.ask(space="98") == Losses((), "200")
    assert server.asked == []


async def test_a_space_that_was_read_less_far_has_the_log_read_again(server: Server) -> None:
    await server.ask("150")
    server.asked.clear()
    assert (await found(server, "100"))[0] == names(range(101, 151))
    assert pages(server) == 5


@pytest.mark.parametrize("place", ["/admin/api/web_hooks.json", PAGES])
async def test_a_reading_that_broke_off_hides_nothing(server: Server, place: str) -> None:
    cursor = await drained(server)
    later(server, 2 * FRESH if place == PAGES else 2 * WHOLE)
    new = [attempt(server, 200 + number / 60) for number in range(60)]
    real, asked = server.get, 0

    async def broken(path: str, query: object = ()) -> Answer | Later:
        nonlocal asked
        asked += path == place
        if path == place and asked == (2 if place == PAGES else 1):
            return Later("status_503")
        return await real(path, query)  # type: ignore[arg-type]

    server.get = broken  # type: ignore[method-assign]
    assert await server.ask(cursor) == Later("status_503")
    assert (await found(server, cursor))[0] == names(new[:50])


async def test_what_a_clock_ahead_has_dated_does_not_hide_what_comes_behind_it(server: Server) -> None:
    cursor = await drained(server)
    server.offset = timedelta(days=3)
    for number in range(60):
        attempt(server, 0, at=2 * 24 * 60 + number / 60)
    cursor = await drained(server)
    server.offset = timedelta(0)
    later(server, 2 * FRESH)
    now = (TIED + timedelta(days=9, seconds=server.now) - (TIED + timedelta(days=8))).total_seconds() / 60
    new = attempt(server, now)
    assert await found(server, cursor) == (names([new]), str(new))


async def test_what_a_clock_behind_has_dated_is_found_within_the_hour(server: Server) -> None:
    cursor = await drained(server)
    new = attempt(server, 0, at=20)
    later(server, 2 * FRESH)
    assert await found(server, cursor) == ([], cursor)
    later(server, WHOLE)
    assert await found(server, cursor) == (names([new]), str(new))


async def test_webhooks_that_changed_are_found_within_the_hour(server: Server) -> None:
    cursor = await drained(server)
    server.hooks = []
    later(server, 2 * FRESH)
    await server.ask(cursor)
    assert pages(server) > 0
    later(server, WHOLE)
    assert await server.ask(cursor) == Losses((), cursor)
    assert server.asked == ["/admin/api/web_hooks.json"]


async def test_who_is_no_administrator_any_more_is_told_so(server: Server) -> None:
    cursor = await drained(server)
    later(server, 2 * FRESH)
    server.answers[PAGES] = Answer(404, {})
    assert await server.ask(cursor) == Never("not_an_administrator")


async def test_two_hours_of_looks_keep_nothing_that_all_spaces_have_passed(server: Server) -> None:
    cursor = await drained(server)
    for _ in range(2):
        later(server, WHOLE)
        assert await server.ask(cursor) == Losses((), cursor)
    assert server.kept is not None
    assert server.kept._log._book is not None
    assert server.kept._log._book.failed == {}


async def test_one_reading_an_hour_serves_all_spaces_however_far_each_has_come(server: Server) -> None:
    cursors = {"97": "200", "98": "150", "99": "100"}
    for space, cursor in reversed(cursors.items()):
        await server.ask(cursor, space)
    later(server, WHOLE)
    for space, cursor in cursors.items():
        await server.ask(cursor, space)
    assert server.asked.count("/admin/api/web_hooks.json") == 1


def test_a_stamp_is_a_time() -> None:
    assert datetime.fromisoformat(stamp(1)) == TIED + timedelta(days=8, minutes=1)
