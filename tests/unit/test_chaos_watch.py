"""Whether memory and open files stay flat, and what a run says of itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest

from tests.chaos import report
from tests.chaos.book import Book
from tests.chaos.oracle import Fault, Finding
from tests.chaos.report import Outcome, tell
from tests.chaos.watch import Sample, Watch, growing, thirds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HOUR = 3600.0


def samples(resident: Callable[[float], float], files: Callable[[float], int]) -> list[Sample]:
    return [Sample(at, resident(at), files(at)) for at in range(0, int(HOUR), 60)]


@pytest.mark.parametrize(
    ("resident", "files", "found"),
    [
        (lambda _: 90.0, lambda _: 20, []),
        (lambda at: min(90.0, 60.0 + at / 20), lambda _: 20, []),  # what fills during the first minutes
        (lambda at: 60.0 + at / 50, lambda _: 20, ["relay"]),
        (lambda _: 90.0, lambda at: 20 + int(at / 60), ["relay"]),
        (lambda at: 90.0 + 30 * (3000 <= at < 3120), lambda at: 20 + 12 * (3000 <= at < 3120), []),  # behind one long outage
        (lambda at: 90.0 + 90 * (3000 <= at < 3120), lambda _: 20, ["relay"]),
        (lambda at: 60.0 + (at % 600) / 10, lambda _: 20, []),  # killed every ten minutes, and no worse than before
    ],
)
def test_what_grows_from_the_second_third_to_the_last_is_named(
    resident: Callable[[float], float], files: Callable[[float], int], found: list[str]
) -> None:
    assert growing({"relay": samples(resident, files)}, HOUR) == found


def test_a_process_that_was_not_seen_in_both_thirds_is_not_judged() -> None:
    assert growing({"relay": samples(lambda _: 90.0, lambda _: 20)[:5]}, HOUR) == []


def outcome(seconds: float, findings: Sequence[Finding] = (), given_up: frozenset[int] = frozenset()) -> Outcome:
    grown = samples(lambda at: 60.0 + at / 50, lambda _: 20)
    return Outcome(7, seconds, Book(), 3, 4, Counter(), 1.0, Counter(), findings, given_up, {}, Watch(defaultdict(list, relay=grown)))


def test_a_short_run_holds_though_nobody_can_tell_whether_memory_grows() -> None:
    assert outcome(60.0).holds
    assert not outcome(HOUR).holds


def test_a_loss_that_the_platform_itself_gave_up_telling_is_named_and_still_a_loss(capsys: pytest.CaptureFixture[str]) -> None:
    lost = outcome(60.0, [Finding(Fault.LOST, "hub", "c", 5), Finding(Fault.DOUBLED, "n01", "c", 6)], frozenset({5}))
    tell(lost)
    said = capsys.readouterr().out
    assert not lost.holds
    assert "message 5 à hub (c)  — le RSE a renoncé à l'annoncer" in said
    assert "ROMPU : 1 perdu, 1 en double, 0 hors de l'ordre" in said
    assert report.LOSSES == (Fault.LOST, Fault.DOUBLED, Fault.OUT_OF_ORDER)


def test_a_run_says_how_it_began_stood_in_the_middle_and_ended() -> None:
    first, middle, last = thirds(samples(lambda at: at / 60, lambda at: 20 + int(at / 1200)))
    assert (first.resident, middle.resident, last.resident) == (9.0, 29.0, 49.0)
    assert (first.files, middle.files, last.files) == (20, 21, 22)
    assert thirds([Sample(1.0, 90.0, 20)]) == (Sample(1.0, 90.0, 20),) * 3
