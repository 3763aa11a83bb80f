"""What was seen in a thread and could not be kept is told in the end, though the window holds its root no more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters import looks
from adapters.looks import Looked, View
from adapters.port import Change, Later
from adapters.telling import NotKeptError
from tests.fakes_polled import PolledSink, view_of
from tests.fakes_polled_rse import PolledRse


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

    async def look(self) -> Looked | Later | object:
        return await self.looker.look(self.view)

    @property
    def told(self) -> list[str]:
        return sorted(one.native_id for one in self.sink.outcomes if isinstance(one, Change))


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
