"""A post of this Discourse's own people that a moderator took away, brought back: undeleted, and with its words where it had been emptied.

Sources: `PostsController#recover` and `#update` of discourse/discourse; both are for its staff.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.discourse import render
from adapters.discourse.reading import native_id
from adapters.discourse.search import seen
from adapters.markup import to_markdown
from adapters.port import UNSUPPORTED, Later, Never

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.discourse.http import Api
    from adapters.discourse.payload import Post
    from adapters.discourse.search import Search
    from adapters.port import Order, WriteOutcome

RESTORE_REASON = "Rétabli par la modération"


async def bring_back(api: Api, look: Search, order: Order) -> WriteOutcome:
    """Bring a post back; done again where it was done in part."""
    post = await look.post(order.native_id or "")
    if isinstance(post, Later):
        return post
    if post is None:
        return Never(UNSUPPORTED, "original_gone")
    changes = [*_changes(post, order)]
    for path, change in changes:
        answer = await api.send("PUT", path, change)
        if isinstance(answer, Later):
            return answer
        if not answer.done:
            return await api.refused(answer)
    after = await look.post(native_id(post))
    return after if isinstance(after, Later) else replace(seen(after or post), found=post.updated_at if changes else None)


def _changes(post: Post, order: Order) -> Iterator[tuple[str, dict[str, object]]]:
    """Only what we emptied bears our marker; whoever wrote the post can see in its history what she wrote herself."""
    if post.gone:
        yield f"/posts/{post.id}/recover.json", {}
    if order.content is not None and render.marker(order) in (post.raw or ""):
        titled = {"title": order.title} if order.title and post.post_number == 1 else {}
        yield f"/posts/{post.id}.json", {"post": {"raw": to_markdown(order.content.html), "edit_reason": RESTORE_REASON}, **titled}
