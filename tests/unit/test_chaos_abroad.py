"""The server of others in a chaos run: what it shows of what it hears, and what its person wishes to say."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chaos.abroad import ELSEWHERE, Abroad
from tests.chaos.book import Book, State
from tests.chaos.people import FIRST_ABROAD, Visit, Wish, visits
from tests.chaos.words import text_of

if TYPE_CHECKING:
    from aiohttp import ClientSession

NOTE = "http://hub.example/notes/1"


@pytest.fixture
async def abroad() -> Abroad:
    http: ClientSession = None  # type: ignore[assignment]  # nothing is sent
    return Abroad("communaute-0", "http://hub.example", http, Book(), 8001)


def announce(number: int, kind: str, version: int = 1, **more: Any) -> dict[str, Any]:
    inner = {"type": kind, "actor": "http://hub.example/nodes/n00", "object": {"id": NOTE, "content": text_of(7, version), **more}}
    return {"id": f"http://hub.example/acts/{number}", "type": "Announce", "object": inner}


async def test_a_note_is_shown_as_it_stands_and_the_same_activity_says_nothing_twice(abroad: Abroad) -> None:
    for said in (announce(1, "Create"), announce(2, "Update", 2), announce(2, "Update", 2), announce(1, "Create")):
        abroad.hear(said)
    assert [(one.message, one.version) for one in abroad.shown()] == [(7, 2)]


async def test_a_note_that_is_created_twice_is_shown_twice(abroad: Abroad) -> None:
    abroad.hear(announce(1, "Create"))
    abroad.hear(announce(2, "Create"))
    assert [one.message for one in abroad.shown()] == [7, 7]


async def test_what_is_deleted_leaves_no_word_and_may_come_back(abroad: Abroad) -> None:
    abroad.hear(announce(1, "Create"))
    abroad.hear(announce(2, "Delete"))
    assert (abroad.shown(), abroad.traces) == ([], [])
    abroad.hear(announce(3, "Create", 2))
    assert [(one.message, one.version) for one in abroad.shown()] == [(7, 2)]


async def test_what_she_says_stands_in_the_book_and_waits_to_be_brought(abroad: Abroad) -> None:
    abroad.hear(announce(1, "Create"))
    abroad.act(Visit(0.0, Wish.REPLY, FIRST_ABROAD, 1, answers=5))
    abroad.act(Visit(0.0, Wish.EDIT, FIRST_ABROAD, 2))
    entry = abroad.book.entries[FIRST_ABROAD]
    assert (entry.parent, entry.may_be, abroad.waiting) == (7, frozenset({State(2, alive=True)}), 2)
    assert [(one.message, one.version, one.parent) for one in abroad.shown()] == [(7, 1, None), (FIRST_ABROAD, 2, 7)]
    abroad.act(Visit(0.0, Wish.DELETE, FIRST_ABROAD, 2))
    assert [one.message for one in abroad.shown()] == [7]
    assert abroad.book.by_native() == {(ELSEWHERE, f"{abroad.url}/notes/{FIRST_ABROAD}"): FIRST_ABROAD}


@given(st.integers(0, 1_000_000))
@settings(max_examples=20)
def test_she_changes_and_deletes_what_is_hers_and_there(seed: int) -> None:
    alive: dict[int, int] = {}
    for visit in visits(random.Random(seed), 100.0, 1.0):
        if visit.wish in {Wish.POST, Wish.REPLY}:
            assert visit.message not in alive
            alive[visit.message] = 0
        assert visit.version == alive[visit.message] + (visit.wish is not Wish.DELETE)
        alive[visit.message] = visit.version
        if visit.wish is Wish.DELETE:
            del alive[visit.message]
