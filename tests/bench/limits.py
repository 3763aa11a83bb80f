"""Ten thousand orders at once for each kind of twin, which keeps its limit: how many calls were too many, and in what order all stands."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from tests.bench.report import Below, Figure
from tests.fakes_burst import Burst, bucket, paced, window
from tests.fakes_limited import Writing, discourse, exo, in_order, matrix

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.bench.report import Report
    from tests.bench.stage import Stage
    from tests.fakes_burst import Server
    from tests.fakes_limited import Limited

LANES, EACH = 20, 500
LEARNED_BY = 50  # of each lane's orders: a tenth
PER_SECOND = 40.0  # calls; with a Discourse's own limit, one, ten thousand orders would take three hours
MOST_PER_MILLE = 5.0
CALLS = 10_000
LEARNED_IN = 1_000
VENDORS: tuple[tuple[str, Server, float], ...] = (
    ("Discourse (60 par minute)", window(60, 60), 1.0),
    ("Synapse (0,2 par seconde, 10 d’un coup)", bucket(0.2), 0.2),
    ("un nginx (10 par seconde, sans Retry-After)", bucket(10), 10.0),
)


async def run(stage: Stage, report: Report) -> None:
    """At the vendors' own limits in time that costs none, then over HTTP; neither Kafka nor PostgreSQL, the writer's way from its lanes on."""
    for name, server, limit in VENDORS:
        await _in_virtual_time(name, server, limit, report)
    kinds: tuple[tuple[str, Callable[[Path, float], AbstractAsyncContextManager[Limited]]], ...] = (
        ("Discourse", discourse),
        ("eXo", exo),
        ("Matrix", matrix),
    )
    await asyncio.gather(*(_measure(name, opened, stage.folder / name, report) for name, opened in kinds))


async def _in_virtual_time(name: str, server: Server, limit: float, report: Report) -> None:
    time, pace = paced()
    burst = Burst(time, pace, server(time), wishes="nginx" not in name)
    await time.run(burst.run(CALLS))
    later = burst.refusals[LEARNED_IN:]
    report.add(
        Figure("limits", f"{name}, {CALLS} appels : de trop une fois la limite apprise", 1000 * sum(later) / len(later), "‰", target=Below(MOST_PER_MILLE)),
        Figure("limits", f"{name} : part de la limite qui sert", 100 * CALLS / time.now / limit, "%"),
    )  # fmt: skip


async def _measure(name: str, opened: Callable[[Path, float], AbstractAsyncContextManager[Limited]], folder: Path, report: Report) -> None:
    await asyncio.to_thread(folder.mkdir)
    async with opened(folder, PER_SECOND) as rse:
        writing, begun = Writing(rse), time.monotonic()
        await writing.burst(LANES, range(LEARNED_BY))
        first = await rse.counted()
        await writing.burst(LANES, range(LEARNED_BY, EACH))
        calls, refused = (after - before for after, before in zip(await rse.counted(), first, strict=True))
        seconds = time.monotonic() - begun
        whole = await in_order(rse, LANES) == [list(range(EACH))] * LANES
    report.details.setdefault("limits", {})[name] = {"first": first, "calls": calls, "refused": refused, "seconds": seconds}
    report.add(
        Figure(
            "limits", f"{name} : appels de trop une fois la limite apprise", 1000 * refused / (calls + refused), "‰",
            target=Below(MOST_PER_MILLE),
        ),
        Figure("limits", f"{name} : files où {EACH} messages manquent, doublent ou se croisent", 0 if whole else LANES, "", target=Below(1)),
        Figure("limits", f"{name} : appels par seconde", (calls + first[0]) / seconds, "/s", ceiling=PER_SECOND, ceiling_is="la limite du jumeau"),
    )  # fmt: skip
