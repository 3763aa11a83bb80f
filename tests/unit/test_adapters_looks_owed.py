"""What was seen in a thread and could not be kept is told in the end, though the window holds its root no more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from adapters import looks
from adapters.ledger import LedgerUnavailable
from adapters.looks import Looked, View
from adapters.port import Change, Later
from adapters.telling import NotKeptError
from tests.fakes_polled import PolledSink, view_of
from tests.fakes_polled_rse import PolledRse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from adapters.watch import Row


class Crowd:
    """A space of which the window holds the last two messages."""

    def __init__(self) -> None:
        self.rse, self.sink = PolledRse(), PolledSink()
        self.view, self.looker = view_of("salon"), self.sink.looker(self.rse)
        self.rse.say("a", "Bonjour", ago=timedelta(seconds=30))

    def restart(self) -> None:
        """Another process, which has the ledger alone."""
        self.view, self.looker = View(self.view.poll, self.sink.watch.cursors.get("salon")), self.sink.looker(self.rse)

    def go_on(self) -> None:
        """More is said than the window holds."""
        for name in ("c", "d", "e"):
            self.rse.say(name, "Et puis")

    async def answered_in_vain(self) -> None:
        """Somebody answers the first message while neither Kafka nor the spool takes anything, and then the others go on."""
        await self.look()
        self.rse.say("b", "Merci", under="a")
        self.sink.refusing = "spool_full"
        with pytest.raises(NotKeptError):
            await self.look()
        self.sink.refusing = ""
        self.go_on()

    def fill(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The ledger's disk is full once it has noted what is about to be told."""
        keep = self.sink.watch.keep

        async def expect(space: str, rows: Sequence[Row], now: datetime) -> None:
            await keep(space, rows, now, None)

        async def full(*_: object) -> None:
            raise LedgerUnavailable

        monkeypatch.setattr(self.sink.watch, "expect", expect)
        monkeypatch.setattr(self.sink.watch, "keep", full)

    async def look(self) -> Looked | Later | object:
        return await self.looker.look(self.view)

    @property
    def told(self) -> list[str]:
        return sorted(one.native_id for one in self.sink.outcomes if isinstance(one, Change))

    def texts_of(self, name: str) -> list[str]:
        """All that was told of one message."""
        changes = [one for one in self.sink.outcomes if isinstance(one, Change)]
        return [one.content.text for one in changes if one.native_id == name and one.content is not None]


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Crowd:
    monkeypatch.setattr(looks, "WINDOW_ROOTS", 2)
    monkeypatch.setattr(looks, "RE_READ", 1)
    return Crowd()


@pytest.mark.parametrize("killed", [False, True])
async def test_a_reply_that_nothing_kept_is_told_though_its_root_has_left_the_window(crowd: Crowd, *, killed: bool) -> None:
    await crowd.answered_in_vain()
    if killed:
        crowd.restart()
    await crowd.look()
    assert crowd.told == ["a", "b", "c", "d", "e"]


async def test_a_thread_that_was_announced_and_not_read_is_read_though_its_root_has_left_the_window(crowd: Crowd) -> None:
    await crowd.look()
    crowd.rse.say("b", "Merci", under="a")
    crowd.rse.refusing["replies a"] = Later("timeout")
    await crowd.look()
    crowd.go_on()
    await crowd.look()
    del crowd.rse.refusing["replies a"]
    await crowd.look()
    assert crowd.told == ["a", "b", "c", "d", "e"]


async def test_a_thread_on_which_the_rse_alone_fails_holds_up_no_look(crowd: Crowd) -> None:
    await crowd.answered_in_vain()
    crowd.rse.refusing["replies a"] = Later("http_500")
    for _ in range(looks.OWED_TRIES + 1):
        assert isinstance(await crowd.look(), Looked)
    assert not crowd.view.owed


@pytest.mark.parametrize("name", ["a", "b"])
async def test_an_edit_that_was_told_and_not_remembered_is_corrected_when_it_is_taken_back(
    crowd: Crowd, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd.rse.say("b", "Merci", under="a")
    await crowd.look()
    before = crowd.rse.said[name].text
    crowd.rse.said[name].text = "Bonsoir"
    with monkeypatch.context() as full:
        crowd.fill(full)
        with pytest.raises(LedgerUnavailable):
            await crowd.look()
    crowd.rse.said[name].text = before
    crowd.go_on()
    crowd.restart()
    await crowd.look()
    assert crowd.texts_of(name) == [before, "Bonsoir", before]
