"""What integration tests ask for: a hub with three nodes, tied to one community, in a database of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hub_world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    made = await World.make(database_url)
    await made.tie()
    yield made
    await made.close()
