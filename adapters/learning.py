"""What an RSE's refusals tell of its limits: a pure policy that rises slowly and falls at once."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque

HORIZON = 60.0
"""Seconds looked back: the longest window by which the platforms that we know limit calls, but for daily ones."""
PROXYS_HORIZON = 5.0
BURSTS_HORIZON = 5.0
INSTANT = 0.001
REMEMBERED = 4_096
BELOW = 0.9
FLOOR = 1 / 600
UNFELT = 1_000.0
"""Calls per second past which no limit is felt."""
UNWISHED = 1.0
"""Seconds that a refusal counts which names none, as a proxy's."""
FIRST_STEPS, MOST_STEPS = 100, 3_200
FASTER = 1.01
SAME = (0.8, 1.25)


class Seen:
    """The calls that were taken lately, and since when they count: the moment from which the RSE would take something again."""

    def __init__(self) -> None:
        self._moments: deque[float] = deque(maxlen=REMEMBERED)
        self.since = float("-inf")

    def add(self, now: float) -> None:
        """A call was taken."""
        self._moments.append(now)

    def first_guess(self, now: float, wish: float | None) -> float:
        """As `sustainable`, before any rate kept calls apart: a burst after quiet times tells more than their average. High rather than low."""
        if wish is None:
            return self.sustainable(now, wish)
        lately = self._taken(now, BURSTS_HORIZON, wish, INSTANT)
        return max(self.sustainable(now, wish), lately, 1 / max(wish, INSTANT))

    def sustainable(self, now: float, wish: float | None) -> float:
        """Calls per second that would not have been refused.

        What was taken, by the time that it took and the wait that is asked for: exact for a window that a burst has filled; exact for
        a bucket from its second refusal on, since it was empty at the first. A proxy that asks for no wait counts in seconds.
        """
        if wish is None:
            return self._taken(now, PROXYS_HORIZON, 0.0, UNWISHED)
        return self._taken(now, HORIZON, wish, INSTANT)

    def _taken(self, now: float, horizon: float, wait: float, least: float) -> float:
        moments = list(self._moments)
        moments = moments[bisect_left(moments, max(self.since, now - horizon)) :]
        begun = max(self.since, moments[0]) if moments else now
        return max(max(len(moments), 1) / max(now - begun + wait, least), FLOOR)


class Learned:
    """Calls per second of one kind, None while no limit is felt; never above what is stated.

    A refusal lowers it to just below what was taken. It rises by what is taken while others wait: to the last known limit in so many
    steps, more of them each time that this limit shows itself again, so that few calls in a thousand are spent on trying; past it
    fast, since it was lifted then, or was never ours alone.
    """

    def __init__(self, stated: float | None) -> None:
        self._stated = stated
        self._limit = stated
        self._steps = FIRST_STEPS
        self.rate = stated

    def taken(self) -> None:
        """A call that had to wait for its turn was taken."""
        if self.rate is None or self._limit is None:
            return
        if self.rate < self._limit:
            self.rate += (1 - BELOW) * self._limit / self._steps
        else:
            self.rate *= FASTER
        if self._stated is not None:
            self.rate = min(self.rate, self._stated)
        elif self.rate > UNFELT:
            self.rate = self._limit = None

    def refused(self, sustainable: float) -> None:
        """A call was refused, the first since what was last learned; another user's refusal may tell of a rate that was left already."""
        lowered = max(BELOW * sustainable, FLOOR)
        if self.rate is not None and lowered >= self.rate:
            return
        limit = sustainable if self.rate is None else min(sustainable, self.rate)
        known = self._limit is not None and SAME[0] <= limit / self._limit <= SAME[1]
        self._steps = min(2 * self._steps, MOST_STEPS) if known else FIRST_STEPS
        self._limit, self.rate = limit, lowered
