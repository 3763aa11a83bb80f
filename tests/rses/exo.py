"""Both generations of eXo as the conformance suite plays them."""

from __future__ import annotations

import html
import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from adapters.exo import ExoClient
from tests import fakes_exo
from tests.fakes_exo_twin import Portal, portal
from tests.fakes_matrix_twin import LASTING
from tests.rses.rse import Reacted, Rse, Sample, Shown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from typing import Self

    from adapters.port import RseClient


class ExoRse(Rse):
    """An eXo that is asked by REST v1: activities, comments, answers to comments."""

    name = "exo"
    generation: ClassVar[str] = fakes_exo.V1
    configured = fakes_exo.exo_instance()
    sample = Sample(json.dumps(fakes_exo.activity()).encode(), None, "activity:42")
    nowhere = "activity:999999"
    unknown_space = "99"
    people = ("Camille Roux", "Léo Petit")

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self.instance, self.client, self.sink = portal.instance, portal.client, portal.sink
        self.space, self.restricted_space = fakes_exo.SPACES[self.generation]
        self.open_space = self.space
        self.members_space = self.restricted_space

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Self]:
        async with portal(folder, cls.generation) as found:
            rse = cls(found)
            for username in ("leo", "animatrice"):
                await found.member(is_one=False, space="13", username=username)
            async with found.sink.looking(found.client, rse.space):
                yield rse

    async def post(self, text: str) -> str:
        return await self._portal.post(text)

    async def reply(self, answered: str, text: str) -> str:
        return await self._portal.comment(answered, text)

    async def edit(self, native_id: str, text: str) -> None:
        await self._portal.edit(native_id, text)

    async def delete(self, native_id: str) -> None:
        await self._portal.delete(native_id)

    async def shown(self) -> list[Shown]:
        return [self._seen(item) for item in await self._portal.items() if item["space"] == fakes_exo.SPACES[fakes_exo.V1][0]]

    async def traces(self) -> str:
        return "\n".join(item["title"] for item in await self._portal.items())

    heart = "👍"

    async def react(self, native_id: str) -> str:
        await self._portal.like(native_id, "POST")
        return native_id

    async def unreact(self, reaction: str) -> None:
        await self._portal.like(reaction, "DELETE")

    async def reactions(self) -> list[Reacted]:
        items = await self._portal.items()
        return [Reacted(self._seen(item).native_id, self.heart, name) for item in items for name in item["likes"]]

    async def accepted_answers(self) -> list[str]:
        return []

    async def enter(self) -> None:
        await self._portal.member(is_one=True, space=self.members_space, username="leo")

    async def leave(self) -> None:
        await self._portal.member(is_one=False, space=self.members_space, username="leo")

    async def lose_answers(self) -> None:
        await self._portal.fault(kind="lost_answer", count=LASTING)

    async def refuse(self, status: int, after: float | None = None) -> None:
        await self._portal.fault(kind="status", status=status, retry_after=after, count=LASTING)

    async def set_clock(self, seconds: float) -> None:
        await self._portal.fault(kind="clock", seconds=seconds)

    async def stall(self) -> None:
        await self._portal.fault(kind="delay", seconds=0.8, count=LASTING)

    def hasty(self) -> RseClient:
        return ExoClient(self.instance, timeout=0.3)

    async def heal(self) -> None:
        await self._portal.fault(kind="none")

    def _seen(self, item: dict[str, Any]) -> Shown:
        head = re.match(r"<p><strong>(.*?)</strong> a écrit", item["title"])
        ours = item["username"] == fakes_exo.ACCOUNT and head is not None
        by = html.unescape(head[1]) if ours and head else item["name"]
        above = item["above"] or item["root"]
        answers = None if above is None else (f"comment:{item['root']}/{above}" if item["above"] else f"activity:{above}")
        native_id = f"comment:{item['root']}/{item['id']}" if item["root"] else f"activity:{item['id']}"
        return Shown(native_id, by, html.unescape(item["title"]), answers)


class OldExoRse(ExoRse):
    """An eXo that is asked by REST v1-alpha3: nothing can be edited, comments are flat."""

    generation = fakes_exo.ALPHA3
    configured = fakes_exo.exo_instance(generation=fakes_exo.ALPHA3)
    sample = Sample(json.dumps(fakes_exo.old_activity()).encode(), None, "activity:f92cd6f0")
    edits = nests = False
