"""Which kinds of RSE this program knows: the one list of adapters."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from adapters.capabilities import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.capabilities import Capabilities
    from adapters.pacing import Paces
    from adapters.port import Adapter, RseClient
    from adapters.settings import Instance

MODULES = {"discourse": "adapters.discourse", "exo": "adapters.exo", "matrix": "adapters.matrix"}


class PlatformUnknown(LookupError):
    """No connector bears this name."""


@dataclass(frozen=True, slots=True)
class Platform:
    """A connector: its reading half, what makes its writing half, and what it can do."""

    name: str
    adapter: Adapter
    client: Callable[[Instance, Paces], RseClient]
    capabilities: Capabilities


def platform(name: str) -> Platform:
    """A connector by its name; raises PlatformUnknown."""
    if name not in MODULES:
        raise PlatformUnknown(name)
    module = import_module(MODULES[name])
    return Platform(name, module.ADAPTER, lambda instance, paces: module.CLIENT(instance, paces=paces), module.CAPABILITIES)


def capability_table() -> str:
    """What each connector can do, as a Markdown table."""
    return table((name, platform(name).capabilities) for name in MODULES)
