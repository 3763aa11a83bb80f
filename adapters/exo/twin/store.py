"""What the twin remembers: people, spaces, activities and their comments, in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Person:
    """An account; `id` is its identity."""

    KIND: ClassVar[str] = "person"
    id: str
    username: str
    name: str = ""
    manager: bool = False


@dataclass
class Space:
    """A space; `identity` owns its stream, `outsiders` were put out of it."""

    KIND: ClassVar[str] = "space"
    id: str
    pretty: str
    name: str
    identity: str
    closed: bool = False
    outsiders: list[str] = field(default_factory=list)


@dataclass
class Item:
    """An activity, or a comment under one (`root`), perhaps under another comment (`above`); times in milliseconds."""

    KIND: ClassVar[str] = "item"
    id: str
    space: str
    poster: str
    title: str
    created: int
    updated: int
    type: str = "DEFAULT_ACTIVITY"
    root: str | None = None
    above: str | None = None
    likes: list[str] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    pinned: bool = False


Thing = TypeVar("Thing", Person, Space, Item)


class Store:
    """Everything in memory, and in the file before an answer leaves."""

    def __init__(self, path: Path) -> None:
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=NORMAL")
        self._file.execute("CREATE TABLE IF NOT EXISTS thing (kind TEXT, id TEXT, document TEXT, PRIMARY KEY (kind, id))")
        self._file.execute("CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, number INTEGER)")
        self.people = self._load(Person)
        self.spaces = self._load(Space)
        self.items = self._load(Item)
        self._counters: dict[str, int] = dict(self._file.execute("SELECT name, number FROM counter"))
        self._last, self._ahead = 0, 0

    def next_number(self, kind: str, first: int) -> int:
        """A number never given before, even to what is gone."""
        number = self._counters.get(kind, first - 1) + 1
        self._counters[kind] = number
        self._file.execute("INSERT OR REPLACE INTO counter (name, number) VALUES (?, ?)", (kind, number))
        return number

    def keep(self, *things: Person | Space | Item) -> None:
        """Write several things at once or not at all."""
        with self._file:
            self._file.execute("BEGIN")
            for thing in things:
                row = (thing.KIND, thing.id, json.dumps(asdict(thing)))
                self._file.execute("INSERT OR REPLACE INTO thing (kind, id, document) VALUES (?, ?, ?)", row)

    def drop(self, *items: Item) -> None:
        """Delete for good: eXo has no way back."""
        with self._file:
            self._file.execute("BEGIN")
            for item in items:
                self.items.pop(item.id, None)
                self._file.execute("DELETE FROM thing WHERE kind = 'item' AND id = ?", (item.id,))

    def stamp(self) -> int:
        """Now by this eXo's clock, in milliseconds and never twice."""
        self._last = max(int(time.time() * 1000) + self._ahead, self._last + 1)
        return self._last

    def now(self) -> float:
        """The time by this eXo's clock, in seconds."""
        return time.time() + self._ahead / 1000

    def move_clock(self, seconds: float) -> None:
        """Let its clock be ahead of, or behind, the true time from now on."""
        self._last, self._ahead = 0, int(seconds * 1000)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def person(self, username: str, name: str | None = None) -> Person:
        """The account of this name, made on first use; `name` renames it."""
        found = next((one for one in self.people.values() if one.username == username), None)
        if found is None:
            found = Person(str(self.next_number("identity", 7)), username)
            self.people[found.id] = found
        elif name is None or name == found.name:
            return found
        found.name = found.name if name is None else name
        self.keep(found)
        return found

    def stream(self, space: str) -> list[Item]:
        """A space's activities, the last touched first."""
        roots = [item for item in self.items.values() if item.space == space and item.root is None]
        return sorted(roots, key=lambda item: item.updated, reverse=True)

    def comments(self, root: str) -> list[Item]:
        """An activity's comments and the replies to them, oldest first."""
        return sorted((item for item in self.items.values() if item.root == root), key=lambda item: item.created)

    def _load(self, kind: type[Thing]) -> dict[str, Thing]:
        known = {part.name for part in fields(kind)}
        rows = self._file.execute("SELECT document FROM thing WHERE kind = ?", (kind.KIND,))
        found: list[dict[str, Any]] = [json.loads(document) for (document,) in rows]
        return {one["id"]: kind(**{name: value for name, value in one.items() if name in known}) for one in found}
