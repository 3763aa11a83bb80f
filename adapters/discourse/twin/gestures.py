"""Likes and solutions in the twin: who may, once, and for how long; a like taken back is told by no webhook, and staff's deletion hides all of them."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.discourse.twin.forum import NOT_FOUND, NOT_PERMITTED, Refusal

if TYPE_CHECKING:
    from adapters.discourse.twin.hooks import Hooks
    from adapters.discourse.twin.store import Person, Post, Store

LIKE = 2  # of post action types
UNDO_SECONDS = 600  # post_undo_action_window_mins


class Gestures:
    """Each act checks, changes, keeps the change with its webhook in one stroke, then wakes the sender."""

    def __init__(self, store: Store, hooks: Hooks, *, undo_seconds: float = UNDO_SECONDS) -> None:
        self._store = store
        self._hooks = hooks
        self._undo_seconds = undo_seconds

    def like(self, actor: Person, post: Post, kind: object) -> None:
        """`POST /post_actions.json`: nobody likes her own post, a deleted one, or twice."""
        if str(kind) != str(LIKE) or post.user_id == actor.id or post.deleted_at or actor.id in post.likes:
            raise Refusal(403, [NOT_PERMITTED], "invalid_access")
        post.likes.append(actor.id)
        post.liked_at[str(actor.id)] = self._store.stamp()
        self._store.keep(post, self._hooks.like(post, actor))
        self._hooks.wake()

    def unlike(self, actor: Person, post: Post) -> None:
        """`DELETE /post_actions/{id}.json`: one's own, within ten minutes."""
        if actor.id not in post.standing_likes:
            raise Refusal(404, [NOT_FOUND], "not_found")
        if time.time() - datetime.fromisoformat(post.liked_at[str(actor.id)]).timestamp() > self._undo_seconds:
            raise Refusal(403, [NOT_PERMITTED], "invalid_access")
        post.likes.remove(actor.id)
        self._store.keep(post)

    def accept(self, actor: Person, post: Post) -> None:
        """`POST /solution/accept`: by the topic's author or staff; the solution before is replaced without a word."""
        topic = self._store.topics[post.topic_id]
        if not self._may_solve(actor, post) or post.number == 1 or post.deleted_at:
            raise Refusal(403, [NOT_PERMITTED], "invalid_access")
        topic.solution = post.id
        self._store.keep(topic, self._hooks.solved("accepted_solution", post))
        self._hooks.wake()

    def unaccept(self, actor: Person, post: Post) -> None:
        """`POST /solution/unaccept`: the topic has no solution any more, whichever of its posts is named."""
        if not self._may_solve(actor, post):
            raise Refusal(403, [NOT_PERMITTED], "invalid_access")
        self._clear(post)

    def forget(self, post: Post) -> None:
        """A post that is deleted is no solution any more either."""
        if self._store.topics[post.topic_id].solution == post.id:
            self._clear(post)

    def _clear(self, post: Post) -> None:
        topic = self._store.topics[post.topic_id]
        if topic.solution is None:
            return
        topic.solution = None
        self._store.keep(topic, self._hooks.solved("unaccepted_solution", post))
        self._hooks.wake()

    def _may_solve(self, actor: Person, post: Post) -> bool:
        topic = self._store.topics[post.topic_id]
        solvable = self._store.categories[topic.category_id].solved
        return solvable and (actor.staff or topic.user_id == actor.id)
