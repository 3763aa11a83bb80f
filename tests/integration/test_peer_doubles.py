"""However often what peers say comes, by whichever inbox or through a Group, and however it is parted into batches: the rows of each once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some
from sqlalchemy import text

from tests.fakes_abroad import GROUP, PUBLIC
from tests.fakes_peer_town import ALICE, BOB, COMMUNITY, FORUM, MEMBER, Town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from hub.ports import Record
    from tests.fakes_abroad import Person

EXAMPLES: Final = 25  # each is two lives of a hub


class Deed(StrEnum):
    """What somebody elsewhere does about the one topic."""

    ANSWER = "answer"
    EDIT = "edit"
    LIKE = "like"
    CHEER = "cheer"
    UNLIKE = "unlike"
    UNANSWER = "unanswer"
    DELETE = "delete"


class Way(StrEnum):
    """How an activity comes."""

    SHARED = "the shared inbox"
    GROUP = "the community's own inbox"
    ANNOUNCED = "through a Group"
    BARE = "its post alone through a Group"
    RECORD = "the very record once more"


@dataclass(frozen=True)
class Story:
    """Deeds in their order, how each comes first; and which come again, when (a share of what is left) and how; where batches end."""

    deeds: Sequence[Deed]
    first: Sequence[Way]
    again: Sequence[tuple[int, float, Way]]
    ends: Sequence[bool]


@some.composite
def stories(draw: some.DrawFn) -> Story:
    deeds = draw(some.lists(some.sampled_from(Deed), max_size=6))
    number = len(deeds) + 1
    first = draw(some.lists(some.sampled_from([Way.SHARED, Way.GROUP, Way.ANNOUNCED]), min_size=number, max_size=number))
    doubles = some.tuples(some.integers(0, number - 1), some.floats(0, 1), some.sampled_from(Way))
    again = draw(some.lists(doubles, min_size=1, max_size=8))
    return Story(deeds, first, again, draw(some.lists(some.booleans(), max_size=number + len(again))))


def activities(deeds: Sequence[Deed]) -> list[tuple[Person, dict[str, Any]]]:
    """Who says what: a topic, and what becomes of it; a deed that would have nothing to take back is none."""
    topic = MEMBER.note("post/1", name="Un sujet")
    said: list[tuple[Person, dict[str, Any]]] = [(MEMBER, MEMBER.creates(topic, "acts/0"))]
    likes: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    for number, deed in enumerate(deeds, 1):
        path, all_of_us = f"acts/{number}", {"to": [PUBLIC], "cc": [GROUP]}
        match deed:
            case Deed.ANSWER:
                answers.append(BOB.note(f"notes/{number}", f"<p>Réponse {number}</p>", inReplyTo=topic["id"]))
                said.append((BOB, BOB.creates(answers[-1], path)))
            case Deed.EDIT:
                edited = {**topic, "content": f"<p>Corrigé {number}</p>", "updated": f"2026-11-22T09:{number:02}:00Z"}
                said.append((MEMBER, MEMBER.does("Update", edited, path, **all_of_us)))
            case Deed.LIKE:
                likes.append(ALICE.does("Like", topic["id"], path))
                said.append((ALICE, likes[-1]))
            case Deed.CHEER:
                said.append((ALICE, ALICE.does("EmojiReact", topic["id"], path, content="🎉")))
            case Deed.UNLIKE if likes:
                said.append((ALICE, ALICE.does("Undo", likes.pop(), path)))
            case Deed.UNANSWER if answers:
                said.append((BOB, BOB.does("Delete", {"type": "Tombstone", "id": answers.pop()["id"]}, path)))
            case Deed.DELETE:
                said.append((MEMBER, MEMBER.does("Delete", {"type": "Tombstone", "id": topic["id"]}, path)))
            case Deed.UNLIKE | Deed.UNANSWER:
                continue
    return said


class Doubling:
    """A town in which everything is heard, forgotten, and heard again otherwise."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._announced = 0

    async def once(self, story: Story) -> dict[str, Any]:
        """Each activity once, all together."""
        said = activities(story.deeds)
        await self._forget()
        await self._town.take([await self._brought(*one, way) for one, way in zip(said, story.first, strict=False)])
        return await self._rows()

    async def doubled(self, story: Story) -> dict[str, Any]:
        """The same with all that comes again, batch by batch."""
        said = activities(story.deeds)
        await self._forget()
        order: list[tuple[int, Way | None]] = [(number, None) for number in range(len(said))]
        for number, later, way in story.again:
            if number < len(said):
                after = order.index((number, None)) + 1
                order.insert(after + round(later * (len(order) - after)), (number, way))
        first: dict[int, Record] = {}
        batch: list[Record] = []
        for place, (number, again) in enumerate(order):
            way = again or story.first[number]
            record = first[number] if way is Way.RECORD else await self._brought(*said[number], way)
            first.setdefault(number, record)
            batch.append(record)
            if place < len(story.ends) and story.ends[place]:
                await self._town.take(batch)
                batch = []
        await self._town.take(batch)
        return await self._rows()

    async def _brought(self, actor: Person, activity: dict[str, Any], way: Way) -> Record:
        """What the door makes of it; a Group passes on what its own server's people say."""
        self._town.world.clock.moved += timedelta(seconds=1)  # a signature dates itself to the second, and is taken once
        through = way in {Way.ANNOUNCED, Way.BARE} and actor is MEMBER
        if through:
            self._announced += 1
            bare = way is Way.BARE and activity["type"] == "Create"
            activity = FORUM.does("Announce", activity["object"] if bare else activity, f"announces/{self._announced}")
        path = f"/groups/{COMMUNITY}/inbox" if way is Way.GROUP else "/inbox"
        (record,) = await self._town.records((FORUM if through else actor, activity), path=path)
        return record

    async def _forget(self) -> None:
        """As before anybody said anything; who follows whom stays."""
        self._town.world.dead_letters.kept.clear()
        async with self._town.world.engine.begin() as connection:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in FORGETTING:
                await connection.execute(text(statement))

    async def _rows(self) -> dict[str, Any]:
        """All that is left, without the moments of it and without names that are drawn by lot."""
        found: dict[str, Any] = {name: [tuple(row.values()) for row in await self._town.world.rows(query)] for name, query in LEFT.items()}
        return found | {"refused": set(self._town.reasons)}


FORGETTING: Final = (
    "DELETE FROM hub.messages", "DELETE FROM hub.reactions", "DELETE FROM hub.events", "DELETE FROM hub.held", "DELETE FROM hub.outbox",
    "DELETE FROM hub.external_objects", "DELETE FROM hub.early_deletions", "DELETE FROM hub.activities_seen",
    "UPDATE hub.communities SET sequence = 0",
)  # fmt: skip
LEFT: Final = {
    "messages": "SELECT id, community, node, state, parent, thread, author, organisation, title, html, link, first_sequence, last_sequence "
    "FROM hub.messages ORDER BY id",
    "reactions": "SELECT id, node, object, actor, organisation, emoji, state FROM hub.reactions ORDER BY id",
    "numbers": "SELECT node, type, subject, outcome, sequence FROM hub.events WHERE sequence IS NOT NULL ORDER BY sequence",
    "told": "SELECT topic, key, sequence, (SELECT string_agg(name, ' ' ORDER BY name) FROM jsonb_object_keys(targets) name) FROM hub.outbox ORDER BY id",
    "objects": "SELECT id, subject, community, owner, peer, kind, via, about, emoji, withdrawal, withdrawn_by FROM hub.external_objects ORDER BY id",
    "early": "SELECT object, actor FROM hub.early_deletions ORDER BY object, actor",
}


@pytest.fixture
async def doubling(database_url: str) -> AsyncIterator[Doubling]:
    town = await Town.make(database_url)
    await town.follow()
    yield Doubling(town)
    await town.world.close()


EVERYTHING: Final = Story(
    [Deed.ANSWER, Deed.LIKE, Deed.EDIT, Deed.UNLIKE, Deed.EDIT, Deed.DELETE],
    [Way.SHARED] * 7,
    [(number, 1.0, way) for number in range(7) for way in (Way.RECORD, Way.GROUP, Way.ANNOUNCED, Way.BARE)],
    [True] * 30,
)
"""Each comes five times, the doubles long after all is over."""
TWO_WAYS: Final = Story([Deed.ANSWER, Deed.EDIT], [Way.SHARED] * 3, [(2, 0.0, Way.ANNOUNCED)], [])
"""An edit and, in one batch with it, the same through a Group."""


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(story=stories())
@example(story=EVERYTHING)
@example(story=TWO_WAYS)
async def test_n_deliveries_however_they_come_equal_one(doubling: Doubling, story: Story) -> None:
    assert await doubling.doubled(story) == await doubling.once(story)
