"""No database, no broker, no gateway: every command that needs one says so in a sentence and ends with 69."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from hub.__main__ import command_line
from schemas.keys import SigningKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATABASE = [
    "migrate", "nodes list", "nodes show wifip", "nodes resyncs", "nodes approve wifip", "peers list", "peers show opsi.example",
    "peers pause opsi.example", "peers acts opsi.example", "people list", "people revoke anne", "communities list",
    "communities open essai --title Essai", "communities follows", "ties list", "ties propose wifip 97 essai", "trace 5e", "registry show",
    "registry diff 1 2",
]  # fmt: skip
BROKER = ["topics list", "topics apply", "topics check", "dlq list", "dlq show rse.inbound.v1.dlq.v1/0/0", "nodes provision wifip"]
LEDGER = [
    "connector migrate", "connector spool", "connector backfill list", "connector backfill start wifip 97 --days 3", "connector resync list",
    "connector resync start wifip 97",
]  # fmt: skip
GATEWAY = ["connector pace", "connector drift", "connector feed wifip {0}/instances.yaml"]


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Settings whose servers are all at a port that is taken and where nobody listens."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        port = kept.getsockname()[1]
        SigningKey.generate("hub").save(tmp_path / "hub.pem")
        SigningKey.generate("wifip").save(tmp_path / "wifip.pem")
        (tmp_path / "instances.yaml").write_text(
            "instances: {wifip: {node: wifip, organisation: Finances, platform: discourse, url: 'http://127.0.0.1:1', "
            f"webhook_secret: w, api_secret: a, signing_key: {tmp_path / 'wifip.pem'}, options: {{api_username: x}}}}}}"
        )
        for name, value in {
            "KAFKA_BOOTSTRAP": f"127.0.0.1:{port}", "DATABASE_URL": f"postgresql://127.0.0.1:{port}/x", "GATEWAY_PORT": port,
            "LEDGER_URL": f"postgresql://127.0.0.1:{port}/x", "SIGNING_KEY": tmp_path / "hub.pem", "PERSON_TOKEN": "jeton",
            "INSTANCES": tmp_path / "instances.yaml",
        }.items():  # fmt: skip
            monkeypatch.setenv(f"TRAITDUNION_{name}", str(value))
        yield tmp_path


@pytest.mark.parametrize(
    ("said", "command"),
    [
        (said, command)
        for said, commands in {
            "La base de données ne répond pas": DATABASE,
            "Kafka ne répond pas": BROKER,
            "Le registre local ne répond pas": LEDGER,
            "Aucun connecteur ne répond|La passerelle ne répond pas": GATEWAY,
        }.items()
        for command in commands
    ],
)
def test_a_command_whose_server_is_away_says_so_and_ends_with_69(said: str, command: str, nowhere: Path) -> None:
    ended = CliRunner().invoke(command_line(), command.format(nowhere).split())
    assert ended.exit_code == 69
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith(tuple(said.split("|")))
