"""What another terminal reads to speak to the demonstration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from deploy.demo import shell


def test_a_shell_reads_every_setting_as_it_is_and_finds_our_commands(tmp_path: Path) -> None:
    odd = "postgresql://x:a'b $HOME@127.0.0.1/t"
    path = shell.write(tmp_path, {"TRAITDUNION_DATABASE_URL": odd})
    asked = f'. "{path}"; printf "%s\\n" "$TRAITDUNION_DATABASE_URL" "${{PATH%%:*}}"'
    said = subprocess.run(["/bin/sh", "-c", asked], capture_output=True, text=True, check=True).stdout.splitlines()  # noqa: S603 - a shell, on a file of our own
    assert said == [odd, str(Path(sys.executable).parent)]


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    assert shell.write(tmp_path, {}).stat().st_mode & 0o777 == 0o600
