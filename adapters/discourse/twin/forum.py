"""What people and API keys may do in the twin, and Discourse's own words when they may not."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adapters.discourse.twin.store import Post, Topic
from adapters.discourse.twin.views import cook, hashtag, slug_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.discourse.twin.hooks import Hooks
    from adapters.discourse.twin.store import Parcel, Person, Store

MIN_TITLE, MAX_TITLE = 15, 255
LONGEST_WORD = 30  # of a title: `max_word_length`
UNIQUE_POSTS = 300  # seconds
EXTERNAL_ID = re.compile(r"^[\w-]{1,50}$")
DELETED_BY_AUTHOR = "(post deleted by author)"
NOT_PERMITTED = "You are not permitted to view the requested resource."
NOT_FOUND = "The requested URL or resource could not be found."
_COMMENT = re.compile(r"<!--(.*?)-->")
_EMOJI = re.compile(r":\w+(:\w+)?:")
_CALL = re.compile(r"<(?P<code>code|pre)\b.*?</(?P=code)>|(?<![\w@/])@(?P<name>[\w.-]*\w)", re.DOTALL)
_HASHTAG = re.compile(r"<(?P<code>code|pre)\b.*?</(?P=code)>|<[^>]*>|(?<![\w&/])#(?P<slug>[\w:-]{1,101})", re.DOTALL)
_BLANKS = re.compile(r"\s+")


@dataclass
class Refusal(Exception):
    """A refusal as Discourse words it."""

    status: int
    errors: list[str]
    error_type: str | None = None


class Forum:
    """Each act checks, changes, keeps the change with its webhooks in one stroke, then wakes the sender."""

    def __init__(self, store: Store, hooks: Hooks, lengths: tuple[int, int]) -> None:
        self._store = store
        self._hooks = hooks
        self._least, self._most = lengths
        self._recent: dict[tuple[int, str], float] = {}

    def create(self, actor: Person, given: Mapping[str, Any]) -> Post:
        """`POST /posts.json`: a reply where `topic_id` is given, else a topic."""
        raw = str(given.get("raw") or "").strip()
        topic_id = _number(given.get("topic_id"))
        topic = self.topic(topic_id) if topic_id else None
        if topic is not None and topic.deleted_at:
            raise Refusal(403, [NOT_PERMITTED], "invalid_access")
        if topic is not None and topic.closed and not actor.staff:
            raise Refusal(403, [NOT_PERMITTED], "invalid_access")
        titled = not topic and given.get("archetype") != "private_message"  # two private messages may have one title
        errors = (self._title_errors(str(given.get("title") or "")) if titled else []) + self._body_errors(raw)
        unique = (actor.id, _BLANKS.sub("", raw))
        if self._recent.get(unique, 0.0) > time.monotonic() - UNIQUE_POSTS:
            errors.append("Body is too similar to what you recently posted")
        if errors:
            raise Refusal(422, errors)
        post = self._reply(actor, topic, raw, given) if topic else self._open(actor, raw, given)
        self._recent[unique] = time.monotonic()
        return post

    def edit(self, actor: Person, post: Post, given: Mapping[str, Any]) -> Post:
        """`PUT /posts/{id}.json`."""
        self._may_change(actor, post)
        change = given.get("post")
        if not isinstance(change, dict):
            raise Refusal(400, ["param is missing or the value is empty: post"])
        topic = self._store.topics[post.topic_id]
        title = str(given.get("title") or topic.title) if post.number == 1 else topic.title
        errors = self._title_errors(title, topic) if title != topic.title else []
        raw = str(change["raw"]).strip() if change.get("raw") is not None else post.raw
        errors += self._body_errors(raw) if raw != post.raw else []
        if errors:
            raise Refusal(422, errors)
        retitled = title != topic.title
        if retitled or raw != post.raw:
            topic.title, topic.slug = title, slug_of(title)
            self._revise(post, raw)
            told = self._hooks.topic("topic_edited", topic) if retitled else self._hooks.post("post_edited", post)  # never both
            self._tell([post, topic], told if not topic.deleted_at else None)
        return post

    def destroy(self, actor: Person, post: Post) -> None:
        """`DELETE /posts/{id}.json`: staff removes; an author's own deletion leaves a stub."""
        self._may_change(actor, post)
        topic = self._store.topics[post.topic_id]
        if actor.staff:
            self._remove(actor, post, topic)
        elif post.number == 1 and sum(other.deleted_at is None for other in self._store.posts_of(topic)) > 1:
            raise Refusal(403, [NOT_PERMITTED], "invalid_access")
        else:
            self._stub(post)

    def recover(self, actor: Person, post: Post) -> Post:
        """`PUT /posts/{id}/recover`."""
        if post.deleted_at and not actor.staff:
            raise Refusal(403, [NOT_PERMITTED], "invalid_access")
        self._may_change(actor, post)
        topic = self._store.topics[post.topic_id]
        parcels = []
        if post.deleted_at:
            post.deleted_at, post.deleted_by = None, None
        elif post.user_deleted:
            post.user_deleted = False
            self._revise(post, post.past[-1])
            parcels.append(self._hooks.post("post_edited", post))
        if post.number == 1 and topic.deleted_at:
            topic.deleted_at = None
            parcels.append(self._hooks.topic("topic_recovered", topic))
        self._tell([post, topic], *parcels, self._hooks.post("post_recovered", post))
        return post

    def set_status(self, actor: Person, topic: Topic, given: Mapping[str, Any]) -> None:
        """`PUT /t/{id}/status`: staff closes and pins."""
        if not actor.staff:
            raise Refusal(403, [NOT_PERMITTED], "invalid_access")
        if given.get("status") not in {"closed", "pinned"}:
            raise Refusal(400, ["param is missing or the value is empty: status"])
        setattr(topic, given["status"], str(given.get("enabled")) == "true")
        self._tell([topic])

    def topic(self, number: int) -> Topic:
        """A topic by its number, or 404."""
        found = self._store.topics.get(number)
        if found is None:
            raise Refusal(404, [NOT_FOUND], "not_found")
        return found

    def post(self, actor: Person, number: int) -> Post:
        """A post by its number, or 404; a deleted one is for staff's eyes."""
        found = self._store.posts.get(number)
        if found is None or (found.deleted_at and not actor.staff):
            raise Refusal(404, [NOT_FOUND], "not_found")
        return found

    def _open(self, actor: Person, raw: str, given: Mapping[str, Any]) -> Post:
        recipients = self._recipients(given)
        category = 0 if recipients else _number(given.get("category")) or 0
        if not recipients and category not in self._store.categories:
            raise Refusal(422, ["Category can't be blank"])
        external = str(given["external_id"]) if given.get("external_id") else None
        if external and not EXTERNAL_ID.match(external):
            raise Refusal(422, ["External is invalid"])
        if external and any(topic.external_id == external for topic in self._store.topics.values()):
            raise Refusal(422, ["External has already been taken"])
        title = _tidy(str(given["title"]))
        topic = Topic(self._store.next_id("topic", 101), title, slug_of(title), category, actor.id, self._store.stamp(), external)
        topic.recipients = recipients
        self._store.topics[topic.id] = topic
        post = self._new(actor, topic, raw, None, given)
        topic.created_at = post.created_at
        parcels = (self._hooks.topic("topic_created", topic), self._hooks.post("post_created", post)) if post.alerted else ()
        self._tell([topic, post], *parcels)
        return post

    def _recipients(self, given: Mapping[str, Any]) -> list[str]:
        """For whom a private message is; refused where one of them is not known."""
        if given.get("archetype") != "private_message":
            return []
        names = [name for name in str(given.get("target_recipients") or "").split(",") if name]
        known = {person.username.lower() for person in self._store.people.values()}
        if not names or any(name.lower() not in known for name in names):
            raise Refusal(422, ["You must select a valid user."])
        return names

    def _reply(self, actor: Person, topic: Topic, raw: str, given: Mapping[str, Any]) -> Post:
        known, answered = {post.number for post in self._store.posts_of(topic)}, _number(given.get("reply_to_post_number"))
        post = self._new(actor, topic, raw, answered if answered in known else None, given)
        self._tell([post], *([self._hooks.post("post_created", post)] if post.alerted else []))
        return post

    def _new(self, actor: Person, topic: Topic, raw: str, answered: int | None, given: Mapping[str, Any]) -> Post:
        """An API key may date a post; in `import_mode` nobody is told of it, by alert or by webhook."""
        number = max((post.number for post in self._store.posts_of(topic)), default=0) + 1
        now = self._store.stamp()
        dated = _stamp(given["created_at"]) if given.get("created_at") else now
        post = Post(self._store.next_id("post", 1001), topic.id, number, actor.id, raw, self._cooked(raw), dated, now, answered)
        post.alerted = not given.get("import_mode")
        self._store.add(post)
        return post

    def _cooked(self, raw: str) -> str:
        """A user name after « @ » calls its bearer, and a category's slug after « # » names it, but in code."""
        known = {person.username for person in self._store.people.values()}

        def call(found: re.Match[str]) -> str:
            name = found["name"]  # None for code
            return f'<a class="mention" href="/u/{name}">@{name}</a>' if name in known else found[0]

        categories = {slug_of(category.name): category for category in self._store.categories.values()}

        def name(found: re.Match[str]) -> str:
            category = categories.get(found["slug"] or "")
            return hashtag(category) if category is not None else found[0]

        return _HASHTAG.sub(name, _CALL.sub(call, cook(raw)))

    def _revise(self, post: Post, raw: str) -> None:
        post.past.append(post.raw)
        post.raw, post.cooked = raw, self._cooked(raw)
        post.version += 1
        post.updated_at = self._store.stamp()

    def _remove(self, actor: Person, post: Post, topic: Topic) -> None:
        post.deleted_at, post.deleted_by = self._store.stamp(), actor.id  # neither updated_at nor version is raised
        parcels = [self._hooks.post("post_destroyed", post)]
        if post.number == 1:
            topic.deleted_at = post.deleted_at
            parcels.append(self._hooks.topic("topic_destroyed", topic))
        self._tell([post, topic], *parcels)

    def _stub(self, post: Post) -> None:
        self._revise(post, DELETED_BY_AUTHOR)
        edited = self._hooks.post("post_edited", post)
        post.user_deleted = True
        self._tell([post], edited, self._hooks.post("post_destroyed", post))

    def _tell(self, changed: list[Post | Topic], *parcels: Parcel | None) -> None:
        self._store.keep(*changed, *[parcel for parcel in parcels if parcel is not None])
        self._hooks.wake()

    def _may_change(self, actor: Person, post: Post) -> None:
        if not actor.staff and post.user_id != actor.id:
            raise Refusal(403, [NOT_PERMITTED], "invalid_access")

    def _body_errors(self, raw: str) -> list[str]:
        """Comments do not count, an emoji counts as one, dots in a row too."""
        if not raw:
            return ["Body can't be blank"]
        if len(raw) > self._most:
            return [f"Body is limited to {self._most} characters; you entered {len(raw)}."]
        counted = re.sub(r"\.{2,}", "…", _EMOJI.sub("X", _COMMENT.sub("", raw))).strip()
        return [f"Body is too short (minimum is {self._least} characters)"] if len(counted) < self._least else []

    def _title_errors(self, title: str, but: Topic | None = None) -> list[str]:
        title = _tidy(title)
        if not title:
            return ["Title can't be blank"]
        if len(title) < MIN_TITLE:
            return [f"Title is too short (minimum is {MIN_TITLE} characters)"]
        if len(title) > MAX_TITLE:
            return [f"Title is too long (maximum is {MAX_TITLE} characters)"]
        if title.isupper() or any(len(word) > LONGEST_WORD for word in title.split()):
            return ["Title seems unclear, is it a complete sentence?"]
        others = (topic for topic in self._store.topics.values() if topic is not but and topic.deleted_at is None)
        return ["Title has already been used"] if any(topic.title.lower() == title.lower() for topic in others) else []


def _tidy(title: str) -> str:
    return _BLANKS.sub(" ", title).strip()


def _stamp(given: object) -> str:
    moment = datetime.fromisoformat(str(given)).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _number(given: object) -> int | None:
    return int(str(given)) if given is not None and str(given).isdecimal() else None
