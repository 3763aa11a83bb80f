"""The newest post of a Discourse: posts are numbered as they are written, whatever the clock says.

Source: `PostsController#latest` of discourse/discourse, which shows the last fifty by their numbers, private messages aside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.discourse.payload import Post
from adapters.discourse.search import read
from adapters.port import Later, Never

if TYPE_CHECKING:
    from adapters.discourse.http import Api


async def newest(api: Api) -> str | Later | Never:
    """Its number, of those that the connector's account may read; Never where it is shown none, which proves nothing."""
    answer = await api.get("/posts.json")
    if isinstance(answer, Later):
        return answer
    if not answer.done:
        return await api.refused(answer)
    said = answer.document.get("latest_posts")
    posts = [post for post in (read(Post, one) for one in said) if post is not None] if isinstance(said, list) else []
    return str(max(post.id for post in posts)) if posts else Never("order_not_told")
