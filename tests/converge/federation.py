"""A person of the federation in a story: she says who moderates, takes away, brings back, and has copies written again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, assert_never

from hub.access import permit_command_line
from hub.communities import animation
from hub.communities.acquaintance import member_named
from hub.communities.reports import reports_of
from hub.ports import RefusedError
from schemas.words import Ground
from tests.converge.story import Remove, Restore, Rewrite
from tests.converge.thread import DISCOURSE, MATRIX, last_said
from tests.fakes_federation import present

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from hub.unit_of_work import UnitOfWork
    from tests.converge.hub import Hub
    from tests.converge.story import Federation

MODERATOR: Final = "Anne Marchand"


@dataclass
class Person:
    """What she does, and what a bystander notes of it."""

    hub: Hub
    entrusted: bool = False
    removed: list[str] = field(default_factory=list)
    """What she took away, each time."""
    brought: list[tuple[str, tuple[int, int] | None]] = field(default_factory=list)
    """What came back by her hand, each time, with the words that its ministry had said last."""
    lifted: Counter[str] = field(default_factory=Counter)
    """What its author had taken back when she wanted to bring it back: nothing comes of that, but what is said of it since is heard."""
    asked_again: list[tuple[str, str]] = field(default_factory=list)
    """(object, node) of the copies that she had written again, which people there had taken away."""

    async def entrust(self, in_forum: str) -> None:
        """Let the moderators of the room, and of the forum, moderate the community."""
        self.entrusted = True
        async with self.hub.world.engine.connect() as connection:
            in_room, _ = await member_named(connection, MODERATOR, self.hub.community, MATRIX)
        for node, actor in ((MATRIX, in_room), (DISCOURSE, in_forum)):
            assert await self.hub.world.work(partial(self._name, node, actor))

    async def _name(self, node: str, actor: str, work: UnitOfWork) -> bool:
        return await animation.name_moderator(self.hub.community, node, actor, MODERATOR, await present(work), work)

    async def act(self, step: Federation) -> None:
        """Do it, where there is something to do it to."""
        match step:
            case Remove(pick=pick):
                await self._remove(await self._messages("visible"), pick)
            case Restore(pick=pick):
                await self._restore(await self._messages("moderated", "retracted"), pick)
            case Rewrite(pick=pick):
                await self._rewrite(pick)
            case _:
                assert_never(step)

    async def _remove(self, messages: Sequence[str], pick: int) -> None:
        async def take_away(work: UnitOfWork) -> bool:
            return await animation.take_away(messages[pick % len(messages)], Ground.OFF_TOPIC, "", await present(work), work)

        if messages and await self.hub.world.work(take_away):
            self.removed.append(messages[pick % len(messages)])

    async def _restore(self, messages: Sequence[str], pick: int) -> None:
        if not messages:
            return
        message = messages[pick % len(messages)]
        withdrawn = await self.hub.world.rows(f"SELECT node FROM hub.moderations WHERE message = '{message}' AND node IS NOT NULL")  # noqa: S608 - an id of ours

        async def bring_back(work: UnitOfWork) -> bool:
            return await animation.bring_back(message, await present(work), work) is not None

        assert await self.hub.world.work(bring_back)
        words = last_said(self.hub.heard, message)
        if words is None:
            self.lifted[message] += 1
        else:
            self.brought.append((message, words))
        self.asked_again += [(message, row["node"]) for row in withdrawn]

    async def _rewrite(self, pick: int) -> None:
        async with self.hub.world.engine.connect() as connection:
            reports = await reports_of(connection, permit_command_line(), self.hub.community, closed=False)
        if not reports:
            return
        report = reports[pick % len(reports)]

        async def rewrite(work: UnitOfWork) -> None:
            await animation.rewrite(report.id, await present(work), work)

        noted = {(subject, node) for subject, node, state in await self.hub.noted() if state == "withdrawn"}
        if await _done(self.hub.world.work(rewrite)) and (report.message, report.node) in noted:
            self.asked_again.append((report.message, report.node))

    async def _messages(self, *states: str) -> list[str]:
        """The community's messages in some states, in the order of their numbers."""
        query = f"SELECT id, state FROM hub.messages WHERE community = '{self.hub.community}' ORDER BY first_sequence"  # noqa: S608 - as above
        return [row["id"] for row in await self.hub.world.rows(query) if row["state"] in states]


async def _done(act: Awaitable[None]) -> bool:
    """False where the hub refuses it: nothing happened."""
    try:
        await act
    except RefusedError:
        return False
    return True
