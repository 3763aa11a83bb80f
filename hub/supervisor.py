"""Local processes, started together and restarted when they end."""

from __future__ import annotations

import asyncio
import ctypes
import functools
import os
import shlex
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

log = structlog.get_logger()
PR_SET_PDEATHSIG = 1
METRICS_PORT = "TRAITDUNION_METRICS_PORT"
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0
STEADY_SECONDS = 30.0
GRACE_SECONDS = 8.0


@dataclass
class Child:
    """One process of ours and how to start it."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    restarts: int = 0


def child_of(text: str) -> Child:
    """Read `name=command with arguments`; a leading `VARIABLE=value` of the command goes to its environment."""
    name, _, command = text.partition("=")
    words = shlex.split(command)
    environment = {}
    while words and "=" in words[0]:
        variable, _, value = words.pop(0).partition("=")
        environment[variable] = value
    if not name or not words:
        raise ValueError(text)
    return Child(name, words, environment)


def hub_children(groups: Sequence[str], first_metrics_port: int, federation: Sequence[str] = ()) -> list[Child]:
    """The hub's own processes, those for peers where there are any. One metrics port cannot serve several: each gets the next one, in this order; with 0 each takes a free one."""
    own = [sys.executable, "-m", "hub"]
    measured = [Child(f"worker-{group}", [*own, "worker", group]) for group in groups]
    measured += [Child(said.replace(" ", "-"), [*own, *said.split()]) for said in ("relay", "door", *federation)]
    if first_metrics_port:
        for port, child in enumerate(measured, first_metrics_port):
            child.environment = {METRICS_PORT: str(port)}
    return [*measured, Child("site", [*own, "site"])]


class Supervisor:
    """Keeps children alive until it is told to stop; none outlives it, however it ends."""

    def __init__(self, children: Sequence[Child], logs: Path | None = None) -> None:
        self._children = children
        self._logs = logs
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End all children; `run` returns when they have."""
        self._stopping.set()

    async def run(self) -> None:
        """Start every child and restart those that end, more slowly the more often."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        await asyncio.gather(*(self._keep(child) for child in self._children))

    async def _keep(self, child: Child) -> None:
        pause = FIRST_PAUSE
        clock = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            started = clock()
            await self._once(child)
            if self._stopping.is_set():
                return
            pause = FIRST_PAUSE if clock() - started > STEADY_SECONDS else min(pause * 2, LONGEST_PAUSE)
            child.restarts += 1
            await self._wait(pause)

    async def _once(self, child: Child) -> None:
        output = (self._logs / f"{child.name}.log").open("ab") if self._logs else None
        try:
            process = await asyncio.create_subprocess_exec(
                *child.command, env={**os.environ, **child.environment}, stdin=asyncio.subprocess.DEVNULL,
                stdout=output, stderr=output, preexec_fn=functools.partial(_die_with_parent, os.getpid()), start_new_session=True,
            )  # fmt: skip
        finally:
            if output:
                output.close()
        log.info("process_started", name=child.name, pid=process.pid)
        ended = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            await _end(process, ended)
        log.info("process_ended", name=child.name, pid=process.pid, code=process.returncode)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


async def _end(process: asyncio.subprocess.Process, ended: asyncio.Task[int]) -> None:
    process.terminate()
    done, _ = await asyncio.wait({ended}, timeout=GRACE_SECONDS)
    if not done:
        process.kill()
        await ended


def _die_with_parent(parent: int) -> None:
    """Ask the kernel to end this child with its parent, even when that one is killed: at once, for nobody would ask a second time."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked
        os._exit(1)
