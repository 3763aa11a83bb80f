"""What a reply answers, or a post quotes, where the ledger does not know that: the post that stands there, if others may read it.

Source: `PostsController#by_number` of discourse/discourse, which shows staff what is deleted, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.discourse.lost import with_topic
from adapters.discourse.payload import Post, moment
from adapters.discourse.reading import native_id, read_post, stayed
from adapters.internal import stays_inside
from adapters.port import Act, Change, Later, Standing

if TYPE_CHECKING:
    from adapters.discourse.http import Api
    from adapters.discourse.search import Search
    from adapters.settings import Instance


@dataclass(frozen=True, slots=True)
class Answered:
    """Asks one instance."""

    instance: Instance
    api: Api
    look: Search

    async def named(self, reply: Change, post: Post) -> Change | Later:
        """A reply, read from a post, with what stands at its `parent`."""
        if reply.parent is None or reply.act is Act.DELETED:
            return reply
        found = await self.look.post_at(reply.parent)
        if isinstance(found, Later):
            return found
        return replace(reply, answers=Standing() if found is None else self._standing(found, post))

    async def repeating(self, change: Change) -> Change | Later:
        """A change that stays inside where it quotes a post that did: part of one need not begin with the mark."""
        for place in change.quotes:
            post = await self.look.post_at(place)
            if isinstance(post, Post) and post.post_number == 1:
                topic = await self.look.topic(post.topic_id)
                post = topic if isinstance(topic, Later) else with_topic(post, topic)
            if isinstance(post, Later):
                return post
            if post is not None and stayed(post, self.instance):
                return replace(change, inside=True)
        return change

    def _standing(self, post: Post, beside: Post) -> Standing:
        """A post as a webhook would tell it, with the topic of one that stands beside it: one that it would not tell stands for nobody."""
        topic = {"category_id": beside.category_id, "topic_title": beside.topic_title, "topic_archetype": beside.topic_archetype}
        told = read_post(post.model_copy(update=topic), "post_created", self.instance)
        if not isinstance(told, Change) or told.act is not Act.POSTED or stays_inside(told, self.instance.mark):
            return Standing()
        if told.by_us:
            return Standing(native_id(post))  # never to come: the ledger knows it, or nobody does
        return Standing(native_id(post), moment(post.created_at) - self.api.offset, post.id)
