"""What `connector feed` tells its reader, from the gateway's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from adapters.commands import app
from adapters.feeding import told
from schemas.keys import KeyMalformed, SigningKey

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("outcome", "reason", "lines"),
    [
        (f"event={'a' * 32}@rse.inbound.v1-3-12", "", [f"événement {'a' * 32} (rse.inbound.v1-3-12)"]),
        ("unused=m.reaction;dropped=not_tied", "", ["inutilisé m.reaction", "écarté not_tied"]),
        ("nonsense=json_malformed@spool", "", ["refusé json_malformed@spool"]),
        ("", "signature_invalid", ["refusé signature_invalid"]),
        ("", "", ["rien à en tirer"]),
    ],
)
def test_each_outcome_is_told_in_french_by_its_name(outcome: str, reason: str, lines: list[str]) -> None:
    assert told(outcome, reason) == lines


def test_a_key_is_never_overwritten(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("keys") / "node.pem"
    first = CliRunner().invoke(app, ["keygen", str(path), "wifip", "--clear"])
    kept = path.read_bytes()
    second = CliRunner().invoke(app, ["keygen", str(path), "wifip", "--clear"])
    assert (first.exit_code, second.exit_code) == (0, 1)
    assert first.stdout.startswith("z6Mk")
    assert path.read_bytes() == kept
    assert path.stat().st_mode & 0o077 == 0


def test_a_nodes_key_is_written_in_clear_only_where_somebody_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, phrase = tmp_path / "node.pem", tmp_path / "node.phrase"
    refused = CliRunner().invoke(app, ["keygen", str(path), "wifip"])
    assert (refused.exit_code, refused.stdout, path.exists()) == (1, "", False)
    assert "TRAITDUNION_KEY_PASSPHRASE_FILE" in refused.stderr
    assert "[key_in_clear]" in refused.stderr
    phrase.write_text("une phrase\n")
    monkeypatch.setenv("TRAITDUNION_KEY_PASSPHRASE_FILE", str(phrase))
    made = CliRunner().invoke(app, ["keygen", str(path), "wifip"])
    assert (made.exit_code, made.stderr) == (0, "")
    assert made.stdout.strip() == SigningKey.load("wifip", path, b"une phrase").public.multibase
    with pytest.raises(KeyMalformed):
        SigningKey.load("wifip", path)
