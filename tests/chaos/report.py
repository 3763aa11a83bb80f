"""What a run says: progress, figures, and the verdict."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.chaos.oracle import Fault, count
from tests.chaos.watch import LONG_ENOUGH, growing, parts_of, peak_of, thirds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.chaos.book import Book
    from tests.chaos.oracle import Finding
    from tests.chaos.schedule import Fault as Trouble
    from tests.chaos.watch import Watch

STARTED: Final = time.monotonic()
SHOWN: Final = 40
LOSSES: Final = (Fault.LOST, Fault.DOUBLED, Fault.OUT_OF_ORDER)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended; `given_up` are messages of which a platform gave a webhook up."""

    seed: int
    seconds: float
    book: Book
    events: int
    copies: int
    kinds: Counter[str]
    """Some of the events, by what makes them special."""
    settled: float
    faults: Counter[Trouble]
    findings: Sequence[Finding]
    given_up: frozenset[int]
    dead_letters: Mapping[str, int]
    watch: Watch

    @property
    def grew(self) -> list[str]:
        """Kinds of process whose memory or files grew, where the run was long enough to tell."""
        return growing(self.watch.samples, self.seconds) if self.seconds >= LONG_ENOUGH else []

    @property
    def holds(self) -> bool:
        """Whether all is as it must be."""
        return not self.findings and not self.grew


def say(text: str) -> None:
    """One line, with the seconds since the start."""
    print(f"{time.monotonic() - STARTED:7.1f} s  {text}", flush=True)  # noqa: T201 - a program that speaks to its reader


def tell(outcome: Outcome) -> None:
    """The figures, then the verdict."""
    book, given = outcome.book, sum(outcome.faults.values())
    say("")
    say(f"graine {outcome.seed}, {outcome.seconds:.0f} s d'opérations, puis {outcome.settled:.0f} s pour que tout se pose")
    for title, counter in (("faites", book.done), ("refusées", book.refused), ("sans réponse", book.unsure), ("sans objet", book.idle)):
        say(f"opérations {title:<13} {counter.total():>6}   {_listed(counter)}")
    say(f"évènements numérotés     {outcome.events:>6}   copies vues dans les RSE : {outcome.copies}")
    say(f"                                  dont {_listed(outcome.kinds)}")
    say(f"pannes                   {given:>6}   {_listed(outcome.faults)}")
    say(f"rebuts                   {sum(outcome.dead_letters.values()):>6}   {_listed(Counter(outcome.dead_letters))}")
    _tell_memory(outcome)
    _tell_findings(outcome)


def _tell_findings(outcome: Outcome) -> None:
    for finding in sorted(outcome.findings, key=lambda one: one.message in outcome.given_up)[:SHOWN]:
        known = " — le RSE a renoncé à l'annoncer (webhook abandonné)" if finding.message in outcome.given_up else ""
        say(f"  ✗ {described(finding)}{known}")
    if len(outcome.findings) > SHOWN:
        say(f"  … et {len(outcome.findings) - SHOWN} autres")
    counted = count(outcome.findings)
    abandoned = sum(finding.message in outcome.given_up for finding in outcome.findings)
    if outcome.given_up:
        say(f"webhooks abandonnés par leur RSE : {len(outcome.given_up)} messages, {abandoned} constats")
    more = ", ".join(f"{number} {fault.value}" for fault, number in counted.items() if fault not in LOSSES)
    told = ", ".join(f"{counted.get(fault, 0)} {fault.value}" for fault in LOSSES)
    say(f"{'TENU' if outcome.holds else 'ROMPU'} : {told}{f' ; {more}' if more else ''}")


def described(finding: Finding) -> str:
    """One finding, in a line."""
    return f"{finding.fault.value} : message {finding.message} à {finding.where} ({finding.community}) {finding.detail}"


def summary(findings: Sequence[Finding]) -> str:
    """How many of each, in a line."""
    return ", ".join(f"{number} {fault.value}" for fault, number in count(findings).items())


def _tell_memory(outcome: Outcome) -> None:
    say("mémoire et fichiers ouverts, au début, au milieu et à la fin :")
    for kind, samples in sorted(outcome.watch.samples.items()):
        first, middle, last = thirds(samples)
        peak, files = max(one.resident for one in samples), max(one.files for one in samples)
        say(
            f"  {kind:<20} {first.resident:4.0f} → {middle.resident:4.0f} → {last.resident:4.0f} Mio (au plus {peak:.0f}), "
            f"{first.files} → {middle.files} → {last.files} fichiers (au plus {files}){_thirds(outcome, kind)}"
        )
    if outcome.seconds < LONG_ENOUGH:
        say(f"  trop court pour juger si la mémoire reste plate ({LONG_ENOUGH / 60:.0f} min au moins)")
    else:
        say(f"  mémoire et fichiers : {'plats' if not outcome.grew else 'ils croissent : ' + ', '.join(outcome.grew)}")


def _thirds(outcome: Outcome, kind: str) -> str:
    parts = parts_of(outcome.watch.samples[kind], outcome.seconds) if outcome.seconds >= LONG_ENOUGH else None
    return f" ; pointes des 2e et 3e tiers : {' et '.join(f'{peak_of(part).resident:.0f}' for part in parts)} Mio" if parts else ""


def _listed(counter: Mapping[str, int] | Counter[Trouble]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counter.items()))
