"""What the ledger keeps of notices, greetings and back-fills: who is at it, what is left, nothing of what was said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.backfills import BackfillLost, Backfills, Item, Job, State, progress
from adapters.greetings import Newcomer, Register
from adapters.ledger import Ledger
from adapters.memory import Coming, Memory
from adapters.notices import Board
from adapters.offers import Held
from adapters.ties import Tie, Ties, TieState
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOW = datetime(2026, 3, 31, tzinfo=UTC)
SINCE = NOW - timedelta(days=30)
CAMILLE = Newcomer("c", "p" * 32, "97", "post:1")


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(database_url)
    yield opened
    await opened.close()


async def execute(ledger: Ledger, sql: str) -> None:
    async with ledger.connection() as connection:
        await connection.execute(sql)


async def claimed(backfills: Backfills) -> Job:
    job = await backfills.claim()
    assert job is not None
    return job


# --- back-fills ---------------------------------------------------------------------------------------------------


async def test_two_processes_are_never_at_one_back_fill_and_the_second_goes_on_where_the_first_died(ledger: Ledger) -> None:
    one, two = Backfills(ledger, "rse", "one"), Backfills(ledger, "rse", "two")
    await one.ask("97", "c", 30, SINCE, NOW)
    job = await claimed(one)
    assert (job.state, job.cursor) == (State.SURVEYING, None)
    assert await two.claim() is None
    await one.found(job, [Held("post:1", SINCE)], "page 2")
    await execute(ledger, "UPDATE backfills SET leased_until = '-infinity'")
    taken = await claimed(two)
    assert taken.cursor == "page 2"
    with pytest.raises(BackfillLost):
        await one.found(job, [], None)
    with pytest.raises(BackfillLost):
        await one.mark(job, "post:1", Item.BROUGHT)
    await two.found(taken, [Held("post:1", SINCE), Held("post:2", NOW)], None)
    assert (await claimed(two)).state is State.BRINGING
    assert await two.count(taken) == 2


async def test_messages_are_brought_oldest_first_and_taken_back_newest_first(ledger: Ledger) -> None:
    backfills = Backfills(ledger, "rse", "one")
    await backfills.ask("97", "c", 30, SINCE, NOW)
    job = await claimed(backfills)
    await backfills.found(job, [Held("post:3", NOW), Held("post:1", SINCE), Held("post:2", SINCE + timedelta(days=1))], None)
    brought = []
    while (found := await backfills.oldest(job)) is not None:
        brought.append(found[0])
        await backfills.mark(job, found[0], Item.BROUGHT)
    assert brought == ["post:1", "post:2", "post:3"]
    assert await backfills.newest_brought(job) == ("post:3", Item.BROUGHT)


async def test_what_somebody_answers_is_brought_first_and_what_it_answers_itself_before_it(ledger: Ledger) -> None:
    backfills, memory = Backfills(ledger, "rse", "one"), Memory(ledger, "rse")
    await backfills.ask("97", "c", 30, SINCE, NOW)
    job = await claimed(backfills)
    items = [Held(f"post:{number}", SINCE + timedelta(days=number), f"topic:{number % 2}/{number}") for number in range(1, 6)]
    await backfills.found(job, items, "page 2")
    coming = (await memory.recall(["topic:1/5", "post:3", "post:99"], [])).coming
    assert coming == {reference: Coming(one, "c", "97") for one, references in {
        "post:5": ("post:5", "topic:1/5"), "post:3": ("post:3", "topic:1/3"),
    }.items() for reference in references}  # fmt: skip
    await backfills.found(job, [], None)
    await memory.want(["post:5", "post:3"])
    brought = []
    while (found := await backfills.oldest(job)) is not None:
        brought.append(found[0])
        await backfills.mark(job, found[0], Item.BROUGHT)
    assert brought == ["post:3", "post:5", "post:1", "post:2", "post:4"]
    assert (await memory.recall(["topic:1/5"], [])).coming == {}
    assert await backfills.newest_brought(job) == ("post:5", Item.BROUGHT)


async def test_what_a_stopped_back_fill_left_behind_is_awaited_by_nobody(ledger: Ledger) -> None:
    backfills, memory = Backfills(ledger, "rse", "one"), Memory(ledger, "rse")
    await backfills.ask("97", "c", 30, SINCE, NOW)
    await backfills.found(await claimed(backfills), [Held("post:1", SINCE, "topic:1/1")], None)
    assert (await memory.recall(["topic:1/1"], [])).coming
    assert await backfills.turn("97", State.STOPPED, State.BRINGING)
    assert (await memory.recall(["topic:1/1"], [])).coming == {}
    assert (await Memory(ledger, "other").recall(["topic:1/1"], [])).coming == {}


async def test_what_the_settings_ask_is_asked_once_what_an_operator_asks_is_asked_anew(ledger: Ledger) -> None:
    backfills = Backfills(ledger, "rse", "one")
    await backfills.ask_once("97", "c", 30, SINCE, NOW)
    assert await backfills.turn("97", State.STOPPED, State.SURVEYING)
    await backfills.ask_once("97", "c", 90, SINCE, NOW)
    assert await backfills.claim() is None
    await backfills.ask("97", "c", 7, NOW - timedelta(days=7), NOW)
    assert (await claimed(backfills)).since == NOW - timedelta(days=7)


async def test_an_operator_s_word_counts_more_than_the_step_that_was_under_way(ledger: Ledger) -> None:
    backfills = Backfills(ledger, "rse", "one")
    await backfills.ask("97", "c", 30, SINCE, NOW)
    job = await claimed(backfills)
    assert not await backfills.turn("97", State.STOPPED, State.BRINGING)
    assert await backfills.turn("97", State.STOPPED, State.SURVEYING)
    with pytest.raises(BackfillLost):
        await backfills.found(job, [], None)
    await backfills.end(job, State.DONE)
    assert [one.state for one in await backfills.progress()] == [State.STOPPED]


async def test_progress_counts_what_became_of_each_message_of_each_instance(ledger: Ledger) -> None:
    for instance in ("rse", "other"):
        backfills = Backfills(ledger, instance, "one")
        await backfills.ask("97", "c", 30, SINCE, NOW)
        job = await claimed(backfills)
        await backfills.found(job, [Held(f"post:{number}", SINCE) for number in range(5)], None)
        for number, state in enumerate((Item.BROUGHT, Item.LEFT_OUT, Item.TELLING, Item.TAKEN_BACK)):
            await backfills.mark(job, f"post:{number}", state)
    (one,) = await progress(ledger, "rse")
    assert (one.found, one.waiting, one.brought, one.left_out, one.taken_back) == (5, 2, 1, 1, 1)
    assert [each.instance for each in await progress(ledger)] == ["other", "rse"]


# --- greetings ----------------------------------------------------------------------------------------------------


async def test_a_person_is_greeted_once_per_community_and_an_attempt_puts_off_the_next(ledger: Ledger) -> None:
    one, two = Register(ledger, "rse"), Register(ledger, "rse")
    await one.expect([CAMILLE, CAMILLE._replace(native_id="post:2")])
    (due,) = await one.claim()
    assert (due.newcomer, due.attempts) == (CAMILLE, 1)
    assert await two.claim() == []
    await execute(ledger, "UPDATE greetings SET due_at = now()")
    assert [again.attempts for again in await two.claim()] == [2]
    await two.settle(CAMILLE, "told")
    await one.expect([CAMILLE])
    await execute(ledger, "UPDATE greetings SET due_at = now()")
    assert await one.claim() == []
    await one.expect([CAMILLE._replace(community="d")])
    assert len(await one.claim()) == 1


# --- notices ------------------------------------------------------------------------------------------------------


def tie(space: str, state: TieState, community: str = "c") -> Tie:
    return Tie(space, community, "Futurs", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=state, renewed_at=NOW)


async def test_confirmed_ties_and_standing_notices_are_looked_at_one_process_at_a_time(ledger: Ledger) -> None:
    ties, board = Ties(ledger, "rse"), Board(ledger, "rse")
    for space, state in (("97", TieState.CONFIRMED), ("98", TieState.ACCEPTED), ("99", TieState.REFUSED)):
        await ties.put(tie(space, state))
    await ties.heard_by("c", ["wifip", "education"])
    (one,) = await board.standings()
    assert (one.space, one.state, one.nodes, one.shown) == ("97", TieState.CONFIRMED, ("education", "wifip"), "")
    assert await board.claim(one)
    assert not await Board(ledger, "rse").claim(one)
    await board.keep(one, "post:1", "d1")
    (kept,) = await board.standings()
    assert (kept.native_id, kept.shown) == ("post:1", "d1")
    assert await Board(ledger, "rse").claim(one)


async def test_a_space_that_was_tied_anew_elsewhere_has_its_old_notice_set_right_too(ledger: Ledger) -> None:
    ties, board = Ties(ledger, "rse"), Board(ledger, "rse")
    await ties.put(tie("97", TieState.CONFIRMED))
    (one,) = await board.standings()
    await board.claim(one)
    await board.keep(one, "post:1", "d1")
    await ties.put(tie("97", TieState.CONFIRMED, "d"))
    found = {each.community: (each.state, each.native_id, each.title) for each in await board.standings()}
    assert found == {"c": (TieState.REFUSED, "post:1", "Futurs"), "d": (TieState.CONFIRMED, None, "Futurs")}


async def test_who_hears_a_community_is_known_again_after_a_restart(ledger: Ledger) -> None:
    await Ties(ledger, "rse").heard_by("c", ["wifip", "education"])
    again = Ties(ledger, "rse")
    await again.load()
    assert again.company("c") == {"wifip", "education"}
    assert again.company("d") == frozenset()
