"""A word of the bot to one person, in a direct room of their own: an invitation that she may leave unanswered."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from adapters.matrix.homeserver import Declined
from adapters.port import Never, Written

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.matrix.ghosts import Ghosts
    from adapters.matrix.homeserver import Homeserver
    from adapters.offers import Greeting

GREETING: Final = "fr.traitdunion.greeting"
LOOKED_THROUGH: Final = 300  # rooms of the bot, after an attempt whose answer was lost


class Greetings:
    """What the bot says to one person. Every call raises Declined."""

    def __init__(self, homeserver: Homeserver, ghosts: Ghosts, ours: Callable[[str], bool]) -> None:
        self._homeserver, self._ghosts, self._ours = homeserver, ghosts, ours

    async def greet(self, greeting: Greeting) -> Written | Never:
        """Make the room with its mark and its invitation, then speak in it; the transaction is the same at each attempt."""
        bot = await self._ghosts.bot_in(greeting.space)
        message = await self._homeserver.call("GET", "v3", "rooms", greeting.space, "event", greeting.native_id, as_user=bot)
        person = str(message.get("sender") or "")
        if not person or self._ours(person):
            return Never("author_gone")
        room = await self._found(bot, greeting) if greeting.again else None
        room = room or await self._made(bot, greeting, person)
        path = ("v3", "rooms", room, "send", "m.room.message", greeting.key)
        html = f"<p><strong>{escape(greeting.title)}</strong></p>{greeting.content.html}"
        body = {"msgtype": "m.notice", "body": f"{greeting.title}\n{greeting.content.text}", "m.mentions": {}}
        body |= {"format": "org.matrix.custom.html", "formatted_body": html}
        answer = await self._homeserver.call("PUT", *path, as_user=bot, body=body)
        return Written(str(answer.get("event_id")), "")

    async def _made(self, bot: str, greeting: Greeting, person: str) -> str:
        mark = {"type": GREETING, "state_key": "", "content": {"key": greeting.key}}
        body = {"is_direct": True, "preset": "trusted_private_chat", "name": "Trait d’union", "invite": [person], "initial_state": [mark]}
        return str((await self._homeserver.call("POST", "v3", "createRoom", as_user=bot, body=body))["room_id"])

    async def _found(self, bot: str, greeting: Greeting) -> str | None:
        """The room that an attempt made before: a homeserver makes another each time that it is asked."""
        rooms = (await self._homeserver.call("GET", "v3", "joined_rooms", as_user=bot)).get("joined_rooms", [])
        for room in rooms[-LOOKED_THROUGH:]:
            try:
                mark = await self._homeserver.call("GET", "v3", "rooms", str(room), "state", GREETING, as_user=bot)
            except Declined as refusal:
                if refusal.status != 404:  # noqa: PLR2004 (an HTTP status names itself)
                    raise
                continue
            if mark.get("key") == greeting.key:
                return str(room)
        return None
