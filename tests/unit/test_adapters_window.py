"""How far back a look at a polled space reads again: seven days, and two hundred messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters.looks import Looker
from adapters.port import Act, Change
from tests.fakes_polled import PolledSink, view_of
from tests.fakes_polled_rse import PolledRse

if TYPE_CHECKING:
    from collections.abc import Sequence

LAST = 200


async def edits_seen(rse: PolledRse, edited: Sequence[str]) -> list[str]:
    """Of messages that were told, and whose words changed since, those that the next look finds."""
    sink, view = PolledSink(), view_of("salon", since=datetime.now(UTC) - timedelta(days=30))
    await sink.looker(rse).look(view)
    told = len(sink.outcomes)
    for name in edited:
        rse.said[name].text = "Bonsoir"
    await sink.looker(rse).look(view)
    return [one.native_id for one in sink.outcomes[told:] if isinstance(one, Change)]


async def test_an_edit_of_seven_days_is_seen_and_of_more_is_not() -> None:
    rse = PolledRse()
    rse.say("older", "Bonjour", ago=timedelta(days=7, hours=1))
    rse.say("younger", "Bonjour", ago=timedelta(days=6, hours=23))
    assert await edits_seen(rse, ["older", "younger"]) == ["younger"]


async def test_an_edit_of_the_last_two_hundred_is_seen_and_of_one_before_is_not() -> None:
    rse = PolledRse()
    for number in range(LAST + 1):
        rse.say(f"a{number}", "Bonjour", ago=timedelta(seconds=2 * LAST - number))
    assert await edits_seen(rse, ["a0", "a1"]) == ["a1"]


async def test_what_it_holds_is_not_forgotten_however_long_nothing_changes() -> None:
    rse, sink, view, now = PolledRse(), PolledSink(), view_of("salon"), datetime.now(UTC)
    looker = Looker(rse, sink.watch, sink.admit, lambda: sink.room, lambda: now)
    rse.say("a", "Bonjour")
    rse.say("b", "Merci", under="a")
    await looker.look(view)
    for _ in range(3):
        now += timedelta(days=2)
        await looker.look(view)
        assert sink.watch.refreshed == {"a": now, "b": now}


async def test_what_is_deleted_from_it_is_told_at_once_however_old_it_is() -> None:
    rse, sink, view, now = PolledRse(), PolledSink(), view_of("salon", since=datetime.now(UTC) - timedelta(days=30)), datetime.now(UTC)
    looker = Looker(rse, sink.watch, sink.admit, lambda: sink.room, lambda: now, 0)
    rse.say("beyond", "Bonjour", ago=timedelta(days=8))
    rse.say("a", "Bonjour", ago=timedelta(days=6, hours=23))
    rse.say("b", "Bonjour", ago=timedelta(days=6, hours=23))
    rse.say("c", "Bonjour")
    await looker.look(view)
    now += timedelta(hours=2)
    del rse.said["a"]
    for _ in range(3):
        await looker.look(view)
    assert [one.native_id for one in sink.outcomes if isinstance(one, Change) and one.act is Act.DELETED] == ["a"]
    assert [rse.asked.count(f"gone {name}") for name in "abc"] == [1, 1, 0]


async def test_however_many_are_deleted_beyond_it_one_round_asks_for_all_of_them() -> None:
    rse, sink, view, now = PolledRse(), PolledSink(), view_of("salon", since=datetime.now(UTC) - timedelta(days=30)), datetime.now(UTC)
    looker = Looker(rse, sink.watch, sink.admit, lambda: sink.room, lambda: now)
    for number in range(50):
        rse.say(f"a{number}", "Bonjour", ago=timedelta(days=8))
    rse.say("b", "Bonjour")

    async def looks(number: int) -> int:
        nonlocal now
        for _ in range(number):
            now += timedelta(seconds=5)
            await looker.look(view)
        return sum(isinstance(one, Change) and one.act is Act.DELETED for one in sink.outcomes)

    assert await looks(6) == 0
    for number in range(45):
        del rse.said[f"a{number}"]
    pages = rse.asked.count("deeper 50")
    assert await looks(6) == 45
    assert rse.asked.count("deeper 5") + rse.asked.count("deeper 50") - pages <= 2
