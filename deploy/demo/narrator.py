"""What the reader sees: numbered steps, what is done, what is seen and how fast; and the sum of it for programs."""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psutil
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

PATIENCE: Final = "TRAITDUNION_DEMO_PATIENCE"
POLL_SECONDS: Final = 0.02
WIDTH: Final = 120  # of a table, where nobody knows the terminal or it is narrower
T = TypeVar("T")


class ExpectationBroken(RuntimeError):
    """What was to be seen was not seen in time."""


@dataclass
class Step:
    """One numbered step: its checks, in their order."""

    number: int
    title: str
    seconds: float = 0.0
    checks: list[str] = field(default_factory=list)


class Narrator:
    """Tells the demo; every check goes through it and is counted."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True, width=max(Console().width, WIDTH))
        self.patience = float(os.environ.get(PATIENCE, "1"))
        self.steps: list[Step] = []
        self.latencies: dict[str, int] = {}
        self.figures: dict[str, Any] = {}
        self._step_began = time.monotonic()
        self._began = self._step_began - (time.time() - psutil.Process().create_time())  # what Python itself took counts too

    @property
    def checks(self) -> int:
        """Checks that held."""
        return sum(len(step.checks) for step in self.steps)

    def step(self, number: int, title: str) -> None:
        """Begin a step."""
        self.end_step()
        self.steps.append(Step(number, title))
        self.console.print(f"\n[bold]{number}. {escape(title)}[/bold]  [dim]{self._elapsed()}[/dim]")

    def end_step(self) -> None:
        """Note how long the step took."""
        if self.steps:
            self.steps[-1].seconds = round(time.monotonic() - self._step_began, 3)
        self._step_began = time.monotonic()

    def does(self, sentence: str) -> None:
        """What is done."""
        self.console.print(f"   [cyan]→[/cyan] {escape(sentence)}")

    def progress(self, sentence: str) -> None:
        """What has become ready."""
        self.console.print(f"   [dim]{self._elapsed()}[/dim]  {escape(sentence)}")

    def sees(self, sentence: str) -> None:
        """A check that held."""
        self.steps[-1].checks.append(sentence)
        self.console.print(f"   [green]✓[/green] {escape(sentence)}")

    def note(self, sentence: str) -> None:
        """Something to know."""
        self.console.print(f"     [dim]{escape(sentence)}[/dim]")

    def verbatim(self, text: str) -> None:
        """What a command said."""
        for line in text.rstrip().splitlines():
            self.console.print(f"     {escape(line)}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table."""
        table = Table(header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*map(escape, row))
        self.console.print(table)

    def fails(self, reason: str, logs: Path | None) -> None:
        """Why it ends here."""
        self.console.print(f"\n[bold red]✗ {escape(reason)}[/bold red]")
        if logs is not None:
            self.console.print(f"   journaux : {escape(str(logs))}")

    async def expect(self, what: str, look: Callable[[], Awaitable[T | None]], within: float) -> tuple[T, int]:
        """Look until there is something to see: that, and the milliseconds that it took. Raises ExpectationBroken."""
        began = time.monotonic()
        limit = within * self.patience
        while True:
            found = await look()
            took = time.monotonic() - began
            if took > limit:
                raise ExpectationBroken(f"attendu en {limit:g} s, pas vu : {what}")
            if found:
                return found, round(took * 1000)
            await asyncio.sleep(POLL_SECONDS)

    def check(self, sentence: str, *, held: bool) -> None:
        """A check that needs no waiting. Raises ExpectationBroken."""
        if not held:
            raise ExpectationBroken(f"cela ne tient pas : {sentence}")
        self.sees(sentence)

    def summary(self, failure: str | None) -> dict[str, Any]:
        """All of it for programs."""
        return {
            "checks": self.checks,
            "failure": failure,
            "seconds": round(time.monotonic() - self._began, 1),
            "latencies_ms": self.latencies,
            **self.figures,
            "steps": [asdict(step) for step in self.steps],
        }

    def write_summary(self, path: Path, failure: str | None) -> None:
        """Keep it in a file."""
        path.write_text(json.dumps(self.summary(failure), ensure_ascii=False, indent=2) + "\n")

    def since_start(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self._began

    def _elapsed(self) -> str:
        return f"{self.since_start():5.1f} s"
