"""The verdict: what people did, what the hub's numbers make of it, what every RSE shows; knows nothing of the hub's code."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.chaos.book import NEVER, Entry, State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


class Change(StrEnum):
    """What a numbered event does to its message."""

    WRITTEN = "written"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event in the hub's order; `message` is None for one that speaks of no message of ours, `version` for a text that is none of ours."""

    sequence: int
    rse: str
    message: int | None
    change: Change
    version: int | None = None
    history: bool = False
    """Whether it was said before its space was tied."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A reaction under a message: of an agent of that RSE, by her number, or of somebody elsewhere."""

    agent: int | None
    emoji: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What readers see in a space, in the order of its making; `parent` is the number of the message that it hangs on, if that is shown.

    `accepted` counts the marks of an accepted answer; what would hang on one that is `deepest` stands beside it. `sentences` are those
    behind the first one, by message, version and their own number; `quotes` the message and version of the words with which it begins,
    None where they are said to be gone. A copy that is `fixed` stays as it was first written.
    """

    message: int | None
    version: int | None
    parent: int | None = None
    marks: tuple[Mark, ...] = ()
    accepted: int = 0
    deepest: bool = False
    sentences: tuple[tuple[int, int, int], ...] = ()
    quotes: tuple[int | None, int | None] | None = None
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Nature:
    """What a kind of RSE cannot help: `history` is written there; where it `sweeps`, a deletion takes away all that stands below."""

    history: bool = True
    sweeps: bool = False


class Fault(StrEnum):
    """What must not be."""

    LOST = "perdu"
    DOUBLED = "en double"
    OUT_OF_ORDER = "hors de l'ordre"
    STALE = "texte périmé"
    RISEN = "supprimé mais visible"
    STRANGE = "étranger"
    MISPLACED = "sous un autre message"
    SPOILT = "original changé"
    NUMBERS = "numéros"
    CUT = "tronqué"
    LEFT = "mots laissés"
    QUOTED = "citation périmée"
    MEMBERS = "membres"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and where: an RSE, or `hub`."""

    fault: Fault
    where: str
    community: str
    message: int | None
    detail: str = ""


@dataclass
class Replay:
    """A community as its numbers define it."""

    states: dict[int, State] = field(default_factory=dict)
    first: dict[int, int] = field(default_factory=dict)
    """Message → the number that first wrote it."""
    deleted: set[int] = field(default_factory=set)
    """Messages that were ever deleted."""
    versions: dict[int, set[int]] = field(default_factory=dict)
    """All that a message ever said."""
    history: set[int] = field(default_factory=set)
    """Messages that were first said before their space was tied."""

    def take(self, event: Numbered) -> None:
        """Carry out one event."""
        if event.message is None:
            return
        match event.change:
            case Change.WRITTEN:
                self.states[event.message] = State(event.version or 0, alive=True)
                if event.history and event.message not in self.first:
                    self.history.add(event.message)
                self.first.setdefault(event.message, event.sequence)
                self.versions.setdefault(event.message, set()).add(event.version or 0)
            case Change.DELETED:
                before = self.states.get(event.message, NEVER)
                self.states[event.message] = State(before.version, alive=False)
                self.deleted.add(event.message)


def judge(
    entries: Mapping[int, Entry],
    numbered: Mapping[str, Sequence[Numbered]],
    sights: Mapping[tuple[str, str], Sequence[Shown]],
    natures: Mapping[str, Nature] | None = None,
) -> list[Finding]:
    """Everything that is wrong. `numbered` is by community; `sights` by RSE and community; `natures` by RSE, where it has one."""
    replays = {community: replay(events) for community, events in numbered.items()}
    swept = _swept(entries, replays)
    truth, found = _truth(entries, sights, swept, natures or {})
    for community, events in numbered.items():
        found += _numbers(community, events)
        found += _heard(community, truth, entries, replays[community])
    for (rse, community), shown in sights.items():
        nature = (natures or {}).get(rse, Nature())
        lacking = (replays[community].history if not nature.history else set()) | (swept if nature.sweeps else set())
        found += [
            one for one in _seen(rse, community, entries, replays[community], shown) if (one.fault, one.message) not in _lost(lacking)
        ]
    return found


def _lost(numbers: Iterable[int]) -> set[tuple[Fault, int | None]]:
    return {(Fault.LOST, number) for number in numbers}


def _swept(entries: Mapping[int, Entry], replays: Mapping[str, Replay]) -> set[int]:
    """Messages below one that was ever deleted."""
    deleted = {number for made in replays.values() for number in made.deleted}

    def below(number: int | None) -> bool:
        return number is not None and number in entries and (entries[number].parent in deleted or below(entries[number].parent))

    return {number for number in entries if below(number)}


def replay(events: Iterable[Numbered]) -> Replay:
    """Carry out a community's events in their order."""
    made = Replay()
    for event in sorted(events, key=lambda event: event.sequence):
        made.take(event)
    return made


def _truth(
    entries: Mapping[int, Entry], sights: Mapping[tuple[str, str], Sequence[Shown]], swept: Collection[int], natures: Mapping[str, Nature]
) -> tuple[dict[int, State], list[Finding]]:
    """How each message stands where it was written: what its people were told and, where they were told nothing, what is seen there."""
    visible = {
        place: {one.message: State(one.version or 0, alive=True) for one in shown if one.message is not None}
        for place, shown in sights.items()
    }
    truth: dict[int, State] = {}
    found: list[Finding] = []
    for number, entry in entries.items():
        seen = visible[entry.rse, entry.community].get(number)
        if seen is None and number in swept and natures.get(entry.rse, Nature()).sweeps:
            continue  # it went with what its own people deleted, and is deleted; or with what was deleted elsewhere, and stays there
        fits = [state for state in entry.may_be if (state if state.alive else None) == seen]
        if fits:
            truth[number] = fits[0]
        else:
            found.append(Finding(Fault.SPOILT, entry.rse, entry.community, number, f"{_said(seen)}, {_any(entry.may_be)} attendu"))
    return truth, found


def _numbers(community: str, events: Sequence[Numbered]) -> list[Finding]:
    given = Counter(event.sequence for event in events)
    missing = sorted(set(range(1, max(given, default=0) + 1)) - set(given))
    twice = sorted(number for number, count in given.items() if count > 1)
    return [Finding(Fault.NUMBERS, "hub", community, None, f"{number} manque") for number in missing] + [
        Finding(Fault.NUMBERS, "hub", community, None, f"{number} deux fois") for number in twice
    ]


def _heard(community: str, truth: Mapping[int, State], entries: Mapping[int, Entry], made: Replay) -> list[Finding]:
    """What the numbers say against what was done."""
    ours = {number: state for number, state in truth.items() if entries[number].community == community}
    found = [_differs("hub", community, number, state, made.states.get(number, NEVER)) for number, state in ours.items()]
    strangers = made.states.keys() - {number for number, entry in entries.items() if entry.community == community}
    return [one for one in found if one is not None] + [Finding(Fault.STRANGE, "hub", community, number) for number in strangers]


def _seen(rse: str, community: str, entries: Mapping[int, Entry], made: Replay, shown: Sequence[Shown]) -> list[Finding]:
    """What an RSE shows against what the numbers say; its own people's messages are judged where the truth is."""
    copies = [one for one in shown if one.message is None or one.message not in entries or entries[one.message].rse != rse]
    times = Counter(one.message for one in shown if one.message is not None)
    found = [Finding(Fault.DOUBLED, rse, community, number, f"{count} fois") for number, count in times.items() if count > 1]
    states = {one.message: State(one.version or 0, alive=True) for one in copies}
    fixed = {one.message for one in copies if one.fixed and one.version in made.versions.get(one.message or 0, ())}
    for number, state in made.states.items():
        if number in entries and entries[number].rse != rse:
            wrong = _differs(rse, community, number, state, states.get(number, NEVER))
            found += [wrong] if wrong is not None and (wrong.fault is not Fault.STALE or number not in fixed) else []
    found += [Finding(Fault.STRANGE, rse, community, one.message) for one in copies if one.message not in made.states]
    return found + _order(rse, community, made, copies) + _parents(rse, community, entries, made, copies, shown)


def _differs(where: str, community: str, number: int, wanted: State, found: State) -> Finding | None:
    if wanted.alive and not found.alive:
        return Finding(Fault.LOST, where, community, number, f"{_said(wanted)} attendu")
    if not wanted.alive and found.alive:
        return Finding(Fault.RISEN, where, community, number, _said(found))
    if wanted.alive and wanted.version != found.version:
        return Finding(Fault.STALE, where, community, number, f"{_said(found)}, {_said(wanted)} attendu")
    return None


def _order(rse: str, community: str, made: Replay, copies: Sequence[Shown]) -> list[Finding]:
    """Copies stand in the order of the numbers that first wrote them; what was deleted and came back stands anywhere."""
    steady = [one.message for one in copies if one.message in made.first and one.message not in made.deleted]
    last, found = 0, []
    for number in dict.fromkeys(steady):
        place = made.first[number]
        if place < last:
            found.append(Finding(Fault.OUT_OF_ORDER, rse, community, number, f"n° {place} après le n° {last}"))
        last = max(last, place)
    return found


def _parents(
    rse: str, community: str, entries: Mapping[int, Entry], made: Replay, copies: Sequence[Shown], shown: Sequence[Shown]
) -> list[Finding]:
    """A reply hangs on what it answers, where that was there before it and was never deleted."""
    there = {one.message: one for one in shown}
    found = []
    for one in copies:
        parent = entries[one.message].parent if one.message is not None and one.message in entries else None
        if one.message is None or parent is None or parent not in there or {parent, one.message} & made.deleted:
            continue
        before = made.first.get(parent, 1 << 62) < made.first.get(one.message, 0)
        wanted = there[parent].parent if there[parent].deepest else parent
        if before and one.parent != wanted:
            found.append(Finding(Fault.MISPLACED, rse, community, one.message, f"{one.parent or 'aucun'} au lieu de {wanted}"))
    return found


def count(findings: Collection[Finding]) -> Mapping[Fault, int]:
    """How many of each."""
    by_fault: defaultdict[Fault, int] = defaultdict(int)
    for finding in findings:
        by_fault[finding.fault] += 1
    return by_fault


def _said(state: State | None) -> str:
    if state is None or not state.alive:
        return "rien"
    return f"version {state.version}"


def _any(states: Iterable[State]) -> str:
    return " ou ".join(sorted({_said(state) for state in states}))
