"""What every act works with: the people, what they see, and the wait for what they should see."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from deploy.demo import cast
from deploy.demo.hub_api import HubApi
from deploy.demo.kafka_tap import Tap
from deploy.demo.portal import Portal
from deploy.demo.spaces import Forum, Room, Shown, find

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiohttp import ClientSession

    from deploy.demo.cast import Ministry
    from deploy.demo.narrator import Narrator
    from deploy.demo.plan import Plan
    from deploy.demo.spaces import Space
    from deploy.demo.stack import Stack
    from deploy.local.matrix_user import MatrixUser

USUAL_SECONDS: Final = 10.0


@dataclass
class Scene:
    """One session on stage; `said` keeps the words that must still stand at the end."""

    plan: Plan
    stack: Stack
    narrator: Narrator
    http: ClientSession
    wifip: Forum
    diplomatie: Forum
    room: Room
    portal: Portal
    said: set[str] = field(default_factory=set)

    @classmethod
    def set_up(cls, plan: Plan, stack: Stack, narrator: Narrator, http: ClientSession, claire: MatrixUser) -> Scene:
        """Seat the people."""
        camille, omar = (Forum(*_seat(plan, stack, http, ministry)) for ministry in (cast.WIFIP, cast.DIPLOMATIE))
        lucie = Portal(*_seat(plan, stack, http, cast.GENDARMERIE))
        return cls(plan, stack, narrator, http, camille, omar, Room(claire, stack.spaces[cast.EDUCATION.node]), lucie)

    @property
    def hub(self) -> HubApi:
        """The hub's pages for programs."""
        return HubApi(self.http, self.plan.site)

    @property
    def tap(self) -> Tap:
        """The broker as anybody reaches it."""
        return Tap(self.stack.broker.settings)

    @property
    def spaces(self) -> Mapping[str, Space]:
        """Every ministry's space."""
        return {
            cast.WIFIP.node: self.wifip,
            cast.EDUCATION.node: self.room,
            cast.DIPLOMATIE.node: self.diplomatie,
            cast.GENDARMERIE.node: self.portal,
        }

    async def seen(
        self, ministry: Ministry, what: str, fits: Callable[[Sequence[Shown]], Shown | None], within: float
    ) -> tuple[Shown, int]:
        """Wait until people of a ministry see it; the milliseconds that it took."""
        space = self.spaces[ministry.node]

        async def look() -> Shown | None:
            return fits(await space.shown())

        return await self.narrator.expect(f"{what} (dans {ministry.rse})", look, within)

    async def arrives(self, words: str, ministries: Sequence[Ministry], within: float = USUAL_SECONDS) -> dict[str, tuple[Shown, int]]:
        """Wait until a message with these words is seen in each of those ministries; node → it, milliseconds."""
        waits = [self.seen(one, f"« {words} »", lambda shown: find(shown, words), within) for one in ministries]
        return {one.node: found for one, found in zip(ministries, await asyncio.gather(*waits), strict=True)}

    async def leaves(self, words: str, ministries: Sequence[Ministry], within: float = USUAL_SECONDS) -> int:
        """Wait until nobody in those ministries sees these words any more; the milliseconds that the slowest took."""

        async def gone(ministry: Ministry) -> int:
            space = self.spaces[ministry.node]

            async def look() -> bool:
                return find(await space.shown(), words) is None

            _, took = await self.narrator.expect(f"la disparition de « {words} » (dans {ministry.rse})", look, within)
            return took

        return max(await asyncio.gather(*map(gone, ministries)))


def _seat(plan: Plan, stack: Stack, http: ClientSession, ministry: Ministry) -> tuple[ClientSession, str, str, str, str]:
    """An agent in her space, with what lets her in."""
    post = plan.posts[ministry.node]
    return http, stack.rse_urls[ministry.node], post.api_secret, ministry.agent.username, ministry.space
