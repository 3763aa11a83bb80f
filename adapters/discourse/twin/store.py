"""What the twin remembers: people, categories, groups, topics, posts and webhooks still to send, in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass
class Person:
    """An account."""

    KIND: ClassVar[str] = "person"
    id: int
    username: str
    name: str = ""
    staff: bool = False


@dataclass
class Category:
    """A category; `read_restricted` when only some groups may read it, `solved` when answers may be accepted there."""

    KIND: ClassVar[str] = "category"
    id: int
    name: str
    read_restricted: bool = False
    solved: bool = True


@dataclass
class Group:
    """A group, and the accounts in it by the time they came."""

    KIND: ClassVar[str] = "group"
    id: int
    name: str
    members: dict[str, str] = field(default_factory=dict)


@dataclass
class Topic:
    """A topic."""

    KIND: ClassVar[str] = "topic"
    id: int
    title: str
    slug: str
    category_id: int
    user_id: int
    created_at: str
    external_id: str | None = None
    deleted_at: str | None = None
    solution: int | None = None
    closed: bool = False
    pinned: bool = False
    recipients: list[str] = field(default_factory=list)

    @property
    def archetype(self) -> str:
        """Private where it is for some people alone."""
        return "private_message" if self.recipients else "regular"


@dataclass
class Post:
    """A post; `past` holds the texts before each edit, `hidden` the revisions that readers no longer see, `likes` the accounts that like it, in order; `alerted` if watchers were told."""

    KIND: ClassVar[str] = "post"
    id: int
    topic_id: int
    number: int
    user_id: int
    raw: str
    cooked: str
    created_at: str
    updated_at: str
    reply_to: int | None = None
    version: int = 1
    deleted_at: str | None = None
    deleted_by: int | None = None
    user_deleted: bool = False
    past: list[str] = field(default_factory=list)
    hidden: list[int] = field(default_factory=list)
    likes: list[int] = field(default_factory=list)
    liked_at: dict[str, str] = field(default_factory=dict)
    alerted: bool = True

    @property
    def standing_likes(self) -> list[int]:
        """Who likes it; nobody while staff's deletion lasts (`PostDestroyer#trash_public_post_actions`)."""
        return [] if self.deleted_at else self.likes


@dataclass
class Parcel:
    """A webhook to deliver: its body is written once, its event id at each attempt; one that was given up stays to be counted."""

    KIND: ClassVar[str] = "parcel"
    id: int
    type: str
    event: str
    body: str
    failures: int = 0
    due: float = 0.0
    given_up: bool = False


@dataclass
class Attempt:
    """A webhook that nobody took: what administrators see of it. A connection that failed has the status -1."""

    KIND: ClassVar[str] = "attempt"
    id: int
    headers: str
    payload: str
    status: int
    created_at: str


Thing = TypeVar("Thing", Person, Category, Group, Topic, Post, Parcel, Attempt)


class Store:
    """Everything in memory, and in the file before an answer leaves."""

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=NORMAL")
        self._file.execute("CREATE TABLE IF NOT EXISTS thing (kind TEXT, id INTEGER, document TEXT, PRIMARY KEY (kind, id))")
        self._file.execute("CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, number INTEGER)")
        self.people = self._load(Person)
        self.categories = self._load(Category)
        self.groups = self._load(Group)
        self.topics = self._load(Topic)
        self.posts = self._load(Post)
        self.parcels = self._load(Parcel)
        self.attempts = self._load(Attempt)
        self._counters: dict[str, int] = dict(self._file.execute("SELECT name, number FROM counter"))
        self._threads: dict[int, list[Post]] = {}
        for post in self.posts.values():
            self._threads.setdefault(post.topic_id, []).append(post)
        self._last = ""
        self._ahead = timedelta()

    def next_id(self, kind: str, first: int) -> int:
        """A number never given before, even to what is gone."""
        number = self._counters.get(kind, first - 1) + 1
        self._counters[kind] = number
        self._file.execute("INSERT OR REPLACE INTO counter (name, number) VALUES (?, ?)", (kind, number))
        return number

    def keep(self, *things: Person | Category | Group | Topic | Post | Parcel | Attempt) -> None:
        """Write several things at once or not at all."""
        with self._file:
            self._file.execute("BEGIN")
            for thing in things:
                row = (thing.KIND, thing.id, json.dumps(asdict(thing)))
                self._file.execute("INSERT OR REPLACE INTO thing (kind, id, document) VALUES (?, ?, ?)", row)

    def forget(self, parcel: Parcel) -> None:
        """A webhook that was delivered."""
        self.parcels.pop(parcel.id, None)
        self._file.execute("DELETE FROM thing WHERE kind = 'parcel' AND id = ?", (parcel.id,))

    def now(self) -> datetime:
        """The time by this forum's clock."""
        return datetime.now(UTC) + self._ahead

    def stamp(self) -> str:
        """Now by this forum's clock, in milliseconds and never twice: two edits within one millisecond stay apart."""
        now = self.now()
        found = _written(now)
        if found <= self._last:
            found = _written(datetime.fromtimestamp(datetime.fromisoformat(self._last).timestamp() + 0.0011, UTC))
        self._last = found
        return found

    def move_clock(self, seconds: float) -> None:
        """Let the forum's clock be ahead of, or behind, the true time from now on."""
        self._ahead, self._last = timedelta(seconds=seconds), ""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def person(self, username: str, name: str | None = None) -> Person:
        """The account of this name, made on first use; `name` renames it."""
        found = next((person for person in self.people.values() if person.username.lower() == username.lower()), None)
        if found is None:
            found = Person(self.next_id("person", 1001), username)
            self.people[found.id] = found
        elif name is None or name == found.name:
            return found
        found.name = found.name if name is None else name
        self.keep(found)
        return found

    def posts_of(self, topic: Topic) -> list[Post]:
        """A topic's posts in their order, deleted ones too."""
        return self._threads.get(topic.id, [])

    def add(self, post: Post) -> None:
        """A new post, at the end of its topic."""
        self.posts[post.id] = post
        self._threads.setdefault(post.topic_id, []).append(post)

    def _load(self, kind: type[Thing]) -> dict[int, Thing]:
        rows = self._file.execute("SELECT document FROM thing WHERE kind = ? ORDER BY id", (kind.KIND,))
        return {thing.id: thing for thing in _read(kind, rows)}


def _read(kind: type[Thing], rows: Iterable[tuple[str]]) -> Iterable[Thing]:
    known = {part.name for part in fields(kind)}
    for (document,) in rows:
        found: dict[str, Any] = json.loads(document)
        yield kind(**{name: value for name, value in found.items() if name in known})


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
