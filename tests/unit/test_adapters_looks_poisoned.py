"""One object on which an RSE fails for ever: what is gone beside it is told, and it is asked again ever more rarely."""

from __future__ import annotations

import pytest

from adapters import set_back
from adapters.port import Later
from tests.unit.test_adapters_looks import Room

FAILS = Later("status_500")


async def said() -> Room:
    room = Room()
    for name in "abcdefgh":
        room.rse.say(name, "Bonjour")
    await room.look()
    return room


def gone(room: Room) -> list[str]:
    return sorted(name for act, name, _ in room.told if act == "deleted")


async def test_the_deletions_beside_it_are_told_in_one_look() -> None:
    room = await said()
    room.rse.refusing["gone d"] = FAILS
    room.rse.said.clear()
    assert not isinstance(await room.look(), Later)
    assert gone(room) == list("abcefgh")


async def test_it_is_told_once_the_rse_says_so_though_nothing_else_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_back, "FIRST_SECONDS", 0.0)
    room = await said()
    room.rse.refusing["gone d"] = FAILS
    del room.rse.said["d"]
    await room.look()
    await room.look()
    room.rse.refusing.clear()
    await room.look()
    assert gone(room) == ["d"]


async def test_it_is_not_asked_again_before_its_time() -> None:
    room = await said()
    room.rse.refusing["gone d"] = FAILS
    del room.rse.said["d"]
    for _ in range(10):
        await room.look()
    assert room.rse.asked.count("gone d") == 1


async def test_an_rse_that_fails_on_two_in_a_row_is_left_alone_and_the_others_come_at_the_next_look() -> None:
    room = await said()
    room.rse.refusing = {"gone d": FAILS, "gone e": FAILS}
    room.rse.said.clear()
    outcomes = [await room.look() for _ in range(3)]
    assert sum(isinstance(one, Later) for one in outcomes) <= 1
    assert gone(room) == list("abcfgh")


@pytest.mark.parametrize("why", [Later("unreachable"), Later("status_500", 30.0)])
async def test_an_rse_that_is_away_ends_the_look(why: Later) -> None:
    room = await said()
    room.rse.refusing["gone d"] = why
    room.rse.said.clear()
    assert await room.look() == why
    room.rse.refusing.clear()
    await room.look()
    assert gone(room) == list("abcdefgh")
