"""Lanes that call as fast as they are let, against the twins' own limiters, in time that costs none."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.discourse.twin.limits import Rate
from adapters.matrix.twin.limits import Allowance
from adapters.matrix.twin.users import MatrixError
from adapters.pacing import Pace, Paces, Urgency
from tests.fakes_time import VirtualTime

LANES = 16
Server = Callable[[VirtualTime], Callable[[str], float | None]]
"""What a subject's call is told: how long to wait, or nothing where it is taken."""


def paced(limits: dict[str, float] | None = None) -> tuple[VirtualTime, Pace]:
    time = VirtualTime()
    return time, Paces("rse", limits, time.clock, time.sleep).of("api")


def window(limit: int, seconds: float) -> Server:
    """Discourse's limit of all calls."""

    def server(time: VirtualTime) -> Callable[[str], float | None]:
        rate = Rate(limit, seconds, time.clock)
        return lambda _: rate.wait() or None

    return server


def bucket(per_second: float) -> Server:
    """Synapse's limit of one user's messages."""

    def server(time: VirtualTime) -> Callable[[str], float | None]:
        allowance = Allowance(per_second, time.clock)

        def wait(user: str) -> float | None:
            try:
                allowance.spend(user)
            except MatrixError as refusal:
                return float(str(refusal.body["retry_after_ms"])) / 1000
            return None

        return wait

    return server


@dataclass
class Burst:
    """Lanes that call as fast as they are let, each thing again until it is taken."""

    time: VirtualTime
    pace: Pace
    server: Callable[[str], float | None]
    subjects: int = 1
    wishes: bool = True
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    refusals: list[bool] = field(default_factory=list)
    written: list[list[int]] = field(default_factory=lambda: [[] for _ in range(LANES)])

    async def run(self, calls: int) -> None:
        await asyncio.gather(*(self.lane(lane, calls // LANES) for lane in range(LANES)))

    async def lane(self, lane: int, calls: int) -> None:
        for number in range(calls):
            while not await self.call(str(lane % self.subjects)):
                pass
            self.written[lane].append(number)

    async def call(self, subject: str) -> bool:
        await self.pace.set_out(Urgency.SAY, subject)
        turn = await self.pace.turn(subject)
        wish = self.server(subject)
        await self.time.sleep(self.chance.uniform(0.02, 0.08))
        self.refusals.append(wish is not None)
        if wish is None:
            self.pace.taken(turn)
        elif self.wishes:
            self.pace.refused(turn, wish)
        else:
            self.pace.doubted(turn, None)
        return wish is None
