"""The newest activities, held once for all the peers that keep up, and how far all of them are."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hub.federation.parcel import Parcel

MOST_ENTRIES: Final = 200
MOST_BYTES: Final = 16 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Entry:
    """An activity and how many peers still have to get it."""

    offset: int
    parcel: Parcel
    pending: int = 0


class Window:
    """A line of activities that closes up from its old end; bounded, so that memory does not grow with what peers still have to get."""

    def __init__(self, start: int) -> None:
        self.following = start
        """The offset after the newest."""
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._closed_up = asyncio.Event()

    @property
    def mark(self) -> int:
        """Everything before this offset is done for all that keep up."""
        return self._entries[0].offset if self._entries else self.following

    @property
    def oldest(self) -> Entry | None:
        """The activity that somebody still has to get."""
        return self._entries[0] if self._entries else None

    @property
    def full(self) -> bool:
        """Whether what comes next has to wait."""
        return len(self._entries) >= MOST_ENTRIES or self._bytes >= MOST_BYTES

    def add(self, offset: int, parcel: Parcel) -> Entry:
        """The next activity; it counts as pending for whoever adds it, until `done`."""
        entry = Entry(offset, parcel, 1)
        self._entries.append(entry)
        self._bytes += len(parcel.body)
        self.following = offset + 1
        return entry

    def skip(self, offset: int) -> None:
        """A record that is for nobody."""
        self.following = offset + 1

    def done(self, entry: Entry) -> None:
        """One peer less has to get it."""
        entry.pending -= 1
        while self._entries and not self._entries[0].pending:
            self._bytes -= len(self._entries.popleft().parcel.body)
            self._closed_up.set()

    async def room(self, seconds: float) -> bool:
        """Wait for room; False where there was none in time."""
        while self.full:
            self._closed_up.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._closed_up.wait()
            except TimeoutError:
                return not self.full
        return True
