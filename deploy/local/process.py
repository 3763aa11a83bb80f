"""One server process: it dies with us even when we are killed, is stopped politely and then hard, and writes to its own log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TETHER = Path(__file__).with_name("tether.py")
TAIL_LINES = 15
ORPHANS_LEAVE_WITHIN = 5.0
INIT = 1

_STARTER = ThreadPoolExecutor(1, thread_name_prefix="process-starter")
"""The kernel ties a child to the thread that started it, so every child is started by one that lives as long as we do."""


class ServerFailed(RuntimeError):
    """A server ended, or did not become ready in time; carries the end of its log."""

    def __init__(self, name: str, what: str, log: Path) -> None:
        super().__init__(f"{name} {what}; see {log}\n{tail(log)}")


class AlreadyRunning(RuntimeError):
    """Another session runs a server on this folder."""

    def __init__(self, folder: Path, pid: int) -> None:
        super().__init__(f"process {pid} already works on {folder}: stop it first (its own terminal, Ctrl-C)")
        self.pid = pid


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: `death_signal` is what it gets when we end, `user` whom it runs as (only root can choose)."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    death_signal: signal.Signals = signal.SIGKILL
    user: str | None = None
    folder: Path | None = None

    def tethered(self) -> list[str]:
        """The command line that ends with us."""
        words = [str(os.getpid()), str(int(self.death_signal)), self.user or "-", *self.command]
        return [sys.executable, "-I", "-S", str(TETHER), *words]


class Process:
    """A program that was started."""

    def __init__(self, program: Program) -> None:
        self.program = program
        program.log.parent.mkdir(parents=True, exist_ok=True)
        self._popen = _STARTER.submit(self._start).result()

    @property
    def pid(self) -> int:
        """Its process id, which is its process group's too."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._popen.poll()

    def wait_until(self, ready: Callable[[], bool], seconds: float = 180) -> None:
        """Return when it is ready; raise ServerFailed when it ends before or takes too long."""
        end = time.monotonic() + seconds
        while not ready():
            if self.ends_within(0.05):
                raise ServerFailed(self.program.name, f"ended with {self.exit_code}", self.program.log)
            if time.monotonic() > end:
                raise ServerFailed(self.program.name, f"was not ready after {seconds:.0f} s", self.program.log)

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end that long; say whether it came."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(seconds)
        return self.exit_code is not None

    def stop(self, polite: signal.Signals = signal.SIGTERM, seconds: float = 20) -> None:
        """Ask it to end; end its whole group if it does not. Safe to repeat."""
        if self.exit_code is None:
            self._popen.send_signal(polite)
            self.ends_within(seconds)
        self.kill()

    def kill(self) -> None:
        """End it and its group at once (-9), as a power cut would. Once it has ended its number may be somebody else's: left alone."""
        if self.exit_code is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._popen.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.program.log.open("ab") as log:
            return subprocess.Popen(
                self.program.tethered(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.program.environment},
                cwd=self.program.folder,
                process_group=0,  # Ctrl-C in the terminal reaches us alone; we decide the order of the end
            )


def run(program: Program, seconds: float = 300) -> None:
    """Run a program to its end; raise ServerFailed unless it ends well."""
    process = Process(program)
    try:
        process.ends_within(seconds)
        ended = process.exit_code
    finally:
        process.kill()
    if ended != 0:
        raise ServerFailed(program.name, f"ended with {ended}" if ended is not None else f"took over {seconds:.0f} s", program.log)


def make_way(folder: Path, executable: str, patience: float = ORPHANS_LEAVE_WITHIN) -> None:
    """Wait for, or end, what an earlier session left working on this folder; never touch one whose session still lives."""
    end = time.monotonic() + patience
    while (left := _workers_on(folder, executable)) and time.monotonic() < end:
        psutil.wait_procs(left, timeout=0.2)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            if process.ppid() != INIT:
                raise AlreadyRunning(folder, process.pid)
            process.kill()
            psutil.wait_procs([process], timeout=ORPHANS_LEAVE_WITHIN)


def tail(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:]) if log.exists() else ""


def _workers_on(folder: Path, executable: str) -> list[psutil.Process]:
    return [process for process in psutil.process_iter(["name", "cmdline"]) if _works_on(process, folder, executable)]


def _works_on(process: psutil.Process, folder: Path, executable: str) -> bool:
    """A server of ours has its folder, or a file in it, as a whole word of its command line."""
    if process.info["name"] != executable or process.pid == os.getpid():
        return False
    return any(Path(word).is_relative_to(folder) for word in process.info["cmdline"] or () if word.startswith("/"))
