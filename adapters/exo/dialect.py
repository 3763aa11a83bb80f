"""What both generations of eXo's API can do, each in its own words."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from adapters.exo.reading import Entry
from adapters.port import Later, Never, Nonsense, Same

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from adapters.exo.http import Answer, Api
    from adapters.exo.payload import Liker
    from adapters.port import SpaceReport

Found = Entry | Nonsense
HEAD = 4  # pages that a window holds at most
Known = Entry | Nonsense | Later | Never | None
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Page:
    """Entries in the order of their creation. `cursor` is where to go on, `mark` changes with the bytes.

    `head` is the first pages of the stream, as they would be asked for a window.
    """

    entries: tuple[Found, ...] = ()
    cursor: str | None = None
    mark: str = ""
    head: tuple[Answer, ...] = ()


class Dialect(Protocol):
    """One generation. What is asked may be refused (Never) or not answered now (Later)."""

    edits: bool
    """Whether an activity can be changed after it was posted."""
    likes_comments: bool
    """Whether a comment has an address at which it can be liked."""

    levels: int
    """How deep comments stand under one another."""

    async def newer(self, space: str, cursor: str | None) -> Page | Later | Never:
        """All activities that came after a cursor."""
        ...

    async def window(
        self, space: str, since: datetime, most: int, unless: str, head: tuple[Answer, ...] = ()
    ) -> Page | Same | Later | Never:
        """The activities touched last; none of them older than `since`, which is a time of ours. Pages of the `head` are not asked again."""
        ...

    async def deeper(self, space: str, place: str, unless: str) -> Page | Same | Later | Never:
        """A page beyond the window, from where that ended or the page before this one."""
        ...

    async def page(self, space: str, place: str | None) -> Page | Later | Never:
        """The same page by one question alone, the first of the stream without a place."""
        ...

    async def comments(self, activity: str, unless: str) -> Page | Same | Later | Never:
        """All comments of an activity, and the replies to them."""
        ...

    async def activity(self, activity: str) -> Known:
        """One activity; None for a 404 and for nothing else."""
        ...

    async def comment(self, activity: str, comment: str) -> Known:
        """One comment; None where it is gone and where nothing else can explain that it is not there."""
        ...

    async def readable(self, space: str) -> bool | Later:
        """Whether the space's stream is shown to us."""
        ...

    async def post(self, space: str, html: str) -> str | Later | Never:
        """Post an activity; its id."""
        ...

    async def add_comment(self, activity: str, above: str | None, html: str) -> str | Later | Never:
        """Comment an activity, or answer a comment where that can be told; the comment's id."""
        ...

    async def change(self, entry: Entry, html: str) -> Later | Never | None:
        """Change what stands there."""
        ...

    async def remove(self, entry: Entry) -> Later | Never | None:
        """Take it away."""
        ...

    async def pin(self, activity: str, *, pinned: bool) -> Later | None:
        """Set an activity at the head of its space, or no longer, where this generation and the account's role let us."""
        ...

    async def with_likers(self, page: Page) -> Page | Later:
        """The page with all who like what stands on it."""
        ...

    async def like(self, entry: Entry) -> Later | Never | None:
        """Like it under our own account."""
        ...

    async def unlike(self, entry: Entry) -> Later | Never | None:
        """Like it no longer."""
        ...

    async def person(self, identity: str) -> str | None:
        """The display name of an identity."""
        ...

    async def space(self, space: str) -> SpaceReport | Later | Never:
        """What a space is called and who can read it."""
        ...

    async def members(self, space: str, most: int) -> tuple[Liker, ...] | Later | Never:
        """All members of a space, never a part of them; Never(TOO_MANY) past `most`."""
        ...

    async def space_of(self, entry: Entry, spaces: Iterable[str]) -> str | Later | None:
        """Which of these spaces an activity stands in."""
        ...


def mark_of(answers: Iterable[bytes]) -> str:
    """A mark of bytes."""
    digest = hashlib.sha256()
    for body in answers:
        digest.update(body)
    return digest.hexdigest()[:32]


def in_order(entries: Iterable[Found]) -> tuple[Found, ...]:
    """Each once, oldest first: a page may show again what a new one pushed down."""
    unreadable, known = [], dict[str, Entry]()
    for entry in entries:
        if isinstance(entry, Entry):
            known[entry.native_id] = entry
        else:
            unreadable.append(entry)
    return (*unreadable, *sorted(known.values(), key=lambda entry: entry.created))


def listed(document: dict[str, Any], name: str) -> list[Any]:
    """A list in an answer, or nothing."""
    found = document.get(name)
    return found if isinstance(found, list) else []


def read(kind: type[Model], document: object) -> Model | None:
    """A part of an answer, or None where it has not that shape."""
    try:
        return kind.model_validate(document)
    except ValidationError:
        return None


async def settled(api: Api, answer: Answer | Later) -> Later | Never | None:
    """None for what was done; what was not, by its reason."""
    if isinstance(answer, Later):
        return answer
    return None if answer.done else await api.refused(answer)


async def made(api: Api, answer: Answer | Later) -> str | Later | Never:
    """The id of what was made."""
    refused = await settled(api, answer)
    if refused is not None:
        return refused
    found = answer.document.get("id") if not isinstance(answer, Later) else None
    return str(found) if isinstance(found, str | int) and found else Later("answer_unreadable")


def quoted(options: Sequence[tuple[str, object]]) -> list[tuple[str, str]]:
    """A query."""
    return [(name, str(value)) for name, value in options]
