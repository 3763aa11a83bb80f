"""A room in its homeserver's own order, by its tokens alone: what they say is nobody's business but its own.

Source: `/messages` (`from`, `to`, `start`) and `/context` of the Client-Server API. Tried on Synapse 1.163: a range whose end lies behind
its beginning holds nothing, and tokens of then are read as long as its database lives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adapters.matrix.homeserver import Declined
from adapters.port import Later, Never, Placed

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from adapters.matrix.ghosts import Ghosts
    from adapters.matrix.homeserver import Homeserver

BESIDE: Final = "2"
"""One event on each side: a token that stands at an event itself is taken for an empty range by Synapse."""
NEAR: Final = "20"
"""Events: as many as may stand at the same depth, of several homeservers."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Asks one homeserver; every call raises Declined where it is to be asked again."""

    homeserver: Homeserver
    ghosts: Ghosts

    async def end(self, room: str) -> str | Never:
        """Where a room ends now."""
        page = await self._page(room, dir="b", limit="1")
        start = page.get("start")
        return start if isinstance(start, str) and start else Never("order_not_told")

    async def placed(self, room: str, event: str, behind: str) -> Placed:
        """On which side of what was its end an event stands. Each side is proved: a homeserver that does not heed `to` places nothing before."""
        bot = await self.ghosts.bot_in(room)
        around = await self._told(self.homeserver.call("GET", "v3", "rooms", room, "context", event, as_user=bot, query={"limit": BESIDE}))
        start, end = around.get("start"), around.get("end")
        if not isinstance(start, str) or not isinstance(end, str):
            return Placed.UNTOLD
        if await self._shows(room, event, {"dir": "b", "from": end, "to": behind}):
            return Placed.SINCE
        return Placed.BEFORE if await self._shows(room, event, {"dir": "f", "from": start, "to": behind}) else Placed.UNTOLD

    async def _shows(self, room: str, event: str, between: dict[str, str]) -> bool:
        page = await self._told(self._page(room, limit=NEAR, **between))
        chunk = page.get("chunk")
        return any(isinstance(one, dict) and one.get("event_id") == event for one in (chunk if isinstance(chunk, list) else []))

    async def _page(self, room: str, **query: str) -> dict[str, Any]:
        bot = await self.ghosts.bot_in(room)
        return await self.homeserver.call("GET", "v3", "rooms", room, "messages", as_user=bot, query=query)

    async def _told(self, call: Awaitable[dict[str, Any]]) -> dict[str, Any]:
        """What a homeserver answers; nothing where it would not say for good."""
        try:
            return await call
        except Declined as refusal:
            if isinstance(refusal.outcome(), Later):
                raise
            return {}
