"""What a category held before its tie: its topics by their last activity, then the numbers and times of their posts.

Sources: `ListController` (`/c/{id}/none/l/latest`, `order`, `page`, `more_topics_url`) and `TopicsController#posts` of discourse/discourse.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from adapters.discourse.http import liking_account, writing_account
from adapters.discourse.payload import Post, moment
from adapters.discourse.reading import locator, native_id
from adapters.offers import Held, Survey
from adapters.port import Later, Never

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from adapters.discourse.http import Api
    from adapters.discourse.search import Search
    from adapters.settings import Instance


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a survey has come: topics still to be read, and the next page; None after the last.

    A topic that people write in meanwhile moves to the first page, so that this one is read again at the end: `newest` is when somebody
    had last written as it was read first.
    """

    page: int | None = 0
    topics: tuple[int, ...] = ()
    newest: str | None = None
    again: bool = False

    @classmethod
    def read(cls, cursor: str | None) -> _Place:
        """The place that a cursor names; the beginning where there is none."""
        if cursor is None:
            return cls()
        said = json.loads(cursor)
        return cls(said["page"], tuple(said["topics"]), said["newest"], said["again"])

    @property
    def cursor(self) -> str | None:
        """As the ledger keeps it; None where nothing is left."""
        return None if self.page is None and not self.topics else json.dumps(asdict(self))


class Past:
    """Reads as the connector's account does; a part at a time."""

    def __init__(self, instance: Instance, api: Api, search: Search) -> None:
        self._api, self._search = api, search
        self._ours = {writing_account(instance).casefold(), liking_account(instance).casefold()}

    async def survey(self, space: str, since: datetime, cursor: str | None) -> Survey | Later | Never:
        """One page of topics, or the posts of one topic."""
        place = _Place.read(cursor)
        return await (self._posts(place, since) if place.topics else self._topics(space, place, since))

    async def _topics(self, space: str, place: _Place, since: datetime) -> Survey | Later | Never:
        query = [("order", "activity"), ("page", str(place.page or 0))]
        answer = await self._api.get(f"/c/{space}/none/l/latest.json", query)
        if isinstance(answer, Later):
            return answer
        if not answer.done:
            return await self._api.refused(answer)
        said = answer.document.get("topic_list")
        if not isinstance(said, dict) or not isinstance(said.get("topics"), list):
            return Later("answer_unreadable")
        listed = [one for one in said["topics"] if isinstance(one, dict) and isinstance(one.get("id"), int)]
        lively = [one for one in listed if _touched(one, since + self._api.offset)]
        more = bool(said.get("more_topics_url")) and any(not one.get("pinned") for one in lively)
        topics = tuple(one["id"] for one in lively)
        if place.again:
            moved = tuple(one["id"] for one in lively if _written(one) > (place.newest or ""))
            return Survey((), _Place(None, moved).cursor)
        newest = place.newest or max([_written(one) for one in lively], default="")
        following = _Place((place.page or 0) + 1, topics, newest) if more else _Place(0, topics, newest, again=True)
        return Survey((), following.cursor)

    async def _posts(self, place: _Place, since: datetime) -> Survey | Later:
        posts = await self._search.posts_since(place.topics[0], since + self._api.offset)
        if isinstance(posts, Later):
            return posts
        return Survey(tuple(self._held(posts, since)), replace(place, topics=place.topics[1:]).cursor)

    def _held(self, posts: Iterable[Post], since: datetime) -> Iterable[Held]:
        for post in posts:
            created = moment(post.created_at) - self._api.offset
            people = post.said and not post.gone and (post.username or "").casefold() not in self._ours
            if people and created >= since:
                yield Held(native_id(post), created, locator(post.topic_id, post.post_number))


def _touched(topic: dict[str, Any], since: datetime) -> bool:
    """Whether somebody wrote in it since; a time that cannot be read keeps nothing out."""
    try:
        return moment(_written(topic)) >= since
    except ValueError:
        return True


def _written(topic: dict[str, Any]) -> str:
    """When somebody last wrote in it, as Discourse words all its times: they sort as they are."""
    return str(topic.get("last_posted_at") or topic.get("bumped_at") or "")
