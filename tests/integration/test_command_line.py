"""Whoever writes a command badly is told so in French, in a line or two, and a program can tell it by the exit code."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import structlog
import typer.main
from typer.testing import CliRunner

from adapters.commands import app as connector
from hub.__main__ import command_line
from schemas.wire.command_line import usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

ENGLISH = re.compile(r"\b(Missing|Invalid|No such|Show this|Usage error|Try|required|Commands|unexpected|Error|default|Traceback)\b")


TREE: Any = typer.main.get_command(command_line())


def run(*words: str) -> Result:
    return CliRunner().invoke(command_line(), list(words))


def leaves(command: Any, *above: str) -> Iterator[tuple[str, ...]]:
    yield above
    for name, below in getattr(command, "commands", {}).items():
        yield from leaves(below, *above, name)


COMMANDS = [pytest.param(words, id=" ".join(words) or "all") for words in leaves(TREE)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), ""),
        (("nodes",), ""),
        (("nod",), "« nod » n'est pas une commande. 'nodes'"),
        (("trace",), "Il manque « message »."),
        (("nodes", "refuse", "wifip"), "Il manque l'option --reason."),
        (("keys", "generate"), "Il manque « kind ». hub, node, operators, federation, federation-rsa"),
        (("up", "maintenant"), "C'est trop : « maintenant »."),
        (("nodes", "list", "--jsn"), "--jsn n'est pas une option. --json"),
        (("communities", "open", "essai", "--title", "x", "--audience", "tous"), "« tous » ne convient pas pour --audience :"),
        (
            ("dlq", "list", "--since", "hier"),
            "« hier » ne convient pas pour --since : '%Y-%m-%d', '%Y-%m-%dT%H:%M:%S', '%Y-%m-%dT%H:%M:%S%z'.",
        ),
        (("keys", "compromised", "wifip", "z6Mk", "--since", "hier"), "--since : un moment est attendu, par exemple 2026-11-20T10:00:00."),
        (("moderation", "removed", "x", "--before", "32/13/2026"), "--before : un moment est attendu, par exemple 2026-11-20T10:00:00."),
        (("dlq", "list", "--limit", "0"), "--limit : 1 au moins."),
        (("dlq", "list", "--limit", "20000"), "--limit : 10000 au plus."),
        (("dlq", "list", "--limit", "beaucoup"), "--limit : un nombre est attendu."),
        (("dlq", "list", "--limit"), "L'option --limit est mal écrite."),
        (("worker", "fanoot"), "Groupe inconnu : fanoot (connus : inbound, fanout, receipts, peers)"),
        (("up", "--also", "rien"), "--also s'écrit nom=commande, non « rien »"),
        (("connector", "feed", "wifip", "nulle-part.json"), "Fichier introuvable : nulle-part.json"),
        (("connector", "backfill", "start"), "Il manque « instance »."),
    ],
)
def test_a_badly_written_command_is_answered_in_french_and_ends_with_2(words: tuple[str, ...], said: str) -> None:
    ended = run(*words)
    assert ended.exit_code == 2
    assert ended.stderr.startswith(said)
    assert not ENGLISH.search(ended.stderr)
    assert len(ended.stderr.splitlines()) <= (2 if said else 0)


def test_the_connectors_own_command_line_answers_likewise() -> None:
    ended = CliRunner().invoke(connector, ["keygen"])
    assert (ended.exit_code, ended.stderr.splitlines()[0]) == (2, "Il manque « path ».")


@pytest.mark.parametrize("words", [("--door", "http://hub.example"), ("run", "--door", "http://hub.example")])
def test_a_door_is_enough_to_run_the_connectors(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both run, and refuse an address that hides nothing; `test_node_door_tls` has one that a hub answers."""
    monkeypatch.setattr("schemas.wire.telemetry.configure_logs", lambda process: process)
    for step in ("begin_to_load", "loaded"):
        monkeypatch.setattr(f"schemas.wire.collector.{step}", lambda: None)
    with structlog.testing.capture_logs() as told:
        ended = CliRunner().invoke(connector, [*words])
    assert ended.exit_code == 1
    assert [(line["event"], line["faults"]) for line in told] == [
        ("settings_refused", "TRAITDUNION_DOOR : https://hôte[:port] est attendu, ou http:// vers la boucle locale")
    ]


def test_a_door_before_another_command_is_answered_and_does_not_run_it() -> None:
    ended = CliRunner().invoke(connector, ["--door", "https://hub.example", "capabilities"])
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.splitlines()[0] == "--door lance les connecteurs, et ne s'écrit pas devant « capabilities »."


def test_without_a_door_nor_a_command_the_help_is_shown_as_ever() -> None:
    ended = CliRunner().invoke(connector, [])
    assert ended.exit_code == 2
    assert "--door" in ended.output
    assert "capabilities" in ended.output


def test_a_sentence_of_the_framework_that_has_no_french_is_said_as_it_stands() -> None:
    assert usage("Something  new.") == "Something new."


@pytest.mark.parametrize("words", COMMANDS)
def test_every_help_is_in_french_and_describes_what_it_asks_for(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert TREE.main([*words, "--help"], "traitdunion", standalone_mode=False) == 0
    shown = capsys.readouterr().out
    assert "Montre cette aide." in shown
    assert not ENGLISH.search(shown)
    command = TREE
    for word in words:
        command = command.commands[word]
    assert [given.name for given in command.params if not given.help] == []


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TRAITDUNION_SITE_PORT", "seekrit", "Réglage refusé : TRAITDUNION_SITE_PORT : un nombre entier est attendu\n"),
        ("TRAITDUNION_LOG_LEVEL", "seekrit", "Réglage refusé : TRAITDUNION_LOG_LEVEL : à choisir parmi 'DEBUG', 'INFO', 'WARNING' ou 'ERROR'\n"),
        ("TRAITDUNION_BATCH", "0", "Réglage refusé : TRAITDUNION_BATCH : 1 au moins est attendu\n"),
        ("TRAITDUNION_FEDERATION_URL", "seekrit", "Réglage refusé : TRAITDUNION_FEDERATION_URL : la forme attendue est ^(https?://[^/?#]+)?$\n"),
        ("TRAITDUNION_HOLD", "seekrit", "Réglage refusé : TRAITDUNION_HOLD : une durée est attendue, en secondes ou selon ISO 8601\n"),
        ("TRAITDUNION_DATABASE_URL", "seekrit", "L'adresse de la base de données est mal écrite : TRAITDUNION_DATABASE_URL est postgresql://…\n"),
        ("TRAITDUNION_OPERATOR_TOKEN_FILE", "/nulle/part", "Fichier introuvable : /nulle/part\n"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_named_without_its_value(
    variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    ended = run("nodes", "list")
    assert (ended.exit_code, ended.stderr) == (1, said)


def test_a_setting_that_is_given_twice_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAITDUNION_OPERATOR_TOKEN", "seekrit")
    monkeypatch.setenv("TRAITDUNION_OPERATOR_TOKEN_FILE", "seekrit")
    ended = run("nodes", "list")
    said = "Réglage donné deux fois : TRAITDUNION_OPERATOR_TOKEN, TRAITDUNION_OPERATOR_TOKEN_FILE.\n"
    assert (ended.exit_code, ended.stderr) == (1, said)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("instances: {wifip: {node: w, api_secret: seekrit, organisme: x}}", "instances.wifip.url : il manque"),
        ("instances: {wifip: {node: w, api_secret: seekrit, organisme: x}}", "instances.wifip.organisme : ce nom n'existe pas"),
        ("instances: {wifip: {webhook_secret: seekrit, webhook_secret_file: f}}", "webhook_secret ou webhook_secret_file, non les deux"),
        ("instances: [seekrit", "ce n'est pas du YAML lisible"),
        ("seekrit", "ne convient pas (model_type)"),
    ],
)
def test_an_instances_file_that_cannot_be_used_is_told_line_by_line_without_its_secrets(
    written: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "instances.yaml"
    path.write_text(written)
    monkeypatch.setenv("TRAITDUNION_INSTANCES", str(path))
    ended = run("connector", "feed", "wifip", str(path))
    assert ended.exit_code == 1
    assert said in ended.stderr
    assert "seekrit" not in ended.stderr
    assert all(line.startswith(f"{path} : ") for line in ended.stderr.splitlines())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nodes", "apply", "{}"), "Fichier inaccessible : {} (IsADirectoryError)"),
        (("keys", "rotate", "{}"), "Fichier inaccessible : {} (IsADirectoryError)"),
        (("keys", "rotate", "{}/rien"), "Fichier introuvable : {}/rien"),
        (("manifest", "check", "{}/rien"), "Fichier introuvable : {}/rien"),
        (("registry", "diff", "{}/rien", "{}/rien"), "Fichier introuvable : {}/rien"),
        (("connector", "keygen", "{}/cle", "Mal Nommé"), "« Mal Nommé » ne peut pas nommer un nœud"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    ended = run(*(word.format(tmp_path) for word in words))
    assert ended.exit_code == 1
    assert ended.stderr.startswith(said.format(tmp_path))


@pytest.mark.parametrize("words", [("verify", "{}", "--anchor", "z6Mk"), ("diff", "{}", "{}")])
def test_what_is_no_registry_is_refused_in_french_by_its_name(words: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "registre"
    path.write_text("rien")
    ended = run("registry", *(word.format(path) for word in words))
    assert ended.exit_code == 1
    assert ended.stderr.startswith("Refusé : ce n'est pas un registre bien formé [registry_malformed")


PROCESS = """
import sys
from hub.__main__ import main
try:
    main()
finally:
    sys.stderr.write(" ".join(sorted(sys.modules)))
"""


@pytest.mark.parametrize("words", [("up",), ("relay",), ("worker", "inbound"), ("peer-door",)])
def test_a_process_that_stays_loads_no_command_of_the_operators(words: tuple[str, ...]) -> None:
    ended = subprocess.run([sys.executable, "-c", PROCESS, *words, "--help"], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - our own command line
    assert "Montre cette aide." in ended.stdout
    loaded = ended.stderr.split()
    assert not [name for name in loaded if name.startswith(("adapters", "deploy", "hub.commands.")) and name != "hub.commands.terminal"]
