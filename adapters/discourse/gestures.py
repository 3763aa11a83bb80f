"""Reactions and accepted answers, written into a Discourse as far as its rules let one account do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.discourse.payload import LIKE
from adapters.discourse.search import Search
from adapters.one_like import done, settled, share
from adapters.port import UNSUPPORTED, Act, Later, Never, Written

if TYPE_CHECKING:
    from adapters.discourse.http import Answer, Api
    from adapters.discourse.payload import Post
    from adapters.port import Order, WriteOutcome

LONGEST_WAIT = 600.0  # seconds: past it a limit is the day's own, for which no message must wait


class Likes:
    """One account likes a post once, whoever reacted elsewhere: its like stands while any of those reactions does."""

    def __init__(self, api: Api, account: str) -> None:
        self._api, self._search, self._account = api, Search(api, account), account

    async def write(self, order: Order) -> WriteOutcome:
        """Like a post, or take the like back once nobody's reaction needs it any more."""
        post = await _target(self._search, order)
        if isinstance(post, Later | Never):
            return post
        outcome = settled(order, str(post.id), liked=post.liked)
        if outcome is not None:
            return outcome
        if order.act is Act.REACTED and (post.username or "").casefold() == self._account.casefold():
            return Never(UNSUPPORTED, "own_message")  # nobody likes what she wrote herself, and this copy is ours
        answer = await (self._like(post) if order.act is Act.REACTED else self._unlike(post))
        return await _answered(self._api, answer, share(order, str(post.id)))

    async def find(self, order: Order) -> Written | Later | None:
        """Look whether the post is liked, or not, as the order asks."""
        post = await self._search.post(order.target or "")
        if isinstance(post, Later) or post is None:
            return post
        return done(order, str(post.id), liked=post.liked)

    async def close(self) -> None:
        """Close the session."""
        await self._api.close()

    async def _like(self, post: Post) -> Answer | Later:
        return await self._api.send("POST", "/post_actions.json", {"id": post.id, "post_action_type_id": LIKE})

    async def _unlike(self, post: Post) -> Answer | Later:
        return await self._api.send("DELETE", f"/post_actions/{post.id}.json", {"post_action_type_id": LIKE})


class Answers:
    """The « solved » plugin's mark: one for a topic, a new one replaces the one before."""

    def __init__(self, api: Api, account: str) -> None:
        self._api, self._search = api, Search(api, account)

    async def write(self, order: Order) -> WriteOutcome:
        """Mark a post as its topic's solution, or no longer."""
        post = await _target(self._search, order)
        if isinstance(post, Later | Never):
            return post
        if post.accepted_answer is (order.act is Act.ACCEPTED):
            return _solution(post)  # and an answer that was chosen here meanwhile stays: « unaccept » would take any post's mark away
        verb = "accept" if order.act is Act.ACCEPTED else "unaccept"
        return await _answered(self._api, await self._api.send("POST", f"/solution/{verb}.json", {"id": post.id}), _solution(post))

    async def find(self, order: Order) -> Written | Later | None:
        """Look whether the post is marked, or not, as the order asks."""
        post = await self._search.post(order.target or "")
        if isinstance(post, Later) or post is None:
            return post
        return _solution(post) if post.accepted_answer is (order.act is Act.ACCEPTED) else None


async def _target(search: Search, order: Order) -> Post | Later | Never:
    post = await search.post(order.target or "")
    if isinstance(post, Later):
        return post
    return Never(UNSUPPORTED, "post_gone") if post is None or post.gone else post


async def _answered(api: Api, answer: Answer | Later, written: Written) -> WriteOutcome:
    """A refusal is a rule of this Discourse (no plugin, a category without it, a like older than ten minutes): no dead letter."""
    if isinstance(answer, Later):
        daily = answer.reason == "rate_limited" and (answer.after or 0.0) > LONGEST_WAIT
        return Never(UNSUPPORTED, "daily_limit") if daily else answer
    if answer.done:
        return written
    refused = await api.refused(answer)
    return Never(UNSUPPORTED, refused.reason) if isinstance(refused, Never) else refused


def _solution(post: Post) -> Written:
    return Written(f"solution:{post.topic_id}", "")
