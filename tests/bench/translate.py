"""Authenticate, translate, decide and sign: how many events of a kilobyte each platform's reading half takes on one core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.platforms import KINDS
from tests.bench.report import AtLeast, Figure
from tests.bench.stage import scene

if TYPE_CHECKING:
    from tests.bench.report import Report
    from tests.bench.stage import Stage

TARGET = 6_000


async def run(stage: Stage, report: Report) -> None:
    """Measure each platform in a process of its own."""
    async with scene(stage, "translate") as at:
        for platform in KINDS:
            found = await at.measure(f"translate-{platform}", "translate", platform)
            report.details[f"translate-{platform}"] = found
            report.add(
                Figure(
                    "translate", f"{platform} : prouvés, traduits, signés ({found['event_bytes']} octets, médiane)", found["rate"], "/s",
                    found["ceiling"], "HMAC + JSON + nh3 + empreinte + Ed25519 nus", AtLeast(TARGET),
                ),
                Figure(
                    "translate", "  par seconde de processeur", found["processor"], "/s", found["ceiling_processor"], "les mêmes",
                    AtLeast(TARGET),
                ),
            )  # fmt: skip
