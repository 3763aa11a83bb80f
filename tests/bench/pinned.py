"""Runs a command on chosen cores: `python -m tests.bench.pinned CORE COMMAND…`; `-` leaves them as they are, `all` takes every one."""

from __future__ import annotations

import os
import sys


def main(core: str, *command: str) -> None:
    if core == "all" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    elif core.isdecimal():
        os.sched_setaffinity(0, {int(core)})
    os.execvp(command[0], command)  # noqa: S606 - becomes the measured program, so that its process id is this one


if __name__ == "__main__":
    main(*sys.argv[1:])
