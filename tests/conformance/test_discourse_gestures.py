"""Likes and solutions in Discourse: its rules for one account."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from adapters.discourse import ADAPTER, DiscourseClient
from adapters.one_like import likes
from adapters.port import UNSUPPORTED, Act, AuthenticRequest, Change, Incomplete, Later, Never, Unused, Written
from adapters.ties import Tie, TieState
from schemas.words import Audience
from tests.fakes_discourse import order
from tests.fakes_discourse_twin import Forum, forum

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from adapters.port import Order

RAW = "Bonjour à tous, voici les nouvelles."
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TIE = Tie("97", "c", "C", Audience.MEMBERS, Audience.MEMBERS, externals=False, state=TieState.CONFIRMED, renewed_at=NOON)


@pytest.fixture
async def rse(tmp_path: Path) -> AsyncIterator[Forum]:
    async with forum(tmp_path) as found:
        yield found


@asynccontextmanager
async def question(folder: Path, **changes: Any) -> AsyncIterator[tuple[Forum, dict[str, Any], dict[str, Any]]]:
    """A twin set up otherwise, with a question and an answer."""
    async with forum(folder, **changes) as rse:
        yield rse, *(await asked(rse))


async def asked(rse: Forum) -> tuple[dict[str, Any], dict[str, Any]]:
    _, first = await rse.call("POST", "/posts.json", title="Des nouvelles de notre atelier", raw=RAW, category=97)
    _, reply = await rse.call("POST", "/posts.json", "leo", topic_id=first["topic_id"], raw="Merci beaucoup pour ces nouvelles !")
    return first, reply


def on(post: dict[str, Any], act: Act = Act.REACTED, **changes: Any) -> Order:
    return replace(order(act), content=None, emoji="👍", target=f"post:{post['id']}", **changes)


@pytest.mark.parametrize(
    ("emoji", "liking"), [("❤️", True), ("👍🏽", True), ("💙", True), ("👎", False), ("🎉", False), ("", False), (None, False)]
)
def test_a_like_stands_only_for_what_says_the_same(emoji: str | None, liking: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert likes(emoji) is liking


async def test_a_like_older_than_discourse_lets_one_take_back_stays_and_the_verdict_says_so(tmp_path: Path) -> None:
    async with question(tmp_path, undo_seconds=0.0) as (rse, first, _):
        copy = await rse.client.write(on(first))
        assert isinstance(copy, Written)
        assert await rse.client.write(on(first, Act.UNREACTED, native_id=copy.native_id)) == Never(UNSUPPORTED, "forbidden")
        assert (await rse.posts())[0]["likes"] == ["traitdunion"]


async def test_an_account_of_its_own_for_likes_may_like_copies_and_its_like_is_an_echo(rse: Forum) -> None:
    liking = rse.instance.model_copy(update={"options": {**rse.instance.options, "like_username": "autres"}})
    copy = await rse.client.write(order())
    client = DiscourseClient(liking)
    try:
        assert isinstance(copy, Written)
        given = replace(order(Act.REACTED), content=None, emoji="👍", target=copy.native_id)
        assert isinstance(await client.write(given), Written)
        assert [post["likes"] for post in await rse.posts()] == [["autres"]]
        await rse.sink.until(lambda _: "post_liked" in rse.sink.events())
    finally:
        await client.close()
    (webhook,) = [request for request in rse.sink.taken if request.headers["x-discourse-event"] == "post_liked"]
    (change,) = ADAPTER.translate(AuthenticRequest(webhook), liking)
    assert isinstance(change, Change)
    assert change.by_us


async def test_a_category_without_accepted_answers_is_unsupported_and_no_dead_letter(tmp_path: Path) -> None:
    async with question(tmp_path, unsolved=("97:Futurs Publics",)) as (rse, _, reply):
        assert await rse.client.write(on(reply, Act.ACCEPTED)) == Never(UNSUPPORTED, "forbidden")


async def test_a_withdrawal_leaves_the_answer_that_was_chosen_here_meanwhile(rse: Forum) -> None:
    first, reply = await asked(rse)
    _, other = await rse.call("POST", "/posts.json", "leo", topic_id=first["topic_id"], raw="Ou bien ceci, qui va plus vite encore.")
    mark = await rse.client.write(on(reply, Act.ACCEPTED))
    assert isinstance(mark, Written)
    await rse.call("POST", "/solution/accept", "camille", id=other["id"])
    assert await rse.client.write(on(reply, Act.UNACCEPTED, native_id=mark.native_id)) == mark
    assert [post["id"] for post in await rse.posts() if post["accepted"]] == [other["id"]]


async def test_what_is_set_on_a_post_that_is_gone_is_unsupported(rse: Forum) -> None:
    _, reply = await asked(rse)
    await rse.call("DELETE", f"/posts/{reply['id']}.json", "system")
    for act in (Act.REACTED, Act.ACCEPTED):
        assert await rse.client.write(on(reply, act)) == Never(UNSUPPORTED, "post_gone")
    assert await rse.client.write(on({"id": 999999})) == Never(UNSUPPORTED, "post_gone")


async def test_the_days_limit_of_likes_stops_no_message(rse: Forum) -> None:
    first, _ = await asked(rse)
    await rse.fault(kind="status", status=429, retry_after=40_000)
    assert await rse.client.write(on(first)) == Never(UNSUPPORTED, "daily_limit")
    await rse.fault(kind="status", status=429, retry_after=3)
    assert await rse.client.write(on(first)) == Later("rate_limited", 3.0)


async def test_a_key_that_is_no_longer_accepted_waits_for_reactions_too(rse: Forum) -> None:
    first, _ = await asked(rse)
    await rse.fault(kind="status", status=401)
    assert await rse.client.write(on(first)) == Later("credentials_refused")


async def test_a_site_without_the_plugin_tells_no_answer(rse: Forum) -> None:
    assert await rse.client.complete(Incomplete("post:999999", Act.ACCEPTED)) == Unused("post_gone")
