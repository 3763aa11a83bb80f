"""What an RSE could not tell, asked again: one object on which it fails for ever holds up none behind it, and is not forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest

from adapters.completions import ENOUGH, ENOUGH_TRIES, Completions
from adapters.port import Act, Change, Incomplete, Later, Outcome, Standing, Unused
from adapters.sorting import Answer, NotStored, Stored
from adapters.spool import Kind, Record, Row, Spool, pack_incomplete
from adapters.threads import BEHIND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.admission import Admission
    from adapters.ledger import Ledger
    from adapters.port import RseClient

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
POISON = "post:0"
FAILS = Later("status_500")


class Desk:
    """A spool with things to complete, an RSE that fails on some of them, and what was told."""

    def __init__(self, count: int, *, otherwise: Change | None = None) -> None:
        self.now = NOW
        self.rows = [self._row(number, otherwise) for number in range(count)]
        self.failing: dict[str, Later] = {POISON: FAILS}
        self.stands: dict[Incomplete, Outcome | Later] = {}
        self.asked, self.told = list[str](), list[Outcome]()
        self.stored: Answer = Stored(())
        self.set_back = 0
        self.asking = asyncio.Lock()
        self.completions = self.process()

    def _row(self, number: int, otherwise: Change | None = None) -> Row:
        kept = Incomplete(f"post:{number}", Act.DELETED if otherwise else Act.EDITED, otherwise=otherwise)
        return Row(number, pack_incomplete(kept), Record("", b"", b"", []), NOW)

    def process(self) -> Completions:
        return Completions("rse", cast("RseClient", self), cast("Spool", self), cast("Admission", self), lambda: self.now)

    @property
    def waiting(self) -> dict[Kind, int]:
        return {Kind.INCOMPLETE: len(self.rows)}

    async def first(self, _: Kind, limit: int, after: int = -1) -> list[Row]:
        return [row for row in self.rows if row.position > after][:limit]

    async def remove(self, _: Kind, positions: Sequence[int]) -> None:
        self.rows = [row for row in self.rows if row.position not in positions]

    async def complete(self, incomplete: Incomplete) -> Outcome | Later:
        self.asked.append(incomplete.native_id)
        return self.stands.get(incomplete) or self.failing.get(incomplete.native_id) or Unused(incomplete.native_id)

    async def admit(self, outcomes: Sequence[Outcome], body: bytes, correlation: str, *, leaving: bool) -> Answer:
        del body, correlation, leaving
        if isinstance(self.stored, Stored):
            self.told += outcomes
        return self.stored

    async def rounds(self, count: int, seconds: float = 2.0) -> None:
        for _ in range(count):
            await self.completions.ask()
            self.now += timedelta(seconds=seconds)

    @property
    def names(self) -> list[str]:
        return [one.type for one in self.told if isinstance(one, Unused)]


async def test_those_behind_it_are_completed_and_it_is_asked_ever_more_rarely() -> None:
    desk = Desk(50)
    await desk.rounds(100)
    assert desk.names == [f"post:{number}" for number in range(1, 50)]
    assert 5 < desk.asked.count(POISON) < 10
    assert [row.position for row in desk.rows] == [0]
    assert desk.set_back == 1


async def test_what_comes_while_it_waits_is_completed_at_once() -> None:
    desk = Desk(1)
    await desk.rounds(5)
    desk.rows.append(desk._row(7))
    await desk.rounds(1)
    assert desk.names == ["post:7"]


async def test_it_is_told_once_the_rse_tells_it() -> None:
    desk = Desk(2)
    await desk.rounds(20)
    desk.failing.clear()
    await desk.rounds(60)
    assert (desk.names, desk.rows) == (["post:1", POISON], [])


async def test_a_row_that_appears_before_those_that_were_looked_at_is_found() -> None:
    desk = Desk(3)
    late, desk.rows = desk.rows[1], [desk.rows[0], desk.rows[2]]
    await desk.rounds(5)
    desk.rows.append(late)
    desk.rows.sort(key=lambda row: row.position)
    await desk.rounds(5)
    assert desk.names == ["post:2", "post:1"]


async def test_an_rse_that_fails_on_all_is_asked_for_two_at_a_time() -> None:
    desk = Desk(10)
    desk.failing = {f"post:{number}": FAILS for number in range(10)}
    await desk.completions.ask()
    assert desk.asked == ["post:0", "post:1"]


@pytest.mark.parametrize("why", [Later("unreachable"), Later("status_500", 30.0), Later("rate_limited")])
async def test_an_rse_that_is_away_is_not_held_against_an_object(why: Later) -> None:
    desk = Desk(3)
    desk.failing = {POISON: why}
    await desk.rounds(3)
    assert desk.asked == [POISON] * 3
    assert desk.set_back == 0


async def test_what_could_not_be_stored_is_asked_again() -> None:
    desk = Desk(3)
    desk.failing, desk.stored = {}, NotStored("ledger_unavailable")
    await desk.rounds(2)
    desk.stored = Stored(())
    await desk.rounds(2)
    assert (desk.asked[:2], desk.names) == (["post:0", "post:0"], ["post:0", "post:1", "post:2"])


async def test_after_hours_a_deletion_that_its_webhook_proved_is_told_and_the_rest_stays() -> None:
    proved = Change(Act.DELETED, POISON, "2", "m", "salon", "u1", NOW)
    desk = Desk(1, otherwise=proved)
    desk.rows.append(Row(1, pack_incomplete(Incomplete("post:1", Act.EDITED)), Record("", b"", b"", []), NOW))
    desk.failing["post:1"] = FAILS
    await desk.rounds(ENOUGH_TRIES, 60.0)
    assert desk.told == []
    await desk.rounds(20, ENOUGH.total_seconds() / 5)
    assert [one.native_id for one in desk.told if isinstance(one, Change)] == [POISON]
    assert [row.position for row in desk.rows] == [1]


async def test_a_deletion_of_which_something_was_said_since_is_not_told_so() -> None:
    desk = Desk(1, otherwise=Change(Act.DELETED, POISON, "2", "m", "salon", "u1", NOW))
    desk.rows.append(Row(1, pack_incomplete(Incomplete(POISON, Act.EDITED)), Record("", b"", b"", []), NOW))
    await desk.rounds(60, ENOUGH.total_seconds() / 5)
    assert desk.told == []


@pytest.mark.parametrize("fails", ["on what it answers", "on the reply"])
async def test_after_hours_a_reply_is_told_without_what_it_answers_as_it_stands_where_that_is_known(fails: str) -> None:
    proved = Change(Act.POSTED, POISON, "1", "m", "salon", "u1", NOW, parent="topic:9/1", answers=Standing())
    wanted = Incomplete(POISON, Act.POSTED, otherwise=proved, parent="topic:9/1")
    now = replace(proved, version="2", answers=None)
    desk = Desk(0)
    desk.rows.append(Row(0, pack_incomplete(wanted), Record("", b"", b"", []), NOW))
    if fails == "on what it answers":
        desk.failing, desk.stands = {}, {wanted: FAILS, replace(wanted, parent=None): now}
    await desk.rounds(ENOUGH_TRIES + 10, ENOUGH.total_seconds() / 5)
    assert desk.told == [replace(now, asked="", answers=Standing()) if desk.stands else proved]


def test_a_spool_moves_unless_all_that_waits_is_set_back() -> None:
    spool = Spool(cast("Ledger", None), "rse", 10)
    seen = []
    for waiting, set_back in ((0, 0), (2, 0), (2, 1), (2, 2)):
        spool.waiting[Kind.INCOMPLETE], spool.set_back = waiting, set_back
        seen.append(spool.moves)
    assert seen == [False, True, True, False]


async def test_a_deletion_that_waits_for_its_message_is_told_behind_it() -> None:
    """A platform whose deletions bear no time: the ledger could keep nothing of it meanwhile."""
    desk, gone = Desk(1), Change(Act.DELETED, POISON, "$3", "$3", "salon", "u1", NOW)
    waiting = Incomplete(POISON, Act.DELETED, BEHIND, otherwise=gone)
    desk.rows.append(Row(1, pack_incomplete(waiting), Record("", b"", b"", []), NOW))
    await desk.rounds(20)
    assert desk.told == []
    desk.failing.clear()
    await desk.rounds(100)
    assert desk.told == [Unused(POISON), replace(gone, asked=BEHIND)]
    assert desk.rows == []
