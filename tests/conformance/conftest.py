"""What conformance tests ask for: each kind of RSE in turn, its twin running."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rses import PUSHING, RSES, Pushing, Rse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(params=RSES, ids=lambda kind: kind.__name__)
async def rse(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rse]:
    async with request.param.open(tmp_path) as found:
        yield found


@pytest.fixture(params=PUSHING, ids=lambda kind: kind.__name__)
async def pushing(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pushing]:
    async with request.param.open(tmp_path) as found:
        yield found
