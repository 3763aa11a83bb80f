"""Hints that a tie may no longer hold: asked about at once, once however often they come, until the RSE has answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from adapters.hints import REST_SECONDS, RETRY_SECONDS, Hints
from adapters.ledger import LedgerUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Asked:
    """A handshake that notes what it is asked, and gives these answers; then all is well."""

    def __init__(self) -> None:
        self.spaces: list[str] = []
        self.answers: list[bool | Exception] = []
        self.instance: Any = type("An", (), {"node": "wifip"})

    async def ask(self, space: str) -> bool:
        self.spaces.append(space)
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, Exception):
            raise answer
        return answer


class Running:
    """Hints at work, and how long they slept."""

    def __init__(self) -> None:
        self.asked, self.slept = Asked(), list[float]()
        handshake: Any = self.asked
        self.hints = Hints(handshake, self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    async def asks(self, times: int) -> list[str]:
        async with asyncio.timeout(60):
            while len(self.asked.spaces) < times:  # noqa: ASYNC110 - the task under test tells nobody what it does
                await asyncio.sleep(0)
        return self.asked.spaces


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    running = Running()
    task = asyncio.create_task(running.hints.run())
    yield running
    task.cancel()
    await asyncio.wait([task])


async def test_many_hints_of_one_space_are_one_question(running: Running) -> None:
    for _ in range(1_000):
        running.hints.hint("salon")
    running.hints.hint("ailleurs")
    assert await running.asks(2) == ["ailleurs", "salon"]
    assert RETRY_SECONDS not in running.slept


@pytest.mark.parametrize("answers", [[False], [LedgerUnavailable("x")]])
async def test_what_could_not_be_settled_is_asked_again(running: Running, answers: list[bool | Exception]) -> None:
    running.asked.answers = answers
    running.hints.hint("salon")
    assert await running.asks(2) == ["salon", "salon"]
    assert running.slept[0] == RETRY_SECONDS


async def test_who_plays_with_a_space_has_its_rse_asked_no_faster_than_it_rests(running: Running) -> None:
    for asked in range(1, 6):
        running.hints.hint("salon")
        await running.asks(asked)
    assert running.slept[:4] == [REST_SECONDS] * 4
