"""What a newcomer finds first: the commands, the files and the order in which the front page tells them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z-]+):[^#\n]*## (.+)$", MAKEFILE, re.MULTILINE)


def made(*words: str) -> str:
    """What make prints."""
    clean = {name: said for name, said in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "ONCE", "RSE"}}
    return subprocess.run(["make", *words], cwd=ROOT, env=clean, check=True, capture_output=True, text=True, timeout=600).stdout  # noqa: S603, S607 - as a newcomer types it


def test_make_alone_says_what_each_target_does() -> None:
    printed = made()
    assert {"demo", "test", "check", "bench", "test-real"} <= {name for name, _ in TARGETS}
    assert [name for name, does in TARGETS if not re.search(rf"^  make {name} +{re.escape(does)}$", printed, re.MULTILINE)] == []


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ((), "traitdunion demo"),
        (("ONCE=1",), "traitdunion demo --once"),
        (("RSE=synapse",), "traitdunion demo --rse synapse"),
        (("ONCE=1", "RSE=synapse"), "traitdunion demo --once --rse synapse"),
    ],
)
def test_make_demo_plays_what_was_asked_for(words: tuple[str, ...], command: str) -> None:
    assert " ".join(made("-n", "demo", *words).splitlines()[-1].split()) == f".venv/bin/{command}"


def test_what_ci_runs_is_all_that_is_checked() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.search(r"^exec make (?:--no-print-directory )?check\b", script.read_text(encoding="utf-8"), re.MULTILINE)
    (needs,) = re.findall(r"^check: ([^#\n]+)##", MAKEFILE, re.MULTILINE)
    assert {"lint", "test", "test-long", "test-real"} <= set(needs.split())


def test_the_front_page_begins_with_the_two_commands_then_the_picture_then_the_table_and_says_it_all_again_in_english() -> None:
    first = README[README.index("```sh\n") + 6 :].partition("```")[0]
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make demo", "make test"]
    order = [README.index(said) for said in ("```sh", "```mermaid", "<!-- capabilities:", "# Trait d’union, in English")]
    assert order == sorted(order)
    english = README[order[-1] :]
    assert "make demo" in english
    assert "make test" in english


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("LICENSE", "MIT License"),
        ("CHANGELOG.md", "## [Unreleased]"),
        ("CONTRIBUTING.md", "make test"),
        ("SECURITY.md", "#"),
        ("publiccode.yml", "publiccodeYmlVersion"),
    ],
)
def test_each_file_that_people_look_for_is_there(name: str, said: str) -> None:
    assert said in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "deploy/README.md", "hub/README.md", "adapters/README.md"])
def test_every_make_that_a_page_names_is_a_target(name: str) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= {target for target, _ in TARGETS}
