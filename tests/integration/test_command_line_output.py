"""A command whose output finds no reader, no room, or whose question gets no answer: what is said is what happened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.wire.command_line import INTERRUPTED, UNREAD

MADE = """
import sys, typer
from hub.commands import terminal
app = terminal.group("Essai")
@app.command()
def told(lines: int) -> None:
    terminal.show_json(list(range(lines)))
@app.command()
def asked() -> None:
    raise typer.Abort  # as a prompt does, of an interrupt and of the end of its input
app(sys.argv[1:])
"""


def begun(*words: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
    told = [sys.executable, "-c", MADE, *words]
    return subprocess.Popen(told, stdout=stdout, stderr=subprocess.PIPE)  # noqa: S603 - our own interpreter and program


@pytest.mark.parametrize("lines", [3, 100_000], ids=["few", "many"])
def test_output_that_nobody_reads_to_its_end_is_no_fault_of_the_database(lines: int) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with begun("told", str(lines), stdout=writes) as running:
        os.close(writes)
        _, said = running.communicate(timeout=60)
    assert (running.returncode, said) == (UNREAD, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("lines", [3, 100_000], ids=["few", "many"])
def test_output_that_finds_no_room_is_told_as_such(lines: int) -> None:
    with Path("/dev/full").open("wb") as full, begun("told", str(lines), stdout=full.fileno()) as running:
        _, said = running.communicate(timeout=60)
    assert said.decode().startswith("Ce que cette commande écrit ne trouve plus de place")
    assert running.returncode != 0
    assert b"Traceback" not in said


def test_who_answers_no_question_reads_no_traceback() -> None:
    with begun("asked") as running:
        _, said = running.communicate(timeout=60)
    assert (running.returncode, said.decode().split()) == (INTERRUPTED, ["Interrompu."])
