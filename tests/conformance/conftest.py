"""What conformance tests ask for: each kind of RSE in turn, its twin running; one of a kind, with people in it; an eXo of each generation."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from adapters.exo import alpha3, v1
from tests.fakes_exo import ALPHA3, V1
from tests.fakes_exo_twin import Portal, portal
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


@pytest.fixture(params=[V1, ALPHA3])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Portal]:
    async with portal(tmp_path, request.param) as found:
        yield found


@pytest.fixture
async def new(tmp_path: Path) -> AsyncIterator[Portal]:
    async with portal(tmp_path, V1) as found:
        yield found


@pytest.fixture
async def old(tmp_path: Path) -> AsyncIterator[Portal]:
    async with portal(tmp_path, ALPHA3) as found:
        yield found


@pytest.fixture
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> int:
    """Both generations are asked for so little at once."""
    for generation in (v1, alpha3):
        monkeypatch.setattr(generation, "PAGE", 2)
    return 2
