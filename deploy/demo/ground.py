"""The demo's folder: claimed for one session at a time, cleared of what an earlier one left, files and processes."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from deploy.local import ports
from deploy.local.kafka import CLONE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

FOLDER: Final = "TRAITDUNION_DEMO_FOLDER"
MARK: Final = "TRAITDUNION_DEMO_SESSION"
"""Every process of a session carries its folder under this name: what an ended session left behind is found by it."""
SESSIONS: Final = 9
LEAVE_WITHIN: Final = 10.0


class NoGround(RuntimeError):
    """Somebody else's demo, or several, work in every folder that we may use."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A folder that is this session's as long as its lock file stays open: the kernel lets it go, however we end."""

    folder: Path
    _lock: IO[bytes]

    @classmethod
    def claim(cls) -> Ground:
        """Take the folder that the environment names, else the first free one of the clone; clear it."""
        for folder in _candidates():
            lock = _locked(folder)
            if lock is not None:
                ground = cls(folder, lock)
                ground.clear()
                os.environ[MARK] = str(folder)
                return ground
        raise NoGround(f"une autre démonstration tourne déjà dans {next(_candidates())} : arrêtez-la d'abord (Ctrl-C dans son terminal)")

    @property
    def logs(self) -> Path:
        """Where every process writes what happens."""
        return self.folder / "logs"

    def release(self) -> None:
        """Let the folder go; what lies in it stays to be looked at."""
        self._lock.close()

    def clear(self) -> None:
        """End what still works here for a session that is no more, then remove its state."""
        left = leftovers(self.folder)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=LEAVE_WITHIN)
        for entry in self.folder.iterdir():
            if entry.name == LOCK:
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.logs.mkdir()


LOCK: Final = "lock"


def leftovers(folder: Path) -> list[psutil.Process]:
    """Processes of a session in this folder, ourselves aside."""
    return [process for process in psutil.process_iter() if process.pid != os.getpid() and _mark(process) == str(folder)]


def port_near(wished: int) -> int:
    """The memorable port where it is free, else any other."""
    return wished if ports.is_free(wished) else ports.free_port()


def _candidates() -> Iterator[Path]:
    named = os.environ.get(FOLDER)
    if named:
        yield Path(named).absolute()
        return
    yield CLONE / ".local" / "demo"
    for number in range(2, SESSIONS + 1):
        yield CLONE / ".local" / f"demo-{number}"


def _locked(folder: Path) -> IO[bytes] | None:
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / LOCK).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except psutil.Error:
        return None
