"""What somebody elsewhere takes back: that which she means, and nothing else of hers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes_peer_town import ALICE, BOB, Town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOTE = BOB.note()["id"]
LIKE = ALICE.does("Like", NOTE, "acts/like")
PARTY = ALICE.does("EmojiReact", NOTE, "acts/party", content="🎉")
BLOB = ALICE.does("EmojiReact", NOTE, "acts/blob", content=":blob:")
DISLIKE = ALICE.does("Dislike", NOTE, "acts/dislike")


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    made = await Town.make(database_url)
    await made.hear((BOB, BOB.creates()))
    yield made
    await made.world.close()


async def standing(town: Town) -> set[str]:
    return {row["emoji"] for row in await town.world.rows("SELECT emoji FROM hub.reactions WHERE state = 'standing'")}


async def people(town: Town) -> set[tuple[str, str]]:
    rows = await town.world.rows("SELECT emoji, owner FROM hub.external_objects WHERE kind = 'reaction'")
    stand = await town.world.rows("SELECT emoji FROM hub.reactions WHERE state = 'standing'")
    assert sorted(row["emoji"] for row in rows) == sorted(row["emoji"] for row in stand)
    return {(row["emoji"], row["owner"]) for row in rows}


def undo(act: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Under an id of its own, as Lemmy writes what is undone anew each time."""
    return ALICE.does("Undo", {**act, "id": "https://social.example/acts/anew", **changes}, "acts/undo")


@pytest.mark.parametrize(
    ("act", "left"),
    [(LIKE, {"🎉"}), (PARTY, {"👍"}), (BLOB, {"👍", "🎉"}), (DISLIKE, {"👍", "🎉"}), ({**PARTY, "content": "🙂"}, {"👍", "🎉"})],
    ids=["the like", "the emoji", "one that was refused", "one that is not shown here", "one that never came"],
)
async def test_what_is_undone_under_another_id_is_the_same_emoji_or_nothing(town: Town, act: dict[str, Any], left: set[str]) -> None:
    await town.hear((ALICE, DISLIKE), (ALICE, LIKE), (ALICE, PARTY), (ALICE, BLOB))
    await town.hear((ALICE, undo(act)))
    assert await standing(town) == left
    assert town.reasons == ["emoji_unreadable"]


async def test_what_was_refused_takes_nothing_with_it_when_it_is_undone_by_its_own_id(town: Town) -> None:
    await town.hear((ALICE, LIKE), (ALICE, BLOB))
    await town.hear((ALICE, undo(BLOB, id=BLOB["id"])))
    assert await standing(town) == {"👍"}


@pytest.mark.parametrize("act", [{}, {"type": "Like", "object": "https://social.example/notes/other"}], ids=["no type", "another message"])
async def test_what_does_not_say_which_takes_nothing(town: Town, act: dict[str, Any]) -> None:
    await town.hear((ALICE, LIKE))
    await town.hear((ALICE, undo({"actor": ALICE.id, "object": NOTE, **act})))
    assert await standing(town) == {"👍"}


async def test_of_two_alike_on_two_messages_that_of_this_one_goes(town: Town) -> None:
    other = BOB.note("notes/2")
    await town.hear((BOB, BOB.creates(other, "acts/2")), (ALICE, LIKE), (ALICE, ALICE.does("Like", other["id"], "acts/like-2")))
    await town.hear((ALICE, undo(LIKE)))
    states = await town.world.rows("SELECT state FROM hub.reactions ORDER BY state")
    assert [row["state"] for row in states] == ["removed", "standing"]
    (left,) = await town.world.rows("SELECT about FROM hub.external_objects WHERE kind = 'reaction'")
    assert left["about"] == (await town.messages())[1]["id"]


async def test_who_dislikes_what_she_liked_likes_it_no_longer_and_may_again(town: Town) -> None:
    """On a server of votes (Lemmy) one stands in the other's place: the first is not undone, and what ends the second is an Undo of a Like."""
    await town.hear((ALICE, LIKE), (ALICE, PARTY), (BOB, BOB.does("Like", NOTE, "acts/like-of-bob")))
    await town.hear((ALICE, DISLIKE))
    assert await people(town) == {("🎉", ALICE.id), ("👍", BOB.id)}
    await town.hear((ALICE, undo(LIKE, id="https://social.example/acts/of-the-dislike")))
    await town.hear((ALICE, ALICE.does("Like", NOTE, "acts/like-again")))
    assert await people(town) == {("🎉", ALICE.id), ("👍", BOB.id), ("👍", ALICE.id)}
    await town.hear((ALICE, {**undo(LIKE), "id": "https://social.example/acts/undo-again"}))
    assert await people(town) == {("🎉", ALICE.id), ("👍", BOB.id)}


async def test_a_dislike_of_what_was_never_liked_is_noted(town: Town) -> None:
    await town.hear((ALICE, PARTY), (ALICE, ALICE.does("Dislike", BOB.note("notes/none")["id"], "acts/other")), (ALICE, DISLIKE))
    assert (await people(town), town.reasons) == ({("🎉", ALICE.id)}, [])
