"""The demo as a person runs it: a whole process, its lines, its end, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psutil

from deploy.demo.ground import FOLDER, leftovers
from deploy.demo.narrator import PATIENCE
from deploy.local.kafka import CLONE, JARS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ENDS_WITHIN = 900.0
LEAVES_WITHIN = 60.0
BETWEEN_HUBS = ("body_digest_mismatch", "actor_mismatch", "signature_replayed", "cavage_not_allowed", "envelope_of_another_ministry")
NOT_INSTALLED = None if any(JARS.glob("kafka_*.jar")) else "no Kafka in the clone: run `make kafka`"


class Demo:
    """A running demo; `lines` are those that were read."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        assert process.stdout is not None
        self.process, self.folder, self.lines = process, folder, list[str]()
        self._output = process.stdout

    async def says(self, words: str) -> None:
        """Read until a line holds these words."""
        async with asyncio.timeout(ENDS_WITHIN):
            while line := (await self._output.readline()).decode():
                self.lines.append(line.rstrip("\n"))
                if words in line:
                    return
        raise AssertionError("\n".join(self.lines))

    async def ends(self) -> int:
        """Read to its end; the exit code."""
        async with asyncio.timeout(ENDS_WITHIN):
            self.lines += (await self._output.read()).decode().splitlines()
            return await self.process.wait()

    @property
    def summary(self) -> dict[str, Any]:
        """What it wrote for programs."""
        found: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        return found

    def left(self) -> list[psutil.Process]:
        """Processes of its session that do not end."""
        return psutil.wait_procs(leftovers(self.folder), timeout=LEAVES_WITHIN)[1]


@asynccontextmanager
async def demo(folder: Path, *words: str, patience: str = "30") -> AsyncIterator[Demo]:
    """Run `python -m hub demo …` in a folder of its own; killed at the end, should it still run."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub", "demo", *words, cwd=CLONE, env={**os.environ, FOLDER: str(folder), PATIENCE: patience},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, limit=1 << 20,
    )  # fmt: skip
    try:
        yield Demo(process, folder)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def check_summary(played: Demo) -> None:
    """What the summary of a demo that went well must hold."""
    summary = played.summary
    assert summary["failure"] is None
    assert [step["number"] for step in summary["steps"]] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert all(step["checks"] for step in summary["steps"])
    assert played.lines[-1] == f"démonstration : {summary['checks']} vérifications réussies, 0 échec"
    assert {
        "posted → education",
        "posted → diplomatie",
        "posted → gendarmerie",
        "commented → all",
        "liked in the polled → education",
        "changed in the polled → all",
        "reacted → wifip",
        "reacted → diplomatie",
        "accepted → all",
        "catch-up",
        "posted → the other hub",
    } <= summary["latencies_ms"].keys()
    assert summary["first_message_after_seconds"] > 0
    assert len(summary["deliveries"]) == 8
    assert all(found.keys() == {"wifip", "education", "diplomatie", "gendarmerie"} for found in summary["deliveries"].values())
    assert 0 < summary["memory_mib"]["total"] <= 1536
    assert summary["memory_mib"]["total"] < summary["memory_of_both_mib"]["total"] <= 2688
    said = "\n".join(played.lines)
    for reason in ("signature_invalid", "key_of_another_node", "digest_mismatch", "post_malformed", *BETWEEN_HUBS):
        assert reason in said
