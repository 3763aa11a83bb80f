"""What is deleted before it has come stays out, for who deleted it alone: a neighbour on its server keeps nobody's words out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes_abroad import GROUP, PUBLIC
from tests.fakes_peer_town import ALICE, BOB, FORUM, MEMBER, Town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOTE = ALICE.note()["id"]
STONE = {"type": "Tombstone", "id": NOTE}
NEIGHBOUR = BOB
"""On alice's own server."""


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    made = await Town.make(database_url)
    yield made
    await made.world.close()


async def said(town: Town) -> list[tuple[str, str]]:
    return [(row["author"], row["state"]) for row in await town.messages()]


@pytest.mark.parametrize("what", [NOTE, STONE], ids=["by its address", "by a Tombstone"])
async def test_a_neighbours_deletion_of_what_has_not_come_keeps_it_out_for_nobody_else(town: Town, what: Any) -> None:
    await town.hear((NEIGHBOUR, NEIGHBOUR.does("Delete", what, "acts/d")))
    await town.hear((ALICE, ALICE.creates()))
    assert await said(town) == [(ALICE.name, "visible")]
    assert town.reasons == []


async def test_it_does_not_in_one_batch_either(town: Town) -> None:
    await town.hear((NEIGHBOUR, NEIGHBOUR.does("Delete", STONE, "acts/d")), (ALICE, ALICE.creates()))
    assert await said(town) == [(ALICE.name, "visible")]


async def test_what_its_author_deleted_before_it_came_stays_out(town: Town) -> None:
    await town.hear((ALICE, ALICE.does("Delete", STONE, "acts/d")))
    update = ALICE.does("Update", ALICE.note(updated="2026-11-22T09:00:00Z"), "acts/2", to=[PUBLIC], cc=[GROUP])
    await town.hear((ALICE, ALICE.creates()), (ALICE, update))
    assert await said(town) == []
    assert town.reasons == []


async def test_a_neighbours_deletions_do_not_undo_its_authors(town: Town) -> None:
    first, last = (NEIGHBOUR.does("Delete", STONE, f"acts/{name}") for name in ("first", "last"))
    await town.hear((NEIGHBOUR, first))
    await town.hear((ALICE, ALICE.does("Delete", STONE, "acts/d")))
    await town.hear((NEIGHBOUR, last))
    await town.hear((ALICE, ALICE.creates()))
    assert await said(town) == []
    assert town.reasons == []


async def test_what_came_in_spite_of_a_neighbour_is_its_authors_to_edit_and_to_delete(town: Town) -> None:
    await town.hear((NEIGHBOUR, NEIGHBOUR.does("Delete", STONE, "acts/d")), (ALICE, ALICE.creates()))
    await town.hear((NEIGHBOUR, NEIGHBOUR.does("Delete", STONE, "acts/e")))
    assert (town.reasons, await said(town)) == (["not_owner"], [(ALICE.name, "visible")])
    await town.hear((ALICE, ALICE.does("Delete", STONE, "acts/f")), (ALICE, ALICE.creates(path="acts/g")))
    assert [state for _, state in await said(town)] == ["deleted"]


async def test_a_group_brings_in_what_a_neighbour_of_its_author_deleted_before(town: Town) -> None:
    await town.follow()
    note = MEMBER.note("post/1")
    await town.hear((FORUM, FORUM.does("Delete", note["id"], "a/0")))
    await town.hear((FORUM, FORUM.does("Announce", MEMBER.creates(note, "post/1#create"), "a/1")))
    assert await said(town) == [(MEMBER.name, "visible")]


@pytest.mark.parametrize(("who", "standing"), [(ALICE, 0), (NEIGHBOUR, 1)], ids=["herself", "a neighbour"])
async def test_so_with_what_is_set_on_a_message(town: Town, who: Any, standing: int) -> None:
    await town.hear((BOB, BOB.creates(BOB.note("notes/9"), "acts/9")))
    like = ALICE.does("Like", BOB.note("notes/9")["id"], "acts/like")
    await town.hear((who, who.does("Delete", like["id"], "acts/d")))
    await town.hear((ALICE, like))
    assert len(await town.world.rows("SELECT * FROM hub.reactions")) == standing


async def test_an_activity_of_the_same_name_by_a_neighbour_keeps_none_out(town: Town) -> None:
    await town.hear((NEIGHBOUR, NEIGHBOUR.does("Dislike", "https://social.example/notes/0", "acts/1")))
    await town.hear((ALICE, ALICE.creates(path="acts/1")))
    assert await said(town) == [(ALICE.name, "visible")]
    both = (
        (NEIGHBOUR, NEIGHBOUR.does("Dislike", "https://social.example/notes/0", "acts/2")),
        (ALICE, ALICE.creates(ALICE.note("notes/2"), "acts/2")),
    )
    await town.hear(*both)
    assert len(await said(town)) == 2


@pytest.mark.parametrize("whole", [True, False], ids=["as it was", "by its address"])
async def test_what_is_set_on_a_message_after_it_was_taken_back_does_not_stand(town: Town, *, whole: bool) -> None:
    """The first of two deliveries was answered 503, and its server brought them out of order."""
    like = ALICE.does("Like", NOTE, "acts/like")
    await town.hear((ALICE, ALICE.creates()), (ALICE, ALICE.does("Undo", like if whole else like["id"], "acts/u")), (ALICE, like))
    assert await town.world.rows("SELECT * FROM hub.reactions") == []
    await town.hear((ALICE, {**like, "id": "https://social.example/acts/next"}))
    assert len(await town.world.rows("SELECT * FROM hub.reactions")) == 1
    assert town.reasons == []
