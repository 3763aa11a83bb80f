"""What was measured: a figure beside its ceiling and its target, as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from pathlib import Path

FULL = 100
STARTED = time.monotonic()


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A figure must reach this."""

    bound: float

    def holds(self, value: float) -> bool:
        return value >= self.bound

    def __str__(self) -> str:
        return f"≥ {number(self.bound)}"


@dataclass(frozen=True, slots=True)
class Below:
    """A figure must stay under this."""

    bound: float

    def holds(self, value: float) -> bool:
        return value < self.bound

    def __str__(self) -> str:
        return f"< {number(self.bound)}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure; `ceiling` is what the same machine could do at best in the same run, and what that is."""

    section: str
    what: str
    value: float
    unit: str
    ceiling: float | None = None
    ceiling_is: str = ""
    target: AtLeast | Below | None = None

    @property
    def reached(self) -> bool | None:
        return self.target.holds(self.value) if self.target else None


@dataclass
class Report:
    """Everything of one run."""

    figures: list[Figure] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    loads: dict[str, list[float]] = field(default_factory=dict)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def add(self, *figures: Figure) -> None:
        for figure in figures:
            self.figures.append(figure)
            say(f"    {figure.what} : {number(figure.value)} {figure.unit}")

    def note_load(self, section: str) -> None:
        """The machine's load as a section begins or ends: other work beside ours makes every figure smaller."""
        self.loads.setdefault(section, []).append(round(os.getloadavg()[0], 2))

    def show(self) -> None:
        table = Table(title=f"Trait d’union sur cette machine — {_machine()}", title_justify="left", caption=self._loads())
        for column in ("", "Mesure"):
            table.add_column(column)
        for column in ("Valeur", "Plafond mesuré au même moment", "Part", "Objectif", "Atteint"):
            table.add_column(column, justify="right")
        for figure in self.figures:
            table.add_row(*_row(figure), style="bold" if figure.target else None)
        Console(width=190).print(table)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        figures = [{**asdict(one), "target": str(one.target) if one.target else None, "reached": one.reached} for one in self.figures]
        said = {
            "began": self.began.isoformat(), "machine": _machine(), "python": platform.python_version(),
            "load_average": self.loads, "figures": figures, "details": self.details,
        }  # fmt: skip
        path.write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n")

    def _loads(self) -> str:
        loads = ", ".join(f"{section} {' → '.join(str(one) for one in found)}" for section, found in self.loads.items())
        return f"Charge de la machine (1 min), début → fin de chaque section : {loads}"


def say(text: str) -> None:
    """A line of progress."""
    print(f"[{time.monotonic() - STARTED:5.0f} s] {text}", flush=True)  # noqa: T201 - the bench speaks to its reader


def number(value: float) -> str:
    """A number as one reads it."""
    if abs(value) >= FULL:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def together(*rates: float) -> float:
    """What parts can do one after the other: their times per event, summed."""
    return 1 / sum(1 / rate for rate in rates)


def percentile(values: list[float], share: float) -> float:
    """The value below which that share lies; values need not be sorted."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _row(figure: Figure) -> list[str]:
    ceiling = f"{number(figure.ceiling)} {figure.unit} ({figure.ceiling_is})" if figure.ceiling else figure.ceiling_is
    share = f"{FULL * figure.value / figure.ceiling:.0f} %" if figure.ceiling else ""
    reached = "" if figure.reached is None else "oui" if figure.reached else "NON"
    return [figure.section, figure.what, f"{number(figure.value)} {figure.unit}", ceiling, share, str(figure.target or ""), reached]


def _machine() -> str:
    return f"{os.cpu_count()} cœurs, {platform.machine()}, Python {platform.python_version()}"
