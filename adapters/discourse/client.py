"""Discourse, written to: each order once, found again after a crash, each refusal named."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, assert_never

import structlog

from adapters.discourse import render
from adapters.discourse.answered import Answered
from adapters.discourse.attempts import CALLS_PER_MINUTE, Log, Pace
from adapters.discourse.emptied import empty
from adapters.discourse.gestures import Answers, Likes
from adapters.discourse.greetings import Greetings
from adapters.discourse.http import TIMEOUT, Answer, Api, liking_account, writing_account
from adapters.discourse.likers import Likers, likers_of
from adapters.discourse.limits import SiteLimits
from adapters.discourse.lost import Recall, with_topic
from adapters.discourse.newest import newest
from adapters.discourse.notices import Notices
from adapters.discourse.originals import bring_back
from adapters.discourse.past import Past
from adapters.discourse.payload import Category, Like, Post
from adapters.discourse.people import People
from adapters.discourse.reading import locator, native_id, read_answer, read_like, read_post, retitled
from adapters.discourse.roster import Roster
from adapters.discourse.search import Search, Thread, deleted_by, number_of, read, seen
from adapters.markup import to_markdown
from adapters.markup.division import LEAST_ROOM, divided
from adapters.offers import Recounted
from adapters.pacing import Paces, urgency_of
from adapters.parts import parts_of
from adapters.people import ROSTER_LIMIT
from adapters.port import (
    ACCEPTANCES,
    TAKEN_BACK,
    UNSUPPORTED,
    Act,
    Change,
    Incomplete,
    Later,
    Never,
    Nonsense,
    SpaceReport,
    Unused,
    Written,
)
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from adapters.offers import Greeting, Notice, Survey
    from adapters.people import Member
    from adapters.port import Losses, Order, WriteOutcome
    from adapters.port.seen import Ours
    from adapters.settings import Instance

EDIT_REASON = "Modifié par son auteur dans son réseau"
log = structlog.get_logger()
_SPACE = re.compile(r"^[1-9][0-9]{0,15}$")
_EVENTS = {Act.POSTED: "post_created", Act.EDITED: "post_edited", Act.DELETED: "post_destroyed"}


class DiscourseClient:
    """The writing half of the Discourse connector; writes under the connector's own account."""

    roster_every = timedelta(minutes=15)

    def __init__(self, instance: Instance, timeout: float = TIMEOUT, paces: Paces | None = None) -> None:
        self._instance = instance
        self._account = writing_account(instance)
        self._paces = paces or Paces(instance.node, instance.limits)
        self._api = Api(instance, timeout, self._account, self._paces)
        self._limits = SiteLimits(self._api)
        self._people = People(self._api)
        self._look = Search(self._api, self._account)
        self._likes = Likes(Api(instance, timeout, liking_account(instance), self._paces), liking_account(instance))
        self._likers = Likers(instance, self._api, self._look)
        self._answers = Answers(self._api, self._account)
        pace = Pace(instance.limits.get("api", CALLS_PER_MINUTE))
        self._recall = Recall(instance, self._api, self._look, Log(instance, self._api, pace), pace, self._paces.name)
        self._roster = Roster(self._api, frozenset(account.casefold() for account in (self._account, liking_account(instance))))
        self._notices = Notices(self._api, self._look)
        self._greetings = Greetings(self._api, self._look, instance.url)
        self._past = Past(instance, self._api, self._look)
        self._answered = Answered(instance, self._api, self._look)

    async def turn(self, order: Order) -> None:
        """One limit holds for all calls with administrators' keys."""
        await self._paces.of("api").set_out(urgency_of(order.act))

    async def write(self, order: Order) -> WriteOutcome:
        """Carry an order out once. An edit of what was never written here writes it."""
        match order.act:
            case Act.POSTED:
                return await self._post(order)
            case Act.EDITED:
                return await self._edit(order) if order.native_id else await self._post(order)
            case Act.DELETED:
                return await self._delete(order)
            case Act.REACTED | Act.UNREACTED:
                return await self._likes.write(order)
            case Act.ACCEPTED | Act.UNACCEPTED:
                return await self._answers.write(order)
            case _:
                assert_never(order.act)

    async def divided(self, order: Order) -> Sequence[Order]:
        """A post that is longer than the site takes goes on in replies to it."""
        html = order.content.html if order.content else ""
        limits = await self._limits.now()
        room = limits.max_post_length - render.around(order, limits)
        if 3 * len(html) <= room:  # each sign is written with two more at most
            return [order]
        return parts_of(order, divided(html, max(room, LEAST_ROOM), lambda piece: len(to_markdown(piece))))

    async def find(self, order: Order) -> Written | Later | None:
        """Look whether an order was carried out: by a topic's external_id, by our marker in a reply, by a post's state."""
        match order.act:
            case Act.DELETED:
                return await self._look.deleted(order)
            case Act.REACTED | Act.UNREACTED:
                return await self._likes.find(order)
            case Act.ACCEPTED | Act.UNACCEPTED:
                return await self._answers.find(order)
            case Act.POSTED | Act.EDITED:
                if order.native_id:
                    return await self._look.edited(order, render.raw(order, await self._limits.now()))
                thread = await self._look.thread(order)
                if isinstance(thread, Later):
                    return thread
                found = await self._look.reply_of(order, thread) if thread is not None else None
                return found or await self._look.topic_of(order)
            case _:
                assert_never(order.act)

    async def complete(self, incomplete: Incomplete) -> Change | Unused | Nonsense | Later:
        """Read the post, its topic for what `GET /posts/{id}.json` leaves out, and what it answers where that is asked for."""
        if incomplete.act is Act.REACTED:
            return await self._likers.again(incomplete.native_id, self._whole)
        post = await self._whole(incomplete.native_id)
        if isinstance(post, Later):
            return post
        if post is None and incomplete.act is not Act.DELETED:
            return Unused("post_gone")  # it has its own deletion on the way; a deletion is never guessed
        if post is None:
            return incomplete.otherwise or Nonsense("deletion_unconfirmed")
        found = self._completed(post, incomplete)
        if not isinstance(found, Change):
            return found
        if incomplete.native_id != native_id(post):
            found = retitled(found, self._instance)
        checked = await self._answered.repeating(found)
        return checked if isinstance(checked, Later) or incomplete.parent is None else await self._answered.named(checked, post)

    def _completed(self, post: Post, incomplete: Incomplete) -> Change | Unused | Nonsense:
        if incomplete.act in ACCEPTANCES:
            return read_answer(post)
        change = read_post(post, _EVENTS[incomplete.act], self._instance)
        if not isinstance(change, Incomplete):
            return change
        return Unused("deletion_denied") if incomplete.act is Act.DELETED else Nonsense("post_without_text")

    async def _whole(self, native: str) -> Post | Later | None:
        """A post by its id, or by where it stands in its topic."""
        post = await self._look.post(native) or await self._look.post_at(native)
        if isinstance(post, Later) or post is None:
            return post
        topic = await self._look.topic(post.topic_id)
        return topic if isinstance(topic, Later) else with_topic(post, topic)

    async def display_name(self, actor: str) -> str | None:
        """The name of whom a mention calls, asked once an hour; None for an author, whose webhook tells it, and where she has none."""
        kind, _, username = actor.partition(":")
        return await self._people.name(username) if kind == "username" else None

    async def report_space(self, space: str) -> SpaceReport | Later | Never:
        """Read the category: `public` is all of this RSE, `members` the groups that the category names."""
        if not _SPACE.match(space):
            return Never("space_malformed")
        answer = await self._api.get(f"/c/{space}/show.json")
        if isinstance(answer, Later):
            return answer
        if not answer.done:
            return await self._api.refused(answer)
        category = read(Category, answer.document.get("category"))
        if category is None:
            return Later("answer_unreadable")
        audience = {False: Audience.PUBLIC, True: Audience.MEMBERS, None: Audience.UNKNOWN}[category.read_restricted]
        return SpaceReport(category.name, audience, self._instance.options.get("externals") == "true")

    @property
    def ahead(self) -> timedelta:
        """How far its clock was ahead of ours at the last answer (`Ordered`)."""
        return self._api.offset

    async def end_of(self, space: str) -> str | Later | Never:
        """The greatest number that any post bears (`Ordered`)."""
        del space
        return await newest(self._api)

    async def lost(self, space: str, cursor: str | None, since: datetime, ours: Ours) -> Losses | Later | Never:
        """What Discourse tried in vain to tell of a category, each thing as it stands now."""
        if not _SPACE.match(space):
            return Never("space_malformed")
        return await self._recall.lost(space, cursor, since, ours)

    async def standing_likes(self, message: str) -> frozenset[str] | Later | None:
        """The likes that stand on a post, where all of them are shown (`Unlikes`)."""
        return await self._likers.standing(message)

    async def show(self, notice: Notice) -> WriteOutcome:
        """Keep a notice in a category (`Announces`)."""
        return await self._notices.show(notice) if _SPACE.match(notice.space) else Never("space_malformed")

    async def greet(self, greeting: Greeting) -> WriteOutcome:
        """Write to the author of a post in private (`Greets`)."""
        return await self._greetings.greet(greeting)

    async def survey(self, space: str, since: datetime, cursor: str | None) -> Survey | Later | Never:
        """Name the posts that a category holds (`Recalls`)."""
        return await self._past.survey(space, since, cursor) if _SPACE.match(space) else Never("space_malformed")

    async def recount(self, space: str, native_id: str) -> Recounted | Unused | Nonsense | Later:
        """A post as it stands now (`Recalls`), who likes it, and whether it answers its topic's question."""
        del space
        post = await self._whole(native_id)
        if isinstance(post, Later) or post is None:
            return post or Unused("post_gone")
        told = self._completed(post, Incomplete(native_id, Act.POSTED))
        message = await self._answered.repeating(told) if isinstance(told, Change) else told
        if not isinstance(message, Change):
            return message
        likers = await likers_of(post.id, self._api) if post.liked_by_any else ()
        if isinstance(likers, Later):
            return likers
        if isinstance(likers, Never):
            log.warning("likers_not_told", instance=self._instance.node, reason=likers.reason)
            likers = ()
        set_on = [*(read_like(Like(post=post, user=liker), self._instance) for liker in likers), read_answer(post)]
        return Recounted(
            message, tuple(one for one in set_on if isinstance(one, Change) and one.act is not Act.UNACCEPTED and not one.by_us)
        )

    async def members(self, space: str, most: int = ROSTER_LIMIT) -> tuple[Member, ...] | Later | Never:
        """The members of the groups that may read the category."""
        return await self._roster.of(space, most) if _SPACE.match(space) else Never("space_malformed")

    async def close(self) -> None:
        """Close the sessions."""
        await self._api.close()
        await self._likes.close()
        await self._paces.close()

    async def _post(self, order: Order) -> WriteOutcome:
        thread = await self._look.thread(order)
        if isinstance(thread, Later):
            return thread
        if thread is not None:
            outcome = await self._reply(order, thread)
            gone = await self._is_gone(thread.topic) if isinstance(outcome, Never) else False
            if isinstance(gone, Later) or not gone:
                return gone or outcome
        if not _SPACE.match(order.space):
            return Never("space_malformed")
        return await self._open_topic(order if order.parent is None else replace(order, parent_missing=True))

    async def _is_gone(self, topic: int) -> bool | Later:
        """Whether a topic went since we heard of it: what was to be said there is said elsewhere."""
        found = await self._look.topic(topic)
        return found if isinstance(found, Later) else found is None or found.deleted_at is not None

    async def _reply(self, order: Order, thread: Thread) -> WriteOutcome:
        body: dict[str, object] = {"topic_id": thread.topic, "raw": render.raw(order, await self._limits.now()), **_long_ago(order)}
        if thread.number > 1:
            body["reply_to_post_number"] = thread.number
        return await self._written(await self._api.send("POST", "/posts.json", body))

    async def _open_topic(self, order: Order) -> WriteOutcome:
        """Open a topic. Its title may be taken: the sentence that says so is in the site's language, so each 422 tries the next."""
        limits = await self._limits.now()
        body: dict[str, object] = {"raw": render.raw(order, limits), "category": int(order.space), "external_id": render.external_id(order)}
        body |= _long_ago(order)
        outcome: WriteOutcome = Never("validation_refused")
        for title in render.titles(order, limits):
            outcome = await self._written(await self._api.send("POST", "/posts.json", {**body, "title": title}))
            if not _refused_by_rules(outcome):
                return outcome
        return await self._look.topic_of(order) or outcome  # its external_id may be taken: it was written already

    async def _edit(self, order: Order) -> WriteOutcome:
        number = number_of(order.native_id)
        if number is None:
            return Never("native_id_malformed")
        if order.original:
            return await bring_back(self._api, self._look, order)
        revised = await self._revise(order, number)
        post = read(Post, revised.document.get("post")) if isinstance(revised, Answer) else None
        if post is None or not post.gone:
            return await self._written(revised)
        if self._taken_away(post) and not order.insisted:  # her edit does not bring it back; who brings it back finds the words of now
            return replace(seen(post), version=post.updated_at)
        restored = await self._api.send("PUT", f"/posts/{number}/recover.json")
        if isinstance(restored, Answer) and restored.done:
            restored = await self._revise(order, number)
        return await self._written(restored)

    def _taken_away(self, post: Post) -> bool:
        """Whether somebody of this RSE deleted the copy, and may bring it back."""
        return post.gone and post.deleted_by is not None and not deleted_by(post, self._account)

    async def _revise(self, order: Order, number: int) -> Answer | Later:
        """Change a post, with its topic's title where it began one (of others Discourse ignores it): that may repeat words which went."""
        limits = await self._limits.now()
        change: dict[str, object] = {"post": {"raw": render.raw(order, limits), "edit_reason": EDIT_REASON}}
        for title in render.titles(order, limits) if order.parent is None else ():
            titled = await self._api.send("PUT", f"/posts/{number}.json", {**change, "title": title})
            if isinstance(titled, Later) or titled.status != HTTPStatus.UNPROCESSABLE_ENTITY:
                return titled
        return await self._api.send("PUT", f"/posts/{number}.json", change)

    async def _delete(self, order: Order) -> WriteOutcome:
        if order.native_id is None:
            return Never("native_id_missing")
        post = await self._look.post(order.native_id)
        if isinstance(post, Later):
            return post
        if order.original and (post is None or (post.gone and not deleted_by(post, self._account))):
            return Never(UNSUPPORTED, TAKEN_BACK)
        if post is None:
            return Written(order.native_id, "")
        if self._taken_away(post):
            return await empty(
                self._api, order, post, await self._limits.now()
            )  # whoever brings it back must not find what its author deleted
        if post.gone:
            return seen(post)
        if post.post_number == 1:
            topic = await self._look.topic(post.topic_id)
            if isinstance(topic, Later):
                return topic
            if topic is None or topic.posts_count > 1:
                return await empty(self._api, order, post, await self._limits.now())
        removed = await self._remove(post)
        return replace(removed, found=post.updated_at) if order.original and isinstance(removed, Written) else removed

    async def _remove(self, post: Post) -> WriteOutcome:
        answer = await self._api.send("DELETE", f"/posts/{post.id}.json")
        if isinstance(answer, Later):
            return answer
        if not answer.done and not answer.gone:
            return await self._api.refused(answer)
        # DELETE answers nothing: the time that its webhook will say is read from the post, which staff still sees.
        after = await self._look.post(native_id(post))
        if isinstance(after, Later):
            return after
        return seen(after) if after is not None else Written(native_id(post), "", locator(post.topic_id, post.post_number))

    async def _written(self, answer: Answer | Later) -> WriteOutcome:
        if isinstance(answer, Later):
            return answer
        if not answer.done:
            return await self._api.refused(answer)
        if answer.document.get("action") == "enqueued":
            return Never("awaiting_approval")
        post = read(Post, answer.document.get("post", answer.document))
        return Later("answer_unreadable") if post is None else seen(post)


def _long_ago(order: Order) -> dict[str, object]:
    """History keeps its date, which API keys may set, and `import_mode` tells nobody of it: no notification, no mail, no webhook.

    Sources: `PostsController#create_params`, `PostCreator`, `PostJobsEnqueuer` of discourse/discourse.
    """
    if not order.history:
        return {}
    dated = {"created_at": order.occurred_at.isoformat()} if order.occurred_at is not None else {}
    return {"import_mode": True, **dated}


def _refused_by_rules(outcome: WriteOutcome) -> bool:
    return isinstance(outcome, Never) and outcome.reason == "validation_refused"
