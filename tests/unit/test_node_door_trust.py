"""The registry in force at the door, and nodes' positions, through servers that do not answer and readers that change their mind."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hub.node_door import trust
from hub.node_door.positions import Positions
from schemas.wire.kafka import KafkaSettings, TopicNames

if TYPE_CHECKING:
    import pytest

    from schemas.manifest import Registry


async def test_a_database_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent() -> Registry:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(trust, "READ_SECONDS", 0.01)
    found = trust.DoorTrust(silent, lambda: datetime.now(UTC))
    await asyncio.wait_for(found.refresh(), 30)
    assert found.current() is None


class Kept(Positions):
    """A broker that takes every position."""

    async def _in_thread(self, ask: Any, *given: Any) -> Any:
        del ask, given
        return {}


async def test_a_node_that_goes_back_before_its_position_was_kept_stands_where_it_says() -> None:
    positions = Kept(KafkaSettings(), TopicNames())
    positions.note("wifip", 5)
    await positions.flush()
    positions.note("wifip", 7)
    positions.note("wifip", 5)
    assert await positions.of("wifip") == 5
