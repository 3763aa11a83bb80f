"""What every worker group works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from hub.operations.dead_letters import KafkaDeadLetters
    from hub.ports import Clock
    from hub.unit_of_work import UnitOfWork
    from schemas.manifest import Registry


@dataclass(frozen=True, slots=True)
class Group:
    """What a worker group needs to handle its batches."""

    name: str
    begin: Callable[[Registry | None], AbstractAsyncContextManager[UnitOfWork]]
    registry: Callable[[], Awaitable[Registry]]
    dead_letters: KafkaDeadLetters
    clock: Clock
    quarantine_after: int
