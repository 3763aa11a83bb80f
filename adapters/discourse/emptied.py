"""A copy that must stay because others' answers hang on it, without a word of it: neither in its text, its topic's title nor its history.

Sources: `PostsController#update` and `#hide_revision` of discourse/discourse; readers may leaf through a post's history unless a site forbids it.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog

from adapters.discourse import render
from adapters.discourse.payload import Post
from adapters.discourse.search import read, seen
from adapters.port import Later, Never, Written

if TYPE_CHECKING:
    from adapters.discourse.http import Answer, Api
    from adapters.discourse.limits import Limits
    from adapters.port import Order, WriteOutcome

DELETE_REASON = "Supprimé par son auteur dans son réseau"
FIRST_REVISION = 2
log = structlog.get_logger()


async def empty(api: Api, order: Order, post: Post, limits: Limits) -> WriteOutcome:
    """Empty a post; done again where it was done in part."""
    answer = await _revised(api, order, post, limits)
    if isinstance(answer, Later):
        return answer
    if not answer.done:
        return await api.refused(answer)
    emptied = read(Post, answer.document.get("post", answer.document))
    if emptied is None:
        return Later("answer_unreadable")
    outcome, begun = await _hidden(api, emptied), render.marker(order) in (post.raw or "")
    return replace(outcome, found=post.updated_at) if order.original and not begun and isinstance(outcome, Written) else outcome


async def _hidden(api: Api, emptied: Post) -> WriteOutcome:
    """Hide its history, revision by revision; each may touch the post, whose last time is what its webhooks may say."""
    for revision in range(FIRST_REVISION, emptied.version + 1):
        hidden = await api.send("PUT", f"/posts/{emptied.id}/revisions/{revision}/hide")
        if isinstance(hidden, Later):
            return hidden
        if not hidden.done and not hidden.gone:  # a site keeps no more than so many revisions
            return await _kept(api, hidden)
    after = await api.get(f"/posts/{emptied.id}.json")
    if isinstance(after, Later):
        return after
    return seen(read(Post, after.document) or emptied)


async def _kept(api: Api, hidden: Answer) -> WriteOutcome:
    """Staff alone may hide a revision (`Guardian#can_hide_post_revision?`): the operator is told what to mend, by a name of its own."""
    outcome = await api.refused(hidden)
    if hidden.status != HTTPStatus.FORBIDDEN or isinstance(outcome, Later):
        return outcome
    log.error("history_kept", mend="api_username must be a moderator or an administrator")
    return Never("history_kept")


async def _revised(api: Api, order: Order, post: Post, limits: Limits) -> Answer | Later:
    """Its words go even where a site takes no such title."""
    change: dict[str, object] = {"post": {"raw": render.deleted_raw(order, limits), "edit_reason": order.reason or DELETE_REASON}}
    if post.post_number == 1:
        titled = await api.send("PUT", f"/posts/{post.id}.json", {**change, "title": render.deleted_title(order, limits)})
        if isinstance(titled, Later) or titled.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            return titled
    return await api.send("PUT", f"/posts/{post.id}.json", change)
