"""A burst of orders against twins that keep their limits: learned within its first part, in order, nothing lost, hardly anything refused after.

The minute of the vendors' limits takes three seconds over HTTP, and none at all where ten thousand come at once; `python -m tests.bench limits`
plays those over HTTP too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes_burst import LANES as LANES_AT_ONCE
from tests.fakes_burst import Burst, Server, bucket, paced, window
from tests.fakes_limited import Writing, discourse, exo, in_order, matrix

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.fakes_limited import Limited

pytestmark = pytest.mark.long

LANES, EACH = 8, 20
PER_SECOND = 20.0
TEN_THOUSAND = 10_000
LEARNED_IN = 1_000
PER_MILLE = 5


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
    assert refused <= taken // 3  # a busy machine learns a little later
    assert refused_after - refused <= LANES


@pytest.mark.parametrize(
    "server", [window(60, 60), bucket(0.2), bucket(10)], ids=["discourse, 60 a minute", "synapse, 0.2 a second", "a proxy, 10 a second"]
)
async def test_ten_thousand_at_once_stay_in_order_and_within_a_vendors_limit_once_it_is_learned(server: Server) -> None:
    time, pace = paced()
    burst = Burst(time, pace, server(time))
    await time.run(burst.run(TEN_THOUSAND))
    assert burst.written == [list(range(TEN_THOUSAND // LANES_AT_ONCE))] * LANES_AT_ONCE
    later = burst.refusals[LEARNED_IN:]
    assert 1000 * sum(later) <= PER_MILLE * len(later)
