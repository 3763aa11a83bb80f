"""Rounds beside the carrying of messages: each failure is told and outlived."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from adapters.ledger import LedgerUnavailable
from adapters.rounds import outlived

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

AGAIN = 60.0


def raising(error: BaseException) -> Callable[[], Awaitable[float]]:
    async def one() -> float:
        raise error

    return one


async def test_a_round_says_itself_when_the_next_one_is() -> None:
    async def one() -> float:
        return 2.0

    assert await outlived("notices", "rse", one, AGAIN) == 2.0


@pytest.mark.parametrize("error", [LedgerUnavailable("gone"), ValueError("Camille Roux")])
async def test_a_round_that_fails_is_outlived_and_told_without_its_text(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert await outlived("notices", "rse", raising(error), AGAIN) == AGAIN
    said = capsys.readouterr().out
    assert "notices" in said
    assert "Camille Roux" not in said


async def test_a_round_is_cancelled_as_anything_is() -> None:
    with pytest.raises(asyncio.CancelledError):
        await outlived("notices", "rse", raising(asyncio.CancelledError()), AGAIN)
