"""What libraries write to the log, as JSON lines, each kind of line once a while: aiokafka says ten times a second that a broker is away."""

from __future__ import annotations

import json
import logging
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_SECONDS: Final = 30.0
KINDS: Final = 512


class Hushed(logging.Filter):
    """Lets the first line of each kind through at once, and after a while the next one, with how many were kept back between them.

    A kind is a place in a program and what it says. The kinds remembered are few: one that is forgotten is a first one again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: OrderedDict[tuple[str, int, str], tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written."""
        kind, now = (record.name, record.lineno, record.getMessage()), self._clock()
        since, kept_back = self._seen.pop(kind, (now - EVERY_SECONDS, 0))
        if now - since < EVERY_SECONDS:
            self._seen[kind] = since, kept_back + 1
            return False
        self._seen[kind] = now, 0
        if len(self._seen) > KINDS:
            self._seen.popitem(last=False)
        record.kept_back = kept_back
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line, as our own logs; no text of a library's breaks out of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The level, who speaks, what is said, and how many such lines were kept back before."""
        said = {"level": record.levelname.lower(), "logger": record.name, "event": record.getMessage()}
        kept_back = getattr(record, "kept_back", 0)
        return json.dumps(said | ({"kept_back": kept_back} if kept_back else {}), ensure_ascii=False)
