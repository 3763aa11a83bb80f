"""One object of eXo, either generation, one sighting of ours: pure, shared by pages and by what the API completes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from html import escape, unescape
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from adapters.exo.contract import SYSTEM_TYPES, counted
from adapters.exo.files import beyond, files_of
from adapters.exo.payload import FIRST_YEAR, ActivityAlpha3, ActivityV1, CommentAlpha3, CommentV1, Identity, moment
from adapters.exo.title import from_title
from adapters.far_clock import ZERO
from adapters.markup import from_text, words
from adapters.people import Member, author_of, chosen_name
from adapters.port import Act, Change, Incomplete, Nonsense, Sighting, Unused
from adapters.port import Liker as Seen
from schemas.facts.message import TEXT_LIMIT, Content

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import timedelta

    from adapters.exo.payload import Liker
    from adapters.settings import Instance

ACCOUNT = "traitdunion"  # who writes where `account` names nobody
THUMB = "👍"  # what eXo shows beside « J’aime »
LIKERS = 5  # how many v1 writes into an activity or a comment
GONE = "gone"  # the version of what is deleted
SITES = {"v1": "dw", "v1-alpha3": "intranet"}  # the portal site under which each generation shows an activity
_NUMBER = re.compile(r"^(?:comment)?([0-9]{1,18})$")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
EVER = datetime.fromtimestamp(0, UTC)  # also when what has no time was written


@dataclass(frozen=True)
class Entry:
    """An activity or a comment in one shape; `activity` is the root's id, `above` the comment that it answers.

    `created` and `updated` are by the eXo's clock, which was ahead of ours by `offset` when it told them. `comments` is how many an activity counts under it, or how many answer a comment that was asked for by itself; `likes` how many like it; None where it does not tell, as eXo before 6.
    """

    id: str
    activity: str
    html: str
    created: datetime
    updated: datetime
    poster: str
    account: str
    name: str
    stream: str = ""
    type: str = ""
    above: str | None = None
    hidden: bool = False
    likers: tuple[Liker, ...] = ()
    likes: int | None = None
    comments: int | None = None
    inline: tuple[Entry, ...] = ()
    document: Any = None
    params: Mapping[str, Any] = field(default_factory=dict)
    offset: timedelta = ZERO

    @property
    def made_at(self) -> datetime:
        """When it was made, by our clock if the eXo's has not been moved since."""
        return self.created - self.offset if self.created != EVER else EVER

    @property
    def number(self) -> int | None:
        """The number that eXo counted up to for it, one row after another of activities and comments; none where it is a JCR node (before eXo 5)."""
        return _numbered(self.id)

    @property
    def is_root(self) -> bool:
        """Whether it is an activity."""
        return self.id == self.activity

    @property
    def more_likes(self) -> bool:
        """Whether others like it than were written out, or may."""
        return self.likes > len(self.likers) if self.likes is not None else len(self.likers) >= LIKERS

    @property
    def native_id(self) -> str:
        """`activity:42`, `comment:42/comment7`: the way to a comment leads through its activity."""
        return f"activity:{self.id}" if self.is_root else f"comment:{self.activity}/{self.id}"

    @cached_property
    def version(self) -> str:
        """A digest of what people read: eXo moves an activity's own times when somebody comments or likes it."""
        return "d" + hashlib.sha256(self.html.encode()).hexdigest()[:24]


def _numbered(told: str) -> int | None:
    found = _NUMBER.match(told)
    return int(found[1]) if found else None


def entry_of(document: Any) -> Entry | Nonsense:
    """An activity of either generation, told apart by how they write their time of creation."""
    if not isinstance(document, dict):
        return Nonsense("activity_malformed", document=document)
    try:
        if "createDate" in document:
            return _activity_v1(ActivityV1.model_validate(document), document)
        return _activity_alpha3(ActivityAlpha3.model_validate(document), document)
    except ValidationError as error:
        return Nonsense("activity_malformed", _where(error), document)


def comment_of(document: Any, activity: str) -> Entry | Nonsense:
    """A comment of either generation, under its activity."""
    if not isinstance(document, dict):
        return Nonsense("comment_malformed", document=document)
    try:
        if "createDate" in document:
            return _comment_v1(CommentV1.model_validate(document), activity, document)
        return _comment_alpha3(CommentAlpha3.model_validate(document), activity, document)
    except ValidationError as error:
        return Nonsense("comment_malformed", _where(error), document)


def timed(entry: Entry, offset: timedelta) -> Entry:
    """An entry told by a clock that is so far ahead of ours, with what stands in it."""
    return replace(entry, offset=offset, inline=tuple(timed(under, offset) for under in entry.inline)) if offset else entry


def sightings_of(entries: Iterable[Entry | Nonsense], space: str, instance: Instance) -> tuple[Sighting, ...]:
    """Activities with the comments that came with them, and what could not be read, each as it was seen."""
    return tuple(sighting for entry in entries for sighting in _sightings(entry, space, instance))


def outcome_of(entry: Entry, space: str, instance: Instance) -> Change | Unused | Nonsense | Incomplete:
    """What an entry says, as if it had just been posted."""
    if entry.hidden:
        return Unused("hidden")
    if entry.type in SYSTEM_TYPES:
        return Unused(entry.type)
    if not entry.poster:
        return Incomplete(entry.native_id, Act.POSTED)
    files = files_of(entry.params, instance.url)
    if not entry.html.strip() and not files:
        return Unused(f"{counted(entry.type)}:empty" if entry.type else "empty")
    called: list[str] = []
    said = entry.html or escape(", ".join(file.name for file in files))  # documents shared without a word
    html = from_title(said if "<" in said else from_text(unescape(said)), instance.url, called) + beyond(entry.params)
    if len(html) > TEXT_LIMIT:
        return Nonsense("content_too_long")
    return Change(
        act=Act.POSTED,
        native_id=entry.native_id,
        version=entry.version,
        marker=f"posted:{entry.created.isoformat()}",
        space=space,
        actor=f"identity:{entry.poster}",
        occurred_at=entry.made_at,
        author=author_of(instance.organisation, _line(chosen_name(entry.name, entry.account))),
        content=Content(html=html, text=words(html)[:TEXT_LIMIT]),
        link=_link(entry, instance),
        parent=_parent(entry),
        attachments=files,
        called=tuple(called),
        handle=entry.account or None,
        by_us=entry.account.casefold() == instance.options.get("account", ACCOUNT).casefold(),
    )


def _sightings(entry: Entry | Nonsense, space: str, instance: Instance) -> Sequence[Sighting]:
    if isinstance(entry, Nonsense):
        return (_unreadable(entry, space),)
    seen = Sighting(
        entry.native_id,
        partial(outcome_of, entry, space, instance),
        entry.version,
        entry.made_at,
        thread=None if entry.is_root else f"activity:{entry.activity}",
        replies=_replies(entry),
        holds=_holds(entry),
        likes=tuple(_liker(one, instance) for one in entry.likers if one.id or one.account),
        more_likes=entry.more_likes,
        number=entry.number,
        document=entry.document,
    )
    return (seen, *(one for under in entry.inline for one in _sightings(under, space, instance)))


def _unreadable(found: Nonsense, space: str) -> Sighting:
    """Under a name of its own, so that it becomes one dead letter and not one at each look: by its id, as far as it tells one."""
    told = found.document.get("id") if isinstance(found.document, dict) else None
    number = _numbered(str(told)) if isinstance(told, str | int) else None
    said = f"{space}\0{found.reason}\0{found.detail}\0{told if isinstance(told, str | int) else ''}"
    name = "unreadable:" + hashlib.sha256(said.encode(errors="replace")).hexdigest()[:24]
    return Sighting(name, lambda: found, name, EVER, document=found.document, number=number)


def _replies(entry: Entry) -> str:
    if not entry.is_root or _holds(entry) is not None:
        return ""
    return f"{entry.comments}:{entry.updated.isoformat()}"


def _holds(entry: Entry) -> frozenset[str] | None:
    """All that stands under an activity, where its document told as many comments as it counts."""
    if not entry.is_root or entry.comments is None or len(entry.inline) < entry.comments:
        return None
    return frozenset(under.native_id for under in entry.inline)


def _activity_v1(read: ActivityV1, document: Any) -> Entry:
    created = _dated(moment(read.create_date))
    return Entry(
        read.id, read.id, read.title or read.body or "", created, moment(read.update_date) if read.update_date else created,
        _poster(read.identity, read.owner.id), read.identity.remote_id or read.owner.account, read.identity.profile.name,
        read.stream.id or "", read.type or "", hidden=bool(read.hidden), likers=tuple(read.likes), likes=read.likes_count, comments=read.comments_count,
        params=read.params, document=document,
    )  # fmt: skip


def _comment_v1(read: CommentV1, activity: str, document: Any) -> Entry:
    created = moment(read.create_date)
    account = read.poster or read.identity.remote_id or read.owner.account
    return Entry(
        read.id, activity, read.title or read.body or "", created, moment(read.update_date) if read.update_date else created,
        _poster(read.identity, read.owner.id or account), account, read.identity.profile.name, above=read.parent_comment,
        likers=tuple(read.likes), likes=read.likes_count, document=document,
    )  # fmt: skip


def _activity_alpha3(read: ActivityAlpha3, document: Any) -> Entry:
    inline = [comment_of(document, read.id) for document in read.comments if document]
    updated = datetime.fromtimestamp((read.last_updated or 0) / 1000, UTC)
    return Entry(
        read.id, read.id, read.title or read.body or "", read.created, max(updated, read.created), _poster(read.poster, None),
        read.poster.remote_id or "", read.poster.profile.name, read.identity_id or "", read.type or "", likers=tuple(read.likers),
        likes=read.likes_count, comments=read.comments_count, inline=tuple(one for one in inline if isinstance(one, Entry)),
        params=read.params, document=document,
    )  # fmt: skip


def _comment_alpha3(read: CommentAlpha3, activity: str, document: Any) -> Entry:
    poster = _poster(read.poster, read.identity_id)
    return Entry(
        read.id, activity, read.text or "", read.created, read.created, poster, read.poster.remote_id or "", read.poster.profile.name,
        document=document,
    )  # fmt: skip


def _dated(created: datetime) -> datetime:
    return created if created.year >= FIRST_YEAR else EVER


def _poster(identity: Identity, other: str | None) -> str:
    return _line(identity.id or other or "")


def _liker(one: Liker, instance: Instance) -> Seen:
    author = author_of(instance.organisation, _name(one))
    return Seen(_actor(one), author, THUMB, by_us=one.account.casefold() == instance.options.get("account", ACCOUNT).casefold())


def members_of(found: Iterable[Liker], instance: Instance) -> tuple[Member, ...]:
    """The people of a space, without the connector's own account."""
    ours = instance.options.get("account", ACCOUNT).casefold()
    people = (one for one in found if (one.id or one.account) and one.account.casefold() != ours)
    return tuple(Member(_actor(one), _name(one)) for one in people)


def _name(one: Liker) -> str:
    return _line(chosen_name(one.fullname or one.profile.name, one.account))


def _actor(one: Liker) -> str:
    return f"identity:{_line(one.id)}" if one.id else f"user:{_line(one.account)}"


def _parent(entry: Entry) -> str | None:
    if entry.is_root:
        return None
    return f"comment:{entry.activity}/{entry.above}" if entry.above else f"activity:{entry.activity}"


def _link(entry: Entry, instance: Instance) -> str:
    site = instance.options.get("site") or SITES.get(instance.options.get("generation", "v1"), SITES["v1"])
    return f"{instance.url}/portal/{site}/activity?id={entry.activity}"


def _line(text: str) -> str:
    """One line of words: control characters would break logs and PostgreSQL's text."""
    return (text if text.isprintable() else _CONTROLS.sub(" ", text)).strip()[:200]


def _where(error: ValidationError) -> str:
    """The fields that could not be read, never their values."""
    return ", ".join(sorted({".".join(str(part) for part in found["loc"]) or "object" for found in error.errors()}))
