"""How much one instance's gateway holds at once: bytes of bodies, and webhooks that wait to be stored."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_WAITING: Final = 1_000
MOST_BYTES: Final = 64 * 1024 * 1024


class Crowded(OverflowError):
    """More than may be held: the platform shall come again."""


class Crowd:
    """Bytes are counted as they come, from whomever: what somebody announces and does not send holds up nobody.

    Who waits to be stored is counted after the platform has proved itself.
    """

    def __init__(self, most_waiting: int = MOST_WAITING, most_bytes: int = MOST_BYTES) -> None:
        self._places, self._free = most_waiting, most_bytes

    @contextmanager
    def bytes_held(self) -> Iterator[Callable[[int], None]]:
        """Hold the bytes that the given function is told of, until the end of the block; it raises Crowded past the limit."""
        held = 0

        def hold(size: int) -> None:
            nonlocal held
            if size > self._free:
                raise Crowded("bytes")
            self._free -= size
            held += size

        try:
            yield hold
        finally:
            self._free += held

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count one that waits; raises Crowded past the limit."""
        if not self._places:
            raise Crowded("webhooks")
        self._places -= 1
        try:
            yield
        finally:
            self._places += 1
