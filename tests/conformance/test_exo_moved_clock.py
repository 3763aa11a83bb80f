"""An eXo whose clock is wrong, or is moved while it is asked, both generations: nothing said after a tie is lost, nothing said before it leaves."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from adapters.exo import alpha3, v1
from adapters.exo.client import SEARCHED
from adapters.looks import Looked
from adapters.offers import Survey
from adapters.port import Act, Change, Order, Reading, Written
from schemas.facts.message import Author, Content
from tests.fakes_polled import view_of

if TYPE_CHECKING:
    from adapters.looks import View
    from tests.fakes_exo_twin import Portal

SURE = timedelta(seconds=3)  # a Date has no fractions: how far a clock is off is known to a second
HOURS = (-72_000.0, 72_000.0)


async def tied(rse: Portal, later: timedelta = timedelta(0)) -> View:
    """The space, tied at this very moment or a little later, and looked at once."""
    view = view_of(rse.space, since=datetime.now(UTC) + later)
    await look(rse, view)
    return view


async def look(rse: Portal, view: View) -> None:
    assert isinstance(await rse.sink.looker(rse.client).look(view), Looked)


async def newer(rse: Portal, cursor: str | None) -> Reading:
    found = await rse.client.newer(rse.space, cursor)
    assert isinstance(found, Reading)
    return found


def told(rse: Portal) -> list[str]:
    return [one.native_id for one in rse.sink.outcomes if isinstance(one, Change) and one.act is Act.POSTED]


@pytest.mark.parametrize("seconds", HOURS)
async def test_what_is_said_under_a_wrong_clock_is_told_at_our_time(either: Portal, seconds: float) -> None:
    await either.post("Avant le rattachement")
    view = await tied(either)
    await either.fault(kind="clock", seconds=seconds)
    said = await either.post("Après")
    answer = await either.comment(said, "En réponse")
    await look(either, view)
    assert told(either) == [said, answer]
    for one in either.sink.outcomes:
        assert isinstance(one, Change)
        assert abs(one.occurred_at - datetime.now(UTC)) < timedelta(minutes=5)
        assert one.occurred_at <= datetime.now(UTC)


@pytest.mark.parametrize("seconds", HOURS)
async def test_what_is_said_while_a_clock_is_wrong_between_two_looks_is_told_once(either: Portal, seconds: float) -> None:
    await either.post("Avant le rattachement")
    view = await tied(either)
    before = await either.post("L'heure est juste")
    await look(either, view)
    await either.fault(kind="clock", seconds=seconds)
    during = await either.post("L'heure est fausse")
    await either.fault(kind="clock", seconds=0)
    after = await either.post("L'heure est juste de nouveau")
    await look(either, view)
    await look(either, view)
    assert told(either) == [before, during, after]
    assert all(view.poll.since <= one.occurred_at <= datetime.now(UTC) for one in either.sink.outcomes if isinstance(one, Change))


@pytest.mark.parametrize("seconds", HOURS)
async def test_an_event_told_again_after_a_clock_was_moved_is_the_same_event(either: Portal, seconds: float) -> None:
    view = await tied(either)
    said = await either.post("Bonjour")
    await look(either, view)
    first = either.sink.outcomes[-1]
    await either.fault(kind="clock", seconds=seconds)
    either.sink.watch.kept.pop(said)
    await look(either, view)
    again = either.sink.outcomes[-1]
    assert isinstance(first, Change)
    assert isinstance(again, Change)
    assert first is not again
    assert (first.native_id, first.marker, first.version) == (again.native_id, again.marker, again.version)


@pytest.mark.parametrize("seconds", HOURS)
async def test_what_was_said_before_the_tie_stays_whatever_the_clock_said(either: Portal, seconds: float) -> None:
    """Under a clock that was ahead it bears a time after the tie; under one that is behind still, the tie is in that clock's future."""
    await either.post("L'heure est juste")
    await either.fault(kind="clock", seconds=seconds)
    before = await either.post("L'heure est fausse")
    await either.comment(before, "La réponse aussi")
    view = await tied(either, SURE)
    assert told(either) == []
    await either.fault(kind="clock", seconds=0)
    await look(either, view)
    assert told(either) == []
    after = await either.post("Après le rattachement")
    await look(either, view)
    assert told(either) == [after]


async def test_a_clock_set_right_just_before_the_tie_lets_nothing_out(either: Portal) -> None:
    await either.fault(kind="clock", seconds=72_000)
    await either.post("Demain, dit l'horloge")
    await either.fault(kind="clock", seconds=0)
    view = await tied(either)
    await look(either, view)
    assert told(either) == []


@pytest.mark.parametrize("seconds", HOURS)
async def test_more_than_a_page_said_under_a_wrong_clock_is_told(either: Portal, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v1, "PAGE", 2)
    monkeypatch.setattr(alpha3, "PAGE", 2)
    view = await tied(either)
    said = [await either.post(f"Juste, numéro {number}") for number in range(5)]
    await look(either, view)
    await either.fault(kind="clock", seconds=seconds)
    said += [await either.post(f"Faux, numéro {number}") for number in range(5)]
    await look(either, view)
    said += [await either.post(f"Toujours faux, numéro {number}") for number in range(5)]
    await look(either, view)
    await either.fault(kind="clock", seconds=0)
    said += [await either.post(f"Juste de nouveau, numéro {number}") for number in range(5)]
    await look(either, view)
    assert told(either) == said


@pytest.mark.parametrize("seconds", HOURS)
async def test_the_way_forward_alone_brings_what_a_moved_clock_dated_elsewhere(
    either: Portal, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(v1, "PAGE", 2)
    monkeypatch.setattr(alpha3, "PAGE", 2)
    await either.post("Le premier")
    cursor = None
    for moved in (0.0, seconds, seconds, 0.0, -seconds, 0.0):
        await either.fault(kind="clock", seconds=moved)
        cursor = (await newer(either, cursor)).cursor
        said = [await either.post(f"{moved}, numéro {number}") for number in range(5)]
        page = await newer(either, cursor)
        assert set(said) <= {one.native_id for one in page.sightings}
        cursor = page.cursor


async def test_the_past_is_asked_for_by_our_time(either: Portal) -> None:
    await either.fault(kind="clock", seconds=-72_000)
    early = await either.post("Il y a un moment")
    between = datetime.now(UTC)
    late = await either.post("À l'instant")
    page = await either.client.survey(either.space, between - timedelta(hours=1), None)
    assert isinstance(page, Survey)
    assert {one.native_id for one in page.items} == {early, late}
    assert all(abs(one.created_at - between) < timedelta(minutes=5) for one in page.items)
    assert (await either.client.survey(either.space, between + timedelta(hours=1), None)) == Survey((), None)


async def test_a_time_before_the_tie_and_a_greater_number_make_news_where_there_are_numbers(either: Portal) -> None:
    """Moved back and forth between two looks, the clock tells nothing: the number does."""
    old = await either.post("Avant le rattachement")
    view = await tied(either)
    assert either.sink.watch.floors[either.space] == int(old.removeprefix("activity:"))
    await either.fault(kind="clock", seconds=-500_000)
    during = await either.post("Il y a cinq jours, dit l'horloge")
    await either.fault(kind="clock", seconds=0)
    await look(either, view)
    assert told(either) == [during]


async def test_a_copy_that_was_written_while_the_clock_was_behind_is_found_again_behind_all_others(either: Portal) -> None:
    space = either.space
    for number in range(SEARCHED + 5):
        await either.post(f"Message {number}")
    given = posting(space)
    await either.fault(kind="clock", seconds=-47_000)
    written = await either.client.write(given)
    assert isinstance(written, Written)
    await either.fault(kind="clock", seconds=0)
    assert await either.client.find(given) == written
    assert await either.client.find(posting(space)) is None


def posting(space: str) -> Order:
    """A message of another ministry's."""
    return Order(
        act=Act.POSTED, key=secrets.token_hex(16), subject=secrets.token_hex(16), space=space, occurred_at=datetime.now(UTC),
        author=Author(name="Léa Martin", organisation="Finances"), content=Content(html="<p>Bonjour</p>", text="Bonjour"),
        link="https://wifip.example/t/1/1",
    )  # fmt: skip
