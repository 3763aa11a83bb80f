"""Who set what on a message, asked of RSEs that do not tell it: nobody there is one answer, « not told » another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from adapters.discourse.http import Answer
from adapters.discourse.likers import LIKERS, PAGES, Likers, likers_of
from adapters.discourse.payload import Post
from adapters.matrix.homeserver import Declined
from adapters.matrix.past import Past
from adapters.port import Later, Never
from tests.fakes_discourse import instance, post
from tests.fakes_matrix import ROOM, matrix_instance


class Api:
    """A Discourse whose list of likers has these pages; what another answer means is the real client's to say."""

    def __init__(self, *pages: Answer | Later) -> None:
        self.pages = list(pages)

    async def get(self, path: str, query: Any) -> Answer | Later:
        assert path == "/post_action_users.json"
        return self.pages[int(dict(query)["page"])]

    async def refused(self, answer: Answer) -> Later | Never:
        return Later("redirected") if answer.status == 302 else Never("forbidden")


def page(*people: int) -> Answer:
    return Answer(200, {"post_action_users": [{"id": one, "username": f"u{one}"} for one in people]})


FULL = page(*range(LIKERS))


async def likers(*pages: Answer | Later) -> Any:
    api: Any = Api(*pages)
    found = await likers_of(7, api)
    return [one.id for one in found] if isinstance(found, tuple) else found


async def test_all_likers_are_found_page_by_page() -> None:
    assert await likers(page()) == []
    assert await likers(FULL, page(1, LIKERS + 1)) == [*range(LIKERS), LIKERS + 1]
    assert len(await likers(*[FULL] * PAGES)) == LIKERS


@dataclass
class Look:
    """The post, read after its likers."""

    answer: Any

    async def post(self, native: str) -> Any:
        assert native == "post:7"
        return self.answer


def liked_by(count: int | None, **more: Any) -> Post:
    summary = [] if count is None else [{"id": 2, "count": count}]
    return Post.model_validate({**post(id=7), "actions_summary": summary, **more})


@pytest.mark.parametrize(
    ("shown", "found", "all_of_them"),
    [
        (page(1, 2), liked_by(2), 2), (page(), liked_by(None), 0),
        (page(1, 2), liked_by(3), None), (page(1), liked_by(None), None), (page(), liked_by(2), None),
        (FULL, liked_by(LIKERS), None), (page(1), None, None), (page(), liked_by(None, deleted_at="2026-03-02T12:00:00.000Z"), None),
        (page(1), liked_by(None, user_deleted=True), None), (Answer(404, {}), liked_by(None), None), (Answer(403, {}), liked_by(None), None),
        (Answer(200, {"post_action_users": "?"}), liked_by(1), None),
        (Answer(200, {"post_action_users": [{"id": 1}, {"id": "?"}]}), liked_by(2), None),
    ],
)  # fmt: skip
async def test_likes_are_all_of_them_where_one_page_shows_as_many_as_the_post_counts_then(
    shown: Answer, found: Post | None, all_of_them: int | None
) -> None:
    api, look = Api(shown), Look(found)
    given: Any = api, look
    standing = await Likers(instance(), *given).standing("post:7")
    assert (None if standing is None else len(standing)) == all_of_them  # type: ignore[arg-type]  # the cases hold no Later


async def test_a_list_of_likers_or_a_post_that_must_wait_says_nothing() -> None:
    for given in ((Api(Later("timeout")), Look(None)), (Api(page()), Look(Later("timeout")))):
        parts: Any = given
        assert await Likers(instance(), *parts).standing("post:7") == Later("timeout")
    parts = Api(Answer(302, {})), Look(None)
    assert await Likers(instance(), *parts).standing("post:7") == Later("redirected")


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Answer(404, {}), []), (Answer(410, {}), []), (Answer(403, {}), Never("forbidden")), (Answer(302, {}), Later("redirected")),
        (Later("http_503"), Later("http_503")),
    ],
)  # fmt: skip
async def test_a_refused_list_says_nothing_of_who_likes(answer: Answer | Later, meaning: object) -> None:
    assert await likers(answer) == meaning
    assert await likers(FULL, answer) == meaning


class Homeserver:
    """One that declines what it is asked."""

    def __init__(self, refusal: Declined) -> None:
        self.refusal = refusal

    async def call(self, *_: Any, **__: Any) -> Any:
        raise self.refusal


class Ghosts:
    """The bot is in the room."""

    async def bot_in(self, room: str) -> str:
        assert room == ROOM
        return "@traitdunion:tchap.example"


def past(status: int, errcode: str) -> Past:
    homeserver: Any = Homeserver(Declined(status, errcode))
    ghosts: Any = Ghosts()
    return Past(homeserver, ghosts, matrix_instance())


@pytest.mark.parametrize(("status", "errcode"), [(404, "M_UNRECOGNIZED"), (403, "M_FORBIDDEN")])
async def test_a_homeserver_that_tells_no_reactions_keeps_no_message_back(status: int, errcode: str) -> None:
    assert await past(status, errcode).set_on(ROOM, "$m") == ()


@pytest.mark.parametrize(("status", "errcode"), [(503, "http_503"), (0, "timeout"), (429, "M_LIMIT_EXCEEDED")])
async def test_one_that_is_not_well_is_asked_again(status: int, errcode: str) -> None:
    with pytest.raises(Declined):
        await past(status, errcode).set_on(ROOM, "$m")
