"""Who likes a post, as Discourse tells it: two hundred at once, oldest first. Source: `PostActionUsersController` of discourse/discourse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.discourse.payload import LIKE, Liker
from adapters.discourse.search import read
from adapters.port import Later, Never

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.discourse.http import Api

LIKERS: Final = 200  # that Discourse shows at once
PAGES: Final = 10


async def likers_of(post: int, api: Api, turn: Callable[[], Awaitable[None]] | None = None) -> tuple[Liker, ...] | Later | Never:
    """Who likes a post now; nobody where it is gone. `turn` is awaited before each question."""
    found: dict[int, Liker] = {}
    for page in range(PAGES):
        if turn is not None:
            await turn()
        answer = await api.get("/post_action_users.json", [("id", str(post)), ("post_action_type_id", str(LIKE)), ("page", str(page))])
        if isinstance(answer, Later):
            return answer
        if not answer.done:
            return () if answer.gone else await api.refused(answer)
        listed = answer.document.get("post_action_users")
        likers = [read(Liker, one) for one in listed] if isinstance(listed, list) else []
        found |= {liker.id: liker for liker in likers if liker is not None}
        if len(likers) < LIKERS:
            break
    return tuple(found.values())
