"""What the agents did, as far as their own RSE told them: the truth that the oracle starts from."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.chaos.people import Wish

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class State:
    """How a message stands: its text's version, and whether people see it; version 0 was never written."""

    version: int
    alive: bool


NEVER = State(0, alive=False)


@dataclass
class Entry:
    """One message. An act whose answer was lost may have been done or not: `may_be` holds every state that is then possible."""

    rse: str
    community: str
    native_id: str | None = None
    parent: int | None = None
    may_be: frozenset[State] = frozenset({NEVER})
    lengths: dict[int, int] = field(default_factory=dict)
    """Version → how many sentences it has behind its first one."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def seen(self) -> bool:
        """Whether its people may see it still."""
        return any(state.alive for state in self.may_be)

    def done(self, wish: Wish, version: int) -> None:
        """The RSE said yes."""
        self.may_be = self._after(wish, version)

    def unsure(self, wish: Wish, version: int) -> None:
        """The RSE said nothing."""
        self.may_be |= self._after(wish, version)

    def _after(self, wish: Wish, version: int) -> frozenset[State]:
        match wish:
            case Wish.POST | Wish.REPLY:
                return frozenset({State(version, alive=True)})
            case Wish.EDIT:  # which brings nothing back, and proves that it was written
                return frozenset(State(version, alive=state.alive or state == NEVER) for state in self.may_be)
            case Wish.DELETE:
                return frozenset(State(state.version, alive=False) for state in self.may_be)
            case Wish.RESTORE:
                return frozenset(State(state.version, alive=state.version > 0) for state in self.may_be)
            case Wish.REACT | Wish.UNREACT | Wish.ACCEPT | Wish.UNACCEPT | Wish.ENTER | Wish.LEAVE:
                return self.may_be  # what is set on a message changes nothing of it


@dataclass
class Reaction:
    """One person's reaction to one message: standing or not, as far as her RSE told her; `handle` is what takes it back."""

    may_be: frozenset[bool] = frozenset({False})
    handle: str | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def done(self, wish: Wish, message: int) -> None:
        """The RSE said yes."""
        del message
        self.may_be = frozenset({wish is Wish.REACT})

    def unsure(self, wish: Wish, message: int) -> None:
        """The RSE said nothing."""
        del message
        self.may_be |= {wish is Wish.REACT}


@dataclass
class Answer:
    """Which message is the accepted answer to one question, as far as its RSE told; `ever` holds all that were marked."""

    rse: str
    may_be: frozenset[int | None] = frozenset({None})
    ever: set[int] = field(default_factory=set)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def done(self, wish: Wish, message: int) -> None:
        """The RSE said yes."""
        self.may_be = frozenset({message if wish is Wish.ACCEPT else None})
        self.ever.add(message)

    def unsure(self, wish: Wish, message: int) -> None:
        """The RSE said nothing."""
        self.may_be |= {message if wish is Wish.ACCEPT else None}
        self.ever.add(message)


@dataclass
class Coming:
    """Whether somebody is a member: what her RSE says in the end is the truth."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def done(self, wish: Wish, message: int) -> None:
        """The RSE said yes."""

    def unsure(self, wish: Wish, message: int) -> None:
        """The RSE said nothing."""


class Book:
    """All messages by their number, what was set on them, and how the deeds went."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.reactions: dict[tuple[int, str, int], Reaction] = {}
        """By the message's number, the RSE of who reacts, and her own number."""
        self.answers: dict[int, Answer] = {}
        """By the question's number."""
        self.comings: dict[tuple[int, int], Coming] = {}
        """By RSE and community."""
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.unsure: Counter[str] = Counter()
        self.idle: Counter[str] = Counter()
        """Deeds that had lost their object: its writing had been refused before."""

    def entry(self, message: int, rse: str, community: str) -> Entry:
        """A message, by its number."""
        return self.entries.setdefault(message, Entry(rse, community))

    def root(self, number: int) -> int:
        """The message that opened the thread."""
        while (parent := self.entries[number].parent) is not None:
            number = parent
        return number

    @property
    def count(self) -> int:
        """Deeds that were tried."""
        return sum(counter.total() for counter in (self.done, self.refused, self.unsure, self.idle))

    def by_native(self) -> Mapping[tuple[str, str], int]:
        """(RSE, native id) → the message's number."""
        return {(entry.rse, entry.native_id): number for number, entry in self.entries.items() if entry.native_id is not None}
