"""What a look found, told to admission and then remembered: as much of it as was stored, in its order."""

from __future__ import annotations

import asyncio
import json
from itertools import accumulate
from typing import TYPE_CHECKING

from pydantic_core import PydanticSerializationError, to_json

from adapters.gateway import named
from adapters.sorting import NotStored
from schemas.wire.records import new_correlation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from adapters.news import News
    from adapters.port import Outcome, Polled
    from adapters.sorting import Answer
    from adapters.watch import Watch

    Admit = Callable[[Sequence[Outcome], bytes, str], Awaitable[Answer]]


class NotKeptError(RuntimeError):
    """Neither Kafka nor the spool took what was seen: it stays unread."""


class Teller:
    """Tells the news of one instance's spaces; `room` says how much the spool would take."""

    def __init__(self, client: Polled, watch: Watch, admit: Admit, room: Callable[[], int], clock: Callable[[], datetime]) -> None:
        self._client, self._watch, self._admit, self._room, self._clock = client, watch, admit, room, clock

    async def tell(self, space: str, found: Sequence[News], cursor: str | None) -> None:
        """As many at once as the spool could take, in order; what was stored is remembered, whatever becomes of the rest. Raises NotKeptError."""
        rest, now = found, self._clock()
        while True:  # once where there is nothing but how far was read
            portion = _portion(rest, self._room())
            stored, refused = await self._say(portion)
            rest = rest[stored:]
            await self._watch.keep(space, [news.after for news in portion[:stored]], now, None if rest else cursor)
            if refused is not None:
                raise NotKeptError(refused.reason)
            if not rest:
                return

    async def _say(self, portion: Sequence[News]) -> tuple[int, NotStored | None]:
        """All at once: admission makes one batch of them. How many were stored whole before the first that was not, and why that one was not."""
        told = [(place, one, as_told(news.document)) for place, news in enumerate(portion) for one in _outcomes(news)]
        named_so = [(await named(self._client, one), body) for _, one, body in told]
        stored, refused = leading(await asyncio.gather(*(self._admit((one,), body, new_correlation()) for one, body in named_so)))
        return (len(portion) if refused is None else told[stored][0]), refused


def leading(answers: Sequence[Answer]) -> tuple[int, NotStored | None]:
    """How many were stored before the first that was not, and why that one was not."""
    for place, answer in enumerate(answers):
        if isinstance(answer, NotStored):
            return place, answer
    return len(answers), None


def _outcomes(news: News) -> list[Outcome]:
    return [one for one in (news.outcome, *news.likes) if one is not None]


def _portion(rest: Sequence[News], room: int) -> Sequence[News]:
    """As many as there is room for, one at least: it is told, where there is none."""
    sizes = accumulate(len(_outcomes(news)) for news in rest)
    return rest[: max(1, sum(size <= room for size in sizes))]


def as_told(document: object) -> bytes:
    """What the RSE told of an object, for a dead letter; made for news alone, since most of what a look sees is no news."""
    if document is None:
        return b""
    try:
        return to_json(document)
    except PydanticSerializationError:  # a lone surrogate, or deeper than it goes; slower, Python's own writer takes either
        return json.dumps(document, ensure_ascii=False).encode(errors="replace")
