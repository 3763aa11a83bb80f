"""eXo's and Meeds' own words, read tolerantly: REST v1 and v1-alpha3, unknown fields ignored, numbers that come as strings.

Sources: `ActivityEntity`, `CommentEntity`, `EntityBuilder`, `SpaceEntity` of Meeds-io/social (v1); `ActivityRestOut`, `CommentRestOut`,
`IdentityRestOut` of exoplatform/social (v1-alpha3). The examples in both vendors' comments lack commas and quote booleans.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

FIRST_YEAR = 2000  # eXo is younger: a stamp before it is the « 123456789 » of an example, or a default
_USER = re.compile(r"/users/([^/?#]+)/?$")


def moment(stamp: str) -> datetime:
    """The aware UTC time of `2024-10-24T05:18:26.000Z` or `Fri Jun 17 06:42:26 +0000 2011`; ValueError where it names none."""
    try:
        found = datetime.fromisoformat(stamp) if stamp[:1].isdecimal() else datetime.strptime(stamp, "%a %b %d %H:%M:%S %z %Y")
        if found.tzinfo is None:
            raise ValueError("a time without its zone")
        return found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time outside the calendar") from error


def _checked(stamp: str) -> str:
    moment(stamp)
    return stamp


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_table(value: Any) -> Any:
    """A part that is a link in one place and the thing itself in another; an empty list where there is nothing."""
    return value if isinstance(value, dict) else {}


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else []


Stamp = Annotated[str, StringConstraints(max_length=40), AfterValidator(_checked)]
Identifier = Annotated[str, BeforeValidator(_as_text), StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Text = Annotated[str | None, BeforeValidator(_as_text)]
Millis = Annotated[int | None, Field(ge=0, le=253_402_300_799_000)]
Count = Annotated[int, Field(ge=0)]


class _Word(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Profile(_Word):
    """A person; v1 writes `fullname`, v1-alpha3 `fullName`."""

    full_name: Text = Field(None, alias="fullName")
    fullname: Text = None

    @property
    def name(self) -> str:
        """Her display name, or nothing."""
        return self.full_name or self.fullname or ""


class Identity(_Word):
    """Who posted: an identity, written out. v1-alpha3 gives an empty one where it does not know."""

    id: Text = None
    remote_id: Text = Field(None, alias="remoteId")
    profile: Annotated[Profile, BeforeValidator(_as_table)] = Profile()


class Owner(_Word):
    """`owner` of a v1 activity: `{"id": "7", "href": ".../users/agent.m"}`."""

    id: Text = None
    href: Text = None

    @property
    def account(self) -> str:
        """The user name at the end of its address."""
        found = _USER.search(self.href or "")
        return found[1] if found else ""


class Stream(_Word):
    """`activityStream`: v1 names a space by its pretty name in `id`, v1-alpha3 in `prettyId`."""

    type: Text = None
    id: Text = None


class Liker(_Word):
    """Who likes: a profile in v1 (`username`, `fullname`), an identity in v1-alpha3 (`remoteId`, `profile`)."""

    id: Text = None
    username: Text = None
    fullname: Text = None
    remote_id: Text = Field(None, alias="remoteId")
    profile: Annotated[Profile, BeforeValidator(_as_table)] = Profile()

    @property
    def account(self) -> str:
        """Her user name, or nothing."""
        return self.username or self.remote_id or ""


class ActivityV1(_Word):
    """An activity of REST v1; `identity` is written out where `expand=identity` was asked, else an address."""

    id: Identifier
    identity: Annotated[Identity, BeforeValidator(_as_table)] = Identity()
    owner: Annotated[Owner, BeforeValidator(_as_table)] = Owner()
    title: Text = None
    body: Text = None
    type: Text = None
    create_date: Annotated[Stamp, Field(alias="createDate")]
    update_date: Annotated[Stamp | None, Field(alias="updateDate")] = None
    hidden: bool | None = False
    likes: Annotated[list[Liker], BeforeValidator(_as_list)] = []
    likes_count: Annotated[Count | None, Field(alias="likesCount")] = None
    comments_count: Annotated[Count | None, Field(alias="commentsCount")] = None
    stream: Annotated[Stream, BeforeValidator(_as_table), Field(alias="activityStream")] = Stream()
    params: Annotated[dict[str, Any], BeforeValidator(_as_table), Field(alias="templateParams")] = {}


class CommentV1(_Word):
    """A comment of REST v1, or a reply to one (`parentCommentId`)."""

    id: Identifier
    identity: Annotated[Identity, BeforeValidator(_as_table)] = Identity()
    owner: Annotated[Owner, BeforeValidator(_as_table)] = Owner()
    poster: Text = None
    title: Text = None
    body: Text = None
    create_date: Annotated[Stamp, Field(alias="createDate")]
    update_date: Annotated[Stamp | None, Field(alias="updateDate")] = None
    parent_comment: Annotated[Identifier | None, Field(alias="parentCommentId")] = None
    likes: Annotated[list[Liker], BeforeValidator(_as_list)] = []
    likes_count: Annotated[Count | None, Field(alias="likesCount")] = None


class _Posted(_Word):
    """The two times of v1-alpha3, which contradict each other in the vendor's own examples."""

    posted_time: Annotated[Millis, Field(alias="postedTime")] = None
    created_at: Annotated[Stamp, Field(alias="createdAt")]

    @property
    def created(self) -> datetime:
        """`createdAt`, with the milliseconds of `postedTime` where both name the same second."""
        said = moment(self.created_at)
        exact = datetime.fromtimestamp((self.posted_time or 0) / 1000, UTC)
        return exact if abs((exact - said).total_seconds()) < 1 else said


class CommentAlpha3(_Posted):
    """A comment of v1-alpha3: flat, without replies of its own."""

    id: Identifier
    text: Text = None
    identity_id: Text = Field(None, alias="identityId")
    poster: Annotated[Identity, BeforeValidator(_as_table), Field(alias="posterIdentity")] = Identity()


class ActivityAlpha3(_Posted):
    """An activity of v1-alpha3; `identityId` is whose stream it stands in, not who wrote it."""

    id: Identifier
    title: Text = None
    body: Text = None
    type: Text = None
    last_updated: Annotated[Millis, Field(alias="lastUpdated")] = None
    identity_id: Text = Field(None, alias="identityId")
    poster: Annotated[Identity, BeforeValidator(_as_table), Field(alias="posterIdentity")] = Identity()
    likers: Annotated[list[Liker], BeforeValidator(_as_list), Field(alias="likedByIdentities")] = []
    likes_count: Annotated[Count | None, Field(alias="totalNumberOfLikes")] = None
    comments: Annotated[list[dict[str, Any]], BeforeValidator(_as_list)] = []
    comments_count: Annotated[Count | None, Field(alias="totalNumberOfComments")] = None
    params: Annotated[dict[str, Any], BeforeValidator(_as_table), Field(alias="templateParams")] = {}


class SpaceV1(_Word):
    """`GET /v1/social/spaces/{id}`: `subscription` open, validation or close; `visibility` private (shown) or hidden."""

    id: Identifier
    display_name: Text = Field(None, alias="displayName")
    pretty_name: Text = Field(None, alias="prettyName")
    visibility: Text = None
    subscription: Text = None


class UsersV1(_Word):
    """`GET /v1/social/spaces/{id}/users?returnSize=true`: a page of profiles, and how many there are in all."""

    users: list[Liker]
    size: Count


class SpaceOfMine(_Word):
    """One of `GET /{portal}/social/spaces/mySpaces/show.json`, the only place where the older generation tells who may join."""

    display_name: Text = Field(None, alias="displayName")
    pretty_name: Text = Field(None, alias="prettyName")
    visibility: Text = None
    registration: Text = None
