"""What conformance tests ask for: each kind of RSE in turn, its twin running; one of a kind, with people in it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from tests.fakes_matrix_twin import House
from tests.rses.kinds import PUSHING, RSES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.rses.rse import Pushing, Rse


@pytest.fixture(params=RSES, ids=lambda kind: kind.__name__)
async def rse(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rse]:
    async with request.param.open(tmp_path) as found:
        yield found


@pytest.fixture(params=PUSHING, ids=lambda kind: kind.__name__)
async def pushing(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pushing]:
    async with request.param.open(tmp_path) as found:
        yield found


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        found = House(tmp_path, stack)
        await found.open()
        yield found
