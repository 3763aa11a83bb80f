"""The verdict on what is set on messages: reactions and accepted answers; knows nothing of the hub's code.

Messages that were ever deleted are left out: what becomes of their marks is each platform's own affair.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.chaos.oracle import Fault, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.chaos.book import Book
    from tests.chaos.oracle import Replay, Shown

    Sights = Mapping[tuple[str, str], Sequence[Shown]]


class Way(StrEnum):
    """How an RSE shows the reactions of people elsewhere."""

    EACH = "each"
    ONE_LIKE = "one_like"
    """One like stands for all of them."""


@dataclass(frozen=True, slots=True)
class Ways:
    """What an RSE shows of what people elsewhere set on messages; `answers` whether an accepted answer is marked."""

    reactions: Way
    answers: bool
    replies: bool = True
    """Whether a reply can bear a mark, and not a thread's first message alone."""


@dataclass(frozen=True, slots=True)
class Reacted:
    """A reaction in the hub's order; `key` names it in its RSE. Taken back where there is no emoji."""

    sequence: int
    rse: str
    key: str
    message: int | None
    agent: int | None
    emoji: str | None


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer accepted, or no longer, in the hub's order."""

    sequence: int
    message: int | None
    accepted: bool


@dataclass
class Standing:
    """What stands in the end: reactions by RSE and key, answers by question."""

    reactions: dict[tuple[str, str], Reacted] = field(default_factory=dict)
    answers: dict[int, int] = field(default_factory=dict)

    def of(self, message: int) -> list[Reacted]:
        """The reactions to one message."""
        return [one for one in self.reactions.values() if one.message == message]


def standing(marks: Iterable[Reacted | Answered], book: Book) -> Standing:
    """Carry out the marks in their order."""
    made = Standing()
    for mark in sorted(marks, key=lambda one: one.sequence):
        match mark:
            case Reacted(emoji=None):
                made.reactions.pop((mark.rse, mark.key), None)
            case Reacted():
                made.reactions[mark.rse, mark.key] = mark
            case Answered(message=int(message), accepted=True) if message in book.entries:
                made.answers[book.root(message)] = message
            case Answered(message=int(message), accepted=False) if message in book.entries:
                if made.answers.get(book.root(message)) == message:
                    del made.answers[book.root(message)]
            case Answered():
                pass
    return made


def judge_marks(
    book: Book, marks: Iterable[Reacted | Answered], replays: Iterable[Replay], sights: Sights, ways: Mapping[str, Ways]
) -> list[Finding]:
    """Everything that is wrong with what is set on messages that were never deleted."""
    steady = {number for made in replays for number, state in made.states.items() if state.alive and number not in made.deleted}
    judge = _Judge(book, standing(marks, book), frozenset(steady & book.entries.keys()), sights, ways)
    return [*judge.reactions_heard(), *judge.reactions_shown(), *judge.answers()]


@dataclass(frozen=True, slots=True)
class _Judge:
    book: Book
    made: Standing
    steady: frozenset[int]
    sights: Sights
    ways: Mapping[str, Ways]

    def reactions_heard(self) -> Iterable[Finding]:
        """What the numbers say against what was done, each where it was done."""
        for (number, rse, agent), reaction in self.book.reactions.items():
            shown = self._shown(rse, number)
            if shown is None:
                continue
            seen = any(mark.agent == agent for mark in shown.marks)
            heard = any((one.rse, one.agent) == (rse, agent) for one in self.made.of(number))
            if seen not in reaction.may_be:
                yield self._finding(Fault.SPOILT, rse, number, f"réaction de l'agent {agent}")
            elif seen != heard:
                yield self._finding(Fault.LOST if seen else Fault.RISEN, "hub", number, f"réaction de l'agent {agent} de {rse}")

    def reactions_shown(self) -> Iterable[Finding]:
        """What every RSE shows of reactions made elsewhere."""
        for rse in self.ways:
            for number in self.steady:
                shown = self._shown(rse, number)
                if shown is not None and (self.ways[rse].replies or shown.parent is None):
                    yield from self._reactions(rse, number, shown)

    def _reactions(self, rse: str, number: int, shown: Shown) -> Iterable[Finding]:
        wanted = Counter(one.emoji or "" for one in self.made.of(number) if one.rse != rse)
        found = Counter(mark.emoji for mark in shown.marks if mark.agent is None)
        match self.ways[rse].reactions:
            case Way.EACH:
                pass
            case Way.ONE_LIKE:
                found, wanted = Counter(like=found.total()), Counter(like=int(wanted.total() > 0))
        for emoji in wanted - found:
            yield self._finding(Fault.LOST, rse, number, f"réaction {emoji}")
        for emoji in found - wanted:
            yield self._finding(Fault.DOUBLED if wanted[emoji] else Fault.RISEN, rse, number, f"réaction {emoji}")

    def answers(self) -> Iterable[Finding]:
        """Each question that ever had an accepted answer: where it was asked, in the numbers, and in every RSE."""
        for question, answer in self.book.answers.items():
            if answer.ever <= self.steady and question in self.steady:
                seen = {number for number in answer.ever if (one := self._shown(answer.rse, number)) is not None and one.accepted}
                chosen = next(iter(seen), None)
                if len(seen) > 1 or chosen not in answer.may_be:
                    yield self._finding(Fault.SPOILT, answer.rse, question, f"réponse retenue : {sorted(seen)}")
                elif self.made.answers.get(question) != chosen:
                    yield self._finding(
                        Fault.LOST, "hub", question, f"réponse retenue : {self.made.answers.get(question)}, {chosen} attendu"
                    )
                yield from self._marked(answer.ever, answer.rse, self.made.answers.get(question))

    def _marked(self, ever: Iterable[int], own: str, chosen: int | None) -> Iterable[Finding]:
        for rse, ways in self.ways.items():
            for number in ever:
                shown = self._shown(rse, number) if ways.answers and rse != own else None
                if shown is None or shown.parent is None:  # what stands alone there answers nothing
                    continue
                if shown.accepted != (number == chosen):
                    fault = Fault.LOST if not shown.accepted else Fault.RISEN if number != chosen else Fault.DOUBLED
                    yield self._finding(fault, rse, number, "réponse retenue")

    def _shown(self, rse: str, number: int) -> Shown | None:
        """A message in an RSE; None where it is not steady, or not shown once: that is judged elsewhere."""
        if number not in self.steady:
            return None
        there = [one for one in self.sights[rse, self.book.entries[number].community] if one.message == number]
        return there[0] if len(there) == 1 else None

    def _finding(self, fault: Fault, where: str, number: int, detail: str) -> Finding:
        return Finding(fault, where, self.book.entries[number].community, number, detail)
