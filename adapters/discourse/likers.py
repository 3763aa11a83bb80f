"""Who likes a post, as Discourse tells it: two hundred at once, oldest first. Source: `PostActionUsersController` of discourse/discourse."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters.discourse.payload import LIKE, Like, Liker
from adapters.discourse.reading import like_id, read_like
from adapters.discourse.search import number_of, read
from adapters.port import Later, Never, Unused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.discourse.http import Answer, Api
    from adapters.discourse.payload import Post
    from adapters.discourse.search import Search
    from adapters.port import Change, Nonsense
    from adapters.settings import Instance

LIKERS: Final = 200  # that Discourse shows at once
PAGES: Final = 10
_LIKE = re.compile(r"like:([1-9][0-9]{0,15})/")


@dataclass(frozen=True, slots=True)
class Likers:
    """Asks one instance which likes stand: no webhook tells that one was taken back."""

    instance: Instance
    api: Api
    look: Search

    async def standing(self, message: str) -> frozenset[str] | Later | None:
        """The native ids of all likes of a post; None where they are not all shown.

        One page alone is one moment: who reads a second one may miss whom a like taken back has moved to the first. Staff see a deleted post
        as one that nobody likes, until it is recovered (`PostDestroyer#trash_public_post_actions`), and some versions show an account
        that may not see the others its own like alone: so the post is read after its likers, and must have as many.
        """
        number = number_of(message)
        if number is None:
            return None
        answer = await _page(number, 0, self.api)
        if isinstance(answer, Later):
            return answer
        if not answer.done:
            refused = await self.api.refused(answer)
            return refused if isinstance(refused, Later) else None
        likers, shown = _named(answer)
        post = await self.look.post(message)
        if isinstance(post, Later):
            return post
        if post is None or post.gone or shown >= LIKERS or len(likers) != post.likes:
            return None
        return frozenset(like_id(number, liker, self.instance) for liker in likers)

    async def again(self, native_id: str, whole: Callable[[str], Awaitable[Post | Later | None]]) -> Change | Unused | Nonsense | Later:
        """A like, if it stands now; `whole` reads its post."""
        found = _LIKE.match(native_id)
        if found is None:
            return Unused("like_gone")
        post = await whole(f"post:{found[1]}")
        if isinstance(post, Later):
            return post
        if post is None or post.gone:
            return Unused("post_gone")
        likers = await likers_of(post.id, self.api)
        if isinstance(likers, Later):
            return likers
        if isinstance(likers, Never):
            return Unused(f"likers_{likers.reason}")
        likes = (Like(post=post, user=one) for one in likers if like_id(post.id, one.id, self.instance) == native_id)
        return next((read_like(like, self.instance) for like in likes), Unused("like_gone"))


async def likers_of(post: int, api: Api, turn: Callable[[], Awaitable[None]] | None = None) -> tuple[Liker, ...] | Later | Never:
    """Who likes a post now; nobody where it is gone. `turn` is awaited before each question."""
    found: dict[int, Liker] = {}
    for page in range(PAGES):
        if turn is not None:
            await turn()
        answer = await _page(post, page, api)
        if isinstance(answer, Later):
            return answer
        if not answer.done:
            return () if answer.gone else await api.refused(answer)
        likers, shown = _named(answer)
        found |= likers
        if shown < LIKERS:
            break
    return tuple(found.values())


async def _page(post: int, page: int, api: Api) -> Answer | Later:
    return await api.get("/post_action_users.json", [("id", str(post)), ("post_action_type_id", str(LIKE)), ("page", str(page))])


def _named(answer: Answer) -> tuple[dict[int, Liker], int]:
    """Those of a page that can be read, and how many it shows."""
    listed = answer.document.get("post_action_users")
    likers = [read(Liker, one) for one in listed] if isinstance(listed, list) else []
    return {liker.id: liker for liker in likers if liker is not None}, len(likers)
