"""The operator at her terminal: runs `traitdunion` commands in the session's environment."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING, Any

from deploy.local.process import Program

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ANSWER_LIMIT = 4 * 1024 * 1024


class CommandFailed(RuntimeError):
    """A command ended with another code than 0."""

    def __init__(self, words: tuple[str, ...], code: int, said: str) -> None:
        super().__init__(f"« traitdunion {' '.join(words)} » a fini avec {code} : {said.strip()[-2000:]}")


class Operator:
    """One process that runs command after command."""

    def __init__(self, process: asyncio.subprocess.Process, asks: asyncio.StreamWriter, answers: asyncio.StreamReader) -> None:
        self._process, self._asks, self._answers = process, asks, answers
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls, log: Path) -> Operator:
        """Start it; it reads its modules while we do other things."""
        command = [sys.executable, "-m", "deploy.demo.administration"]
        program = Program("administration", command, log, death_signal=signal.SIGKILL)
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *program.tethered(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=ANSWER_LIMIT,
                process_group=0,
            )
        if process.stdin is None or process.stdout is None:
            raise CommandFailed((), 0, "sans entrée ni sortie")
        return cls(process, process.stdin, process.stdout)

    async def learn(self, settings: Mapping[str, str]) -> None:
        """Give it settings that were not known when it started."""
        await self._write(settings)

    async def run(self, *words: str) -> str:
        """What the command said. Raises CommandFailed."""
        async with self._turn:
            await self._write(words)
            line = await self._answers.readline()
        if not line:
            raise CommandFailed(words, await self._process.wait(), "le processus s'est arrêté")
        answer: dict[str, Any] = json.loads(line)
        if answer["code"] != 0:
            raise CommandFailed(words, answer["code"], answer["said"])
        return str(answer["said"])

    async def _write(self, asked: object) -> None:
        self._asks.write(json.dumps(asked).encode() + b"\n")
        await self._asks.drain()

    async def close(self) -> None:
        """End it."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
