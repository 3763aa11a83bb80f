"""Put in a folder as `sitecustomize.py`: notes every path that a Python process writes to, in the file that WRITTEN_PATHS names."""

from __future__ import annotations

import os
import sys

NOTES = os.environ.get("WRITTEN_PATHS", "")
CHANGES = {
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "os.chown",
    "sqlite3.connect",
}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def note(event: str, arguments: tuple[object, ...]) -> None:
    """Called by the interpreter at each of its audit events."""
    if event == "open":
        path, _, flags = arguments
        writes = isinstance(flags, int) and bool(flags & WRITES)
    else:
        path, writes = (arguments or ("",))[0], event in CHANGES
    if writes and isinstance(path, str | bytes):
        line = os.path.abspath(os.fsdecode(path)) + "\n"  # noqa: PTH100 - pathlib is not read at every process's start
        notes = os.open(NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if os.fsdecode(path) != NOTES else None
        if notes is not None:
            os.write(notes, line.encode())
            os.close(notes)


if NOTES:
    sys.addaudithook(note)
