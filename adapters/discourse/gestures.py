"""Reactions and accepted answers, written into a Discourse as far as its rules let one account do it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.discourse.payload import LIKE
from adapters.port import UNSUPPORTED, Act, Later, Never, Written

if TYPE_CHECKING:
    from adapters.discourse.http import Answer, Api
    from adapters.discourse.payload import Post
    from adapters.discourse.search import Search
    from adapters.port import Order, WriteOutcome

LIKING = frozenset("❤🧡💛💚💙💜🤎🖤🤍👍")
"""What a like can stand for. Shown as a heart, a thumb down would say the contrary of what was meant."""
LONGEST_WAIT = 600.0  # seconds: past it a limit is the day's own, for which no message must wait
_MODIFIERS = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")  # a heart's presentation, a hand's colour


class Gestures:
    """One account likes a post once, whoever reacted elsewhere: its like stands while any of those reactions does."""

    def __init__(self, api: Api, search: Search, account: str) -> None:
        self._api, self._search, self._account = api, search, account

    async def write(self, order: Order) -> WriteOutcome:
        """Carry out an order on another post."""
        post = await self._search.post(order.target or "")
        if isinstance(post, Later):
            return post
        if post is None or post.gone:
            return Never(UNSUPPORTED, "post_gone")
        match order.act:
            case Act.REACTED:
                return await self._like(order, post)
            case Act.UNREACTED:
                return await self._unlike(order, post)
            case _:
                return await self._solve(order, post)

    async def find(self, order: Order) -> Written | Later | None:
        """Look whether the post says already what the order asks."""
        post = await self._search.post(order.target or "")
        if isinstance(post, Later) or post is None:
            return post
        match order.act:
            case Act.REACTED:
                done = post.liked and likes(order.emoji)
            case Act.UNREACTED:
                done = not post.liked
            case Act.ACCEPTED:
                done = post.accepted_answer is True
            case _:
                done = post.accepted_answer is False
        return _written(order, post) if done else None

    async def _like(self, order: Order, post: Post) -> WriteOutcome:
        if not likes(order.emoji):
            return Never(UNSUPPORTED, "emoji_without_like")
        if (post.username or "").casefold() == self._account.casefold():
            return Never(UNSUPPORTED, "own_message")  # nobody likes what she wrote herself, and this copy is ours
        if post.liked:
            return _written(order, post)
        return await self._answered(order, post, await self._act("POST", "/post_actions.json", {"id": post.id}))

    async def _unlike(self, order: Order, post: Post) -> WriteOutcome:
        if order.others or not post.liked:
            return _written(order, post)
        return await self._answered(order, post, await self._act("DELETE", f"/post_actions/{post.id}.json", {}))

    async def _act(self, method: str, path: str, body: dict[str, object]) -> Answer | Later:
        return await self._api.send(method, path, {**body, "post_action_type_id": LIKE})

    async def _solve(self, order: Order, post: Post) -> WriteOutcome:
        verb = "accept" if order.act is Act.ACCEPTED else "unaccept"
        return await self._answered(order, post, await self._api.send("POST", f"/solution/{verb}.json", {"id": post.id}))

    async def _answered(self, order: Order, post: Post, answer: Answer | Later) -> WriteOutcome:
        """A refusal is a rule of this Discourse (no plugin, a category without it, a like older than ten minutes): no dead letter."""
        if isinstance(answer, Later):
            daily = answer.reason == "rate_limited" and (answer.after or 0.0) > LONGEST_WAIT
            return Never(UNSUPPORTED, "daily_limit") if daily else answer
        if answer.done:
            return _written(order, post)
        refused = await self._api.refused(answer)
        return Never(UNSUPPORTED, refused.reason) if isinstance(refused, Never) else refused


def likes(emoji: str | None) -> bool:
    """Whether a like says the same as this emoji."""
    return _MODIFIERS.sub("", emoji or "") in LIKING


def _written(order: Order, post: Post) -> Written:
    """A like stands for many reactions: each is known here by a name of its own."""
    if order.act in {Act.ACCEPTED, Act.UNACCEPTED}:
        return Written(f"solution:{post.topic_id}", "")
    return Written(order.native_id or f"like:{post.id}/{order.subject[:20]}", "")
