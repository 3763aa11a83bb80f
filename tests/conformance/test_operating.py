"""The operators' page names commands, options, settings, ports and files that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from adapters.matrix.door import BODY_LIMIT as OF_A_WEBHOOK
from adapters.settings import AdapterSettings
from hub.__main__ import command_line
from hub.settings import HubSettings
from hub.supervisor import hub_children
from schemas.http_signature.demands import WINDOW
from schemas.node_door import BODY_LIMIT, WAIT_LIMIT
from schemas.wire.kafka import KafkaSettings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PAGE = (DEPLOY / "EXPLOITER.md").read_text(encoding="utf-8")
TREE: Any = typer.main.get_command(command_line())
SAID = re.findall(r"`([^`\n]+)`", PAGE) + [
    part for line in re.findall(r"^(?:[A-Z_]+=\S+ )?traitdunion .*$", PAGE, re.MULTILINE) for part in line.split(" && ")
]
WRITTEN = [re.sub(r"^(?:[A-Z_]+=\S+ )?(?:traitdunion )?", "", said.split(" #")[0]).split() for said in SAID]
COMMANDS = sorted({" ".join(words) for words in WRITTEN if words and words[0] in TREE.commands})


def settings() -> set[str]:
    models = (HubSettings, AdapterSettings, KafkaSettings)
    names = {f"{model.model_config['env_prefix']}{name.upper()}" for model in models for name in model.model_fields}
    return names | {f"{name}_FILE" for name in names}


def test_the_page_names_what_an_operator_does() -> None:
    assert len(COMMANDS) > 20
    assert {"topics check", "connector migrate", "keys generate hub hub.pem", "migrate --door-role porte"} <= set(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_and_option_exists(words: str) -> None:
    command, left = TREE, words.split()
    while left and left[0] in getattr(command, "commands", {}):
        command = command.commands[left.pop(0)]
    assert not getattr(command, "commands", {}), "a group of commands, not a command"
    assert {word for word in left if word.startswith("--")} <= {option for given in command.params for option in given.opts}


def test_every_setting_exists() -> None:
    named = set(re.findall(r"TRAITDUNION_[A-Z_]+", PAGE))
    assert named
    assert named <= settings()


def test_what_a_process_refuses_to_start_without_is_named() -> None:
    process = (DEPLOY.parent / "hub" / "process.py").read_text(encoding="utf-8")
    missing = set(re.findall(r"TRAITDUNION_[A-Z_]+", " ".join(re.findall(r'start_refused", missing="([^"]+)"', process))))
    assert {"TRAITDUNION_FEDERATION_ANCHOR", "TRAITDUNION_REGISTRY_ANCHOR"} <= missing
    made_by_a_command = {"TRAITDUNION_FEDERATION_KEY"}
    assert missing - made_by_a_command <= set(re.findall(r"TRAITDUNION_[A-Z_]+", PAGE))


def test_every_role_of_a_process_is_named_with_its_setting() -> None:
    roles = [name for name in HubSettings.model_fields if name.endswith("_database_url")]
    assert len(roles) == 3
    for name in roles:
        assert f"TRAITDUNION_{name.upper()}" in PAGE
        assert f"--{name.removesuffix('_database_url').replace('_', '-')}-role" in PAGE


def test_the_proxy_leads_to_the_ports_where_the_processes_listen() -> None:
    hub, connector = HubSettings.model_fields, AdapterSettings.model_fields
    listening = [hub[name].default for name in ("site_port", "door_port", "federation_port")] + [connector["gateway_port"].default]
    assert [int(port) for port in re.findall(r"proxy_pass http://127\.0\.0\.1:(\d+)", PAGE)] == listening


def test_its_limits_are_ours() -> None:
    assert re.findall(r"client_max_body_size (\d+)m", PAGE) == [str(limit // 1024**2) for limit in (BODY_LIMIT, OF_A_WEBHOOK)]
    assert int(re.findall(r"proxy_read_timeout (\d+)s", PAGE)[0]) > WAIT_LIMIT
    assert WINDOW.total_seconds() == 5 * 60
    assert "à plus de cinq minutes" in PAGE
    assert len(hub_children(("inbound", "fanout", "receipts"), 0)) == 6
    assert "six processus du hub" in PAGE


def test_every_file_that_it_links_is_there() -> None:
    linked = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert linked
    assert [path for path in linked if not (DEPLOY / path).is_file()] == []
