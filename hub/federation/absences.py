"""Since when a server cannot be asked: what others pass on of it is waited for a while, and then no longer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from hub.ports import Clock

WAITED: Final = timedelta(hours=1)
"""Who brings activities in order, as another Trait d'union does, brings nothing else while we tell it to come again."""
FORGOTTEN: Final = timedelta(days=1)
"""After so long a server that is away is waited for anew."""


class Absences:
    """In memory, one moment for each server of the registry that does not answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[str, datetime] = {}

    def waits(self, server: str) -> bool:
        """Note that it did not answer; tell whether it is still waited for."""
        now = self._clock()
        since = self._since.setdefault(server, now)
        if now - since >= FORGOTTEN:
            since = self._since[server] = now
        return now - since < WAITED

    def over(self, server: str) -> None:
        """It answered, whatever it said."""
        self._since.pop(server, None)
