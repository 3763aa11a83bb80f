"""A burst of orders against twins that keep their limits: learned within its first part, in order, nothing lost, hardly anything refused after.

The minute of the vendors' limits takes three seconds here; `python -m tests.bench limits` plays the whole ten thousand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes_limited import Writing, discourse, exo, in_order, matrix

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.fakes_limited import Limited

pytestmark = pytest.mark.long

LANES, EACH = 8, 20
PER_SECOND = 20.0


@pytest.mark.parametrize("opened", [discourse, exo, matrix])
async def test_a_burst_leaves_a_twin_within_its_limits_and_in_order(
    opened: Callable[[Path, float], AbstractAsyncContextManager[Limited]], tmp_path: Path
) -> None:
    async with opened(tmp_path, PER_SECOND) as rse:
        writing = Writing(rse)
        await writing.burst(LANES, range(EACH // 2))
        taken, refused = await rse.counted()
        await writing.burst(LANES, range(EACH // 2, EACH))
        _, refused_after = await rse.counted()
        assert await in_order(rse, LANES) == [list(range(EACH))] * LANES
    assert refused <= taken // 4
    assert refused_after - refused <= LANES
