"""What a room held before its tie: read backwards as the bot, which sees what the room's history lets it see."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import structlog

from adapters.matrix.homeserver import Declined
from adapters.matrix.names import is_ours
from adapters.matrix.relations import relations
from adapters.matrix.translate import outcome_of
from adapters.offers import Held, Survey
from adapters.port import Act, Change, Later, Unused

if TYPE_CHECKING:
    from adapters.matrix.ghosts import Ghosts
    from adapters.matrix.homeserver import Homeserver
    from adapters.port import Outcome
    from adapters.settings import Instance

PAGE: Final = 100
START: Final = "start"
log = structlog.get_logger()
EVER: Final = datetime.fromtimestamp(0, UTC)
_MESSAGES: Final = json.dumps(
    {"types": ["m.room.message"]}, separators=(",", ":")
)  # encrypted ones are of another type, and stay where they are


class Past:
    """Every call raises Declined."""

    def __init__(self, homeserver: Homeserver, ghosts: Ghosts, instance: Instance) -> None:
        self._homeserver, self._ghosts, self._instance = homeserver, ghosts, instance

    async def survey(self, space: str, since: datetime, cursor: str | None) -> Survey:
        """A page, newest first; the homeserver's own token is the cursor."""
        bot = await self._ghosts.bot_in(space)
        query = {"dir": "b", "limit": str(PAGE), "filter": _MESSAGES} | ({"from": cursor} if cursor else {})
        page = await self._homeserver.call("GET", "v3", "rooms", space, "messages", as_user=bot, query=query)
        chunk = page.get("chunk")
        events = [event for event in chunk if isinstance(event, dict)] if isinstance(chunk, list) else []
        older = bool(events) and all(self._time(event) < since for event in events)
        end = page.get("end")
        return Survey(tuple(self._held(events, since)), end if isinstance(end, str) and end and not older else None)

    def _held(self, events: list[dict[str, Any]], since: datetime) -> list[Held]:
        """Messages of people here: no edit, whose words come with what it edits, nothing redacted, nothing of ours."""
        return [
            Held(str(event.get("event_id")), self._time(event))
            for event in events
            if _relation(event) != "m.replace" and event.get("content") and not is_ours(str(event.get("sender")), self._instance)
            if self._time(event) >= since
        ]

    def _time(self, event: dict[str, Any]) -> datetime:
        """When it was sent, by our clock."""
        said = _time(event)
        return said - self._homeserver.offset if said != EVER else said

    async def recount(self, space: str, native_id: str) -> Outcome:
        """The event with the words of its author's last edit, under its own id: what its first transaction would have said."""
        bot = await self._ghosts.bot_in(space)
        try:
            event = await self._homeserver.call("GET", "v3", "rooms", space, "event", native_id, as_user=bot)
            edit = await self._edit(space, event, bot)
        except Declined as refusal:
            if refusal.status not in {403, 404}:
                raise
            return Unused("event_gone")
        return outcome_of({**event, "content": _edited(event, edit)} if edit else event, self._instance)

    async def set_on(self, space: str, native_id: str) -> tuple[Change, ...]:
        """The reactions that people here have set on a message, in the order of their coming; none where a homeserver does not tell them."""
        bot = await self._ghosts.bot_in(space)
        try:
            events = await relations(self._homeserver, space, native_id, "m.annotation", as_user=bot)
        except Declined as refusal:
            if isinstance(refusal.outcome(), Later):
                raise
            log.warning("reactions_not_told", status=refusal.status, errcode=refusal.errcode)
            return ()
        found = [outcome_of({"room_id": space, **event}, self._instance) for event in reversed(events)]
        return tuple(one for one in found if isinstance(one, Change) and one.act is Act.REACTED and not one.by_us)

    async def _edit(self, space: str, event: dict[str, Any], bot: str) -> dict[str, Any] | None:
        """The edit that the homeserver bundles with an event; older ones tell its id alone."""
        unsigned = event.get("unsigned")
        relations = unsigned.get("m.relations") if isinstance(unsigned, dict) else None
        edit = relations.get("m.replace") if isinstance(relations, dict) else None
        if not isinstance(edit, dict):
            return None
        if "content" not in edit:
            edit = await self._homeserver.call("GET", "v3", "rooms", space, "event", str(edit.get("event_id")), as_user=bot)
        return edit if edit.get("sender") == event.get("sender") else None


def _edited(event: dict[str, Any], edit: dict[str, Any]) -> Any:
    """The new words, still an answer to what the first ones answered."""
    before, said = event.get("content"), edit.get("content")
    new = said.get("m.new_content") if isinstance(said, dict) else None
    if not isinstance(new, dict) or not isinstance(before, dict):
        return before
    relation = {"m.relates_to": before["m.relates_to"]} if "m.relates_to" in before else {}
    return {**{name: value for name, value in new.items() if name != "m.relates_to"}, **relation}


def _relation(event: dict[str, Any]) -> object:
    content = event.get("content")
    relation = content.get("m.relates_to") if isinstance(content, dict) else None
    return relation.get("rel_type") if isinstance(relation, dict) else None


def _time(event: dict[str, Any]) -> datetime:
    said = event.get("origin_server_ts")
    try:
        return datetime.fromtimestamp(said / 1000 if isinstance(said, int) else 0, UTC)
    except (ValueError, OverflowError, OSError):
        return EVER
