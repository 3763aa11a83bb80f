"""Three RSEs, their connectors and the hub, and the hand that leads a story through them."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, assert_never

from schemas.envelope import object_id
from tests.converge.connector import Connector, Killed
from tests.converge.federation import Person
from tests.converge.hub import Hub
from tests.converge.rse import Impossible, Rse, Shown, text_of
from tests.converge.story import (
    Deed,
    Do,
    Enter,
    How,
    Law,
    Leave,
    Mail,
    Miss,
    Number,
    Post,
    Recover,
    Remove,
    Restart,
    Restore,
    Rewrite,
    Settle,
    Silence,
    Wait,
    Write,
)
from tests.converge.thread import DISCOURSE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from adapters.ledger import Ledger
    from tests.converge.story import Federation, Step
    from tests.hub_world import World

ROUNDS = 60  # until all has arrived: more would mean that something comes back for ever
LOOKS = 3  # a comment's edit announces itself nowhere: so many looks read every thread of a story
HELD = timedelta(minutes=16)
"""Longer than a reply waits for its parent, and than any RSE goes without being asked who takes part."""


@dataclass
class Book:
    """What people did, as a bystander would have noted it."""

    said: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Number → the node where it was written, its native id there."""
    versions: Counter[int] = field(default_factory=Counter)
    deeds: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(node, what, native id) → how often."""
    lost: set[tuple[str, int]] = field(default_factory=set)
    """Copies that people of the node took away and did not bring back."""
    disturbed: set[tuple[str, int]] = field(default_factory=set)
    """Messages that went, or went and came back, in that node: what was set on them may be lost."""
    touched: set[tuple[str, int]] = field(default_factory=set)
    """Copies whose words somebody of that node touched up."""
    killed: set[str] = field(default_factory=set)
    """Nodes whose connector did not live to note what it wrote, or saw no answer to it."""
    lengths: dict[int, dict[int, int]] = field(default_factory=dict)
    """Of a long message: version → its sentences behind the first one."""

    def note(self, node: str, what: str, native_id: str) -> None:
        """Somebody did something."""
        self.deeds[node, what, native_id] += 1

    def compare(self, node: str, before: Sequence[Shown], after: Sequence[Shown]) -> None:
        """What went and what came back by a person's act."""
        was, there = ({one.native_id: one.number for one in shown if not one.orphan} for shown in (before, after))
        for native_id in was.keys() - there.keys():
            self.note(node, "gone", native_id)
            self.lost.add((node, was[native_id]))
            self.disturbed.add((node, was[native_id]))
        for native_id in there.keys() - was.keys():
            self.note(node, "back", native_id)
            self.lost.discard((node, there[native_id]))


class Town:
    """One story's world."""

    def __init__(self, hub: Hub, rses: Mapping[str, Rse], connectors: Mapping[str, Connector]) -> None:
        self.hub, self.rses, self.connectors = hub, rses, connectors
        self.book, self.person = Book(), Person(hub)
        self._brings = True

    # --- a step ---------------------------------------------------------------------------------------------------------

    async def take(self, step: Step) -> None:
        """Let a step happen, where it can."""
        match step:
            case Post() | Do() | Recover() | Enter() | Leave():
                await self._people(step)
            case Remove() | Restore() | Rewrite():
                await self._federation(step)
            case Mail(node=node, which=which, again=again):
                await self._mail(node, which, again=again)
            case Number():
                await self.hub.work()
            case Write():
                await self._write(step)
            case Restart(node=node):
                await self.connectors[node].restart()
            case Miss(node=node):
                await self.connectors[node].miss()
            case Silence(on=on):
                self.hub.kafka.silent = on
            case Wait(seconds=seconds):
                await self.hub.wait(timedelta(seconds=seconds))
            case Settle():
                await self.settle()
            case _:
                assert_never(step)

    async def _federation(self, step: Federation) -> None:
        """A copy that she has written again is no longer lost."""
        before = len(self.person.asked_again)
        await self.person.act(step)
        numbers = {object_id(*said): number for number, said in self.book.said.items()}
        self.book.lost -= {(node, numbers[subject]) for subject, node in self.person.asked_again[before:]}

    async def _people(self, step: Post | Do | Recover | Enter | Leave) -> None:
        match step:
            case Post(node=node, long=long):
                await self.say(node, None, self.rses[node].longest[0] if long else 0)
            case Do():
                await self._do(step)
            case Recover(node=node, pick=pick):
                away = self.rses[node].taken_away()
                await self._act(node, "recover", away, pick)
            case Enter(node=node):
                await self.rses[node].enter()
            case Leave(node=node):
                await self.rses[node].leave()
            case _:
                assert_never(step)

    async def tie(self) -> None:
        """Let the handshakes take place, and what was said before them go unheard."""
        for connector in self.connectors.values():
            while await connector.hear(0, again=False):
                pass
        self._brings = False
        await self.settle()
        self._brings = True

    async def settle(self) -> None:
        """Let all that is on its way arrive, and what was waited for in vain stand alone."""
        self.hub.kafka.silent = False
        await self._flow()
        await self.hub.wait(HELD)
        await self._flow()

    async def _flow(self) -> None:
        for _ in range(ROUNDS):
            moved = [await self._served(connector) for connector in self.connectors.values()]
            if not any([*moved, await self.hub.work()]):
                return
        raise AssertionError("it never ends")

    async def _served(self, connector: Connector) -> bool:
        moved = False
        while await connector.hear(0, again=False):
            moved = True
        for _ in range(LOOKS):
            moved = await connector.look() or moved
        moved = await connector.tidy() or moved
        moved = (self._brings and await connector.bring()) or moved
        moved = await connector.ask_who_is_there() or moved
        while await connector.write():
            moved = True
        return moved

    # --- people ---------------------------------------------------------------------------------------------------------

    async def _do(self, step: Do) -> None:
        rse = self.rses[step.node]
        shown = [one for one in rse.shown() if one.number > 0 and not one.orphan]
        if not shown:
            return
        message = shown[step.pick % len(shown)]
        match step.deed:
            case Deed.REPLY:
                await self.say(step.node, message.native_id)
            case Deed.EDIT:
                await self._edit(step.node, message)
            case Deed.DELETE | Deed.MODERATE | Deed.MEDDLE | Deed.REACT | Deed.UNREACT | Deed.ACCEPT | Deed.UNACCEPT:
                await self._act(step.node, step.deed, [message.native_id], 0)
            case _:
                assert_never(step.deed)

    async def say(self, node: str, answered: str | None, sentences: int = 0) -> str:
        """Somebody writes, or answers; the message's native id."""
        number = self.hub.next_number()
        rse, text = self.rses[node], text_of(number, 1, sentences)
        if sentences:
            self.book.lengths[number] = {1: sentences}
        native_id = await (rse.post(text) if answered is None else rse.reply(answered, text))
        self.book.said[number] = (node, native_id)
        self.book.versions[number] = 1
        return native_id

    async def _edit(self, node: str, message: Shown) -> None:
        """Her own message gets new words; of a copy somebody touches up the words that are there."""
        own = self.book.said[message.number][0] == node
        version = self.book.versions[message.number] + 1 if own else message.version
        sentences = self.rses[node].longest[1] if own and version % 2 and message.number in self.book.lengths else 0
        try:
            await self.rses[node].edit(message.native_id, text_of(message.number, version, sentences) + ("" if own else " Retouché."))
        except Impossible:
            return
        if own and message.number in self.book.lengths:
            self.book.lengths[message.number][version] = sentences
        if not own:
            self.book.touched.add((node, message.number))
        self.book.versions[message.number] = max(version, self.book.versions[message.number])
        self.book.note(node, "edit", message.native_id)

    async def _act(self, node: str, deed: str, natives: Sequence[str], pick: int) -> None:
        if not natives:
            return
        rse, native_id = self.rses[node], natives[pick % len(natives)]
        act: Any = getattr(rse, deed)
        before = rse.shown()
        try:
            await act(native_id)
        except Impossible:
            return
        self.book.note(node, deed, native_id)
        self.book.compare(node, before, rse.shown())

    # --- the way ----------------------------------------------------------------------------------------------------------

    async def _mail(self, node: str, which: int, *, again: bool) -> None:
        await self.connectors[node].hear(which, again=again)
        await self.connectors[node].look()
        await self.connectors[node].tidy()
        await self.connectors[node].bring()

    async def _write(self, step: Write) -> None:
        """A record that asks nothing of the RSE meets no fault."""
        connector, rse = self.connectors[step.node], self.rses[step.node]
        hand = connector.hand
        if step.how is not How.WELL:
            self.book.killed.add(step.node)
        if step.how is How.KILLED_BEFORE:
            hand.before = _killed
        else:
            hand.after = lambda: self._meanwhile(step)
        if step.how is How.ANSWER_LOST:
            await rse.lose_answer()
        await connector.write()
        hand.before = hand.after = None
        await rse.heal()

    async def _meanwhile(self, step: Write) -> None:
        for other in step.meanwhile:
            await self.take(other)
        if step.how is How.KILLED_AFTER:
            raise Killed


async def _killed() -> None:
    raise Killed


@asynccontextmanager
async def town(
    world: World, ledger: Ledger, rses: Mapping[str, Rse], number: int, past: Sequence[str] = (), law: Law | None = None
) -> AsyncIterator[Town]:
    """A community whose three spaces are new and tied; its connectors are gone when the block ends.

    Somebody said something in the spaces of `past` before they were tied: it is asked for, and comes while the story goes on.
    """
    world.clock.moved, law = timedelta(), law or Law()
    for rse in rses.values():
        await rse.heal()
        await rse.open_space(1000 + number, hands=law.hands)
    hub = Hub(world, f"communaute-{number}")
    await hub.begin({node: rse.space for node, rse in rses.items()})
    connectors = {node: Connector(f"{node}-{number}", rse, hub, ledger) for node, rse in rses.items()}
    found = Town(hub, rses, connectors)
    try:
        for node in past:
            await found.say(node, await found.say(node, None))
            await found.say(node, None, rses[node].longest[0])
        for connector in connectors.values():
            await connector.start()
        await found.tie()
        if law.entrusted:
            await found.person.entrust(await connectors[DISCOURSE].pseudonym(rses[DISCOURSE].moderator))
        for node in past:
            await connectors[node].ask_for_the_past()
        yield found
    finally:
        for connector in connectors.values():
            await connector.stop()
