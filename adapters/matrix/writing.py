"""Writes into a homeserver's rooms: each order once, under a ghost's name, and what of it stands there already."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import replace
from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING, Any

from adapters.matrix.compose import KEY, content_of, reaction_of
from adapters.matrix.homeserver import Declined
from adapters.matrix.names import ghost_localpart, is_ghost, is_ours, user_id
from adapters.matrix.relations import relations
from adapters.port import ENDINGS, TAKEN_BACK, UNSUPPORTED, WITHDRAWN, Acquaintance, Act, Never, Written
from schemas.facts.message import Author

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from adapters.matrix.ghosts import Ghosts
    from adapters.matrix.homeserver import Homeserver
    from adapters.port import Order, WriteOutcome
    from adapters.settings import Instance

THREADS_KEPT = 5_000
REASONS = {
    Act.DELETED: "Supprimé par son auteur",
    Act.UNREACTED: "Réaction retirée par son auteur",
    Act.ACCEPTED: "Une autre réponse est retenue",
    Act.UNACCEPTED: "Réponse qui n’est plus retenue",
}
PAGE, MOST_PAGES = 100, 20  # of a room's messages, or reactions, among which a write is looked for after a crash
EARLIER = timedelta(minutes=10)  # than it was said elsewhere: as far as the clocks of two ministries may disagree


class Writing:
    """One instance's writes; every call raises Declined. A repeated order has the same transaction id, so the homeserver does it once."""

    def __init__(self, homeserver: Homeserver, ghosts: Ghosts, instance: Instance, named: Callable[[str], Awaitable[str | None]]) -> None:
        self._homeserver, self._ghosts, self._instance, self._named = homeserver, ghosts, instance, named
        self._threads: OrderedDict[str, str | None] = OrderedDict()

    async def carry_out(self, order: Order) -> WriteOutcome:
        """Do what the order asks."""
        match order.act:
            case Act.POSTED:
                return await self._post(order)
            case Act.EDITED:
                return await self._edit(order) if order.native_id else await self._post(order)
            case Act.DELETED | Act.UNREACTED | Act.UNACCEPTED:
                return await self._redact(order)
            case Act.REACTED:
                return await self._react(order)
            case Act.ACCEPTED:
                return await self._mark(order)

    async def found(self, order: Order) -> Written | None:
        """What of the order stands in the room: its redaction, or an event with its key, since it was said or among the last thousands.

        Only our own users' events count: anyone may copy our marker into a message of his own, to have the true one left out.
        """
        if order.act in ENDINGS:
            return await self._redaction(order)
        kind = "m.reaction" if order.act in {Act.REACTED, Act.ACCEPTED} else "m.room.message"
        query = {"dir": "b", "limit": str(PAGE), "filter": json.dumps({"types": [kind]}, separators=(",", ":"))}
        bot = await self._ghosts.bot_in(order.space)
        for _ in range(MOST_PAGES):
            page = await self._homeserver.call("GET", "v3", "rooms", order.space, "messages", as_user=bot, query=query)
            found, end = self._marked(page, order), page.get("end")
            if found is not None or not isinstance(end, str) or self._is_earlier(page, order):
                return found
            query["from"] = end
        return None

    async def _post(self, order: Order) -> WriteOutcome:
        if order.author is None or order.content is None:
            return Never("order_without_author_or_content")
        return await self._send(order, await self._ghosts.ready(order.author, order.space))

    async def _react(self, order: Order) -> WriteOutcome:
        """As the ghost of who reacted: each reaction is a person's own, as in her RSE."""
        if order.author is None or not order.emoji or order.target is None:
            return Never("order_without_reaction")
        try:
            return await self._annotate(order, await self._ghosts.ready(order.author, order.space))
        except Declined as refusal:
            if refusal.errcode != "M_DUPLICATE_ANNOTATION":
                raise
            return Never(UNSUPPORTED, "same_name_reacted")  # two people of one name in one ministry share their ghost

    async def _mark(self, order: Order) -> WriteOutcome:
        """The accepted answer, for which Matrix has no form: a reaction of the bot, in words. The mark of another answer goes first."""
        if order.target is None:
            return Never("order_without_target")
        if order.native_id is not None:
            await self._redact(order)
        return await self._annotate(order, await self._ghosts.bot_in(order.space))

    async def _annotate(self, order: Order, user: str) -> Written:
        path = ("v3", "rooms", order.space, "send", "m.reaction", order.key)
        content = reaction_of(order)

        async def send() -> dict[str, Any]:
            return await self._homeserver.call("PUT", *path, as_user=user, body=content)

        event_id = _event_id(await self._in_room(user, order.space, send))
        return Written(native_id=event_id, version=event_id)

    async def _edit(self, order: Order) -> WriteOutcome:
        if order.content is None or order.native_id is None:
            return Never("order_without_content")
        copy = await self.event(order.space, order.native_id)
        if copy is None:
            return Never("copy_gone")
        author = str(copy.get("sender"))
        if order.original:
            return Never(UNSUPPORTED, "original_gone")  # a redaction is for ever, and nobody speaks in a person's own name
        if not is_ghost(author, self._instance):
            return Never("copy_not_ours")
        if _redaction_of(copy) is None:
            return await self._send(order, author, _last_edit(copy))
        if not (order.insisted or is_ours(_redactor_of(copy), self._instance)):
            return Never(WITHDRAWN)  # someone here took it away: an edit must not bring it back
        return await self._post(replace(order, act=Act.POSTED, native_id=None))  # a redaction is for ever: it is said anew

    async def _send(self, order: Order, ghost: str, after: int = 0) -> Written:
        """Say it at its own date, but `after` what it replaces: of two edits homeserver and clients show the one with the later stamp."""
        path = ("v3", "rooms", order.space, "send", "m.room.message", order.key)
        stamp = max(int(order.occurred_at.timestamp() * 1000), after + 1) if order.occurred_at else 0
        query = {"ts": str(stamp)} if stamp else {}
        called = replace(order, at_hand=(*order.at_hand, *await self._ghosts_called(order)))
        content = content_of(called, await self._thread_of(order))

        async def send() -> dict[str, Any]:
            return await self._homeserver.call("PUT", *path, as_user=ghost, query=query, body=content)

        event_id = _event_id(await self._in_room(ghost, order.space, send))
        return Written(native_id=order.native_id or event_id, version=event_id)

    async def _ghosts_called(self, order: Order) -> list[Acquaintance]:
        """People of other ministries whom the message calls and who have a ghost here."""
        others = [one for one in order.mentions if one.organisation != self._instance.organisation]
        named = [
            (one, user_id(ghost_localpart(Author(name=one.name, organisation=one.organisation), self._instance), self._instance))
            for one in others
        ]
        return [Acquaintance(one.name, ghost, one.organisation) for one, ghost in named if await self._named(ghost) is not None]

    async def _in_room(self, ghost: str, room: str, act: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        """Act as the ghost; once more after it came back when it had left or was put out. A ban refuses the second attempt too."""
        await self._ghosts.enter(ghost, room)
        try:
            return await act()
        except Declined as refusal:
            if refusal.errcode != "M_FORBIDDEN":
                raise
        self._ghosts.forget(ghost, room)
        await self._ghosts.enter(ghost, room)
        return await act()

    async def _redact(self, order: Order) -> WriteOutcome:
        if order.native_id is None:
            return Never("order_without_native_id")
        copy = await self.event(order.space, order.native_id)
        if copy is None:
            return Written(native_id=order.native_id, version=order.native_id)  # gone is what was asked for
        author, redaction = str(copy.get("sender")), _redaction_of(copy)
        if order.original and redaction is not None and not self._by_our_hand(copy):
            return Never(UNSUPPORTED, TAKEN_BACK)
        if redaction is None and not (order.original or is_ours(author, self._instance)):
            return Never("copy_not_ours")
        for edit in await self._edits(order, author):
            await self._take_away(order, edit, author, f"{order.key}.{edit}")
        if redaction is None:
            redaction = await self._take_away(order, order.native_id, author, order.key)
        return Written(native_id=order.native_id, version=redaction)

    async def _edits(self, order: Order, author: str) -> list[str]:
        """The edits of a message that stand: clients hide them with it, and yet each holds all of its words."""
        if order.act is not Act.DELETED or order.native_id is None or not (order.original or is_ours(author, self._instance)):
            return []
        bot = await self._ghosts.bot_in(order.space)
        edits = await relations(self._homeserver, order.space, order.native_id, "m.replace", as_user=bot)
        return [str(one.get("event_id")) for one in edits if one.get("sender") == author and _redaction_of(one) is None]

    async def _take_away(self, order: Order, copy: str, author: str, transaction: str) -> str:
        """Redact as the ghost that wrote; as the bot what a person wrote, or where the ghost is banned: in rooms that made the bot a moderator."""
        path, body = ("v3", "rooms", order.space, "redact", copy, transaction), {"reason": order.reason or REASONS[order.act]}
        if order.original:
            bot = await self._ghosts.bot_in(order.space)
            return _event_id(await self._homeserver.call("PUT", *path, as_user=bot, body=body))

        async def redact() -> dict[str, Any]:
            return await self._homeserver.call("PUT", *path, as_user=author, body=body)

        try:
            return _event_id(await self._in_room(author, order.space, redact))
        except Declined as refusal:
            if refusal.status != 403:  # noqa: PLR2004 (an HTTP status names itself; a ban is M_BAD_STATE when one is invited again)
                raise
            return _event_id(await self._homeserver.call("PUT", *path, as_user=self._ghosts.bot, body=body))

    def _by_our_hand(self, redacted: dict[str, Any]) -> bool:
        return _redactor_of(redacted) == self._ghosts.bot

    async def _redaction(self, order: Order) -> Written | None:
        """The deletion that was carried out already, if it was."""
        copy = await self.event(order.space, order.native_id) if order.native_id else None
        redaction = _redaction_of(copy) if copy else None
        if copy is None or redaction is None or (order.original and not self._by_our_hand(copy)):
            return None
        if await self._edits(order, str(copy.get("sender"))):
            return None
        return Written(native_id=order.native_id or "", version=redaction)

    async def _thread_of(self, order: Order) -> str | None:
        """The root of the thread in which the message stands that is answered; asked once of each message."""
        if order.parent is None or order.act is not Act.POSTED:
            return None
        if order.parent not in self._threads:
            self._threads[order.parent] = thread_of(await self.event(order.space, order.parent) or {})
            if len(self._threads) > THREADS_KEPT:
                self._threads.popitem(last=False)
        return self._threads[order.parent]

    async def event(self, room: str, event_id: str) -> dict[str, Any] | None:
        """The event as the bot sees it; None when there is none."""
        bot = await self._ghosts.bot_in(room)
        try:
            return await self._homeserver.call("GET", "v3", "rooms", room, "event", event_id, as_user=bot)
        except Declined as refusal:
            if refusal.status != 404:  # noqa: PLR2004 (an HTTP status names itself)
                raise
            return None

    def _marked(self, page: dict[str, Any], order: Order) -> Written | None:
        chunk = page.get("chunk")
        for event in chunk if isinstance(chunk, list) else []:
            found = event.get("event_id")
            if event.get("content", {}).get(KEY) == order.key and is_ours(str(event.get("sender")), self._instance):
                own = order.act is Act.ACCEPTED or (order.act is Act.EDITED and not _replaces(event))
                return Written(native_id=found if own else order.native_id or found, version=found)
        return None

    def _is_earlier(self, page: dict[str, Any], order: Order) -> bool:
        """Whether all that people said on a page they said before the order was: our own events bear other dates than that of their writing."""
        if order.occurred_at is None:
            return False
        chunk = page.get("chunk")
        events = chunk if isinstance(chunk, list) else []
        stamps = [event.get("origin_server_ts") for event in events if not is_ours(str(event.get("sender")), self._instance)]
        latest = max((stamp for stamp in stamps if isinstance(stamp, int)), default=inf)
        return latest < (order.occurred_at + self._homeserver.offset - EARLIER).timestamp() * 1000


def thread_of(event: Mapping[str, Any]) -> str | None:
    """The root of the thread that an event stands in; its content is whatever its author wrote."""
    content = event.get("content")
    relation = content.get("m.relates_to") if isinstance(content, dict) else None
    if not isinstance(relation, dict) or relation.get("rel_type") != "m.thread":
        return None
    root = relation.get("event_id")
    return root if isinstance(root, str) and root.startswith("$") else None


def _replaces(event: dict[str, Any]) -> bool:
    relation = event["content"].get("m.relates_to")
    return isinstance(relation, dict) and relation.get("rel_type") == "m.replace"


def _last_edit(event: dict[str, Any]) -> int:
    """The stamp of the edit that stands, in milliseconds; 0 where there is none."""
    unsigned = event.get("unsigned")
    relations = unsigned.get("m.relations") if isinstance(unsigned, dict) else None
    edit = relations.get("m.replace") if isinstance(relations, dict) else None
    stamp = edit.get("origin_server_ts") if isinstance(edit, dict) else None
    return stamp if isinstance(stamp, int) else 0


def _redactor_of(event: dict[str, Any]) -> str:
    """Who took this event away; nobody's name where the homeserver does not tell."""
    return str(event["unsigned"]["redacted_because"].get("sender"))


def _redaction_of(event: dict[str, Any]) -> str | None:
    """The id of the event that took this one away."""
    unsigned = event.get("unsigned")
    reason = unsigned.get("redacted_because") if isinstance(unsigned, dict) else None
    return str(reason.get("event_id")) if isinstance(reason, dict) else None


def _event_id(answer: dict[str, Any]) -> str:
    event_id = answer.get("event_id")
    if not isinstance(event_id, str):
        raise Declined(0, "answer_without_event_id")
    return event_id
