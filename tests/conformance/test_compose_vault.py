"""The vault of docker-compose.yml: secrets made once, finished after a fall, read by nobody outside our group."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

import pytest

from deploy.compose import vault
from tests.fakes_compose import services

if TYPE_CHECKING:
    from pathlib import Path


ALL = services()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_vault_makes_secrets_once_and_none_of_them_twice(tmp_path: Path) -> None:
    words = [*ALL["vault"].commands[0][3:], f"--folder={tmp_path}"]
    vault.main(words)
    made = contents(tmp_path)
    vault.main(words)
    assert contents(tmp_path) == made
    shared = [list(group) for _, group in groupby(sorted(made, key=lambda name: made[name]), key=lambda name: made[name])]
    twice = sorted(names for names in shared if len(names) > 1)
    assert twice == [["hub/operator-token", "metrics/operator-token"]]


def test_a_vault_that_was_cut_short_is_finished_without_changing_what_is_there(tmp_path: Path) -> None:
    words = [*ALL["vault"].commands[0][3:], f"--folder={tmp_path}"]
    vault.main(words)
    made = contents(tmp_path)
    derived = [name for name in made if not re.search(r"\.pem$|password|secret|token|\.hex", name) or name.startswith("public/")]
    derived = [name for name in derived if not name.endswith(".json")]  # a manifest is dated: a new one would be another application
    for name in derived:
        (tmp_path / name).unlink()
    vault.main(words)
    assert contents(tmp_path) == made


def test_secrets_are_read_by_nobody_outside_our_group(tmp_path: Path) -> None:
    vault.main([*ALL["vault"].commands[0][3:], f"--folder={tmp_path}"])
    modes = {str(path.relative_to(tmp_path)): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()}
    assert set(modes.values()) == {0o600, 0o640}
    keys = {
        name for name in modes if name.endswith((".pem", ".hex", "words", "instances.yaml", "registration.yaml")) and "public/" not in name
    }
    assert {modes[name] for name in keys} == {0o600}


def test_a_vault_that_misses_an_address_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        vault.main([f"--folder={tmp_path}", "--postgres=p:1", "--rse=wifip=http://r"])
    assert "wifip" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
