"""The operators' commands as a person types them, and what two people of the federation admit by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from typer.testing import CliRunner

from hub import commands
from tests.fakes_application import ROLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from schemas.keys import SigningKey

ANNE, BAKARY = "anne.jeton", "bakary.jeton"
"""Files in which their tokens lie."""


def run(*words: str) -> Result:
    """A command's exit code and what it said."""
    app = typer.Typer()
    commands.add_to(app)
    return CliRunner().invoke(app, list(words))


def applying(folder: Path, key: SigningKey, *more: str) -> str:
    """A node's manifest in a file, made by the command that integrators have."""
    key.save(folder / "node.pem")
    contacts = [word for role in ROLES for word in ("--contact", f"{role}=Camille Roux <{role}@ministere.example>")]
    made = run(
        "manifest", "new", key.owner, "--organisation", "Finances", "--siret", "00000100100015", "--platform", "discourse",
        "--endpoint", "rse=https://rse.example/", "--key", str(folder / "node.pem"), "--out", str(folder / "manifest.json"),
        *contacts, *more,
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    return str(folder / "manifest.json")


def admitted(folder: Path, key: SigningKey, people: Callable[[str], None]) -> None:
    """Let a node apply and both of them approve it."""
    assert run("nodes", "apply", applying(folder, key)).exit_code == 0
    for file in (ANNE, BAKARY):
        people(file)
        assert run("nodes", "approve", key.owner, "--manifest", str(folder / "manifest.json")).exit_code == 0
