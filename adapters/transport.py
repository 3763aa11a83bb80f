"""How a connector reaches the hub: Kafka, or the hub's HTTPS door; everything else is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from adapters.applied import Applied
    from adapters.writer import Writer
    from schemas.keys import KeyHolder
    from schemas.wire.publisher import Publisher


class Reading(Protocol):
    """What brings a node's own topic to its writer."""

    async def run(self) -> None:
        """Read for ever; what goes away is waited for."""
        ...


class Transport(Protocol):
    """The way to the hub and back, for all instances of a process."""

    @property
    def name(self) -> str:
        """What `/readyz` calls it."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it is worth trying."""
        ...

    def publisher(self, key: KeyHolder) -> Publisher:
        """What takes a node's records; the key is that node's own."""
        ...

    def intake(self, instance: str, key: KeyHolder, writer: Writer, applied: Applied) -> Reading:
        """What reads that node's topic."""
        ...

    async def run(self) -> None:
        """Keep the connections, until cancelled; then close them."""
        ...
