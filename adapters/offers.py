"""What a client may offer beyond the port: a notice in a tied space, a word to one person, what a space held before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from adapters.port import RseClient

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from adapters.port import Change, Later, Never, Nonsense, Unused, Written
    from schemas.facts.message import Content


@dataclass(frozen=True, slots=True)
class Notice:
    """What a tied space tells its readers. `key` is the same for ever for one space and community: the marker in the RSE.

    `native_id` where it was written before; `pinned` while it is to stand at the top.
    """

    space: str
    key: str
    title: str
    content: Content
    pinned: bool
    native_id: str | None = None


@runtime_checkable
class Announces(RseClient, Protocol):
    """An RSE in whose spaces a notice can be kept."""

    async def show(self, notice: Notice) -> Written | Later | Never:
        """Make the notice stand as given, once: changed in place where it stands, found by its key before it is written anew.

        A pin that the platform refuses is no refusal of the notice.
        """
        ...


@dataclass(frozen=True, slots=True)
class Greeting:
    """A private word to the author of a message, once. `key` is the same at each attempt; `again` after one whose answer was not seen."""

    key: str
    native_id: str
    space: str
    title: str
    content: Content
    again: bool


@runtime_checkable
class Greets(RseClient, Protocol):
    """An RSE whose people can be written to in private by a program."""

    async def greet(self, greeting: Greeting) -> Written | Later | Never:
        """Write to her, once however often we are asked."""
        ...


@runtime_checkable
class Ordered(RseClient, Protocol):
    """An RSE that pushes, and has what is said in a space in an order of its own that no clock changes.

    Where its messages bear no `Change.number`, it is asked to `complete` what names the end of then (`Incomplete.behind`).
    """

    @property
    def ahead(self) -> timedelta:
        """How far its clock was ahead of ours at the last answer."""
        ...

    async def end_of(self, space: str) -> str | Later | Never:
        """Where a space ends now, in words that mean something to this RSE alone: its greatest number, where it numbers its messages."""
        ...


@runtime_checkable
class Unlikes(RseClient, Protocol):
    """An RSE whose people take likes back without its webhooks telling it, and which says who likes a message (`adapters.unliked`)."""

    async def standing_likes(self, message: str) -> frozenset[str] | Later | None:
        """The native ids of all likes that stand on a message now; None where it does not show all of them."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """A message that a space holds: its native id, when it was written and by what others refer to it, and nothing of what it says."""

    native_id: str
    created_at: datetime
    locator: str | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """A part of what a space holds; `cursor` is where the rest begins, None where there is none."""

    items: tuple[Held, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Recounted:
    """A message as it stands now, under the marker of its first webhook; and what its readers have set on it."""

    message: Change
    set_on: tuple[Change, ...] = ()


@runtime_checkable
class Recalls(RseClient, Protocol):
    """An RSE that can be asked for what was written in a space before."""

    async def survey(self, space: str, since: datetime, cursor: str | None) -> Survey | Later | Never:
        """Name people's messages since a moment, in any order, a part at a time: neither ours, nor what the platform writes by itself."""
        ...

    async def recount(self, space: str, native_id: str) -> Recounted | Unused | Nonsense | Later:
        """Tell a message as it stands now; what is gone is Unused."""
        ...
