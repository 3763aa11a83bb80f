"""A ministry that observes: what its agents say stays in its RSE, by name, and is never told later."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.memory import KnownObject
from adapters.observing import UNSILENCED, Observing, is_speech
from adapters.sorting import Stored
from hub.access import Right, right_to_say
from schemas import facts
from schemas.facts.message import MessageDeleted
from schemas.keys import SigningKey
from schemas.manifest import Registry
from tests.fakes_adapters import Hub
from tests.fakes_plain import SPACE
from tests.unit.test_adapters_admission import TIE, Desk, desk

__all__ = ["desk"]
NODE = "wifip"


@pytest.fixture
def observing(desk: Desk) -> Desk:
    """A desk of a node that observes until a test says otherwise."""
    desk.memory.open.set()
    desk.observes = True
    return desk


def test_it_may_say_what_the_hub_lets_an_observer_say_and_nothing_else() -> None:
    assert [kind for kind in facts.FACTS if is_speech(kind) is not (right_to_say(kind) is Right.SPEAK)] == []
    assert all(right_to_say(kind) is not Right.SPEAK for kind in UNSILENCED)


async def test_what_its_agents_say_is_dropped_by_name_and_its_platform_need_not_come_again(observing: Desk) -> None:
    assert await observing.ask(what="post", id="post:1") == Stored(("dropped=node_observes",))
    assert await observing.ask(what="react", id="like:1", parent="post:1", emoji="👍") == Stored(("dropped=unknown_object",))
    assert (observing.out.records, observing.memory.objects) == ([], {})


async def test_what_was_said_then_is_not_told_once_it_speaks_but_in_new_words_of_its_author(observing: Desk) -> None:
    await observing.ask(what="post", id="post:1", version="1")
    observing.observes = False
    await observing.ask(what="post", id="post:2")
    assert observing.events == {"post:2"}
    await observing.ask(what="edit", id="post:1", version="2")
    assert observing.events == {"post:1", "post:2"}


async def test_what_it_said_before_is_still_taken_back(observing: Desk) -> None:
    observing.observes = False
    await observing.ask(what="post", id="post:1", version="1")
    observing.observes = True
    assert await observing.ask(what="edit", id="post:1", version="2") == Stored(("dropped=node_observes",))
    await observing.ask(what="delete", id="post:1", version="3")
    assert [record.event_type for record in observing.out.records][1:] == [MessageDeleted.event_type]


async def test_a_copy_that_its_people_took_away_stays_away_there(observing: Desk) -> None:
    observing.memory.objects["post:9"] = KnownObject("post:9", "s", "copy", None, ("1",), SPACE, TIE.community)
    assert await observing.ask(what="delete", id="post:9", version="2") == Stored(("dropped=node_observes",))
    assert observing.memory.objects["post:9"].withdrawn


def test_the_signed_registry_says_so_and_its_last_word_counts_while_none_is_in_force() -> None:
    hub = Hub(nodes={NODE: SigningKey.generate(NODE)}, entries={NODE: {"grade": "observer"}})
    told: list[Registry | None] = [None]
    observing = Observing("rse", NODE, lambda: told[0])
    answers = [observing()]
    for entries in ({NODE: {"grade": "observer"}}, None, {NODE: {"grade": "suspended"}}, {}):
        hub.entries = entries or {}
        told[0] = Registry.open(hub.registry(), hub.key.public.multibase, datetime.now(UTC)) if entries is not None else None
        answers.append(observing())
    assert answers == [False, True, True, False, False]
