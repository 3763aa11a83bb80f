"""The verdict of a closer look: texts cut, words that were taken back and stand somewhere still, who takes part; knows nothing of the hub's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.chaos.book import NEVER
from tests.chaos.oracle import Fault, Finding
from tests.chaos.words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.chaos.book import Entry
    from tests.chaos.oracle import Replay, Shown


@dataclass(frozen=True, slots=True)
class Closely:
    """A space looked at closely: all that our connector left there to be read, and who takes part, None where nobody is told."""

    traces: Sequence[str]
    members: Sequence[str] | None


def judge_details(
    entries: Mapping[int, Entry],
    replays: Mapping[str, Replay],
    sights: Mapping[tuple[str, str], Sequence[Shown]],
    closely: Mapping[tuple[str, str], Closely],
    members: Mapping[str, Mapping[str, Sequence[str]]],
) -> list[Finding]:
    """Everything that is wrong. `members` are those whom the hub counts, by community and RSE; the rest is by RSE and community."""
    found: list[Finding] = []
    for (rse, community), shown in sights.items():
        copies = [one for one in shown if one.message is not None and one.message in entries and entries[one.message].rse != rse]
        made = replays[community]
        found += [*_cut(rse, community, entries, copies), *_quoted(rse, community, entries, made, copies)]
        found += _left(rse, community, made, closely[rse, community].traces)
        found += _members(rse, community, closely[rse, community].members, members[community].get(rse, ()))
    return found


def _cut(rse: str, community: str, entries: Mapping[int, Entry], copies: Iterable[Shown]) -> Iterable[Finding]:
    """All sentences of a long text, each once, in order."""
    for one in copies:
        number, version = one.message or 0, one.version or 0
        wanted = tuple((number, version, sentence) for sentence in range(entries[number].lengths.get(version, 0)))
        if one.sentences != wanted:
            yield Finding(Fault.CUT, rse, community, number, f"{len(one.sentences)} phrases, {len(wanted)} attendues")


def _quoted(rse: str, community: str, entries: Mapping[int, Entry], made: Replay, copies: Iterable[Shown]) -> Iterable[Finding]:
    """A copy repeats what it answers as that stands now, and nothing of what was taken back."""
    for one in copies:
        parent = entries[one.message or 0].parent
        state = made.states.get(parent or 0, NEVER)
        wanted = (parent, state.version) if state.alive else (None, None)
        if one.quotes is not None and one.quotes != wanted:
            yield Finding(Fault.QUOTED, rse, community, one.message, f"{one.quotes} au lieu de {wanted}")


def _left(rse: str, community: str, made: Replay, traces: Iterable[str]) -> Iterable[Finding]:
    """No word of what was taken back, wherever one looks."""
    dead = {number for number, state in made.states.items() if not state.alive}
    for number in sorted({number for text in traces for number in words_of(text)} & dead):
        yield Finding(Fault.LEFT, rse, community, number)


def _members(rse: str, community: str, there: Sequence[str] | None, counted: Iterable[str]) -> Iterable[Finding]:
    if sorted(counted) != sorted(there or ()):
        yield Finding(Fault.MEMBERS, rse, community, None, f"{sorted(counted)} au hub, {sorted(there or ())} au RSE")
