"""Runs `traitdunion` commands one after another in one process: `python -m deploy.demo.administration`, a JSON list of words a line.

A line that holds an object adds settings to the environment: the process can start before they are known.

A command line that starts anew for each of fifteen commands would spend half a minute of a small machine importing the same modules.
It goes through the installed command alone, as a person's terminal does.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WARM = ("communities", "--help")


def main() -> None:
    """Answer each line of standard input by one line: the command's exit code and what it said."""
    [entry] = importlib.metadata.entry_points(group="console_scripts", name="traitdunion")
    command: Callable[[], None] = entry.load()
    run(command, WARM)
    _import_early()
    for line in sys.stdin:
        asked = json.loads(line)
        if isinstance(asked, dict):
            os.environ.update(asked)
            continue
        sys.stdout.write(json.dumps(run(command, asked)) + "\n")
        sys.stdout.flush()


def run(command: Callable[[], None], words: Sequence[str]) -> dict[str, int | str]:
    """One command, its words as a terminal would give them; what it says on standard error only where it fails, as a pipe would."""
    said, wrong, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["traitdunion", *words]
    with redirect_stdout(said), redirect_stderr(wrong):
        try:
            command()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return {"code": code, "said": said.getvalue() + (wrong.getvalue() if code else "")}


def _import_early() -> None:
    """What every command will need, while the servers are still starting."""
    for name in ("sqlalchemy.ext.asyncio", "asyncpg", "alembic.command", "kafka.admin", "rich.table", "pydantic_settings"):
        importlib.import_module(name)


if __name__ == "__main__":
    main()
