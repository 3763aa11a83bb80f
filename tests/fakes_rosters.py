"""An RSE that tells who takes part in its spaces, and the memberships' ledger in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from adapters.members import Members, Row, Standing
from adapters.people import ROSTER_LIMIT, TOO_MANY, Member, Pieced
from adapters.port import Never
from tests.fakes_plain import PlainRse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from adapters.ledger import Ledger
    from adapters.port import Later
    from schemas.facts.message import Author

EVERY = timedelta(minutes=15)


@dataclass
class RosteredRse(PlainRse):
    """Spaces and their people; `asked` is which space was asked about, in order; `departed` whose ghosts left which space."""

    roster_every: timedelta = EVERY
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    instead: list[Later | Never | Exception] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    most: list[int] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None
    departed: list[tuple[str, str]] = field(default_factory=list)
    departures: list[bool | Later | Never] = field(default_factory=list)
    in_pages: bool = False
    """Whether it tells them in several answers, as Discourse and eXo do."""

    async def members(self, space: str, most: int = ROSTER_LIMIT) -> tuple[Member, ...] | Later | Never:
        self.asked.append(space)
        self.most.append(most)
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.instead:
            instead = self.instead.pop(0)
            if isinstance(instead, Exception):
                raise instead
            return instead
        people = [Member(actor, name) for actor, name in self.people.get(space, {}).items()]
        if self.in_pages:
            return Pieced(people) if len(people) <= most else Never(TOO_MANY)
        return tuple(people)

    async def depart(self, member: Author, space: str) -> bool | Later | Never:
        self.departed.append((member.name, space))
        return self.departures.pop(0) if self.departures else True


class MemoryMembers(Members):
    """Memberships in memory."""

    def __init__(self) -> None:
        super().__init__(cast("Ledger", None), "rse")
        self.kept: dict[tuple[str, str], Row] = {}

    async def spaces(self) -> frozenset[str]:
        return frozenset(space for space, _ in self.kept)

    async def of(self, space: str) -> dict[str, Row]:
        return {row.actor: row for (at, _), row in self.kept.items() if at == space}

    async def expect(self, space: str, rows: Sequence[Row]) -> frozenset[str]:
        self.kept |= {(space, row.actor): row for row in rows}
        return frozenset(row.native_id for row in rows)

    async def settle(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if row.state is Standing.LEAVING:
                del self.kept[row.space, row.actor]
            else:
                self.kept[row.space, row.actor] = replace(row, state=Standing.PRESENT)
