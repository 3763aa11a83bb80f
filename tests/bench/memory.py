"""Whether the worker's memory stays flat over 100,000 events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from tests.bench.connectors import hub_words
from tests.bench.report import Below, Figure
from tests.bench.stage import scene
from tests.bench.worker import committed, fill

if TYPE_CHECKING:
    from deploy.local.process import Process
    from tests.bench.report import Report
    from tests.bench.stage import Stage

EVENTS = 100_000
MARKS = (0.1, 0.5, 1.0)
MIB = 1024 * 1024
FLAT = 1.05  # over the second half: Faust's and aiokafka's buffers fill during the first


@dataclass
class Watch:
    """Resident memory at the marks."""

    resident: dict[float, float] = field(default_factory=dict)

    def __call__(self, share: float, process: Process) -> None:
        for mark in MARKS:
            if share >= mark and mark not in self.resident:
                self.resident[mark] = psutil.Process(process.pid).memory_info().rss / MIB


async def run(stage: Stage, report: Report) -> None:
    """Measure."""
    watch = Watch()
    async with scene(stage, "memory") as at:
        await fill(at, EVENTS)
        process = at.start("inbound", *hub_words("run_worker('inbound')"))
        pace, _ = await committed(at, process, EVENTS, watch)
    report.details["memory"] = {"events": EVENTS, "resident_mib": watch.resident, "rate": pace.rate}
    report.add(
        *(Figure("memory", f"Mémoire du worker à {mark:.0%} de {EVENTS}", watch.resident[mark], "Mio") for mark in MARKS),
        Figure("memory", "  fin / dixième (caches et tampons encore froids)", watch.resident[1.0] / watch.resident[0.1], "×"),
        Figure("memory", "  fin / moitié", watch.resident[1.0] / watch.resident[0.5], "×", target=Below(FLAT)),
        Figure("memory", "  débit pendant ce temps", pace.rate, "/s"),
    )
