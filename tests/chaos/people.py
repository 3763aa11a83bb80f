"""What the agents of a run wish to do: a pure function of chance, as if nothing ever failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

AGENTS: Final = 2
"""People who write in each RSE."""
SEEN_AFTER: Final = 3.0
"""Seconds after which somebody elsewhere may answer a message."""
MARKED_AFTER: Final = 4.0
"""Seconds after which somebody may react to a message, or accept it: by then it is everywhere, unless something failed."""
RECENT: Final = 30


class Wish(StrEnum):
    """What an agent wants to do."""

    POST = "post"
    REPLY = "reply"
    EDIT = "edit"
    DELETE = "delete"
    RESTORE = "restore"
    REACT = "react"
    UNREACT = "unreact"
    ACCEPT = "accept"
    UNACCEPT = "unaccept"
    ENTER = "enter"
    LEAVE = "leave"


WISHES: Final = {
    Wish.POST: 28, Wish.REPLY: 27, Wish.EDIT: 16, Wish.DELETE: 7, Wish.RESTORE: 4, Wish.REACT: 9, Wish.UNREACT: 3, Wish.ACCEPT: 4,
    Wish.UNACCEPT: 2, Wish.ENTER: 3, Wish.LEAVE: 2,
}  # fmt: skip
ABROAD: Final = {Wish.POST: 5, Wish.REPLY: 5, Wish.EDIT: 3, Wish.DELETE: 2}
FIRST_ABROAD: Final = 900_001
"""The number of the first message from a server of others."""
LONG: Final = 0.06
"""Share of messages that are longer than one write into most RSEs takes."""
SETTLED: Final = 8.0
"""Seconds after a space is tied late from which on people elsewhere write in its community."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What an RSE lets its people do beyond writing, editing, deleting and reacting."""

    restores: bool = False
    takes_back: bool = False
    """A reaction, and the world is told."""
    accepts: bool = False
    """An answer to her own question."""
    joins: bool = False
    """A space whose members are told elsewhere, and leaves it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A community that begins with the past of one space, tied in the middle of the run: until then its people alone write there."""

    community: int
    rse: int
    at: float


@dataclass(frozen=True, slots=True)
class Deed:
    """An agent's wish: `message` is what is written, changed or marked, `parent` what is answered; both are numbers of messages.

    `long`: she writes as much as her RSE takes. Who comes or goes writes nothing.
    """

    at: float
    rse: int
    agent: int
    community: int
    wish: Wish
    message: int
    version: int
    parent: int | None = None
    long: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """What somebody wishes to say from a server of others; `answers` chooses among what she sees then."""

    at: float
    wish: Wish
    message: int
    version: int
    answers: int = 0


def visits(chance: random.Random, seconds: float, rate: float) -> Iterator[Visit]:
    """One person's wishes, `rate` in a second: she changes and deletes what is hers and still there."""
    alive: dict[int, int] = {}
    number = FIRST_ABROAD
    for turn in range(int(seconds * rate)):
        wish = chance.choices(list(ABROAD), list(ABROAD.values()))[0]
        place, message = chance.randrange(1 << 16), chance.choice(list(alive)) if alive else None
        if wish in {Wish.POST, Wish.REPLY} or message is None:
            message, wish = number, wish if wish is Wish.REPLY else Wish.POST
            number, alive[message] = number + 1, 0
        alive[message] += wish is not Wish.DELETE
        yield Visit(turn / rate, wish, message, alive[message], place)
        if wish is Wish.DELETE:
            del alive[message]


@dataclass
class _Message:
    number: int
    rse: int
    agent: int
    community: int
    at: float
    parent: int | None = None
    version: int = 1
    alive: bool = True
    long: bool = False


@dataclass(frozen=True, slots=True)
class _Mark:
    """A reaction, or an accepted answer."""

    rse: int
    agent: int
    community: int
    message: int


@dataclass
class People:
    """What the agents would have written if nothing ever failed."""

    chance: random.Random
    abilities: Sequence[Abilities]
    communities: int
    arrival: Arrival | None = None
    messages: list[_Message] = field(default_factory=list)
    reactions: list[_Mark] = field(default_factory=list)
    answers: list[_Mark] = field(default_factory=list)
    reacted: set[tuple[int, int, int]] = field(default_factory=set)

    def deed(self, at: float) -> Deed:
        """One wish; who can have it wishes to write where there is nothing to change."""
        rse = self.chance.randrange(len(self.abilities))
        agent, community = self.chance.randrange(AGENTS), self._community(at, rse)
        wish = self.chance.choices(list(WISHES), list(WISHES.values()))[0]
        if wish in {Wish.ENTER, Wish.LEAVE} and self.abilities[rse].joins:
            return Deed(at, rse, AGENTS, self.chance.randrange(self.communities), wish, 0, 0)
        return self._changed(at, rse, wish) or self._marked(at, rse, agent, wish) or self.written(at, rse, agent, community, wish)

    def _community(self, at: float, rse: int) -> int:
        """Where somebody may write now."""
        closed = self.arrival is not None and at < self.arrival.at + SETTLED and rse != self.arrival.rse
        open_ = [one for one in range(self.communities) if not closed or self.arrival is None or one != self.arrival.community]
        return self.chance.choice(open_)

    def _markable(self, message: _Message, at: float) -> bool:
        """What is set on a message before its space is tied is told to nobody."""
        late = self.arrival is not None and message.community == self.arrival.community
        return (
            not (late and self.arrival is not None and at < self.arrival.at + SETTLED) and message.alive and message.at < at - MARKED_AFTER
        )

    def written(self, at: float, rse: int, agent: int, community: int, wish: Wish) -> Deed:
        """A new message, which answers another where that is wished."""
        answered = self._one(lambda message: message.community == community and message.alive and message.at < at - SEEN_AFTER)
        parent = answered.number if answered is not None and wish is Wish.REPLY else None
        message = _Message(len(self.messages) + 1, rse, agent, community, at, parent, long=self.chance.random() < LONG)
        self.messages.append(message)
        return Deed(at, rse, agent, community, Wish.POST if parent is None else Wish.REPLY, message.number, 1, parent, message.long)

    def _changed(self, at: float, rse: int, wish: Wish) -> Deed | None:
        """An own message changed; None where that is not the wish, or where nobody there has anything to change."""
        match wish:
            case Wish.EDIT | Wish.DELETE:
                found = self._one(lambda message: message.rse == rse and message.alive)
            case Wish.RESTORE if self.abilities[rse].restores:
                found = self._one(lambda message: message.rse == rse and not message.alive)
            case _:
                found = None
        if found is None:
            return None
        found.version += wish is Wish.EDIT
        found.alive = wish is not Wish.DELETE
        return Deed(
            at,
            rse,
            found.agent,
            found.community,
            wish,
            found.number,
            found.version,
            long=wish is Wish.EDIT and found.long and found.version % 2 == 1,
        )

    def _marked(self, at: float, rse: int, agent: int, wish: Wish) -> Deed | None:
        """Something set on a message, or taken off it again."""
        match wish:
            case Wish.REACT:
                mark = self._reaction(at, rse, agent)
            case Wish.UNREACT if self.abilities[rse].takes_back:
                mark = self._taken(self.reactions, rse)
            case Wish.ACCEPT if self.abilities[rse].accepts:
                mark = self._answer(at, rse)
            case Wish.UNACCEPT if self.abilities[rse].accepts:
                mark = self._taken(self.answers, rse)
            case _:
                mark = None
        return None if mark is None else Deed(at, rse, mark.agent, mark.community, wish, mark.message, 0)

    def _reaction(self, at: float, rse: int, agent: int) -> _Mark | None:
        """On what somebody else wrote, and once."""
        found = self._one(
            lambda message: (
                self._markable(message, at)
                and (message.rse, message.agent) != (rse, agent)
                and (message.number, rse, agent) not in self.reacted
            )
        )
        if found is None:
            return None
        self.reacted.add((found.number, rse, agent))
        mark = _Mark(rse, agent, found.community, found.number)
        self.reactions.append(mark)
        return mark

    def _answer(self, at: float, rse: int) -> _Mark | None:
        """An answer to a question of one's own."""
        found = self._one(lambda message: message.parent is not None and self._markable(message, at) and self._root(message).rse == rse)
        if found is None:
            return None
        mark = _Mark(rse, self._root(found).agent, found.community, found.number)
        self.answers.append(mark)
        return mark

    def _root(self, message: _Message) -> _Message:
        while message.parent is not None:
            message = self.messages[message.parent - 1]
        return message

    def _taken(self, marks: list[_Mark], rse: int) -> _Mark | None:
        found = [mark for mark in marks if mark.rse == rse][-RECENT:]
        if not found:
            return None
        mark = self.chance.choice(found)
        marks.remove(mark)
        return mark

    def _one(self, fits: Callable[[_Message], bool]) -> _Message | None:
        found = list(islice((message for message in reversed(self.messages) if fits(message)), RECENT))
        return self.chance.choice(found) if found else None
