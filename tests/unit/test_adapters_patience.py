"""The back-off policy and the pause that a whole node shares, with a sleep that takes no time."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from adapters.patience import MOST_SECONDS, MOST_WISHED_SECONDS, Pause, delay
from adapters.port import Later


@given(st.integers(1, 1000), st.floats(0, 1))
def test_a_wait_grows_to_its_limit_and_never_beyond(failures: int, chance: float) -> None:
    assert 0.25 <= delay(failures, None, chance) <= MOST_SECONDS
    assert delay(failures, None, chance) <= delay(failures + 1, None, 1.0)


@given(st.integers(1, 30), st.floats(0, 10_000), st.floats(0, 1))
def test_the_wish_of_the_rse_is_obeyed_within_reason(failures: int, wished: float, chance: float) -> None:
    assert delay(failures, wished, chance) >= min(wished, MOST_WISHED_SECONDS)
    assert delay(failures, wished, chance) <= max(MOST_SECONDS, MOST_WISHED_SECONDS)


async def test_an_attempt_is_made_until_the_rse_answers() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    answers: list[str | Later] = [Later("429", 7.0), Later("503"), "written"]

    async def attempt() -> str | Later:
        return answers.pop(0)

    assert await Pause("rse", sleep, lambda: 1.0).through(attempt) == "written"
    assert slept == [7.0, 1.0]


async def test_while_one_lane_probes_the_others_do_not_call_the_rse() -> None:
    woken, calls = asyncio.Event(), []

    async def sleep(_: float) -> None:
        await woken.wait()

    pause = Pause("rse", sleep, lambda: 0.0)

    async def failing() -> str | Later:
        calls.append("probe")
        return "ok" if woken.is_set() else Later("503")

    async def other() -> str | Later:
        calls.append("other")
        return "ok"

    probe = asyncio.create_task(pause.through(failing))
    for _ in range(5):
        await asyncio.sleep(0)
    waiting = asyncio.create_task(pause.through(other))
    for _ in range(5):
        await asyncio.sleep(0)
    assert calls == ["probe"]
    woken.set()
    assert [await probe, await waiting] == ["ok", "ok"]
    assert calls == ["probe", "probe", "other"]
