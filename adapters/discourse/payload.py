"""Discourse's own words, read tolerantly: unknown fields ignored, optional where it leaves them out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

REGULAR_POST, MODERATORS_POST = 1, 2  # 3 small action (« closed this topic »), 4 whisper
PRIVATE_MESSAGE = "private_message"
LIKE = 2  # of post action types


def moment(stamp: str) -> datetime:
    """The aware UTC time that a stamp such as `2023-02-10T09:44:54.865Z` names; ValueError where it names none."""
    try:
        found = datetime.fromisoformat(stamp)
        if found.tzinfo is None:
            raise ValueError("a time without its zone")
        return found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time outside the calendar") from error


def _checked(stamp: str) -> str:
    moment(stamp)
    return stamp


Stamp = Annotated[str, StringConstraints(max_length=40), AfterValidator(_checked)]
Identifier = Annotated[int, Field(ge=1, le=2**53)]


class Account(BaseModel):
    """A user, in short."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[int, Field(ge=-(2**53), le=2**53)] | None = None
    username: str | None = None


class Post(BaseModel):
    """A post as its webhook (WebHookPostSerializer) or `GET /posts/{id}.json` shows it; stamps are kept as written."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Identifier
    topic_id: Identifier
    post_number: Identifier
    post_type: int = REGULAR_POST
    created_at: Stamp
    updated_at: Stamp
    version: Annotated[int, Field(ge=1, le=10_000)] = 1  # of its text; hidden ones are counted for staff
    deleted_at: Stamp | None = None
    deleted_by: Account | None = None  # told to staff by the API; by the webhook in those versions that make it after the deletion
    user_deleted: bool | None = False
    hidden: bool | None = False  # set aside by flags: readers see that it is, and none of its words
    user_id: Annotated[int, Field(ge=-(2**53), le=2**53)] | None = None
    username: str | None = None
    name: str | None = None
    cooked: str | None = None
    raw: str | None = None
    reply_to_post_number: Identifier | None = None
    category_id: Identifier | None = None
    topic_title: str | None = None
    topic_archetype: str | None = None
    accepted_answer: bool | None = None  # told by the « solved » plugin
    actions_summary: Any = None  # told by the API: what may be done to the post, and what the account that asks has done

    @property
    def liked(self) -> bool:
        """Whether the account that asked likes it."""
        return bool(self._likes.get("acted"))

    @property
    def liked_by_any(self) -> bool:
        """Whether anybody likes it."""
        return bool(self.likes)

    @property
    def likes(self) -> int:
        """How many like it."""
        count = self._likes.get("count")
        return count if isinstance(count, int) else 0

    @property
    def _likes(self) -> dict[str, Any]:
        actions = self.actions_summary if isinstance(self.actions_summary, list) else []
        return next((action for action in actions if isinstance(action, dict) and action.get("id") == LIKE), {})

    @property
    def said(self) -> bool:
        """Whether it is a person's words to all readers. Staff may give any post the colour of a moderator's (`PostsController#post_type`)."""
        return self.post_type == REGULAR_POST or (self.post_type == MODERATORS_POST and (self.user_id or 0) > 0)

    @property
    def gone(self) -> bool:
        """Deleted by staff, or marked so by its own author."""
        return self.deleted_at is not None or bool(self.user_deleted)


class Liker(BaseModel):
    """Who likes, as BasicUserSerializer shows her."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[int, Field(ge=-(2**53), le=2**53)]
    username: str | None = None
    name: str | None = None


class Like(BaseModel):
    """A like as its webhook tells it: the post with its own author, and who likes. It says neither when nor under what id."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    post: Post
    user: Liker


class Topic(BaseModel):
    """What `GET /t/{id}.json` adds to a post."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Identifier
    title: str | None = None
    category_id: Identifier | None = None
    archetype: str | None = None
    posts_count: int = 1
    closed: bool = False
    pinned: bool = False
    deleted_at: Stamp | None = None  # told to staff


class Edited(BaseModel):
    """A topic whose title, category or tags changed, as its webhook tells it: without its posts, nor what changed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Identifier
    category_id: Identifier | None = None
    archetype: str | None = None


class Named(BaseModel):
    """What a webhook about a category is asked for: its number alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Identifier


class GroupPermission(BaseModel):
    """A group that may see a category."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    group_name: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Category(BaseModel):
    """`category` of `GET /c/{id}/show.json`; its groups are told to those alone who may edit it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = ""
    read_restricted: bool | None = None
    group_permissions: list[GroupPermission] | None = None


class GroupMember(BaseModel):
    """One of `GET /groups/{name}/members.json`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[int, Field(ge=-(2**53), le=2**53)]
    username: str | None = None
    name: str | None = None


class Counted(BaseModel):
    """How many there are in all."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    total: Annotated[int, Field(ge=0)]


class GroupPage(BaseModel):
    """A page of `GET /groups/{name}/members.json`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    members: list[GroupMember]
    meta: Counted


class Hook(BaseModel):
    """One outgoing webhook, as its administrators see it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Identifier
    secret: str | None = None


class _Headers(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    event: str = Field("", alias="X-Discourse-Event")


class Told(BaseModel):
    """What a webhook's body is about: one of these, by the body's top key."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    post: Post | None = None
    like: Like | None = None
    solved: Post | None = None


class Attempt(BaseModel):
    """One attempt of a webhook in Discourse's log: `payload` is the body it sent, `headers` the JSON of what it said with it, if it came so far."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Identifier
    status: int = 0
    headers: str | None = None
    payload: str | None = None
    created_at: Stamp

    @property
    def delivered(self) -> bool:
        """2xx; a failed connection is -1, an attempt under way 0."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of success

    @property
    def event(self) -> str:
        """`post_created` …; empty for an attempt that broke off before it said so."""
        try:
            return _Headers.model_validate_json(self.headers or "").event
        except ValidationError:
            return ""

    @property
    def told(self) -> Told:
        """What it spoke of, without text; nothing where that is of no use here."""
        try:
            told = Told.model_validate_json(self.payload or "")
        except ValidationError:
            return Told()
        like = told.like and told.like.model_copy(update={"post": _wordless(told.like.post)})
        return Told(post=told.post and _wordless(told.post), like=like, solved=told.solved and _wordless(told.solved))


def _wordless(post: Post) -> Post:
    return post.model_copy(update={"cooked": None, "raw": None})
