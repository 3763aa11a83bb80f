"""Memory and open files of our own processes, over a run."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median_low
from typing import TYPE_CHECKING, Final

import psutil

from tests.chaos.faults import served_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.chaos.town import Town

MEBI: Final = 1024 * 1024
LONG_ENOUGH: Final = 600.0
"""Seconds from which on flatness can be judged: buffers and pools fill during the first minutes."""
NEWBORN: Final = 5.0
MEMORY_GROWS: Final = 1.15
PEAK_GROWS: Final = 1.5
"""A peak is one moment's backlog, behind an outage that chance has made long; what leaks raises what is usual."""
FILES_GROW: Final = 16


@dataclass(frozen=True, slots=True)
class Sample:
    """One process at one moment: seconds of the run, resident MiB, open files and sockets."""

    at: float
    resident: float
    files: int


@dataclass
class Watch:
    """Samples by kind of process: worker-inbound, relay, connector …; a process that is killed goes on under its kind."""

    samples: defaultdict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))

    def look(self, town: Town, at: float) -> None:
        """Take a sample of each."""
        if town.up is None or town.up.exit_code is not None:
            return
        try:
            children = psutil.Process(town.up.pid).children()
        except psutil.NoSuchProcess:
            return
        for process in children:
            self._take(process, at)

    def _take(self, process: psutil.Process, at: float) -> None:
        try:
            kind = served_by(process) or "-".join(process.cmdline()[3:])
            with process.oneshot():
                if time.time() - process.create_time() < NEWBORN:
                    return  # it has not begun to work yet
                sample = Sample(at, process.memory_info().rss / MEBI, process.num_fds())
        except psutil.Error:
            return
        if kind:  # one that was just killed has no words any more
            self.samples[kind].append(sample)


def parts_of(samples: Sequence[Sample], seconds: float) -> tuple[list[Sample], list[Sample]] | None:
    """The run's second and last thirds: what was there before has filled its buffers; None where one of them holds nothing."""
    middle = [one for one in samples if seconds / 3 <= one.at < seconds * 2 / 3]
    last = [one for one in samples if one.at >= seconds * 2 / 3]
    return (middle, last) if middle and last else None


def thirds(samples: Sequence[Sample]) -> tuple[Sample, Sample, Sample]:
    """The beginning, the middle and the end of a run, each by its own medians. Raises StatisticsError where there is no sample."""
    size = max(1, len(samples) // 3)
    middle = (len(samples) - size) // 2
    first, second, third = (_median(part) for part in (samples[:size], samples[middle : middle + size], samples[-size:]))
    return first, second, third


def growing(watch: Mapping[str, Sequence[Sample]], seconds: float) -> list[str]:
    """The kinds of process that took more memory or files in the last third than in the second."""
    found = []
    for kind, samples in watch.items():
        parts = parts_of(samples, seconds)
        if parts is None:
            continue
        (usual, later), (peak, last) = map(_median, parts), map(peak_of, parts)
        grown = later.resident > usual.resident * MEMORY_GROWS or later.files > usual.files + FILES_GROW
        if grown or last.resident > peak.resident * PEAK_GROWS or last.files > peak.files * PEAK_GROWS + FILES_GROW:
            found.append(kind)
    return found


def _median(samples: Sequence[Sample]) -> Sample:
    files = median_low(one.files for one in samples)
    return Sample(samples[-1].at, median_low(one.resident for one in samples), files)


def peak_of(samples: Sequence[Sample]) -> Sample:
    """The most that there was."""
    return Sample(samples[-1].at, max(one.resident for one in samples), max(one.files for one in samples))
