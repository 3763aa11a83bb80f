"""What another Trait d'union takes away by moderation, and brings back: here it is gone, then stands again as it does there, and nobody else may say so."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from hub.communities import animation
from hub.federation.following import follow_group
from schemas.words import Ground
from tests.fakes_abroad import HERE, Person
from tests.fakes_federation import present
from tests.fakes_peer_town import ALICE, COMMUNITY, OPSI_GROUP, OPSI_NODE, Town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from hub.unit_of_work import UnitOfWork

NOTE = OPSI_NODE.note("notes/1", "<p>Un guide</p>")
TOMBSTONE = {"id": NOTE["id"], "type": "Tombstone", "formerType": "Note"}
WRAPPINGS = count()
OTHER_GROUP = Person("https://opsi.example/groups/autre", "Group", "Une autre")


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    """A community here follows one of OPSI's, in which a ministry there has said something."""
    made = await Town.make(database_url)
    made.door.abroad.add(OTHER_GROUP)
    await made.follow(group=OPSI_GROUP)
    await announced(made, OPSI_NODE.creates(NOTE, "acts/said"))
    yield made
    await made.world.close()


async def announced(town: Town, act: Mapping[str, Any], by: Person = OPSI_GROUP) -> None:
    await town.hear((by, by.does("Announce", act, f"{act['id'].rpartition('/')[2]}-by-{by.id.rpartition('/')[2]}")))


def withdrawal(path: str = "withdrawal", **changes: Any) -> dict[str, Any]:
    """Moderation's, with its ground."""
    return OPSI_NODE.does("Delete", TOMBSTONE, f"acts/{path}", summary="Retiré par la modération : hors sujet", **changes)


def undo(of: Mapping[str, Any] | None = None, path: str = "undo") -> dict[str, Any]:
    return OPSI_NODE.does("Undo", of or withdrawal(), f"acts/{path}")


def stands_there(town: Town, note: Mapping[str, Any] | None = NOTE) -> None:
    town.door.abroad.documents[NOTE["id"]] = json.dumps(note or TOMBSTONE).encode()


async def stands(town: Town) -> tuple[str, str]:
    (row,) = [row for row in await town.messages() if row["node"] == "hub"]
    return row["state"], row["html"]


async def test_what_moderation_brings_back_there_stands_again_here_as_it_does_there(town: Town) -> None:
    await announced(town, withdrawal())
    assert await stands(town) == ("deleted", "")
    stands_there(town)
    await announced(town, undo())
    assert await stands(town) == ("visible", "<p>Un guide</p>")
    assert town.reasons == []


async def test_again_and_again_and_each_time_once(town: Town) -> None:
    for turn, (path, words) in enumerate((("first", "Un guide"), ("second", "Un guide relu"), ("third", "Un guide relu"))):
        await announced(town, withdrawal(path))
        assert await stands(town) == ("deleted", "")
        stands_there(town, {**NOTE, "content": f"<p>{words}</p>"})
        for number in range(2):  # two deliveries of one Undo, under other wrappings
            back = undo(withdrawal(path), f"undo-{turn}")
            await town.hear((OPSI_GROUP, OPSI_GROUP.does("Announce", back, f"back-{turn}-{number}")))
        assert await stands(town) == ("visible", f"<p>{words}</p>")
    rows = await town.world.rows("SELECT type FROM hub.events WHERE sequence IS NOT NULL AND type LIKE '%.message.%' ORDER BY sequence")
    assert [row["type"].split(".")[4] for row in rows] == ["posted", *["deleted", "edited"] * 3]
    assert town.reasons == []


async def test_what_its_author_deleted_no_group_brings_back(town: Town) -> None:
    await announced(town, OPSI_NODE.does("Delete", TOMBSTONE, "acts/deleted"))
    stands_there(town)
    await announced(town, undo(withdrawal("deleted")))
    assert (await stands(town), town.reasons) == (("deleted", ""), ["deletion_is_final"])


async def test_what_its_author_deleted_while_it_was_away_is_deleted_for_ever(town: Town) -> None:
    await announced(town, withdrawal())
    await announced(town, OPSI_NODE.does("Delete", TOMBSTONE, "acts/deleted"))
    stands_there(town)
    await announced(town, undo())
    assert (await stands(town), town.reasons) == (("deleted", ""), ["deletion_is_final"])


async def test_only_the_group_that_took_it_away_brings_it_back_and_by_that_very_withdrawal(town: Town) -> None:
    await town.run(lambda work: follow_group(COMMUNITY, OTHER_GROUP.id, work, HERE))
    asked = json.loads((await town.outgoing())[-1]["value"])
    await town.hear((OTHER_GROUP, OTHER_GROUP.does("Accept", asked, "acts/accept-another")))
    await announced(town, withdrawal())
    stands_there(town)
    await announced(town, undo(), OTHER_GROUP)
    await announced(town, undo(withdrawal("another"), "undo-another"))
    assert (await stands(town), town.reasons) == (("deleted", ""), ["withdrawal_of_another"] * 2)
    await announced(town, undo(path="undo-again"))
    assert (await stands(town))[0] == "visible"


async def test_without_a_group_nothing_comes_back(town: Town) -> None:
    await announced(town, withdrawal())
    stands_there(town)
    await town.hear((OPSI_NODE, undo()))
    assert (await stands(town), town.reasons) == (("deleted", ""), [])
    assert NOTE["id"] not in town.door.abroad.asked


async def test_what_is_away_still_at_its_own_server_is_refused_at_the_door(town: Town) -> None:
    await announced(town, withdrawal())
    stands_there(town, None)
    answer = await town.door.bring(OPSI_GROUP, OPSI_GROUP.does("Announce", undo(), "back"))
    assert answer.json()["reason"] == "object_unavailable"
    stands_there(town, {**NOTE, "attributedTo": OPSI_GROUP.id})
    answer = await town.door.bring(OPSI_GROUP, OPSI_GROUP.does("Announce", undo(), "back-again"))
    assert answer.json()["reason"] == "not_owner"


async def test_what_our_own_moderators_took_away_stays_away_here_whatever_is_brought_back_there(town: Town) -> None:
    (message,) = [row["id"] for row in await town.messages() if row["node"] == "hub"]

    async def act(work: UnitOfWork) -> bool:
        return await animation.take_away(message, Ground.OFF_TOPIC, "", await present(work), work)

    assert await town.world.work(act)
    await announced(town, withdrawal())
    stands_there(town)
    await announced(town, undo())
    assert ((await stands(town))[0], town.reasons) == ("moderated", [])


async def test_what_never_stood_here_or_stands_is_not_touched(town: Town) -> None:
    stands_there(town)
    await announced(town, undo())
    assert await stands(town) == ("visible", "<p>Un guide</p>")
    other = {**NOTE, "id": "https://opsi.example/notes/2"}
    town.door.abroad.documents[other["id"]] = json.dumps(other).encode()
    gone = OPSI_NODE.does("Delete", {**TOMBSTONE, "id": other["id"]}, "acts/d2", summary="hors sujet")
    await announced(town, gone)
    await announced(town, undo(gone, "u2"))
    assert (len(await town.messages()), town.reasons) == (1, [])


async def test_an_undo_of_a_deletion_takes_no_like_back(town: Town) -> None:
    note = ALICE.note()
    await town.hear((ALICE, ALICE.creates(note)), (ALICE, ALICE.does("Like", note["id"], "acts/like")))
    await town.hear((ALICE, ALICE.does("Undo", ALICE.does("Delete", note["id"], "acts/never"), "acts/undo")))
    (like,) = await town.world.rows("SELECT state FROM hub.reactions")
    assert like["state"] == "standing"


async def once_more(town: Town, *acts: Mapping[str, Any]) -> None:
    """As a server that sends again what was not taken brings what was said of it since: each act once more, as it was."""
    for act in acts:
        await town.hear((OPSI_GROUP, OPSI_GROUP.does("Announce", act, f"again-{next(WRAPPINGS)}")))


def edit(words: str, at: str) -> dict[str, Any]:
    note = {**NOTE, "content": f"<p>{words}</p>", "updated": at}
    return OPSI_NODE.does("Update", note, f"acts/{words}")


async def test_an_earlier_state_that_is_brought_after_a_later_one_changes_nothing(town: Town) -> None:
    earlier, later = edit("un", "2026-11-22T10:00:00Z"), edit("deux", "2026-11-22T11:00:00.5Z")
    await once_more(town, later, earlier)
    assert await stands(town) == ("visible", "<p>deux</p>")
    await once_more(town, later)
    assert (await stands(town), town.reasons) == (("visible", "<p>deux</p>"), [])


async def test_a_clock_that_was_ahead_hides_no_edit_that_comes_after(town: Town) -> None:
    await once_more(town, edit("un", "2099-01-01T00:00:00Z"), edit("deux", "2026-11-22T10:00:00Z"))
    assert (await stands(town), town.reasons) == (("visible", "<p>deux</p>"), [])


async def test_a_withdrawal_that_is_brought_again_with_its_undo_leaves_the_message_where_it_stood(town: Town) -> None:
    turns = [(withdrawal(path), undo(withdrawal(path), f"undo-{path}")) for path in ("first", "second")]
    stands_there(town)
    for number, turn in enumerate(turns, 1):
        await once_more(town, *turn)
        await once_more(town, turn[0])
        assert (await stands(town))[0] == "visible"
        await once_more(town, *(act for pair in turns[:number] for act in pair))
        assert await stands(town) == ("visible", "<p>Un guide</p>")
    await once_more(town, OPSI_NODE.does("Delete", TOMBSTONE, "acts/deleted"))
    assert (await stands(town), town.reasons) == (("deleted", ""), [])


@pytest.mark.parametrize("gone", [TOMBSTONE["id"], OPSI_NODE.id])
async def test_what_its_author_deletes_herself_while_it_was_away_with_whatever_words_is_deleted_for_ever(town: Town, gone: str) -> None:
    await announced(town, withdrawal())
    await town.hear((OPSI_NODE, OPSI_NODE.does("Delete", gone, "acts/deleted", summary="Je m’en vais.")))
    stands_there(town)
    await announced(town, undo())
    assert (await stands(town), town.reasons) == (("deleted", ""), ["deletion_is_final"])
