"""What lies beyond the window of a polled space: read again slowly, so that every change is seen in the end, and no faster than the settings say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from adapters.depths import MOST_STEPS, REST, TRUSTED_FOR, Depth
from adapters.looks import WINDOW_ROOTS, Looked, Looker
from adapters.port import Act, Change, Later
from tests.fakes_polled import PolledSink, view_of
from tests.fakes_polled_rse import PAGE, PolledRse

OLDER = 25
ROUND = 40
"""Looks that are enough for a round of the older ones and of a thread under some."""


class Deep:
    """A space with more in it than the window holds, and a clock of ours."""

    def __init__(self, per_minute: float = 12.0) -> None:
        self.rse, self.sink = PolledRse(), PolledSink()
        self.now = datetime.now(UTC)
        for number in range(WINDOW_ROOTS + OLDER):
            self.rse.say(f"a{number}", "Bonjour", ago=timedelta(minutes=WINDOW_ROOTS + OLDER - number))
        self.view = view_of("salon", since=self.now - timedelta(days=1))
        self.looker = Looker(self.rse, self.sink.watch, self.sink.admit, lambda: self.sink.room, lambda: self.now, per_minute)

    async def looks(self, number: int, every: float = 5.0) -> None:
        for _ in range(number):
            assert isinstance(await self.looker.look(self.view), Looked)
            self.now += timedelta(seconds=every)

    @property
    def told(self) -> list[tuple[Act, str]]:
        return [(one.act, one.native_id) for one in self.sink.outcomes if isinstance(one, Change)]

    async def told_of(self, name: str) -> list[Act]:
        """What a round of looks tells of one object."""
        before = len(self.told)
        await self.looks(ROUND)
        return [act for act, native_id in self.told[before:] if native_id == name]


async def test_what_lay_beyond_the_window_from_the_start_is_seen_once() -> None:
    deep = Deep()
    await deep.looks(ROUND)
    assert sorted(name for _, name in deep.told) == sorted(deep.rse.said)


async def test_an_edit_beyond_the_window_is_seen_in_the_end() -> None:
    deep = Deep()
    await deep.looks(ROUND)
    deep.rse.said["a3"].text = "Bonsoir"
    assert await deep.told_of("a3") == [Act.EDITED]


async def test_a_deletion_beyond_the_window_is_seen_in_the_end_however_old_the_message() -> None:
    deep = Deep()
    deep.rse.said["a3"].at -= timedelta(hours=20)
    await deep.looks(ROUND)
    deep.now += timedelta(days=30)
    del deep.rse.said["a3"]
    assert await deep.told_of("a3") == [Act.DELETED]


async def test_answers_beyond_the_window_are_seen_and_their_edits_and_deletions_too() -> None:
    deep = Deep()
    deep.rse.say("b", "Merci", under="a3")
    deep.rse.say("c", "De rien", under="a3")
    await deep.looks(ROUND)
    deep.rse.said["b"].text = "Merci bien"
    assert await deep.told_of("b") == [Act.EDITED]
    del deep.rse.said["c"]
    assert await deep.told_of("c") == [Act.DELETED]


async def test_what_is_still_there_is_remembered_for_as_long_again() -> None:
    deep = Deep()
    deep.rse.say("b", "Merci", under="a3")
    await deep.looks(ROUND)
    assert {"a0", "a3", "b"} <= deep.sink.watch.refreshed.keys()
    refreshed = deep.sink.watch.refreshed["a0"]
    deep.now += TRUSTED_FOR
    await deep.looks(ROUND)
    assert deep.sink.watch.refreshed["a0"] > refreshed


async def test_no_more_is_asked_in_a_minute_than_the_settings_say() -> None:
    deep = Deep(per_minute=2.0)
    await deep.looks(61, every=1.0)
    assert sum(one.startswith("deeper") for one in deep.rse.asked) == 3  # at the first look, after half a minute, after a minute
    none = Deep(per_minute=0.0)
    await none.looks(ROUND)
    assert not any(one.startswith("deeper") for one in none.rse.asked)


async def test_a_space_that_its_window_holds_whole_costs_nothing_more() -> None:
    deep = Deep()
    deep.rse.said = {name: deep.rse.said[name] for name in list(deep.rse.said)[:WINDOW_ROOTS]}
    await deep.looks(ROUND)
    assert not any(one.startswith("deeper") for one in deep.rse.asked)


async def test_a_page_or_a_thread_that_always_fails_holds_up_nothing_else() -> None:
    deep = Deep()
    deep.rse.say("b", "Merci", under="a3")
    deep.rse.refusing[f"deeper {OLDER - PAGE}"] = Later("status_500")
    outcomes = []
    for _ in range(ROUND):
        outcomes.append(await deep.looker.look(deep.view))
        deep.now += timedelta(seconds=5)
    assert any(isinstance(one, Looked) for one in outcomes[-2:])
    deep.rse.refusing = {"replies a3": Later("status_500")}
    deep.rse.said["a1"].text = "Bonsoir"
    for _ in range(ROUND):
        await deep.looker.look(deep.view)
        deep.now += timedelta(seconds=5)
    assert (Act.EDITED, "a1") in deep.told


async def test_a_lively_space_asks_as_often_as_its_settings_say_and_a_calm_one_once_at_a_look() -> None:
    now, depth = datetime.now(UTC), Depth(begins="1")
    assert depth.steps(now, 240.0) == 1
    assert depth.steps(now + timedelta(seconds=2), 240.0) == 8
    assert depth.steps(now + timedelta(seconds=20), 240.0) == MOST_STEPS
    assert depth.steps(now + timedelta(seconds=20) + REST, 240.0) == 1
    assert Depth().steps(now, 240.0) == 0
