"""What the writer of one instance works with: its RSE, its last door, its memory, its way back to the hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from adapters.applied import Applied
    from adapters.asking_again import Asking
    from adapters.handshake import Handshake
    from adapters.last_door import LastDoor
    from adapters.patience import Pause
    from adapters.port import RseClient
    from adapters.receipts import Receipts
    from adapters.registry import Trust
    from adapters.resyncs import Resyncs
    from adapters.settings import Instance
    from adapters.ties import Ties
    from schemas.wire.publisher import Publisher


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that the writer of one instance works with."""

    name: str
    instance: Instance
    client: RseClient
    door: LastDoor
    trust: Trust
    applied: Applied
    ties: Ties
    resyncs: Resyncs
    asking: Asking
    handshake: Handshake
    pause: Pause
    receipts: Receipts
    publisher: Publisher
    answered: Callable[[], None]
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]
