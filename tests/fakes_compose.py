"""docker-compose.yml as tests read it: its services, their order, their commands, and what a volume's path is on this machine."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CLONE = Path(__file__).resolve().parents[1]
OURS = "traitdunion:local"
SHELL = ["sh", "-euc"]
RUN = "/run/traitdunion"
STATE = "/var/lib/traitdunion"


@dataclass(frozen=True)
class Mount:
    """A named volume in a container."""

    volume: str
    target: str
    writable: bool


@dataclass(frozen=True)
class Service:
    """One service, its merges and anchors resolved."""

    name: str
    said: Mapping[str, Any]

    @property
    def ours(self) -> bool:
        return str(self.said["image"]) == OURS

    @property
    def once(self) -> bool:
        return str(self.said.get("restart")) == "no"

    @property
    def environment(self) -> dict[str, str]:
        return dict(self.said.get("environment", {}))

    @property
    def after(self) -> dict[str, str]:
        return {name: wanted["condition"] for name, wanted in self.said.get("depends_on", {}).items()}

    @property
    def mounts(self) -> list[Mount]:
        parts = [str(text).split(":") for text in self.said.get("volumes", [])]
        return [Mount(words[0], words[1], words[2:] != ["ro"]) for words in parts]

    @property
    def commands(self) -> list[list[str]]:
        """The programs that it runs, one after another: a shell's lines are several."""
        words = [*self.said.get("entrypoint", []), *self.said.get("command", [])]
        if words[:2] == SHELL:
            return [shlex.split(line) for line in words[2].splitlines()]
        return [words] if words else []

    @property
    def health(self) -> str | None:
        """The page that its health check asks."""
        test = self.said.get("healthcheck", {}).get("test", [])
        return str(test[-1]) if test[:4] == ["CMD", "python", "-m", "deploy.compose.healthy"] else None


@cache
def read() -> dict[str, Any]:
    """The whole file, read once: nobody changes what it says."""
    found: dict[str, Any] = yaml.safe_load((CLONE / "docker-compose.yml").read_text(encoding="utf-8"))
    return found


def services() -> dict[str, Service]:
    """By name."""
    return {name: Service(name, said) for name, said in read()["services"].items()}


def in_order(found: Mapping[str, Service]) -> list[Service]:
    """As `depends_on` asks; raises graphlib.CycleError."""
    return [found[name] for name in TopologicalSorter({name: service.after for name, service in found.items()}).static_order()]


def here(text: str, places: Sequence[tuple[str, str]]) -> str:
    """A container's word, addresses and paths replaced by this machine's: longer ones first."""
    for there, ours in sorted(places, key=lambda place: -len(place[0])):
        text = re.sub(rf"(?<![\w.-]){re.escape(there)}(?![\w-])", ours, text)  # no address or path of this machine has a backslash
    return text
