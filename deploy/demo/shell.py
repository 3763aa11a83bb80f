"""A file for another terminal's shell, by which every command of the README speaks to the running demonstration."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "commandes.sh"


def write(folder: Path, environment: Mapping[str, str]) -> Path:
    """Write the settings of the hub's processes, for their owner's eyes alone: a password is among them."""
    path = folder / NAME
    path.touch(mode=0o600)
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(environment.items())]
    path.write_text("".join([*lines, f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH\n"]), encoding="utf-8")
    return path
