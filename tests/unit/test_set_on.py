"""Who set what on a message, asked of RSEs that do not tell it: nobody there is one answer, « not told » another."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.discourse.http import Answer
from adapters.discourse.likers import LIKERS, PAGES, likers_of
from adapters.matrix.homeserver import Declined
from adapters.matrix.past import Past
from adapters.port import Later, Never
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
