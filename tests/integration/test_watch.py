"""What pollers remember, on a real PostgreSQL: one holder per space, nothing written without the lease, what is missing in turn."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.ledger import Ledger, migrate
from adapters.ties import Tie, Ties, TieState
from adapters.watch import LeaseLost, Row, Watch
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = timedelta(seconds=30)
NO_TIME = timedelta(0)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    await asyncio.to_thread(migrate, database_url)
    ledger = await Ledger.open(database_url, size=4)
    yield ledger
    await ledger.close()


async def tie(ledger: Ledger, space: str, state: TieState = TieState.CONFIRMED) -> None:
    await Ties(ledger, "rse").put(Tie(space, "c", "T", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=state, renewed_at=NOW))


def row(name: str, *, thread: str | None = None, revision: int = 1, at: datetime = NOW, digest: str = "d1") -> Row:
    return Row(name, thread, digest, revision, "", frozenset({"leo"}), gone=False, created_at=at)


async def held(watch: Watch, *spaces: str, lease: timedelta = LEASE) -> list[str]:
    return [poll.space for poll in await watch.claim(dict.fromkeys(spaces, NOW), lease)]


async def test_a_space_is_held_by_one_poller_alone_however_many_ask_at_once(ledger: Ledger) -> None:
    await tie(ledger, "a")
    await tie(ledger, "b")
    watches = [Watch(ledger, "rse", f"holder-{number}") for number in range(4)]
    granted = await asyncio.gather(*(held(watch, "a", "b") for watch in watches))
    assert sorted(space for spaces in granted for space in spaces) == ["a", "b"]
    again = await asyncio.gather(*(held(watch, "a", "b") for watch in watches))
    assert again == granted


async def test_what_stood_in_a_space_before_its_tie_is_noted_by_its_greatest_number_and_anew_once_a_tie_lives_again(ledger: Ledger) -> None:
    await tie(ledger, "a")
    first, second = Watch(ledger, "rse", "first"), Watch(ledger, "rse", "second")
    (poll,) = await first.claim({"a": NOW}, NO_TIME)
    assert poll.floor is None
    await first.found("a", 41)
    (poll,) = await second.claim({"a": NOW}, LEASE)
    assert poll.floor == 41
    with pytest.raises(LeaseLost):
        await first.found("a", 42)
    (poll,) = await second.claim({"a": NOW + timedelta(hours=1)}, LEASE)
    assert (poll.floor, poll.since) == (None, NOW + timedelta(hours=1))


async def test_a_lease_that_has_run_out_is_taken_over_where_the_first_one_stopped(ledger: Ledger) -> None:
    await tie(ledger, "a")
    first, second = Watch(ledger, "rse", "first"), Watch(ledger, "rse", "second")
    assert await held(first, "a", lease=NO_TIME) == ["a"]
    await first.keep("a", [row("x")], NOW, "cursor-7")
    (poll,) = await second.claim({"a": NOW}, LEASE)
    assert (poll.cursor, poll.since, poll.changed_at) == ("cursor-7", NOW, NOW)
    assert await second.rows(["x"]) == {"x": row("x")}


async def test_a_poller_that_lost_its_lease_writes_nothing(ledger: Ledger) -> None:
    await tie(ledger, "a")
    first, second = Watch(ledger, "rse", "first"), Watch(ledger, "rse", "second")
    await held(first, "a", lease=NO_TIME)
    await held(second, "a")
    for write in (
        first.keep("a", [row("x")], NOW, "cursor-9"),
        first.expect("a", [row("x", revision=0)], NOW),
        first.settle("a", "x", "3"),
    ):
        with pytest.raises(LeaseLost):
            await write
    assert await second.rows(["x"]) == {}
    (poll,) = await second.claim({"a": NOW}, LEASE)
    assert poll.cursor is None


async def test_roots_are_named_under_which_something_was_perhaps_never_told(ledger: Ledger) -> None:
    await tie(ledger, "a")
    watch = Watch(ledger, "rse", "me")
    await held(watch, "a")
    begun = [
        row("x", thread="posted", revision=0),
        row("y", thread="edited", digest="?d2"),
        row("z", thread="told"),
        row("r", digest="?d3"),
    ]
    await watch.expect("a", begun, NOW)
    assert await watch.unkept("a") == {"posted", "edited"}


async def test_a_poller_that_ends_in_order_leaves_its_spaces_at_once(ledger: Ledger) -> None:
    await tie(ledger, "a")
    first, second = Watch(ledger, "rse", "first"), Watch(ledger, "rse", "second")
    await held(first, "a")
    assert await held(second, "a") == []
    await first.release()
    assert await held(second, "a") == ["a"]


async def test_a_tie_that_ended_forgets_its_cursor_and_one_that_is_suspended_keeps_it(ledger: Ledger) -> None:
    watch = Watch(ledger, "rse", "me")
    for space in ("ended", "suspended"):
        await tie(ledger, space)
    await held(watch, "ended", "suspended")
    for space in ("ended", "suspended"):
        await watch.keep(space, [], NOW, f"cursor of {space}")
    await tie(ledger, "ended", TieState.REFUSED)
    await tie(ledger, "suspended", TieState.SUSPENDED)
    await held(watch, "suspended")
    await tie(ledger, "ended")
    later = NOW + timedelta(days=1)
    polls = {poll.space: (poll.cursor, poll.since) for poll in await watch.claim({"ended": later, "suspended": NOW}, LEASE)}
    assert polls == {"ended": (None, later), "suspended": ("cursor of suspended", NOW)}


async def test_another_instance_of_the_same_ledger_sees_nothing_of_it(ledger: Ledger) -> None:
    await tie(ledger, "a")
    watch = Watch(ledger, "rse", "me")
    await held(watch, "a")
    await watch.keep("a", [row("x")], NOW, "c")
    assert await Watch(ledger, "other", "me").rows(["x"]) == {}


async def test_what_is_missing_is_what_was_told_or_was_just_being_told_and_not_seen_the_longest_unasked_first(ledger: Ledger) -> None:
    await tie(ledger, "a")
    watch = Watch(ledger, "rse", "me")
    await held(watch, "a")
    old, recent = NOW - timedelta(days=30), NOW - timedelta(hours=1)
    rows = [
        row("seen"),
        row("root-1"),
        row("root-2"),
        row("too old", at=old),
        row("left", at=old),
        row("being told", revision=0),
        row("reply being told", revision=0, thread="seen"),
        row("reply of a whole root", thread="seen", at=old),
        row("reply of another", thread="root-1"),
    ]
    await watch.keep("a", rows, NOW, None)

    async def missing(most: int) -> set[str]:
        return {one.native_id for one in await watch.missing("a", recent, ["seen"], ["seen"], datetime.now(UTC), most, ["left"])}

    everything = {"root-1", "root-2", "reply of a whole root", "being told", "reply being told", "left"}
    assert await missing(10) == everything
    assert {one.native_id for one in await watch.under("seen")} == {"reply of a whole root", "reply being told"}
    one = await missing(2)
    rest = await missing(4)
    assert one | rest == everything


async def test_an_edit_is_kept_in_place_and_what_is_gone_is_not_missing(ledger: Ledger) -> None:
    await tie(ledger, "a")
    watch = Watch(ledger, "rse", "me")
    await held(watch, "a")
    await watch.keep("a", [row("x")], NOW, None)
    await watch.settle("a", "x", "2:now")
    edited = Row("x", None, "d2", 2, "2:now", frozenset(), gone=True, created_at=NOW)
    await watch.keep("a", [edited], NOW, None)
    assert await watch.rows(["x"]) == {"x": edited}
    assert await watch.missing("a", NOW - timedelta(days=1), [], [], NOW, 5) == []
    await watch.tidy(NOW + timedelta(seconds=1))
    assert await watch.rows(["x"]) == {}


async def test_what_is_still_there_is_not_forgotten_nor_what_stands_under_it(ledger: Ledger) -> None:
    await tie(ledger, "a")
    watch = Watch(ledger, "rse", "me")
    await held(watch, "a")
    await watch.keep("a", [row("x"), row("under x", thread="x"), row("y")], NOW, None)
    await watch.refresh(["x"], NOW + timedelta(days=80))
    await watch.tidy(NOW + timedelta(days=1))
    assert (await watch.rows(["x", "under x", "y"])).keys() == {"x", "under x"}


async def test_a_tie_that_began_since_begins_anew_though_nobody_saw_the_one_before_end(ledger: Ledger) -> None:
    await tie(ledger, "a")
    watch, other = Watch(ledger, "rse", "me"), Watch(ledger, "rse", "other")
    await held(watch, "a")
    await watch.found("a", 41)
    await watch.keep("a", [], NOW, "cursor-3")
    later = NOW + timedelta(hours=2)
    assert await other.claim({"a": NOW + timedelta(days=9)}, LEASE) == []
    (poll,) = await watch.claim({"a": later}, LEASE)
    assert (poll.since, poll.cursor, poll.floor) == (later, "cursor-3", None)
    await watch.found("a", 50)
    (poll,) = await watch.claim({"a": NOW}, LEASE)
    assert (poll.since, poll.floor) == (later, 50)


@pytest.mark.parametrize("state", ["open", "closed"])
async def test_what_we_took_away_stays_known_as_such_though_it_was_brought_back_under_another_id(ledger: Ledger, state: str) -> None:
    """Who looks after both must not call the words that went with it deleted by their authors."""
    watch = Watch(ledger, "rse", "holder")
    assert not await watch.taken_by_us("activity:1")
    async with ledger.connection() as connection:
        await connection.execute("INSERT INTO intents VALUES ('rse', 'k', 'deleted', 'a', 'activity:1', $1, $2)", state, NOW)
    assert await watch.taken_by_us("activity:1")
    assert not await watch.taken_by_us("activity:2")
