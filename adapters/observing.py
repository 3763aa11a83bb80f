"""Whether this node observes, by the signed registry: it reads and takes back, and what its agents say stays in their RSE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from adapters.overtaking import PASSES, TAKES_BACK, type_of
from schemas import topics
from schemas.registry_parts import Grade

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.spool import Record
    from schemas.manifest import Registry

OBSERVES: Final = "node_observes"
"""The hub's own name for it, at its door and in its dead letters."""
UNSILENCED: Final = TAKES_BACK | PASSES
log = structlog.get_logger()


def is_speech(event_type: str) -> bool:
    """Whether an observer may not say it: all but what takes back, ties, and asks for what was missed."""
    return event_type not in UNSILENCED


def says(record: Record) -> bool:
    """Whether a record is an event that an observer may not say; dead letters are none."""
    return record.topic == topics.RSE_INBOUND.name and is_speech(type_of(record))


def speaks() -> bool:
    """Not an observer: where no registry tells."""
    return False


class Observing:
    """Asked whether the node observes now. While no registry is in force, the last word counts."""

    def __init__(self, name: str, node: str, registry: Callable[[], Registry | None]) -> None:
        self._name, self._node, self._registry = name, node, registry
        self._observes = False

    def __call__(self) -> bool:
        """Whether it does."""
        registry = self._registry()
        if registry is not None:
            self._be(observes=observes(registry, self._node))
        return self._observes

    def _be(self, *, observes: bool) -> None:
        if observes is self._observes:
            return
        self._observes = observes
        log.warning("node_observes" if observes else "node_observes_no_longer", instance=self._name, node=self._node)


def observes(registry: Registry, node: str) -> bool:
    """Whether the registry admits a node to read alone."""
    entry = registry.node(node)
    return entry is not None and entry.grade is Grade.OBSERVER
