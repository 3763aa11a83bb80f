"""Objects on which an RSE fails while it answers for others: set behind those with a growing wait, so that they hold up nothing else."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from schemas.wire.telemetry import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapters.port import Later

FIRST_SECONDS: Final = 2.0
MOST_SECONDS: Final = 3600.0
IN_A_ROW: Final = 2
"""So many objects that fail one after the other speak for the RSE as a whole: the round ends there."""
OF_ALL: Final = frozenset({"unreachable", "rate_limited", "credentials_refused", "redirected", "status_503"})
"""What an RSE, or what stands before it, says of itself and of no object."""
log = structlog.get_logger()


def of_one(later: Later) -> bool:
    """Whether a failure may be the one object's own; a wait that is wished for is asked of everybody."""
    return later.after is None and later.reason not in OF_ALL


@dataclass(slots=True)
class _Tries:
    count: int
    since: float
    due_at: float


class SetBack:
    """What one process tries again later, of one instance; the next process tries all of it at once."""

    def __init__(self, instance: str, work: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._gauge, self._instance, self._work, self._clock = Metric.set_back.labels(instance, work), instance, work, clock
        self._tries: dict[str, _Tries] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._tries

    def __iter__(self) -> Iterator[str]:
        return iter(self._tries)

    def __len__(self) -> int:
        return len(self._tries)

    def waiting(self) -> frozenset[str]:
        """Those that are not to be tried yet."""
        now = self._clock()
        return frozenset(key for key, tries in self._tries.items() if now < tries.due_at)

    def due(self) -> list[str]:
        """Those whose turn has come, the longest due first."""
        now = self._clock()
        return sorted((key for key, tries in self._tries.items() if tries.due_at <= now), key=lambda key: self._tries[key].due_at)

    def tries(self, key: str) -> int:
        """How often in a row it has failed."""
        return self._tries[key].count if key in self._tries else 0

    def seconds(self, key: str) -> float:
        """How long it has failed."""
        return self._clock() - self._tries[key].since if key in self._tries else 0.0

    def failed(self, key: str, later: Later) -> None:
        """Once more; each time it waits twice as long."""
        now, before = self._clock(), self._tries.get(key)
        if before is None:
            before = self._tries[key] = _Tries(0, now, now)
            self._gauge.inc()
        before.count += 1
        before.due_at = now + min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(before.count - 1, 30))
        log.warning("object_set_back", instance=self._instance, work=self._work, object=key, reason=later.reason, tries=before.count)

    def settled(self, key: str) -> None:
        """It was answered, or nobody asks for it any more."""
        if self._tries.pop(key, None) is not None:
            self._gauge.dec()

    def clear(self) -> None:
        """Nothing of this is ours any more."""
        for key in [*self._tries]:
            self.settled(key)
