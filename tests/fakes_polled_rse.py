"""A platform in memory that must be asked: roots and replies with their texts, and what it answers when it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters.port import Act, Change, Later, Never, Reading, Same, Sighting
from schemas.facts.message import Author, Content
from tests.fakes_plain import PlainRse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


PAGE = 10


@dataclass
class Said:
    """A message; `under` is the root that it stands under."""

    name: str
    text: str
    at: datetime
    under: str | None = None


@dataclass
class PolledRse(PlainRse):
    """Answers questions; `asked` lists them, `refusing` holds what it answers instead, by question."""

    said: dict[str, Said] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refusing: dict[str, Later | Never] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    """Left out of every page though they are there."""
    reads: Callable[[str], object] = str
    """Is told of each whose words are taken out of what was shown."""
    numbered: bool = False
    """Whether it tells the numbers of its messages, in the order in which they were said."""

    def say(self, name: str, text: str, *, under: str | None = None, ago: timedelta = timedelta(0)) -> None:
        self.said[name] = Said(name, text, datetime.now(UTC) - ago, under)

    async def newer(self, space: str, cursor: str | None) -> Reading | Later | Never:
        if refused := self._ask("newer"):
            return refused
        roots = [one for one in self._shown(space) if one.under is None and (cursor is None or one.at.isoformat() > cursor)]
        latest = max((one.at.isoformat() for one in roots), default=cursor)
        return Reading(tuple(map(self._seen, roots)), latest)

    async def window(
        self, space: str, since: datetime, most: int, unless: str, head: tuple[object, ...] = ()
    ) -> Reading | Same | Later | Never:
        del head
        if refused := self._ask("window"):
            return refused
        every = [one for one in self._shown(space) if one.under is None]
        roots = [one for one in every if one.at >= since][-most:]
        beyond = len(every) - len(roots)
        mark = repr([(one.name, one.text, self._under(one)) for one in roots])
        return Same() if mark == unless else Reading(tuple(map(self._seen, roots)), str(beyond) if beyond else None, mark)

    async def deeper(self, space: str, place: str, unless: str) -> Reading | Same | Later | Never:
        """Pages of ten; `place` is how many are older."""
        if refused := self._ask(f"deeper {place}"):
            return refused
        until = min(int(place), sum(one.under is None for one in self._shown(space)))
        roots = [one for one in self._shown(space) if one.under is None][max(until - PAGE, 0) : until]
        mark = repr([(one.name, one.text, self._under(one)) for one in roots])
        return Same() if mark == unless else Reading(tuple(map(self._seen, roots)), str(until - PAGE) if until > PAGE else None, mark)

    async def replies(self, space: str, root: str, unless: str) -> Reading | Same | Later | Never:
        if refused := self._ask(f"replies {root}"):
            return refused
        under = [one for one in self._shown(space) if one.under == root]
        mark = repr([(one.name, one.text) for one in under])
        return Same() if mark == unless else Reading(tuple(map(self._seen, under)), None, mark)

    async def gone(self, space: str, native_id: str) -> bool | Later:
        del space
        refused = self._ask(f"gone {native_id}")
        if isinstance(refused, Later):
            return refused
        return native_id not in self.said

    def _ask(self, question: str) -> Later | Never | None:
        self.asked.append(question)
        return self.refusing.get(question)

    def _shown(self, space: str) -> Iterable[Said]:
        del space
        return [one for one in self.said.values() if one.name not in self.hidden]

    def _under(self, root: Said) -> int:
        return sum(one.under == root.name for one in self.said.values())

    def _seen(self, one: Said) -> Sighting:
        text = one.text

        def tell() -> Change:
            self.reads(one.name)
            return Change(
                Act.POSTED, one.name, f"d{text}", f"posted:{one.at.isoformat()}", "salon", "u1", one.at,
                Author(name="Ada", organisation="Finances"), Content(html=text, text=text), parent=one.under,
            )  # fmt: skip

        replies = str(self._under(one)) if one.under is None and self._under(one) else ""
        holds = frozenset[str]() if one.under is None and not replies else None
        number = [*self.said].index(one.name) + 1 if self.numbered else None
        return Sighting(one.name, tell, f"d{one.text}", one.at, one.under, replies, holds, number=number)
