"""A run from its first process to its verdict."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aiohttp import ClientSession

from tests.chaos import schedule
from tests.chaos.abroad import ELSEWHERE
from tests.chaos.book import Book
from tests.chaos.details import Closely, judge_details
from tests.chaos.faults import Hand
from tests.chaos.kinds import kind_of
from tests.chaos.marks import judge_marks
from tests.chaos.numbers import order_of
from tests.chaos.operations import Agents
from tests.chaos.oracle import Nature, judge, replay
from tests.chaos.report import Outcome, described, say, summary
from tests.chaos.rse import Unsure
from tests.chaos.schedule import Fault
from tests.chaos.town import Town
from tests.chaos.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path

    from tests.chaos.oracle import Finding, Shown
    from tests.chaos.people import Visit
    from tests.chaos.schedule import Plan

TOLD_EVERY: Final = 10.0
LOOK_EVERY: Final = 1.0
NAMED: Final = 3
PATIENT: Final = 20
"""How often a look begins anew that an RSE did not answer in time, before the run is given up."""
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
    arrives: bool = True
    """Whether one more community begins with the past of a space that is tied in the middle of the run."""

    def plan(self) -> Plan:
        """What is to happen."""
        abilities = [kind_of(number).can for number in range(self.twins)]
        return schedule.plan(
            self.seed, self.seconds, abilities=abilities, rate=self.rate, communities=self.communities + self.arrives, every=self.every,
            limits=self.limits, arrives=self.arrives,
        )  # fmt: skip


@dataclass
class Sight:
    """What was found at one look."""

    findings: list[Finding]
    events: int
    copies: int
    behind: int
    kinds: Counter[str]

    @property
    def told(self) -> tuple[int, int, int, tuple[Finding, ...]]:
        """What changes as long as anything moves."""
        return self.events, self.copies, self.behind, tuple(self.findings)


async def run(options: Options, folder: Path) -> Outcome:
    """Bring everything up, let it go wrong, wait until it has settled, judge."""
    async with ClientSession(trust_env=False) as http:
        communities = [f"communaute-{number}" for number in range(options.communities + options.arrives)]
        town = Town(folder, options.twins, communities, options.retry_unit, http, book := Book())
        if options.arrives:
            town.keep_out(town.rses[0], communities[-1])
        try:
            say(f"graine {options.seed} : {options.twins} RSE, {options.communities} communautés ; tout démarre")
            await town.start()
            if Fault.CLOCK_BEHIND in options.limits.faults:
                await town.age()
            return await _Run(options, town, book).play()
        finally:
            await asyncio.shield(town.stop())


class _Run:
    """One run in a town that stands."""

    def __init__(self, options: Options, town: Town, book: Book) -> None:
        self._options, self._town = options, town
        self._book, self._watch, self._hand = book, Watch(), Hand(town)
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
            for visit in plan.visits:
                group.create_task(self._at(visit.at, partial(self._visited, visit)))
            for trouble in plan.troubles:
                group.create_task(self._at(trouble.at, partial(self._hand.make, trouble)))
            if plan.arrival is not None:
                group.create_task(self._at(plan.arrival.at, self._town.arrive))
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
                say(f"{self._now() - since:5.0f} s sans changement, {sight.behind} en retard ; encore {summary(sight.findings)}")
                for finding in sight.findings[:NAMED]:
                    say(f"    {described(finding)}")
            if sight.told != last.told:
                since = self._now()
            last = sight
        return last

    async def _look(self) -> Sight:
        """Look at everything; a machine that does too much else may keep an RSE from answering us in time, which is nothing against it."""
        for _ in range(PATIENT):
            with suppress(Unsure):
                return await self._looked()
            say("un RSE ne répond pas à temps : regardé de nouveau")
        return await self._looked()

    async def _looked(self) -> Sight:
        town, book = self._town, self._book
        sights: dict[tuple[str, str], Sequence[Shown]] = {}
        closely: dict[tuple[str, str], Closely] = {}
        for rse in town.rses:
            for community in town.communities:
                sights[rse.seat.node, community] = await rse.shown(community)
                closely[rse.seat.node, community] = Closely(await rse.traces(community), await rse.members(community))
            for number, native_id in rse.natives.items():
                if number in book.entries and book.entries[number].rse == rse.seat.node:
                    book.entries[number].native_id = native_id
        abroad = ELSEWHERE, town.abroad.community
        sights[abroad], closely[abroad] = town.abroad.shown(), Closely(town.abroad.traces, None)
        known = book.by_native()
        orders = {one: await order_of(town, one, known) for one in town.communities}
        numbers = {one: order.messages for one, order in orders.items()}
        marks = [mark for order in orders.values() for mark in order.marks]
        ways = {rse.seat.node: rse.ways for rse in town.rses}
        natures = {rse.seat.node: Nature(rse.takes_history, rse.sweeps) for rse in town.rses}
        replays = {one: replay(order) for one, order in numbers.items()}
        members = {one: order.members for one, order in orders.items()}
        findings = judge(book.entries, numbers, sights, natures) + judge_marks(book, marks, replays.values(), sights, ways)
        findings += judge_details(book.entries, replays, sights, closely, members)
        events, copies = sum(map(len, numbers.values())), sum(map(len, sights.values()))
        kinds = Counter({"venus d'avant un rattachement": sum(one.history for order in numbers.values() for one in order)})
        kinds["longs"] = sum(
            bool(book.entries[one.message].lengths) for order in numbers.values() for one in order if one.message in book.entries
        )
        kinds["entrées et départs"] = sum(order.comings for order in orders.values())
        kinds["d'un autre serveur"] = sum(one.rse == ELSEWHERE for order in numbers.values() for one in order if one.message is not None)
        return Sight(findings, events, copies, await town.behind() + town.abroad.waiting, kinds)

    async def _outcome(self, sight: Sight, settled: float) -> Outcome:
        known = self._book.by_native()
        given_up = {known.get((rse.seat.node, native)) for rse in self._town.rses for native in await rse.given_up()}
        letters = await self._town.dead_letters()
        for refusal in self._town.abroad.refused:
            say(f"refusé à l'autre serveur : {refusal}")
        return Outcome(
            self._options.seed, self._options.seconds, self._book, sight.events, sight.copies, sight.kinds, settled, self._hand.made,
            sight.findings, frozenset(number for number in given_up if number is not None), letters, self._watch,
        )  # fmt: skip

    async def _visited(self, visit: Visit) -> None:
        self._town.abroad.act(visit)

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
