"""What a connector may know of the people of a space: who takes part, and who of other ministries stands there under her own name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeVar, runtime_checkable

from adapters.port import RseClient
from schemas.facts.message import Author
from schemas.names import one_line, public_name

if TYPE_CHECKING:
    from datetime import timedelta

    from adapters.port import Later, Never

ROSTER_LIMIT: Final = 1_000
"""People of a space: a larger one is no group whose members one names to each other."""
CROWD_LIMIT: Final = 10_000
"""People of a space who are read, to see which of those that were told have gone since it was smaller."""
TOO_MANY: Final = "too_many_members"
NAME_LIMIT: Final = 200  # of a person and of a ministry, as a fact holds them
_UNKNOWN = "Auteur inconnu"
Item = TypeVar("Item")


@lru_cache(maxsize=4_096)
def author_of(organisation: str, name: str = "", kind: Literal["person", "bot", "system"] = "person") -> Author:
    """Who wrote, checked once for all that she writes in a row; raises ValueError as Author does. An empty name is still to be asked for."""
    return Author(name=public_name(name), organisation=organisation, kind=kind)


def signature_of(author: Author | None) -> str:
    """« Prénom Nom (Ministère) », without the invisible characters by which a name could hide or turn round its ministry."""
    if author is None:
        return _UNKNOWN
    return f"{one_line(author.name, NAME_LIMIT) or _UNKNOWN} ({one_line(author.organisation, NAME_LIMIT)})"


def chosen_name(told: str | None, account: str | None) -> str:
    """The name that a person gave herself; empty where it is her account's own, as platforms show who gave none.

    `account` is her user name, or a handle that holds it (`@local:server`, `username:local`). It leaves no ministry: of a Tchap it is her
    address with « - » for « @ ».
    """
    said = (told or "").strip()
    own = {part.removeprefix("@").casefold() for part in (account or "", *(account or "").split(":"))}
    return "" if said.removeprefix("@").casefold() in own else said


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a space, by the same `actor` as in her messages, under the name that the RSE shows."""

    actor: str
    name: str


class Pieced(tuple[Item, ...]):
    """A roster that came in several answers: between two of them somebody may have moved to where was read already, and be in none."""

    __slots__ = ()


@runtime_checkable
class Rostered(RseClient, Protocol):
    """An RSE that tells who takes part in a space (`adapters.rosters`)."""

    roster_every: timedelta
    """How often it is asked where nothing announces a change."""

    async def members(self, space: str, most: int = ROSTER_LIMIT) -> tuple[Member, ...] | Later | Never:
        """All the people of a space, never a part of them, none of our own accounts.

        Never(UNSUPPORTED) where the space has no members: it is open to all, or the platform tells nobody. Never(TOO_MANY) past `most`, where
        more cost more questions.
        """
        ...


@runtime_checkable
class Ghosted(RseClient, Protocol):
    """An RSE in which people of other ministries stand under names of their own."""

    async def depart(self, member: Author, space: str) -> bool | Later | Never:
        """Take a person who takes part no longer out of a space; False where she never was there."""
        ...
