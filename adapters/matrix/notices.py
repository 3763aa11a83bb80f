"""The notice in a tied room: the bot's m.notice, edited in place, pinned where its power level lets it."""

from __future__ import annotations

import hashlib
import json
from html import escape
from typing import TYPE_CHECKING, Any, Final

from adapters.matrix.homeserver import Declined
from adapters.port import Never, Written

if TYPE_CHECKING:
    from adapters.matrix.ghosts import Ghosts
    from adapters.matrix.homeserver import Homeserver
    from adapters.offers import Notice

NOTICE: Final = "fr.traitdunion.notice"
PINNED: Final = "m.room.pinned_events"
PAGE: Final = 100
MOST_PAGES: Final = 3  # of the bot's own messages, which are few


class Notices:
    """What the bot says in rooms. Every call raises Declined."""

    def __init__(self, homeserver: Homeserver, ghosts: Ghosts) -> None:
        self._homeserver, self._ghosts = homeserver, ghosts

    async def show(self, notice: Notice) -> Written | Never:
        """Say it, or edit what was said; an m.notice rings in no pocket. In a room that was encrypted since nothing is written in clear."""
        bot = await self._ghosts.bot_in(notice.space)
        if await self._state(bot, notice.space, "m.room.encryption"):
            return Never("space_encrypted")
        standing = await self._standing(bot, notice)
        written = standing
        if standing is None or standing.version != _digest(notice):
            written = await self._say(bot, notice, standing.native_id if standing else None)
        found = written or Never("notice_lost")
        if isinstance(found, Written):
            await self._pin(bot, notice, found.native_id)
        return found

    async def _standing(self, bot: str, notice: Notice) -> Written | None:
        """What stands there, its version the digest of what was said last; None where nothing does, or somebody took it away."""
        latest: dict[str, str] = {}
        for event in await self._own_messages(bot, notice):
            content = event["content"]
            target = content.get("m.relates_to", {}).get("event_id", event["event_id"])
            latest.setdefault(target, str(content.get("digest")))  # the newest comes first
            if target == event["event_id"] and notice.native_id in {None, target}:
                return Written(target, latest[target])
        return None

    async def _own_messages(self, bot: str, notice: Notice) -> list[dict[str, Any]]:
        """The bot's messages that bear the key, newest first."""
        own = {"senders": [bot], "types": ["m.room.message"]}
        query = {"dir": "b", "limit": str(PAGE), "filter": json.dumps(own, separators=(",", ":"))}
        found: list[dict[str, Any]] = []
        for _ in range(MOST_PAGES):
            page = await self._homeserver.call("GET", "v3", "rooms", notice.space, "messages", as_user=bot, query=query)
            events = [event for event in page.get("chunk", []) if event.get("sender") == bot]
            found += [event for event in events if event.get("content", {}).get(NOTICE) == notice.key]
            if not page.get("end"):
                break
            query["from"] = str(page["end"])
        return found

    async def _say(self, bot: str, notice: Notice, edited: str | None) -> Written:
        """The same words have the same transaction: a repeat after a lost answer says nothing twice."""
        words = {"msgtype": "m.notice", "body": f"{notice.title}\n{notice.content.text}", "m.mentions": {}}
        words |= {
            "format": "org.matrix.custom.html",
            "formatted_body": f"<p><strong>{escape(notice.title)}</strong></p>{notice.content.html}",
        }
        marks = {NOTICE: notice.key, "digest": _digest(notice)}
        content: dict[str, Any] = {**words, **marks}
        if edited is not None:
            relation = {"rel_type": "m.replace", "event_id": edited}
            content = {**words, **marks, "m.new_content": {**words, **marks}, "m.relates_to": relation}
        transaction = hashlib.sha256(f"{notice.key}\0{edited}\0{_digest(notice)}".encode()).hexdigest()[:32]
        path = ("v3", "rooms", notice.space, "send", "m.room.message", transaction)
        answer = await self._homeserver.call("PUT", *path, as_user=bot, body=content)
        return Written(edited or str(answer.get("event_id")), _digest(notice))

    async def _pin(self, bot: str, notice: Notice, event_id: str) -> None:
        """Among what is pinned already; a room that gave the bot no power keeps its own."""
        said = (await self._state(bot, notice.space, PINNED)).get("pinned", [])
        pinned = [one for one in said if isinstance(one, str)] if isinstance(said, list) else []
        wanted = [*(one for one in pinned if one != event_id), *([event_id] if notice.pinned else [])]
        if (event_id in pinned) is notice.pinned:
            return
        try:
            path = ("v3", "rooms", notice.space, "state", PINNED)
            await self._homeserver.call("PUT", *path, as_user=bot, body={"pinned": wanted})
        except Declined as refusal:
            if refusal.errcode != "M_FORBIDDEN":
                raise

    async def _state(self, user: str, room: str, kind: str) -> dict[str, Any]:
        try:
            return await self._homeserver.call("GET", "v3", "rooms", room, "state", kind, as_user=user)
        except Declined as refusal:
            if refusal.status != 404:  # noqa: PLR2004 (an HTTP status names itself)
                raise
            return {}


def _digest(notice: Notice) -> str:
    return hashlib.sha256(f"{notice.title}\0{notice.content.html}".encode()).hexdigest()[:32]
