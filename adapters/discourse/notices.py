"""The notice in a tied category: a topic of its own, pinned and closed, found again by its external_id.

Sources: `PostsController#create` (`external_id`), `TopicsController#status` and `TopicStatusUpdater` of discourse/discourse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.discourse.limits import DEFAULT
from adapters.discourse.payload import Post
from adapters.discourse.search import read, seen
from adapters.markup import to_markdown
from adapters.port import Later, Never, Written

if TYPE_CHECKING:
    from adapters.discourse.http import Api
    from adapters.discourse.search import Search
    from adapters.offers import Notice
    from adapters.port import WriteOutcome

EDIT_REASON: Final = "Qui lit cet espace a changé"


class Notices:
    """Under the connector's account, which moderates the category."""

    def __init__(self, api: Api, search: Search) -> None:
        self._api, self._search = api, search

    async def show(self, notice: Notice) -> WriteOutcome:
        """Edit the topic, or open it. Written anew where somebody took it away, which is looked at only when there is news."""
        standing = await self._standing(notice)
        if isinstance(standing, Later):
            return standing
        written = await (self._revise(notice, standing) if standing is not None else self._open(notice))
        if not isinstance(written, Written):
            return written
        return await self._set_status(notice, written) or written

    async def _standing(self, notice: Notice) -> Post | Later | None:
        if notice.native_id is None:
            found = await self._search.topic_named(notice.key)
            return found if found is None or isinstance(found, Later) or not found.gone else None
        post = await self._search.post(notice.native_id)
        return post if post is None or isinstance(post, Later) or not post.gone else None

    async def _revise(self, notice: Notice, post: Post) -> WriteOutcome:
        if (post.raw or "").strip() == _raw(notice):
            return seen(post)
        body: dict[str, object] = {"title": _title(notice), "post": {"raw": _raw(notice), "edit_reason": EDIT_REASON}}
        return await self._answered("PUT", f"/posts/{post.id}.json", body)

    async def _open(self, notice: Notice) -> WriteOutcome:
        """An external_id that a deleted topic has keeps for ever is left out the second time; so is a title that is taken."""
        body: dict[str, object] = {"raw": _raw(notice), "category": int(notice.space), "title": _title(notice)}
        outcome = await self._answered("POST", "/posts.json", {**body, "external_id": notice.key})
        if isinstance(outcome, Never) and outcome.reason == "validation_refused":
            body["title"] = f"{_title(notice)[: DEFAULT.max_topic_title_length - 12]} · {notice.key[-8:]}"
            outcome = await self._answered("POST", "/posts.json", {**body, "external_id": notice.key})
        if isinstance(outcome, Never) and outcome.reason == "validation_refused" and notice.native_id is not None:
            return await self._answered("POST", "/posts.json", body)
        return outcome

    async def _set_status(self, notice: Notice, written: Written) -> Later | None:
        """Closed, since nobody answers a notice; pinned while it is true. Each change leaves a line in the topic: only what differs is set."""
        post = await self._search.post(written.native_id)
        topic = await self._search.topic(post.topic_id) if isinstance(post, Post) else post
        if topic is None or isinstance(topic, Later | Post):
            return topic if isinstance(topic, Later) else None
        for status, wanted, is_so in (("closed", True, topic.closed), ("pinned", notice.pinned, topic.pinned)):
            if wanted is not is_so:
                body: dict[str, object] = {"status": status, "enabled": "true" if wanted else "false", "until": ""}
                answer = await self._api.send("PUT", f"/t/{topic.id}/status.json", body)
                if isinstance(answer, Later):
                    return answer
        return None

    async def _answered(self, method: str, path: str, body: dict[str, object]) -> WriteOutcome:
        answer = await self._api.send(method, path, body)
        if isinstance(answer, Later):
            return answer
        if not answer.done:
            return await self._api.refused(answer)
        post = read(Post, answer.document.get("post", answer.document))
        return Later("answer_unreadable") if post is None else seen(post)


def _title(notice: Notice) -> str:
    return notice.title[: DEFAULT.max_topic_title_length]


def _raw(notice: Notice) -> str:
    return to_markdown(notice.content.html)
