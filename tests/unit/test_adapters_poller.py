"""Whose turn it is: only tied and allowed spaces, active ones often, idle ones seldom, an RSE that fails left in peace."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from prometheus_client import REGISTRY
from pydantic import ValidationError

from adapters.looks import Looker
from adapters.poller import ACTIVE_FOR, REMEMBERED, REMINDED, Outlook, Poller, asked
from adapters.port import Later, Never
from adapters.ties import Tie, Ties, TieState
from adapters.watch import Poll
from schemas.words import Audience
from tests.fakes_adapters import NoLedger, an_instance
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
        self.begun: list[tuple[str, datetime]] = []
        self.tidied: list[datetime] = []

    async def claim(self, tied: Mapping[str, datetime], lease: timedelta) -> list[Poll]:
        del lease
        self.wanted.append(sorted(tied))
        return [Poll(space, tied[space], "a cursor", None) for space in self.wanted[-1] if space not in self.others]

    async def begin(self, space: str, since: datetime) -> None:
        self.begun.append((space, since))

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

    async def tie(self, space: str, state: TieState = TieState.CONFIRMED) -> None:
        await self.ties.put(
            Tie(space, f"c-{space}", "T", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=state, renewed_at=NOON)
        )

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


async def test_what_was_said_while_a_tie_was_suspended_stays_there_when_it_lives_again(tower: Watchtower) -> None:
    await tower.tie("salon", TieState.SUSPENDED)
    await tower.after(0)
    await tower.after(60)
    assert tower.claims.begun == []
    await tower.tie("salon")
    await tower.after(60)
    await tower.after(60)
    assert tower.claims.begun == [("salon", tower.now - timedelta(seconds=60))]


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
