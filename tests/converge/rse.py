"""An RSE of a story: its twin, people who act in it, its webhooks in the test's hand, and what its readers see."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapters.platforms import Platform
    from adapters.settings import Instance
    from tests.converge.window import Window

GONE: Final = "retiré par la modération"
"""What stands, for all to read, where a moderator took away what others had answered."""
WORD: Final = re.compile(r"parole(\d{5})v(\d{3})")
SENTENCE: Final = re.compile(r"suite(\d{5})v(\d{3})s(\d{3})")


@dataclass(frozen=True)
class Shown:
    """A message as readers see it: its number and version by the word in it, and what it answers by native id.

    `liked` holds who likes it or who set which emoji; `accepted` says that it is marked as its question's answer. `quotes` is the number
    and the version of what its first words repeat, zeros where they say that it is gone. `sentences` are those behind its first one, by
    message, version and their own number; one that is `orphan` holds nothing else: the message that it continues is gone.
    """

    native_id: str
    number: int
    version: int
    parent: str | None
    liked: frozenset[str] = frozenset()
    accepted: bool = False
    quotes: tuple[int, int] | None = None
    sentences: tuple[tuple[int, int, int], ...] = ()
    orphan: bool = False


class Impossible(Exception):
    """This RSE does not let its people do that: nothing happened."""


class Original(StrEnum):
    """What becomes here of people's own message that a moderator's word takes away."""

    KEPT = "kept"
    RETURNS = "gone until it is brought back"
    LOST = "gone for ever"


class Rse(ABC):
    """One RSE that lives through many stories, with a space of its own for each."""

    node: ClassVar[str]
    platform: ClassVar[Platform]
    longest: ClassVar[tuple[int, int]]
    """How many sentences its people write at most, in a message and in its edit: more than one write into most RSEs takes."""
    levels: ClassVar[int | None] = None
    """How deep an answer stands at most; None: as deep as there are answers."""
    fixed: ClassVar[bool] = False
    """Whether a copy stays as it was first written."""
    sweeps: ClassVar[bool] = False
    """Whether a deletion by its connector takes along all that stands below."""
    space: str
    instance: Instance
    original: Original
    moderator: str = ""
    """Who moderates there, as her connector names her; empty where she is known by her name among the members, or by nobody."""

    @abstractmethod
    async def open_space(self, number: int, *, hands: bool) -> None:
        """Make a space where nothing has been said; `space` and `instance` name it. `hands`: as `Law` says, where it may be so or not."""

    # --- what people do there; each raises Impossible ------------------------------------------------------------------

    @abstractmethod
    async def post(self, text: str) -> str:
        """Write a message; its native id."""

    @abstractmethod
    async def reply(self, answered: str, text: str) -> str:
        """Answer a message; the answer's native id."""

    @abstractmethod
    async def edit(self, native_id: str, text: str) -> None:
        """Its author changes it; of a copy, a moderator."""

    @abstractmethod
    async def delete(self, native_id: str) -> None:
        """Its author takes it away."""

    @abstractmethod
    async def moderate(self, native_id: str) -> None:
        """A moderator of this RSE takes it away."""

    async def meddle(self, native_id: str) -> None:
        """Somebody sends an edit of what another wrote, which nobody is shown."""
        raise Impossible(native_id)

    async def recover(self, native_id: str) -> None:
        """Who took it away brings it back."""
        raise Impossible(native_id)

    def taken_away(self) -> list[str]:
        """What people took away and may bring back."""
        return []

    @abstractmethod
    async def react(self, native_id: str) -> None:
        """Somebody who did not write it likes it."""

    @abstractmethod
    async def unreact(self, native_id: str) -> None:
        """She likes it no more."""

    async def accept(self, native_id: str) -> None:
        """Who asked marks it as the answer."""
        raise Impossible(native_id)

    async def unaccept(self, native_id: str) -> None:
        """She marks it no more."""
        raise Impossible(native_id)

    @abstractmethod
    async def enter(self) -> None:
        """Somebody who never writes becomes a member."""

    @abstractmethod
    async def leave(self) -> None:
        """She is no member any more."""

    # --- what comes of it ---------------------------------------------------------------------------------------------

    @abstractmethod
    def shown(self) -> list[Shown]:
        """All that the space shows its readers, in the order of its making."""

    @abstractmethod
    def members(self) -> list[str]:
        """The names of those who take part, none of ours among them, sorted."""

    @abstractmethod
    def waiting(self) -> int:
        """How many webhooks may be delivered now."""

    @abstractmethod
    async def deliver(self, which: int, window: Window, *, again: bool) -> None:
        """Bring one webhook to the connector; `again`: its answer is lost, and it will come once more."""

    @abstractmethod
    async def lose_answer(self) -> None:
        """Carry out the connector's next write and hang up."""

    @abstractmethod
    async def heal(self) -> None:
        """Answer again."""

    @abstractmethod
    async def close(self) -> None:
        """End the twin."""

    def options(self) -> Mapping[str, str]:
        """What its instance says beside the usual."""
        return {}


def text_of(number: int, version: int, sentences: int = 0) -> str:
    """What a person writes: a word by which the message and its version are known everywhere, and so many sentences more."""
    more = (f" Et voici suite{number:05}v{version:03}s{one:03}, une phrase de plus pour un message très long." for one in range(sentences))
    return f"Bonjour, voici parole{number:05}v{version:03} pour tout le monde.{''.join(more)}"


def sentences_of(text: str) -> tuple[tuple[int, int, int], ...]:
    """The sentences behind a first one that a text holds: the message's number, its version, their own number."""
    return tuple((int(one[1]), int(one[2]), int(one[3])) for one in SENTENCE.finditer(text))


def whole(seen: Iterable[Shown]) -> list[Shown]:
    """Messages with the sentences of their later parts, which hold no word of their own."""
    found: list[Shown] = []
    for one in seen:
        about = one.sentences[0][0] if one.number <= 0 and one.sentences else None
        place = next((place for place, other in enumerate(found) if other.number == about), None)
        if about is None:
            found.append(one)
        elif place is None:
            found.append(replace(one, number=about, orphan=True))
        else:
            found[place] = replace(found[place], sentences=found[place].sentences + one.sentences)
    return found


def word_of(text: str) -> tuple[int, int] | None:
    """The number and the version of the message whose word this text holds."""
    found = WORD.search(text)
    return (int(found[1]), int(found[2])) if found else None
