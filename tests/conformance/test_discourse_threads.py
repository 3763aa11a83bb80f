"""What a reply answers, asked of the Discourse twin by its topic and number: the post that stands there, if others may read it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adapters.offers import Recounted
from adapters.port import Act, Change, Incomplete, Later, Nonsense, Standing, Unused
from tests.fakes_discourse import order
from tests.fakes_discourse_twin import Forum, forum

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

RAW = "Bonjour à tous, voici les nouvelles."


@pytest.fixture
async def rse(tmp_path: Path) -> AsyncIterator[Forum]:
    async with forum(tmp_path) as found:
        yield found


async def topic(rse: Forum, raw: str = RAW, title: str = "Des nouvelles de notre atelier") -> dict[str, Any]:
    status, post = await rse.call("POST", "/posts.json", title=title, raw=raw, category=97)
    assert status == 200, post
    return dict(post)


async def reply(rse: Forum, first: dict[str, Any], number: int = 1, raw: str = "Merci beaucoup pour ces nouvelles.") -> dict[str, Any]:
    given = {"reply_to_post_number": number} if number > 1 else {}
    status, post = await rse.call("POST", "/posts.json", "leo", topic_id=first["topic_id"], raw=raw, **given)
    assert status == 200, post
    return dict(post)


async def asked(rse: Forum, post: dict[str, Any], parent: str | None = "asked") -> Change | Unused | Nonsense | Later:
    return await rse.client.complete(Incomplete(f"post:{post['id']}", Act.POSTED, parent=parent))


async def answers(rse: Forum, post: dict[str, Any]) -> Standing | None:
    found = await asked(rse, post)
    assert isinstance(found, Change), found
    return found.answers


async def test_a_reply_is_told_with_the_native_id_and_the_time_of_what_it_answers(rse: Forum) -> None:
    first = await topic(rse)
    second = await reply(rse, first)
    third = await reply(rse, first, 2, "Je suis tout à fait de cet avis.")
    for post, above in ((second, first), (third, second)):
        found = await answers(rse, post)
        assert found is not None
        assert found.native_id == f"post:{above['id']}"
        assert found.written_at is not None
        assert abs(found.written_at - datetime.now(UTC)) < timedelta(minutes=1)


async def test_nothing_is_asked_about_a_thread_where_that_is_not_wanted(rse: Forum) -> None:
    found = await asked(rse, await reply(rse, await topic(rse)), parent=None)
    assert isinstance(found, Change)
    assert found.answers is None


async def test_when_it_was_written_is_told_by_our_clock(rse: Forum) -> None:
    await rse.fault(kind="clock", seconds=7200)
    found = await answers(rse, await reply(rse, await topic(rse)))
    assert found is not None
    assert found.written_at is not None
    assert abs(found.written_at - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "first",
    [{"raw": "#interne Les nouvelles ne sont que pour nous."}, {"title": "#interne Des nouvelles de notre atelier"}],
)
async def test_what_its_author_keeps_inside_is_answered_by_nobody_elsewhere(rse: Forum, first: dict[str, str]) -> None:
    assert await answers(rse, await reply(rse, await topic(rse, **first))) == Standing()


async def test_what_was_deleted_is_answered_by_nobody_elsewhere(rse: Forum) -> None:
    first = await topic(rse)
    second = await reply(rse, first)
    third = await reply(rse, first, 2, "Je suis tout à fait de cet avis.")
    await rse.call("DELETE", f"/posts/{second['id']}.json", "system")
    assert await answers(rse, third) == Standing()


async def test_the_connector_s_own_post_is_answered_by_its_author_s_subject_alone(rse: Forum) -> None:
    await rse.client.write(order(title="Compte rendu de mars"))
    (ours,) = await rse.posts()
    assert await answers(rse, await reply(rse, {"topic_id": ours["topic"]})) == Standing(
        f"post:{ours['id']}"
    )  # which the ledger alone knows


async def test_a_reply_that_is_gone_is_told_by_nobody_and_its_first_words_are_not_repeated(rse: Forum) -> None:
    first = await topic(rse)
    second = await reply(rse, first)
    told = await asked(rse, second)
    assert isinstance(told, Change)
    await rse.call("DELETE", f"/posts/{second['id']}.json", "system")
    gone = await asked(rse, second)
    assert isinstance(gone, Change)
    assert (gone.act, gone.answers) == (Act.DELETED, None)
    assert await rse.client.complete(Incomplete("post:999", Act.POSTED, otherwise=told, parent="topic:9/1")) == Unused("post_gone")


async def test_a_post_is_found_by_its_topic_and_number_as_staff_sees_it(rse: Forum) -> None:
    first = await topic(rse)
    second = await reply(rse, first)
    path = f"/posts/by_number/{first['topic_id']}/{second['post_number']}.json"
    assert (await rse.call("GET", path))[1]["id"] == second["id"]
    assert (await rse.call("GET", f"/posts/by_number/{first['topic_id']}/9.json"))[0] == 404
    assert (await rse.call("GET", "/posts/by_number/999/1.json"))[0] == 404
    await rse.call("DELETE", f"/posts/{second['id']}.json", "system")
    assert (await rse.call("GET", path, "leo"))[0] == 404
    assert (await rse.call("GET", path, "system"))[1]["deleted_at"]


async def quoting(rse: Forum, said: str, first: dict[str, Any], number: int = 1) -> dict[str, Any]:
    """A reply elsewhere that repeats a part of a post."""
    there = await topic(rse, "Voici où nous en sommes.", "Un tout autre sujet de discussion")
    words = (
        f'Je reviens sur ce point :\n\n[quote="camille, post:{number}, topic:{first["topic_id"]}"]\n{said}\n[/quote]\n\nQu’en pensez-vous ?'
    )
    return await reply(rse, there, raw=words)


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("#interne Le budget baisse de dix pour cent.", "Des nouvelles de notre atelier"),
        ("Le budget baisse de dix pour cent.", "#interne Des nouvelles de notre atelier"),
    ],
)
async def test_a_post_that_quotes_a_part_of_what_stays_inside_stays_too(rse: Forum, raw: str, title: str) -> None:
    first = await topic(rse, raw, title)
    post = await quoting(rse, "baisse de dix pour cent", first)
    for _ in range(2):  # and once that was deleted
        found = await asked(rse, post, None)
        assert isinstance(found, Change)
        assert (found.quotes, found.inside) == ((f"topic:{first['topic_id']}/1",), True)
        await rse.call("DELETE", f"/posts/{first['id']}.json", "system")


async def test_a_post_that_quotes_what_others_read_leaves_also_by_a_back_fill(rse: Forum) -> None:
    first = await topic(rse)
    public = await quoting(rse, "voici les nouvelles", first)
    found = await asked(rse, public)
    assert isinstance(found, Change)
    assert not found.inside
    assert found.answers is not None
    told = await rse.client.recount("97", f"post:{public['id']}")
    assert isinstance(told, Recounted)
    assert not told.message.inside


async def test_a_back_fill_leaves_what_quotes_what_stays_inside(rse: Forum) -> None:
    first = await topic(rse, "#interne Le budget baisse de dix pour cent.")
    post = await quoting(rse, "baisse de dix pour cent", first)
    told = await rse.client.recount("97", f"post:{post['id']}")
    assert isinstance(told, Recounted)
    assert told.message.inside
