"""A post on which a Discourse fails for ever: set behind the others, known by the cursor, and in the end a dead letter."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from adapters.discourse.lost import GIVE_UP_SECONDS, GIVE_UP_TRIES
from adapters.discourse.progress import Progress
from adapters.port import Change, Later, Losses, Nonsense
from tests.fakes_discourse_log import THIRD, Server, told


@pytest.fixture
def server() -> Server:
    made = Server()
    for number in (1, 2, 3):
        made.tried("post_created", id=number)
        made.stands(id=number)
    return made


def names(found: Losses) -> list[str]:
    return [one.native_id for one in told(found) if isinstance(one, Change)]


async def test_the_others_are_told_once_whatever_process_goes_on(server: Server) -> None:
    server.answers["/posts/1.json"] = Later("status_500", None)
    found = await server.lost()
    assert (names(found), found.waiting) == (["post:2", "post:3"], 0)
    again = await server.lost(found.cursor)
    assert names(again) == []
    server.answers.clear()
    healed = await server.lost(again.cursor)
    assert (names(healed), healed.cursor) == (["post:1"], "3")


async def test_what_is_noted_on_the_way_is_neither_told_twice_nor_passed_over(server: Server) -> None:
    server.answers["/posts/1.json"] = Later("status_500", None)
    first, second = (await server.lost()).losses
    assert names(await server.lost(first.cursor)) == ["post:2", "post:3"]
    assert names(await server.lost(second.cursor)) == ["post:3"]


async def test_what_happens_later_to_a_thing_that_was_told_beyond_it_is_told_too(server: Server) -> None:
    server.answers["/posts/1.json"] = Later("status_500", None)
    found = await server.lost()
    server.tried("post_edited", id=2, updated_at=THIRD)
    server.stands(id=2, updated_at=THIRD)
    assert names(await server.lost(found.cursor)) == ["post:2"]


async def test_one_process_asks_for_it_ever_more_rarely(server: Server) -> None:
    gauge = "traitdunion_objects_set_back", {"instance": "rse", "work": "losses"}
    before = REGISTRY.get_sample_value(*gauge) or 0.0
    server.answers["/posts/1.json"] = Later("status_500", None)
    server.kept = server.recall()
    cursor = (await server.lost()).cursor
    for _ in range(60):
        server.now += 120.0
        cursor = (await server.lost(cursor)).cursor
    assert 5 < server.asked.count("/posts/1.json") < 15
    assert REGISTRY.get_sample_value(*gauge) == before + 1
    assert server.asked.count("/posts/2.json") == 1


async def test_after_a_day_it_is_a_dead_letter_and_the_log_goes_on(server: Server) -> None:
    server.answers["/posts/1.json"] = Later("status_500", None)
    server.kept = server.recall()
    found = await server.lost()
    for _ in range(GIVE_UP_TRIES + 30):
        server.now += GIVE_UP_SECONDS / 20
        found = await server.lost(found.cursor)
        if found.losses:
            break
    assert told(found) == (Nonsense("rse_fails_on_object", "post:1"),)
    server.now += GIVE_UP_SECONDS
    assert told(await server.lost(found.losses[0].cursor)) == told(found)  # it could not be stored
    assert found.cursor == "3"


async def test_a_server_that_fails_on_all_is_asked_for_two_and_left_alone(server: Server) -> None:
    for number in (1, 2, 3):
        server.answers[f"/posts/{number}.json"] = Later("status_500", None)
    assert await server.ask() == Later("status_500", None)
    assert [path for path in server.asked if path.startswith("/posts/")] == ["/posts/1.json", "/posts/2.json"]


async def test_a_server_that_is_away_is_not_held_against_an_object(server: Server) -> None:
    server.answers["/posts/1.json"] = Later("unreachable")
    assert await server.ask() == Later("unreachable")
    assert "/posts/2.json" not in server.asked


@pytest.mark.parametrize("cursor", ["0", "41", "41+43,57"])
def test_a_cursor_is_read_as_it_was_written(cursor: str) -> None:
    assert str(Progress.read(cursor)) == cursor
