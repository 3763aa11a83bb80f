"""Who likes a post of a Discourse, asked because no webhook tells that a like was taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from adapters.decisions import Desk
from adapters.discourse import ADAPTER
from adapters.discourse.reading import like_id
from adapters.memory import Known, KnownObject
from adapters.port import Act, AuthenticRequest, Change, Incomplete, Unused
from adapters.ties import Tie, TieState
from adapters.unliked import taken_back
from adapters.verdicts import Doubt, Drop, Publish
from schemas.envelope import object_id
from schemas.facts.reaction import ReactionAdded, ReactionRemoved
from schemas.words import Audience
from tests.fakes_discourse import order
from tests.fakes_discourse_twin import Forum, forum

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

RAW = "Bonjour à tous, voici les nouvelles."
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TIE = Tie("97", "c", "C", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED, renewed_at=NOON)


@pytest.fixture
async def rse(tmp_path: Path) -> AsyncIterator[Forum]:
    async with forum(tmp_path) as found:
        yield found


async def opened(rse: Forum) -> str:
    status, post = await rse.call("POST", "/posts.json", title="Des nouvelles de notre atelier", raw=RAW, category=97)
    assert status == 200
    return f"post:{post['id']}"


async def like(rse: Forum, message: str, username: str = "leo") -> None:
    assert (await rse.call("POST", "/post_actions.json", username, id=number(message), post_action_type_id=2))[0] == 200


async def unlike(rse: Forum, message: str, username: str = "leo") -> None:
    assert (await rse.call("DELETE", f"/post_actions/{number(message)}.json", username, post_action_type_id=2))[0] == 200


def number(message: str) -> int:
    return int(message.partition(":")[2])


async def webhook(rse: Forum) -> Change:
    """The one that told the like, as it came and may come again."""
    await rse.sink.until(lambda _: "post_liked" in rse.sink.events())
    (told,) = [request for request in rse.sink.taken if request.headers["x-discourse-event"] == "post_liked"][:1]
    (change,) = ADAPTER.translate(AuthenticRequest(told), rse.instance)
    assert isinstance(change, Change)
    return change


async def test_all_likes_of_a_post_are_named_as_their_webhooks_name_them(rse: Forum) -> None:
    message = await opened(rse)
    assert await rse.client.standing_likes(message) == frozenset()
    await like(rse, message)
    await like(rse, message, "system")
    found: Any = await rse.client.standing_likes(message)
    assert len(found) == 2
    assert (await webhook(rse)).native_id in found
    await unlike(rse, message)
    left: Any = await rse.client.standing_likes(message)
    assert left == found - {(await webhook(rse)).native_id}


async def test_staffs_deletion_of_a_post_takes_back_nobodys_like(rse: Forum) -> None:
    message = await opened(rse)
    _, reply = await rse.call("POST", "/posts.json", "leo", topic_id=(await rse.posts())[0]["topic"], raw="Merci beaucoup pour tout cela !")
    answer = f"post:{reply['id']}"
    await like(rse, answer, "camille")
    await rse.call("DELETE", f"/posts/{reply['id']}.json", "system")
    query = f"/post_action_users.json?id={reply['id']}&post_action_type_id=2"
    assert (await rse.call("GET", query, "system"))[1]["post_action_users"] == []  # as a real one shows staff
    assert await rse.client.standing_likes(answer) is None
    await rse.call("PUT", f"/posts/{reply['id']}/recover", "system")
    back: Any = await rse.client.standing_likes(answer)
    assert len(back) == 1
    assert await rse.client.standing_likes(message) == frozenset()


async def test_what_is_not_there_tells_of_no_like(rse: Forum) -> None:
    assert await rse.client.standing_likes("post:999999") is None
    assert await rse.client.standing_likes("$event") is None


async def test_a_like_taken_back_and_set_anew_is_told_each_time_and_a_late_webhook_is_asked_about(rse: Forum) -> None:
    message, known = await opened(rse), Known()
    desk = Desk(rse.instance, {"97": TIE}.get)
    known.add(KnownObject(message, object_id(rse.instance.node, message), "own", None, (), "97", "c"))
    await like(rse, message)
    first = await webhook(rse)
    told = [desk.decide(first, known, NOON, NOON)]
    await unlike(rse, message)
    shown: Any = await rse.client.standing_likes(message)
    (end,) = taken_back([one for one in known.natives.values() if one.about == message and one.native_id not in shown], NOON)
    told.append(desk.decide(end, known, NOON, NOON))
    late = desk.decide(first, known, NOON, NOON)  # the same webhook once more
    assert late == Doubt(Incomplete(first.native_id, Act.REACTED))
    assert await rse.client.complete(late.incomplete) == Unused("like_gone")
    await like(rse, message)
    anew = await rse.client.complete(late.incomplete)
    assert isinstance(anew, Change)
    assert replace(anew, occurred_at=first.occurred_at) == first
    told.append(desk.decide(replace(anew, asked=""), known, NOON, NOON))
    assert desk.decide(end, known, NOON, NOON) == Drop("known_already")
    assert [type(one.fact) for one in told if isinstance(one, Publish)] == [ReactionAdded, ReactionRemoved, ReactionAdded]
    one, other = [one.native_id for one in told if isinstance(one, Publish)][1:]
    assert (one, other) == (first.native_id, f"{first.native_id}/2")


async def test_a_like_of_what_is_gone_or_of_nobody_is_none(rse: Forum) -> None:
    message = await opened(rse)
    assert await rse.client.complete(Incomplete("like:999999/c0ffee", Act.REACTED)) == Unused("post_gone")
    assert await rse.client.complete(Incomplete(f"like:{number(message)}/c0ffee", Act.REACTED)) == Unused("like_gone")
    assert await rse.client.complete(Incomplete("$event", Act.REACTED)) == Unused("like_gone")


async def test_our_own_like_is_counted_with_the_others_and_told_to_nobody(rse: Forum) -> None:
    message = await opened(rse)
    await like(rse, message)
    await rse.client.write(replace(order(Act.REACTED), content=None, emoji="👍", target=message))
    ours = next(person for person in await rse.posts() if person["likes"])
    assert ours["likes"] == ["leo", "traitdunion"]
    found: Any = await rse.client.standing_likes(message)
    assert len(found) == 2
    assert like_id(number(message), 0, rse.instance) not in found
