"""What people of an RSE wrote themselves, taken away by a moderator's word and brought back where the platform can, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.port import TAKEN_BACK, UNSUPPORTED, Act, Change, Incomplete, Never, Written
from schemas.facts.message import Content
from tests.fakes_discourse import order
from tests.fakes_discourse_twin import Forum, forum
from tests.fakes_matrix import posting
from tests.fakes_matrix_twin import BOT, House, closed_room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

REASON = "Message retiré par la modération : hors sujet"
SAID = Content(html="<p>Bonjour à tous, voici les <strong>nouvelles</strong>.</p>", text="Bonjour")


@pytest.fixture
async def rse(tmp_path: Path) -> AsyncIterator[Forum]:
    async with forum(tmp_path) as found:
        yield found


async def posted(rse: Forum, author: str = "camille", **more: object) -> str:
    """A post of somebody's own."""
    said = more or {"title": "Des nouvelles de notre atelier", "category": 97, "raw": "Bonjour à tous, voici les nouvelles."}
    status, post = await rse.call("POST", "/posts.json", author, **said)
    assert status == 200, post
    return f"post:{post['id']}"


async def test_an_original_of_discourse_goes_and_comes_back_undeleted(rse: Forum) -> None:
    native = await posted(rse)
    gone = order(Act.DELETED, native_id=native, content=None, original=True, reason=REASON)
    assert isinstance(await rse.client.write(gone), Written)
    assert (await rse.posts())[0]["deleted"]
    assert isinstance(await rse.client.find(gone), Written)
    back = await rse.client.write(order(Act.EDITED, native_id=native, content=SAID, original=True, insisted=True))
    (post,) = await rse.posts()
    assert (post["deleted"], post["raw"]) == (False, "Bonjour à tous, voici les nouvelles.")  # hers, to the letter
    assert isinstance(back, Written)
    assert back.version == post["updated_at"]


async def test_an_original_that_others_answered_is_emptied_with_the_reason_and_says_its_words_again(rse: Forum) -> None:
    native = await posted(rse)
    topic = (await rse.posts())[0]["topic"]
    await posted(rse, topic_id=topic, raw="Merci beaucoup pour ces nouvelles de là-bas.")
    await rse.client.write(order(Act.DELETED, native_id=native, content=None, original=True, reason=REASON))
    first = (await rse.posts())[0]
    assert (first["deleted"], "nouvelles" in first["raw"], "hors sujet" in first["raw"]) == (False, False, True)
    again = order(Act.EDITED, native_id=native, content=SAID, title="Des nouvelles de notre atelier", original=True, insisted=True)
    assert isinstance(await rse.client.write(again), Written)
    first = (await rse.posts())[0]
    assert (first["raw"], first["title"]) == ("Bonjour à tous, voici les **nouvelles**.", "Des nouvelles de notre atelier")
    assert await rse.client.write(again) == Written(native, first["updated_at"], f"topic:{topic}/1")  # twice is once


@pytest.mark.parametrize("who", ["camille", "system"])
async def test_an_original_that_its_own_people_deleted_is_not_taken_for_ours(rse: Forum, who: str) -> None:
    native = await posted(rse)
    await rse.call("DELETE", f"/posts/{native.removeprefix('post:')}.json", who)
    gone = order(Act.DELETED, native_id=native, content=None, original=True, reason=REASON)
    assert await rse.client.find(gone) is None
    assert await rse.client.write(gone) == Never(UNSUPPORTED, TAKEN_BACK)


async def test_an_original_says_in_which_version_our_hand_found_it(rse: Forum) -> None:
    native = await posted(rse)
    before = (await rse.posts())[0]["updated_at"]
    gone = order(Act.DELETED, native_id=native, content=None, original=True, reason=REASON)
    for outcome in (await rse.client.write(gone), await rse.client.find(gone)):
        assert isinstance(outcome, Written)
        assert outcome.found == before
    back = order(Act.EDITED, native_id=native, content=SAID, original=True, insisted=True)
    for found in (before, None):  # the second time there is nothing to do, and nothing tells what was there before
        outcome = await rse.client.write(back)
        assert isinstance(outcome, Written)
        assert outcome.found == found


async def test_a_copy_that_staff_had_deleted_holds_no_words_for_whoever_undeletes_it(rse: Forum) -> None:
    first = await rse.client.write(order())
    assert isinstance(first, Written)
    number = first.native_id.removeprefix("post:")
    await rse.call("DELETE", f"/posts/{number}.json", "system")
    gone = order(Act.DELETED, native_id=first.native_id, content=None, reason=REASON)
    assert isinstance(await rse.client.write(gone), Written)
    await rse.call("PUT", f"/posts/{number}/recover.json", "system")
    (post,) = await rse.posts()
    assert (post["deleted"], "nouvelles" in post["raw"], "hors sujet" in post["raw"]) == (False, False, True)


async def test_who_deleted_a_copy_is_told_under_the_name_of_what_she_writes_herself(rse: Forum) -> None:
    first = await rse.client.write(order())
    assert isinstance(first, Written)
    hers = await rse.client.complete(Incomplete(await posted(rse, author="system"), Act.POSTED))
    await rse.call("DELETE", f"/posts/{first.native_id.removeprefix('post:')}.json", "system")
    withdrawn = await rse.client.complete(Incomplete(first.native_id, Act.DELETED))
    assert isinstance(hers, Change)
    assert isinstance(withdrawn, Change)
    assert (withdrawn.act, withdrawn.actor) == (Act.DELETED, hers.actor)


async def test_of_what_people_of_a_forum_wrote_themselves_the_author_is_told_whoever_deletes_it(rse: Forum) -> None:
    native = await posted(rse)
    before = await rse.client.complete(Incomplete(native, Act.POSTED))
    await rse.call("DELETE", f"/posts/{native.removeprefix('post:')}.json", "system")
    deleted = await rse.client.complete(Incomplete(native, Act.DELETED))
    assert isinstance(before, Change)
    assert isinstance(deleted, Change)
    assert deleted.actor == before.actor


async def test_a_copy_that_somebody_took_away_comes_back_when_a_moderator_insists(rse: Forum) -> None:
    first = await rse.client.write(order())
    assert isinstance(first, Written)
    await rse.call("DELETE", f"/posts/{first.native_id.removeprefix('post:')}.json", "system")
    await rse.client.write(order(Act.EDITED, native_id=first.native_id, content=SAID, insisted=True, reviving=True))
    (post,) = await rse.posts()
    assert not post["deleted"]


async def test_what_is_no_longer_there_is_said_to_be_gone(rse: Forum) -> None:
    gone = await rse.client.write(order(Act.EDITED, native_id="post:999", content=SAID, original=True, insisted=True))
    assert gone == Never(UNSUPPORTED, "original_gone")


async def test_an_original_of_matrix_is_redacted_by_a_bot_that_moderates_its_room_and_does_not_come_back(house: House) -> None:
    claire, room = await closed_room(house)
    await claire.call("PUT", f"rooms/{room}/state/m.room.power_levels", {"users": {claire.user_id: 100, BOT: 50}})
    hers = await claire.say(room, "À moi")
    gone = posting("k1", space=room, act=Act.DELETED, native_id=hers, original=True, reason=REASON)
    outcome = await house.client.write(gone)
    assert isinstance(outcome, Written)
    assert await house.visible(room) == []
    assert await house.client.find(gone) == outcome
    back = posting("k2", "À moi", room, act=Act.EDITED, native_id=hers, original=True, insisted=True)
    assert await house.client.write(back) == Never(UNSUPPORTED, "original_gone")


async def test_an_original_of_matrix_that_its_author_redacted_is_not_taken_for_ours(house: House) -> None:
    claire, room = await closed_room(house)
    await claire.call("PUT", f"rooms/{room}/state/m.room.power_levels", {"users": {claire.user_id: 100, BOT: 50}})
    hers = await claire.say(room, "À moi")
    await claire.redact(room, hers)
    gone = posting("k1", space=room, act=Act.DELETED, native_id=hers, original=True, reason=REASON)
    assert await house.client.find(gone) is None
    assert await house.client.write(gone) == Never(UNSUPPORTED, TAKEN_BACK)


async def test_where_the_bot_is_no_moderator_an_original_of_matrix_stays(house: House) -> None:
    claire, room = await closed_room(house)
    hers = await claire.say(room, "À moi")
    gone = await house.client.write(posting("k1", space=room, act=Act.DELETED, native_id=hers, original=True, reason=REASON))
    assert isinstance(gone, Never)
    assert gone.reason == "forbidden"
    assert [shown["body"] for shown in await house.visible(room)] == ["À moi"]


async def test_a_copy_of_matrix_that_somebody_took_away_is_said_anew_when_a_moderator_insists(house: House) -> None:
    claire, room = await closed_room(house)
    first = await house.client.write(posting(space=room))
    assert isinstance(first, Written)
    await claire.redact(room, first.native_id)
    await house.client.write(posting("k2", "Bonsoir", room, act=Act.EDITED, native_id=first.native_id, insisted=True, reviving=True))
    assert [shown["body"] for shown in await house.visible(room)] == ["Bonsoir"]
