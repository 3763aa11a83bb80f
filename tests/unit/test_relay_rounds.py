"""What the relay does between two batches, and when it does it first."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from hub import relay

SINCE_THE_MACHINE_STARTED = 5.0


class Once:
    """Everything that the rounds work with, for one round."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.rounds = 0

    async def publish_waiting(self) -> int:
        self.rounds += 1
        self.woken.set()
        return 0

    async def publish_all(self) -> None:
        return None

    async def send_some(self, publish: object) -> bool:
        del publish
        return False

    def is_closed(self) -> bool:
        return self.rounds > 0


async def test_a_machine_that_has_just_been_started_does_not_wait_an_hour_for_the_registry_to_be_renewed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    swept, once = [], Once()

    async def sweep(*_: object) -> None:
        swept.append(once.rounds)

    monkeypatch.setattr(relay, "sweep", sweep)
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: SimpleNamespace(time=lambda: SINCE_THE_MACHINE_STARTED))
    rules: Any = SimpleNamespace(key=SimpleNamespace(held=lambda: SimpleNamespace(public=SimpleNamespace(multibase=""))))
    parts: Any = once
    settings: Any = None
    with pytest.raises(ConnectionError):
        await relay._loop(parts, parts, rules, settings, parts, once.woken, settings)
    assert swept == [1]
