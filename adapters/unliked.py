"""Likes that people took back where no webhook tells it: of a few liked messages in each round, in turn, the RSE is asked who likes them still."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from adapters.news import NOBODY
from adapters.port import Act, Change, Incomplete, Later
from adapters.rounds import outlived
from adapters.set_back import of_one
from adapters.sorting import NotStored
from adapters.ties import EVER
from schemas.wire.records import new_correlation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from adapters.lately import Lately
    from adapters.memory import KnownObject
    from adapters.offers import Unlikes
    from adapters.telling import Admit
    from adapters.ties import Ties
    from adapters.told_likes import ToldLikes

ROUND_SECONDS: Final = 120.0
AGAIN_SECONDS: Final = 20.0
AT_ONCE: Final = 12  # messages in a round, each two questions: a fifth of sixty questions a minute
LATELY_AT_ONCE: Final = 10  # of them; the others have their turn whatever is liked meanwhile
NEWEST: Final = 120
TURN: Final = timedelta(minutes=30)
ASKING_SECONDS: Final = 30.0


@dataclass(slots=True)
class Unliked:
    """Asks one instance. `asking` is held from a question until what it comes to is admitted: no older answer comes behind a newer one."""

    name: str
    client: Unlikes
    told: ToldLikes
    ties: Ties
    lately: Lately
    admit: Admit
    asking: asyncio.Lock
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    limits: Mapping[str, float] = field(default_factory=dict)
    _missed: dict[str, frozenset[KnownObject]] = field(default_factory=dict)
    _turn: deque[str] = field(default_factory=deque)
    _begun: datetime = EVER

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            await self.sleep(await outlived("unliked", self.name, self.round, ROUND_SECONDS))

    async def round(self) -> float:
        """Ask about a few messages, or again about those where a like was missed; where the RSE as a whole does not answer the round ends.

        What is missed once may be on its way back, with a post that is just being recovered.
        """
        missed, self._missed = self._missed, {}
        for message in [*missed] or await self._chosen(self.clock()):
            refused = await self._ask(message, missed.get(message))
            if refused is not None and not of_one(refused):
                break
        return AGAIN_SECONDS if self._missed else ROUND_SECONDS

    async def _chosen(self, now: datetime) -> list[str]:
        most = max(1, min(AT_ONCE, int(self.limits.get("api", 60.0) * AT_ONCE / 60)))
        chosen = self.lately.some(now, max(1, most * LATELY_AT_ONCE // AT_ONCE))
        if not self._turn and now - self._begun >= TURN:
            self._begun = now
            self._turn.extend(await self.told.liked([tie.space for tie in self.ties.looked_at()], NEWEST))
        while self._turn and len(chosen) < most:
            chosen.append(self._turn.popleft())
        return list(dict.fromkeys(chosen))

    async def _ask(self, message: str, missed: frozenset[KnownObject] | None) -> Later | None:
        async with self.asking:
            told = await self.told.likes(message)  # before the RSE is asked: of what is told meanwhile its answer may know nothing
            if not told:
                return None
            try:
                async with asyncio.timeout(ASKING_SECONDS):
                    shown = await self.client.standing_likes(message)
            except TimeoutError:
                return Later("timeout")
            if isinstance(shown, Later) or shown is None:
                return shown
            gone = frozenset(one for one in told if not one.deleted and one.native_id not in shown)
            if missed is None and gone:
                self._missed[message] = gone
            ended = taken_back(gone & (missed or frozenset()), self.clock())
            return await self._tell(message, [*ended, *set_anew(told, shown)])

    async def _tell(self, message: str, found: Sequence[Change | Incomplete]) -> Later | None:
        """What was found of a message; it is asked about again soon, since a webhook that came meanwhile was taken for one that comes twice."""
        if found:
            self.lately.note(message, self.clock())
        for one in found:
            answer = await self.admit([one], one.native_id.encode(), new_correlation())
            if isinstance(answer, NotStored):
                return Later(answer.reason, 0.0)
        return None


def taken_back(gone: Iterable[KnownObject], now: datetime) -> list[Change]:
    """The end of each of these likes; who took it back is nobody that the RSE names."""
    return [
        Change(
            Act.UNREACTED, one.native_id, str(one.changes), "unreacted", one.space, NOBODY, now,
            parent=one.about, recurs=True,
        )
        for one in sorted(gone, key=lambda one: one.native_id)
    ]  # fmt: skip


def set_anew(told: Iterable[KnownObject], shown: frozenset[str]) -> list[Incomplete]:
    """The likes that stand again, as far as others were told: the RSE is asked for each."""
    return [Incomplete(one.native_id, Act.REACTED) for one in told if one.deleted and one.native_id in shown]
