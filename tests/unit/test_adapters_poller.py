"""Whose turn it is: only tied and allowed spaces, active ones often, idle ones seldom, an RSE that fails left in peace."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from prometheus_client import REGISTRY
from pydantic import ValidationError

from adapters.handshake import NEVER
from adapters.looks import Looker
from adapters.poller import ACTIVE_FOR, REMEMBERED, REMINDED, Outlook, Poller, asked
from adapters.port import Change, Later, Never
from adapters.ties import Tie, Ties, TieState
from adapters.watch import Poll
from schemas.words import Audience
from tests.fakes_adapters import NoLedger
from tests.fakes_plain import an_instance
from tests.fakes_polled import MemoryWatch, PolledSink
from tests.fakes_polled_rse import PolledRse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from adapters.ledger import Ledger

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class FakeTies(Ties):
    """Ties that no ledger changes."""

    def __init__(self) -> None:
        super().__init__(cast("Ledger", NoLedger()), "rse")

    async def load(self) -> None:
        return None


class Claims(MemoryWatch):
    """Grants the lease of every space but those that another poller holds."""

    def __init__(self) -> None:
        super().__init__()
        self.others: set[str] = set()
        self.wanted: list[list[str]] = []
        self.tidied: list[datetime] = []

    async def claim(self, tied: Mapping[str, datetime], lease: timedelta) -> list[Poll]:
        del lease
        self.wanted.append(sorted(tied))
        return [Poll(space, tied[space], "a cursor", None) for space in self.wanted[-1] if space not in self.others]

    async def release(self) -> None:
        return None

    async def tidy(self, before: datetime) -> None:
        self.tidied.append(before)


class Watchtower:
    """A poller under a clock that a test turns."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.now = datetime.now(UTC)
        self.refusals = 0
        self.rse, self.sink, self.ties, self.claims = PolledRse(), PolledSink(), FakeTies(), Claims()
        self.instance = an_instance(folder, spaces=frozenset({"salon", "autre"}), **settings)
        self.outlook = Outlook(
            "tower", self.instance, Looker(self.rse, self.claims, self.sink.admit, lambda: self.sink.room, lambda: self.now), asked(self.instance), self.ties, self.claims,
            lambda: self.refusals, lambda: self.now, asyncio.sleep, lambda: 1.0,
        )  # fmt: skip
        self.poller = Poller(self.outlook)

    async def tie(self, space: str, state: TieState = TieState.CONFIRMED, begun_at: datetime = NOON) -> None:
        await self.ties.put(
            Tie(
                space, f"c-{space}", "T", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=state, renewed_at=NOON,
                begun_at=begun_at,
            )
        )  # fmt: skip

    def told(self) -> list[str]:
        """Of what the hub was told."""
        return [one.native_id for one in self.sink.outcomes if isinstance(one, Change)]

    async def after(self, seconds: float) -> int:
        """How many looks are taken when so much time has gone."""
        self.now += timedelta(seconds=seconds)
        self.rse.asked.clear()
        async with asyncio.TaskGroup() as looks:
            await self.poller.round(looks)
        return self.rse.asked.count("newer")


@pytest.fixture
def tower(tmp_path: Path) -> Watchtower:
    return Watchtower(tmp_path)


def late() -> float | None:
    return REGISTRY.get_sample_value("traitdunion_poll_late_seconds", {"instance": "tower"})


async def test_only_spaces_that_are_allowed_and_tied_are_looked_at(tower: Watchtower) -> None:
    assert await tower.after(0) == 0
    await tower.tie("salon")
    await tower.tie("ailleurs")
    await tower.tie("autre", TieState.REFUSED)
    assert await tower.after(1) == 1
    assert tower.claims.wanted[-1] == ["salon"]


async def test_a_suspended_space_is_looked_at_so_that_it_holds_no_news_when_it_comes_back(tower: Watchtower) -> None:
    await tower.tie("salon", TieState.SUSPENDED)
    assert await tower.after(0) == 1


async def test_a_space_that_another_poller_holds_is_left_to_it(tower: Watchtower) -> None:
    await tower.tie("salon")
    tower.claims.others.add("salon")
    assert await tower.after(0) == 0
    tower.claims.others.clear()
    assert await tower.after(9) == 0
    assert await tower.after(2) == 1


async def test_an_idle_space_is_seen_within_a_minute_and_an_active_one_within_five_seconds(tower: Watchtower) -> None:
    await tower.tie("salon")
    assert await tower.after(0) == 1
    assert await tower.after(5) == 0
    tower.rse.say("a", "Bonjour")
    assert await tower.after(46) == 1
    assert await tower.after(4.1) == 1
    assert await tower.after(4.1) == 1
    assert await tower.after(ACTIVE_FOR.total_seconds()) == 1
    assert await tower.after(5) == 0
    assert await tower.after(46) == 1


async def test_a_setting_tells_how_often_a_lively_space_is_looked_at(tmp_path: Path) -> None:
    tower = Watchtower(tmp_path, poll_seconds=1.0)
    await tower.tie("salon")
    tower.rse.say("a", "Bonjour")
    assert await tower.after(0) == 1
    assert [await tower.after(0.5), await tower.after(0.6), await tower.after(1.1)] == [0, 1, 1]


@pytest.mark.parametrize("seconds", [0.0, 0.1, 61.0, float("nan")])
def test_a_rhythm_that_would_harass_an_rse_or_forget_it_is_refused(tmp_path: Path, seconds: float) -> None:
    with pytest.raises(ValidationError):
        an_instance(tmp_path, poll_seconds=seconds)


async def test_a_space_that_has_just_been_tied_is_a_lively_one(tower: Watchtower, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fresh(tied: Mapping[str, datetime], lease: timedelta) -> list[Poll]:
        del lease
        return [Poll(space, since, None, None) for space, since in tied.items()]

    monkeypatch.setattr(tower.claims, "claim", fresh)
    await tower.tie("salon")
    assert [await tower.after(0), await tower.after(4.1), await tower.after(4.1)] == [1, 1, 1]


async def test_an_rse_that_fails_is_left_in_peace_for_as_long_as_it_wishes_in_all_its_spaces(tower: Watchtower) -> None:
    await tower.tie("salon")
    tower.rse.refusing["newer"] = Later("rate_limited", 120.0)
    assert await tower.after(0) == 1
    await tower.tie("autre")
    assert await tower.after(119) == 0
    tower.rse.refusing.clear()
    assert await tower.after(2) == 2


async def test_a_space_that_cannot_be_read_holds_up_no_other(tower: Watchtower) -> None:
    await tower.tie("salon")
    tower.rse.refusing["newer"] = Never("forbidden")
    assert await tower.after(0) == 1
    await tower.tie("autre")
    assert await tower.after(1) == 1
    assert await tower.after(58) == 0
    assert await tower.after(3) == 2


async def test_a_look_that_fails_in_a_way_that_nobody_foresaw_holds_up_no_other(tower: Watchtower, monkeypatch: pytest.MonkeyPatch) -> None:
    await tower.tie("salon")

    async def crash(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(tower.rse, "window", crash)
    assert await tower.after(0) == 1
    monkeypatch.undo()
    assert await tower.after(61) == 1
    assert await tower.after(51) == 1


async def test_nothing_is_forgotten_before_every_space_has_been_looked_at_once_more(tower: Watchtower) -> None:
    await tower.tie("salon")
    await tower.after(0)
    assert tower.claims.tidied == []
    await tower.after(3601)
    assert tower.claims.tidied == [tower.now - REMEMBERED]


async def test_lateness_is_how_overdue_the_worst_space_is(tower: Watchtower) -> None:
    await tower.tie("salon")
    await tower.after(0)
    tower.rse.refusing["newer"] = Later("unreachable")
    for _ in range(4):
        await tower.after(50)
    assert late() == 150.0
    tower.rse.refusing.clear()
    await tower.after(50)
    await tower.after(1)
    assert late() == 0.0


async def test_what_was_said_before_a_tie_lived_again_stays_there_though_nobody_looked_meanwhile(tower: Watchtower) -> None:
    await tower.tie("salon", TieState.SUSPENDED, tower.now - timedelta(days=1))
    await tower.after(0)
    tower.rse.say("a", "Entre nous", ago=timedelta(seconds=1))
    await tower.tie("salon", begun_at=datetime.now(UTC))
    tower.rse.say("b", "Pour tous")
    await tower.after(1)
    assert tower.told() == ["b"]


async def test_what_stood_in_a_space_before_its_tie_stays_there_too_when_that_lives_again(tower: Watchtower) -> None:
    tower.rse.numbered = True
    tower.rse.say("buried", "Entre nous", ago=timedelta(hours=2))
    tower.rse.say("old", "Entre nous", ago=timedelta(hours=2))
    tower.rse.hidden.add("buried")
    await tower.tie("salon", begun_at=tower.now - timedelta(hours=1))
    tower.rse.say("a", "Pour tous", ago=timedelta(minutes=5))
    await tower.after(0)
    await tower.tie("salon", TieState.SUSPENDED, tower.now - timedelta(hours=1))
    await tower.after(60)
    await tower.tie("salon", begun_at=tower.now)
    await tower.after(60)
    tower.rse.hidden.clear()
    await tower.after(60)
    assert tower.told() == ["a"]


async def test_what_was_said_between_two_ties_stays_there_though_no_round_saw_the_space_free(tower: Watchtower) -> None:
    await tower.tie("salon", begun_at=tower.now - timedelta(days=1))
    await tower.after(0)
    tower.rse.say("a", "Entre nous", ago=timedelta(seconds=1))
    await tower.tie("salon", TieState.REFUSED)
    await tower.tie("salon", begun_at=datetime.now(UTC))
    tower.rse.say("b", "Pour tous")
    await tower.after(1)
    assert tower.told() == ["b"]


async def test_a_tie_whose_readers_are_being_attested_anew_tells_nothing_of_before_it(tower: Watchtower) -> None:
    tower.rse.say("a", "Entre nous", ago=timedelta(hours=1))
    await tower.tie("salon", begun_at=tower.now)
    tie = tower.ties.known("salon")
    assert tie is not None
    await tower.ties.put(replace(tie, renewed_at=NEVER))
    await tower.after(0)
    assert tower.told() == []


async def test_a_look_under_way_tells_nothing_more_once_its_tie_has_ended(tower: Watchtower, monkeypatch: pytest.MonkeyPatch) -> None:
    await tower.tie("salon")
    tower.rse.say("a", "Entre nous")
    held_up, window = asyncio.Event(), tower.rse.window

    async def slow(*asked: Any) -> Any:
        await held_up.wait()
        return await window(*asked)

    monkeypatch.setattr(tower.rse, "window", slow)
    async with asyncio.TaskGroup() as looks:
        await tower.poller.round(looks)
        await asyncio.sleep(0)
        await tower.tie("salon", TieState.REFUSED)
        await tower.poller.round(looks)
        held_up.set()
    assert tower.told() == []


async def test_after_a_platform_was_told_to_come_again_it_is_asked_within_a_minute(tower: Watchtower) -> None:
    tower.poller = Poller(replace(tower.outlook, rhythm=REMINDED))
    await tower.tie("salon")
    assert [await tower.after(0), await tower.after(100), await tower.after(10)] == [1, 0, 0]
    assert await tower.after(11) == 1
    tower.refusals += 1
    assert [await tower.after(1), await tower.after(61), await tower.after(61)] == [0, 1, 0]


async def test_who_looks_is_told_of_a_space_that_is_another_pollers(tower: Watchtower, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[str] = []
    monkeypatch.setattr(tower.outlook.looker, "left", left.append)
    await tower.tie("salon")
    await tower.tie("autre")
    assert await tower.after(0) == 2
    tower.claims.others = {"autre"}
    await tower.after(11)
    assert left == ["autre"]
