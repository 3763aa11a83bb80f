"""What every worker group works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from hub.operations.dead_letters import KafkaDeadLetters
    from hub.ports import Clock, Record
    from hub.unit_of_work import UnitOfWork
    from schemas.manifest import Registry


Read = TypeVar("Read")


class Handler(Protocol[Read]):
    """What a worker group does with a batch of records, in two steps."""

    async def read(self, batch: Sequence[Record]) -> Read:
        """Check a batch; changes nothing, so that it may be done while the batch before is still carried out."""
        ...

    async def carry_out(self, read: Read) -> None:
        """Do what a batch asks; returns when its effects are committed and its dead letters delivered.

        Raises what means that the database or the broker is gone: the batch then stays unacknowledged.
        """
        ...


@dataclass(frozen=True, slots=True)
class Group:
    """What a worker group needs to handle its batches."""

    name: str
    begin: Callable[[Registry | None], AbstractAsyncContextManager[UnitOfWork]]
    registry: Callable[[], Awaitable[Registry]]
    dead_letters: KafkaDeadLetters
    clock: Clock
    quarantine_after: int
