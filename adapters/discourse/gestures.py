"""Reactions and accepted answers, written into a Discourse as far as its rules let one account do it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.discourse.payload import LIKE
from adapters.discourse.search import Search
from adapters.port import UNSUPPORTED, Act, Later, Never, Written

if TYPE_CHECKING:
    from adapters.discourse.http import Answer, Api
    from adapters.discourse.payload import Post
    from adapters.port import Order, WriteOutcome

LIKING = frozenset("❤🧡💛💚💙💜🤎🖤🤍👍")
"""What a like can stand for. Shown as a heart, a thumb down would say the contrary of what was meant."""
LONGEST_WAIT = 600.0  # seconds: past it a limit is the day's own, for which no message must wait
_MODIFIERS = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")  # a heart's presentation, a hand's colour


class Likes:
    """One account likes a post once, whoever reacted elsewhere: its like stands while any of those reactions does."""

    def __init__(self, api: Api, account: str) -> None:
        self._api, self._search, self._account = api, Search(api, account), account

    async def write(self, order: Order) -> WriteOutcome:
        """Like a post, or take the like back once nobody's reaction needs it any more."""
        post = await _target(self._search, order)
        if isinstance(post, Later | Never):
            return post
        return await (self._like(order, post) if order.act is Act.REACTED else self._unlike(order, post))

    async def find(self, order: Order) -> Written | Later | None:
        """Look whether the post is liked, or not, as the order asks."""
        post = await self._search.post(order.target or "")
        if isinstance(post, Later) or post is None:
            return post
        done = (post.liked and likes(order.emoji)) if order.act is Act.REACTED else not post.liked
        return _share(order, post) if done else None

    async def close(self) -> None:
        """Close the session."""
        await self._api.close()

    async def _like(self, order: Order, post: Post) -> WriteOutcome:
        if not likes(order.emoji):
            return Never(UNSUPPORTED, "emoji_without_like")
        if (post.username or "").casefold() == self._account.casefold():
            return Never(UNSUPPORTED, "own_message")  # nobody likes what she wrote herself, and this copy is ours
        if post.liked:
            return _share(order, post)
        body: dict[str, object] = {"id": post.id, "post_action_type_id": LIKE}
        return await _answered(self._api, await self._api.send("POST", "/post_actions.json", body), _share(order, post))

    async def _unlike(self, order: Order, post: Post) -> WriteOutcome:
        if order.others or not post.liked:
            return _share(order, post)
        answer = await self._api.send("DELETE", f"/post_actions/{post.id}.json", {"post_action_type_id": LIKE})
        return await _answered(self._api, answer, _share(order, post))


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


def likes(emoji: str | None) -> bool:
    """Whether a like says the same as this emoji."""
    return _MODIFIERS.sub("", emoji or "") in LIKING


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


def _share(order: Order, post: Post) -> Written:
    """A like stands for many reactions: each is known here by a name of its own."""
    return Written(order.native_id or f"like:{post.id}/{order.subject[:20]}", "")


def _solution(post: Post) -> Written:
    return Written(f"solution:{post.topic_id}", "")
