"""Where what is for others begins in a space of numbered messages, though some of its threads could not be read when it was tied."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from adapters import looks
from adapters.looks import RE_READ, View
from adapters.news import EVER
from adapters.port import Change, Later, Never, Nonsense
from adapters.watch import Poll
from tests.fakes_polled import PolledSink, view_of
from tests.fakes_polled_rse import PolledRse

if TYPE_CHECKING:
    from adapters.port import Sighting
    from tests.fakes_polled_rse import Said

LONG_AGO, BEFORE = timedelta(hours=2), timedelta(hours=1)
FAILED = Later("status_500")


class Tied:
    """A space that was tied a minute ago, with two messages in it, and answers to the second that were written last."""

    def __init__(self, kind: type[PolledRse] = PolledRse) -> None:
        self.rse, self.sink = kind(numbered=True), PolledSink()
        self.view, self.looker = view_of("salon"), self.sink.looker(self.rse)
        for name in ("a", "b"):
            self.rse.say(name, "Bonjour", ago=LONG_AGO)
        for name in ("b1", "b2"):
            self.rse.say(name, "Entre nous", under="b", ago=BEFORE)

    async def looks(self, number: int = 3) -> None:
        for _ in range(number):
            await self.looker.look(self.view)

    def restart(self) -> None:
        """Another process, which has the ledger alone."""
        floor = self.sink.watch.floors.get("salon")
        poll = replace(self.view.poll, cursor=self.sink.watch.cursors.get("salon"), floor=floor)
        self.view, self.looker = View(poll, poll.cursor), self.sink.looker(self.rse)

    @property
    def told(self) -> list[str]:
        return [one.native_id for one in self.sink.outcomes if isinstance(one, Change)]


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("answer", [FAILED, Later("timeout"), Never("list_incomplete")])
async def test_what_was_said_before_the_tie_stays_though_its_thread_could_not_be_read_then(answer: Later | Never, *, killed: bool) -> None:
    tied = Tied()
    tied.rse.refusing["replies b"] = answer
    await tied.looks()
    if killed:
        tied.restart()
    tied.rse.refusing.clear()
    tied.rse.say("b3", "Pour tous", under="b")
    await tied.looks()
    assert tied.told == ["b3"]


async def test_what_cannot_be_read_in_such_a_thread_keeps_its_words_too() -> None:
    class Rse(PolledRse):
        def _seen(self, one: Said) -> Sighting:
            seen = super()._seen(one)
            return replace(seen, tell=lambda: Nonsense("comment_malformed"), created_at=EVER, thread=None) if one.under else seen

    tied = Tied(Rse)
    tied.rse.refusing["replies b"] = FAILED
    await tied.looks()
    tied.rse.refusing.clear()
    await tied.looks()
    assert tied.sink.outcomes == []


async def test_what_was_said_while_a_tie_was_suspended_stays_though_its_thread_could_not_be_read_afterwards() -> None:
    tied = Tied()
    await tied.looks(1)
    tied.rse.say("b3", "Entre nous", under="b", ago=timedelta(minutes=30))
    tied.view = View(Poll("salon", datetime.now(UTC) - timedelta(minutes=1), tied.view.cursor, None), tied.view.cursor)
    tied.rse.refusing["replies b"] = FAILED
    await tied.looks()
    tied.rse.refusing.clear()
    await tied.looks()
    assert tied.told == []


@pytest.mark.parametrize("killed", [False, True])
async def test_what_was_read_before_a_first_look_was_cut_short_counts_too(*, killed: bool) -> None:
    tied = Tied()
    for number in range(RE_READ + 2):
        tied.rse.say(f"c{number}", "Bonjour", ago=LONG_AGO)
    for number in range(RE_READ + 2):
        tied.rse.say(f"d{number}", "Entre nous", under=f"c{number}", ago=BEFORE)
    tied.rse.refusing["replies b"] = tied.rse.refusing[f"replies c{RE_READ}"] = FAILED
    await tied.looks(2)
    assert tied.sink.watch.floors == {}
    if killed:
        tied.restart()
    tied.rse.refusing.clear()
    await tied.looks(1)
    assert tied.sink.watch.floors == {"salon": len(tied.rse.said)}


async def test_a_thread_that_can_never_be_read_keeps_nothing_that_is_said_elsewhere_whatever_the_clock_says() -> None:
    tied = Tied()
    tied.rse.refusing["replies b"] = FAILED
    await tied.looks()
    tied.rse.say("c", "Il y a un jour, dit l'horloge", ago=timedelta(days=1))
    tied.rse.say("a1", "Il y a un jour aussi", under="a", ago=timedelta(days=1))
    await tied.looks()
    assert tied.told == ["c", "a1"]


async def test_under_a_thread_that_was_read_at_last_the_number_decides_too() -> None:
    tied = Tied()
    tied.rse.refusing["replies b"] = FAILED
    await tied.looks()
    tied.rse.refusing.clear()
    await tied.looks()
    tied.rse.say("b3", "Il y a un jour, dit l'horloge", under="b", ago=timedelta(days=1))
    await tied.looks()
    assert tied.told == ["b3"]


async def test_a_thread_that_nobody_read_and_that_has_emptied_is_a_new_one() -> None:
    tied = Tied()
    tied.rse.refusing["replies b"] = FAILED
    await tied.looks()
    tied.rse.refusing.clear()
    del tied.rse.said["b1"], tied.rse.said["b2"]
    await tied.looks(1)
    tied.rse.say("b3", "Il y a un jour, dit l'horloge", under="b", ago=timedelta(days=1))
    await tied.looks()
    assert tied.told == ["b3"]


async def test_a_thread_that_nobody_read_keeps_what_was_said_before_though_its_root_has_left_the_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looks, "WINDOW_ROOTS", 2)
    tied = Tied()
    tied.rse.refusing["replies b"] = FAILED
    await tied.looks()
    for name in ("c", "d"):
        tied.rse.say(name, "Et puis")
    await tied.looks(1)
    tied.rse.refusing.clear()
    await tied.looks(1)
    assert {"b1", "b2"} <= tied.sink.watch.kept.keys()
    tied.rse.say("b3", "Il y a un jour, dit l'horloge", under="b", ago=timedelta(days=1))
    for name in ("c", "d"):
        del tied.rse.said[name]
    await tied.looks()
    assert [name for name in tied.told if name.startswith("b")] == ["b3"]
