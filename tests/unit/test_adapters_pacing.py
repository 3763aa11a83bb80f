"""Rates learned from refusals, against the twins' own limiters, in time that costs none."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.learning import BELOW, FLOOR, Learned, Seen
from adapters.pacing import LONGEST, MARGIN, Paces, Urgency, set_out, urgency_of
from adapters.port import Act
from tests.fakes_burst import LANES, Burst, Server, bucket, paced, window

BURST = 1_600
AFTER = 500
"""Calls in which a limit must have been learned."""
PER_MILLE = 4


@pytest.mark.parametrize(
    ("server", "limit"), [(window(60, 60), 1.0), (window(50, 10), 5.0), (bucket(0.2), 0.2), (bucket(10), 10.0)],
    ids=["discourse, 60 a minute", "50 in ten seconds", "synapse, 0.2 a second", "10 a second"],
)  # fmt: skip
async def test_a_burst_learns_a_limit_and_then_keeps_within_it_while_using_it(server: Server, limit: float) -> None:
    time, pace = paced()
    burst = Burst(time, pace, server(time))
    await time.run(burst.run(BURST))
    assert [len(lane) for lane in burst.written] == [BURST // LANES] * LANES
    assert 1000 * sum(burst.refusals[AFTER:]) / len(burst.refusals[AFTER:]) <= PER_MILLE
    assert 0.8 * limit <= BURST / time.now <= 1.1 * limit


async def test_a_proxy_that_refuses_without_a_word_is_learned_too() -> None:
    time, pace = paced()
    burst = Burst(time, pace, bucket(10)(time), wishes=False)
    await time.run(burst.run(BURST))
    assert sum(burst.refusals[AFTER:]) <= 8
    assert BURST / time.now >= 0.5 * 10


async def test_each_user_has_the_limit_for_herself() -> None:
    time, pace = paced()
    burst = Burst(time, pace, bucket(1)(time), subjects=8)
    await time.run(burst.run(BURST))
    assert 0.8 * 8 <= BURST / time.now <= 1.2 * 8
    assert sum(burst.refusals) < BURST / 20


async def test_what_the_settings_state_is_never_passed_and_nothing_is_refused() -> None:
    time, pace = paced({"api": 60})
    burst = Burst(time, pace, window(60, 60)(time))
    await time.run(burst.run(320))
    assert not any(burst.refusals)
    assert pace.rate == MARGIN


async def test_a_limit_that_is_lifted_is_noticed() -> None:
    time, pace = paced()
    await time.run(Burst(time, pace, window(60, 60)(time)).run(320))
    slow = pace.rate
    await time.run(Burst(time, pace, lambda _: None).run(1_600))
    assert slow is not None
    assert slow < 1.1
    assert pace.rate is None or pace.rate > 100


async def test_the_refusals_of_calls_that_were_on_their_way_together_count_once() -> None:
    _, pace = paced()
    turns = [await pace.turn() for _ in range(4)]
    for turn in turns:
        pace.refused(turn, 1.0)
    assert pace.rate is not None
    once = pace.rate
    pace.refused(turns[0], 1.0)
    assert pace.rate == once


async def test_an_outage_slows_down_once_at_most() -> None:
    time, pace = paced()
    for _ in range(30):
        pace.taken(await pace.turn())
    slowed = []

    async def outage() -> None:
        for _ in range(5):
            pace.doubted(await pace.turn(), None)
            slowed.append(pace.rate)

    await time.run(outage())
    assert slowed[0] is not None
    assert slowed == [slowed[0]] * 5


async def test_a_days_own_limit_is_no_pace() -> None:
    time, pace = paced()
    pace.refused(await pace.turn(), LONGEST + 1)
    before = time.now
    await pace.turn()
    assert (pace.rate, time.now) == (None, before)


async def test_the_pressing_goes_first_and_nobody_starves() -> None:
    time, pace = paced({"api": 60})
    served: list[str] = []

    async def ask(name: str, urgency: Urgency) -> None:
        set_out(urgency)
        await pace.turn()
        served.append(name)

    async def everybody() -> None:
        await pace.turn()
        says = [asyncio.create_task(ask(f"say{n}", Urgency.SAY)) for n in range(4)]
        await asyncio.sleep(0)
        rest = [asyncio.create_task(ask(f"delete{n}", urgency_of(Act.DELETED))) for n in range(4)]
        await asyncio.gather(*says, *rest)

    await time.run(everybody())
    assert served.index("delete0") <= 1
    assert served.index("delete1") <= 3
    assert served.index("say0") <= 1
    assert sorted(served) == sorted([f"say{n}" for n in range(4)] + [f"delete{n}" for n in range(4)])


async def test_a_question_of_our_own_does_not_wait_behind_what_waits_to_be_said() -> None:
    time, pace = paced({"api": 60})

    async def everybody() -> None:
        await pace.turn()
        says = [asyncio.create_task(pace.set_out(Urgency.SAY)) for _ in range(LANES)]
        await asyncio.sleep(0)
        await pace.turn()
        assert round(time.now) <= 2
        await asyncio.gather(*says)

    await time.run(everybody())


async def test_an_errand_pays_for_its_first_call_before_it_begins_and_goes_on_before_others() -> None:
    time, pace = paced({"api": 60})
    moments: list[list[int]] = []

    async def errand() -> None:
        await pace.set_out(Urgency.SAY)
        begun = round(time.now)
        await pace.turn()
        called = round(time.now)
        await pace.turn()
        moments.append([begun, called, round(time.now)])

    async def three() -> None:
        await asyncio.gather(errand(), errand(), errand())

    await time.run(three())
    assert all(begun == called for begun, called, _ in moments)
    assert sorted(moment for errand in moments for moment in errand[1:]) == [0, 1, 2, 3, 4, 5]
    assert moments[0][2] <= 2


async def test_who_gives_up_waiting_takes_no_turn() -> None:
    time, pace = paced({"api": 60})

    async def some() -> None:
        await pace.turn()
        gone = asyncio.create_task(pace.turn())
        stays = asyncio.create_task(pace.turn())
        await asyncio.sleep(0)
        gone.cancel()
        await stays
        assert round(time.now) == 1

    await time.run(some())


async def test_a_kind_of_call_that_the_platform_has_not_is_told() -> None:
    paces = Paces("rse", {"api": 60, "chat": 5})
    paces.of("api")
    assert paces.unknown == ["chat"]


@given(st.lists(st.floats(0.001, 10_000), max_size=50), st.one_of(st.none(), st.floats(0.01, 1_000)))
def test_a_rate_lies_between_its_floor_and_what_is_stated(refusals: list[float], stated: float | None) -> None:
    learned = Learned(stated)
    for sustainable in refusals:
        before = learned.rate
        learned.refused(sustainable)
        assert learned.rate is not None
        assert FLOOR <= learned.rate <= max(FLOOR, min(BELOW * sustainable, before or BELOW * sustainable))
        for _ in range(5):
            learned.taken()
        assert learned.rate is None or stated is None or learned.rate <= max(stated, FLOOR)


@given(st.integers(1, 200), st.floats(0.5, 60))
def test_a_window_that_a_burst_has_filled_is_known_at_once(limit: int, seconds: float) -> None:
    seen = Seen()
    for _ in range(limit):
        seen.add(0.0)
    assert seen.sustainable(0.0, seconds) == pytest.approx(max(limit / seconds, 1 / seconds, FLOOR))
