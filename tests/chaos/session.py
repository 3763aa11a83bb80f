"""A run from its first process to its verdict."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aiohttp import ClientSession

from tests.chaos import schedule
from tests.chaos.book import Book
from tests.chaos.faults import Hand
from tests.chaos.kinds import kind_of
from tests.chaos.marks import judge_marks
from tests.chaos.numbers import order_of
from tests.chaos.operations import Agents
from tests.chaos.oracle import judge, replay
from tests.chaos.report import Outcome, described, say, summary
from tests.chaos.schedule import Fault
from tests.chaos.town import Town
from tests.chaos.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path

    from tests.chaos.oracle import Finding, Shown
    from tests.chaos.schedule import Plan

TOLD_EVERY: Final = 10.0
LOOK_EVERY: Final = 1.0
NAMED: Final = 3
RESPITE: Final = 3.0
"""How much longer than a look we leave the machine to those who have something to catch up."""


@dataclass(frozen=True, slots=True)
class Options:
    """A run's size; `retry_unit` is how long a minute of Discourse's retries lasts, in minutes."""

    seed: int
    seconds: float
    twins: int
    communities: int
    rate: float
    every: float
    retry_unit: float
    settle: float
    limits: schedule.Limits = schedule.USUAL

    def plan(self) -> Plan:
        """What is to happen."""
        abilities = [kind_of(number).can for number in range(self.twins)]
        return schedule.plan(
            self.seed, self.seconds, abilities=abilities, rate=self.rate, communities=self.communities, every=self.every, limits=self.limits
        )


@dataclass
class Sight:
    """What was found at one look."""

    findings: list[Finding]
    events: int
    copies: int


async def run(options: Options, folder: Path) -> Outcome:
    """Bring everything up, let it go wrong, wait until it has settled, judge."""
    async with ClientSession(trust_env=False) as http:
        communities = [f"communaute-{number}" for number in range(options.communities)]
        town = Town(folder, options.twins, communities, options.retry_unit, http)
        try:
            say(f"graine {options.seed} : {options.twins} RSE, {options.communities} communautés ; tout démarre")
            await town.start()
            if Fault.CLOCK_BEHIND in options.limits.faults:
                await town.age()
            return await _Run(options, town).play()
        finally:
            await asyncio.shield(town.stop())


class _Run:
    """One run in a town that stands."""

    def __init__(self, options: Options, town: Town) -> None:
        self._options, self._town = options, town
        self._book, self._watch, self._hand = Book(), Watch(), Hand(town)
        self._began = self._now()

    async def play(self) -> Outcome:
        """Deeds and faults side by side, then peace, then the verdict."""
        plan = self._options.plan()
        say(f"prêt : {len(plan.deeds)} opérations et {len(plan.troubles)} pannes à venir")
        agents, self._began = Agents(self._town, self._book), self._now()
        telling = asyncio.create_task(self._tell())
        async with asyncio.TaskGroup() as group:
            for deed in plan.deeds:
                group.create_task(self._at(deed.at, partial(agents.act, deed)))
            for trouble in plan.troubles:
                group.create_task(self._at(trouble.at, partial(self._hand.make, trouble)))
        telling.cancel()
        await self._hand.heal()
        say("plus de pannes : tout se pose")
        ended = self._now()
        sight = await self._settled()
        return await self._outcome(sight, self._now() - ended)

    async def _settled(self) -> Sight:
        """Look until nothing is wrong, or nothing has changed for as long as any retry may take."""
        last, since, took = await self._look(), self._now(), 0.0
        told = since
        while last.findings and self._now() - since < self._options.settle:
            await asyncio.sleep(max(LOOK_EVERY, RESPITE * took))
            began = self._now()
            sight = await self._look()
            took = self._now() - began
            if self._now() - told > TOLD_EVERY:
                told = self._now()
                say(f"{self._now() - since:5.0f} s sans changement ; encore {summary(sight.findings)}")
                for finding in sight.findings[:NAMED]:
                    say(f"    {described(finding)}")
            if (sight.events, sight.copies, len(sight.findings)) != (last.events, last.copies, len(last.findings)):
                since = self._now()
            last = sight
        return last

    async def _look(self) -> Sight:
        town, book = self._town, self._book
        sights: dict[tuple[str, str], Sequence[Shown]] = {}
        for rse in town.rses:
            for community in town.communities:
                sights[rse.seat.node, community] = await rse.shown(community)
            for number, native_id in rse.natives.items():
                if number in book.entries and book.entries[number].rse == rse.seat.node:
                    book.entries[number].native_id = native_id
        known = book.by_native()
        orders = {one: await order_of(town, one, known) for one in town.communities}
        numbers = {one: order.messages for one, order in orders.items()}
        marks = [mark for order in orders.values() for mark in order.marks]
        ways = {rse.seat.node: rse.ways for rse in town.rses}
        findings = judge(book.entries, numbers, sights) + judge_marks(
            book, marks, [replay(order) for order in numbers.values()], sights, ways
        )
        events, copies = sum(map(len, numbers.values())), sum(map(len, sights.values()))
        return Sight(findings, events, copies)

    async def _outcome(self, sight: Sight, settled: float) -> Outcome:
        known = self._book.by_native()
        given_up = {known.get((rse.seat.node, native)) for rse in self._town.rses for native in await rse.given_up()}
        letters = await self._town.dead_letters()
        return Outcome(
            self._options.seed, self._options.seconds, self._book, sight.events, sight.copies, settled, self._hand.made,
            sight.findings, frozenset(number for number in given_up if number is not None), letters, self._watch,
        )  # fmt: skip

    async def _at(self, moment: float, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await asyncio.sleep(max(0.0, self._began + moment - self._now()))
        await act()

    async def _tell(self) -> None:
        """Progress, and samples of the processes."""
        while True:
            at = self._now() - self._began
            self._watch.look(self._town, at)
            made, count = sum(self._hand.made.values()), self._book.count
            say(f"{at:5.0f} s d'opérations : {count} opérations ({self._book.refused.total()} refusées), {made} pannes")
            await asyncio.sleep(min(TOLD_EVERY, max(1.0, self._options.seconds / 4)))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
