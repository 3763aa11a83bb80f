"""The writing half: orders carried out in a homeserver's rooms, each once, under a ghost's name."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import replace
from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING, Any

from adapters.matrix.compose import KEY, content_of, divided_for_room, reaction_of
from adapters.matrix.ghosts import SHUT_OUT, Ghosts
from adapters.matrix.greetings import Greetings
from adapters.matrix.homeserver import TIMEOUT, Declined, Homeserver
from adapters.matrix.names import DISPLAY_NAME_LIMIT, ghost_localpart, is_ghost, is_ours, user_id
from adapters.matrix.notices import Notices
from adapters.matrix.past import Past
from adapters.matrix.rooms import report_of
from adapters.matrix.translate import standing_edit
from adapters.mentions import Acquaintance
from adapters.pacing import Paces, set_out, urgency_of
from adapters.people import Member
from adapters.port import (
    ENDINGS,
    UNSUPPORTED,
    WITHDRAWN,
    Act,
    Altered,
    Closed,
    Incomplete,
    Later,
    Never,
    Nonsense,
    RosterAltered,
    Unused,
    Written,
)
from schemas.facts.message import Author
from schemas.names import one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from adapters.offers import Greeting, Notice, Survey
    from adapters.port import Change, Order, SpaceReport, WriteOutcome
    from adapters.settings import Instance

REMEMBERED = 5_000  # names; messages and their threads
NAME_LIFE = 300.0  # seconds
REASONS = {
    Act.DELETED: "Supprimé par son auteur",
    Act.UNREACTED: "Réaction retirée par son auteur",
    Act.ACCEPTED: "Une autre réponse est retenue",
    Act.UNACCEPTED: "Réponse qui n’est plus retenue",
}
LOOKED_THROUGH = 50  # events of a room in which a write is looked for after a crash


class MatrixClient:
    """Client-server API as an application service; a repeated order has the same transaction id, so the homeserver does it once."""

    roster_every = timedelta(minutes=15)

    def __init__(
        self, instance: Instance, clock: Callable[[], float] = time.monotonic, timeout: float = TIMEOUT, paces: Paces | None = None
    ) -> None:
        if missing := {"server_name", "bot"} - instance.options.keys():
            raise ValueError(f"instance {instance.node}: options lack {', '.join(sorted(missing))}")
        self._instance = instance
        self._clock = clock
        self._names: OrderedDict[str, tuple[str | None, float]] = OrderedDict()
        self._threads: OrderedDict[str, str | None] = OrderedDict()
        self._paces = paces or Paces(instance.node, instance.limits)
        self._homeserver = Homeserver(instance, self._paces, timeout)
        self._ghosts = Ghosts(self._homeserver, instance)
        self._notices = Notices(self._homeserver, self._ghosts)
        self._past = Past(self._homeserver, self._ghosts, instance)
        self._greetings = Greetings(self._homeserver, self._ghosts, lambda user: is_ours(user, instance))

    async def turn(self, order: Order) -> None:
        """A homeserver limits what each user sends: the ghost who will speak, where the order names her."""
        if order.author is None:
            set_out(urgency_of(order.act))
        else:
            await self._paces.of("message").set_out(urgency_of(order.act), self._ghosts.of(order.author))

    async def write(self, order: Order) -> WriteOutcome:
        """Carry an order out once."""
        try:
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
        except Declined as refusal:
            return refusal.outcome()

    async def divided(self, order: Order) -> Sequence[Order]:
        """An event holds 64 KiB: what is longer goes on in events that answer the first."""
        return divided_for_room(order)

    async def find(self, order: Order) -> Written | Later | None:
        """Look for the order's key among the room's last events, since a homeserver forgets transaction ids within the hour.

        Only our own users' events count: anyone may copy our marker into a message of his own, to have the true one left out.
        """
        try:
            if order.act in ENDINGS:
                return await self._redaction(order)
            query = {"dir": "b", "limit": str(LOOKED_THROUGH)}
            bot = await self._ghosts.bot_in(order.space)
            page = await self._homeserver.call("GET", "v3", "rooms", order.space, "messages", as_user=bot, query=query)
        except Declined as refusal:
            outcome = refusal.outcome()
            return outcome if isinstance(outcome, Later) else None
        return self._marked(page, order)

    async def complete(self, incomplete: Incomplete) -> Change | Unused | Nonsense | Later:
        """The edit of a message that stands: whose it is, the homeserver alone knows."""
        if incomplete.act is not Act.EDITED or not incomplete.space:
            return Nonsense("never_incomplete", incomplete.native_id)
        try:
            message = await self._event(incomplete.space, incomplete.native_id)
        except Declined as refusal:
            outcome = refusal.outcome()
            return outcome if isinstance(outcome, Later) else Unused("m.room.message.edit_not_shown")
        return standing_edit(message or {}, self._instance)

    async def report_space(self, space: str) -> SpaceReport | Closed | Later | Never:
        """Read the room's state as the bot: the room must have invited it, or be public."""
        try:
            return report_of(await self._state(space), self._instance)
        except Declined as refusal:
            return Closed(refusal.errcode) if refusal.errcode in SHUT_OUT else refusal.outcome()

    async def _state(self, space: str) -> list[dict[str, Any]]:
        """Twice, where the bot had been put out since it entered: what it would be shown first is the past."""
        bot = await self._ghosts.bot_in(space)
        try:
            state = await self._homeserver.call("GET", "v3", "rooms", space, "state", as_user=bot)
        except Declined as refusal:
            if refusal.errcode != "M_FORBIDDEN":
                raise
            self._ghosts.forget(bot, space)
            bot = await self._ghosts.bot_in(space)
            state = await self._homeserver.call("GET", "v3", "rooms", space, "state", as_user=bot)
        found = state.get("list", [])
        return found if isinstance(found, list) else []

    async def members(self, space: str) -> tuple[Member, ...] | Later | Never:
        """Who is in the room, under the names that the room shows; who was only invited is not."""
        try:
            bot = await self._ghosts.bot_in(space)
            answer = await self._homeserver.call("GET", "v3", "rooms", space, "joined_members", as_user=bot)
        except Declined as refusal:
            return refusal.outcome()
        joined = answer.get("joined")
        if not isinstance(joined, dict):
            return Later("answer_unreadable")
        return tuple(_member(user, shown) for user, shown in joined.items() if not is_ours(user, self._instance))

    async def depart(self, member: Author, space: str) -> bool | Later | Never:
        """Let a person's ghost leave the room. Who bears the same name in the same ministry comes back in with her next word."""
        ghost = user_id(ghost_localpart(member, self._instance), self._instance)
        try:
            await self._homeserver.call("POST", "v3", "rooms", space, "leave", as_user=ghost, body={})
        except Declined as refusal:
            outcome = refusal.outcome()
            return outcome if isinstance(outcome, Later) else False  # she never spoke here, or was put out already
        self._ghosts.forget(ghost, space)
        return True

    async def display_name(self, actor: str) -> str | None:
        """The name under which the homeserver shows a user, asked again every few minutes; None where it has none or does not answer."""
        name, until = self._names.get(actor, (None, -inf))
        if self._clock() < until:
            return name
        try:
            profile = await self._homeserver.call("GET", "v3", "profile", actor, "displayname")
        except Declined as refusal:
            return name if isinstance(refusal.outcome(), Later) else self._name(actor, None)
        said = profile.get("displayname")
        return self._name(actor, one_line(said, DISPLAY_NAME_LIMIT) or None if isinstance(said, str) else None)

    def _name(self, actor: str, name: str | None) -> str | None:
        self._names[actor] = (name, self._clock() + NAME_LIFE)
        if len(self._names) > REMEMBERED:
            self._names.popitem(last=False)
        return name

    async def ping(self, registration: str) -> float | None:
        """Have the homeserver call our gateway (registration's id); the way's milliseconds, None when it could not."""
        try:
            answer = await self._homeserver.call("POST", "v1", "appservice", registration, "ping", body={})
        except Declined:
            return None
        duration = answer.get("duration_ms")
        return float(duration) if isinstance(duration, (int, float)) else None

    async def show(self, notice: Notice) -> Written | Later | Never:
        """Keep a notice in a room (`Announces`)."""
        try:
            return await self._notices.show(notice)
        except Declined as refusal:
            return refusal.outcome()

    async def greet(self, greeting: Greeting) -> Written | Later | Never:
        """Write to the author of a message in a direct room (`Greets`)."""
        try:
            return await self._greetings.greet(greeting)
        except Declined as refusal:
            return refusal.outcome()

    async def survey(self, space: str, since: datetime, cursor: str | None) -> Survey | Later | Never:
        """Name the messages that a room holds (`Recalls`)."""
        try:
            return await self._past.survey(space, since, cursor)
        except Declined as refusal:
            return refusal.outcome()

    async def recount(self, space: str, native_id: str) -> Change | Unused | Nonsense | Later:
        """A message as it stands now (`Recalls`)."""
        try:
            outcome = await self._past.recount(space, native_id)
        except Declined as refusal:
            declined = refusal.outcome()
            return declined if isinstance(declined, Later) else Unused(declined.reason)
        return Nonsense("never_incomplete") if isinstance(outcome, Incomplete | Altered | RosterAltered) else outcome

    async def close(self) -> None:
        """Close the session."""
        await self._homeserver.close()
        await self._paces.close()

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
        copy = await self._event(order.space, order.native_id)
        if copy is None:
            return Never("copy_gone")
        author = str(copy.get("sender"))
        if not is_ghost(author, self._instance):
            return Never("copy_not_ours")
        if _redaction_of(copy) is None:
            return await self._send(order, author)
        if not is_ours(_redactor_of(copy), self._instance):
            return Never(WITHDRAWN)  # someone here took it away: an edit must not bring it back
        return await self._post(replace(order, act=Act.POSTED, native_id=None))  # a redaction is for ever: it is said anew

    async def _send(self, order: Order, ghost: str) -> Written:
        path = ("v3", "rooms", order.space, "send", "m.room.message", order.key)
        query = {"ts": str(int(order.occurred_at.timestamp() * 1000))} if order.occurred_at else {}
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
        return [Acquaintance(one.name, ghost, one.organisation) for one, ghost in named if await self.display_name(ghost) is not None]

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
        copy = await self._event(order.space, order.native_id)
        if copy is None:
            return Written(native_id=order.native_id, version=order.native_id)  # gone is what was asked for
        if (redaction := _redaction_of(copy)) is not None:
            return Written(native_id=order.native_id, version=redaction)
        author = str(copy.get("sender"))
        if not is_ours(author, self._instance):
            return Never("copy_not_ours")
        return Written(native_id=order.native_id, version=await self._take_away(order, order.native_id, author))

    async def _take_away(self, order: Order, copy: str, author: str) -> str:
        """Redact as the ghost that wrote; as the bot where the ghost is banned, which works in rooms that made the bot a moderator."""
        path, body = ("v3", "rooms", order.space, "redact", copy, order.key), {"reason": REASONS[order.act]}

        async def redact() -> dict[str, Any]:
            return await self._homeserver.call("PUT", *path, as_user=author, body=body)

        try:
            return _event_id(await self._in_room(author, order.space, redact))
        except Declined as refusal:
            if refusal.status != 403:  # noqa: PLR2004 (an HTTP status names itself; a ban is M_BAD_STATE when one is invited again)
                raise
            return _event_id(await self._homeserver.call("PUT", *path, as_user=self._ghosts.bot, body=body))

    async def _redaction(self, order: Order) -> Written | None:
        """The deletion that was carried out already, if it was."""
        copy = await self._event(order.space, order.native_id) if order.native_id else None
        redaction = _redaction_of(copy) if copy else None
        return Written(native_id=order.native_id or "", version=redaction) if redaction else None

    async def _thread_of(self, order: Order) -> str | None:
        """The root of the thread in which the message stands that is answered; asked once of each message."""
        if order.parent is None or order.act is not Act.POSTED:
            return None
        if order.parent not in self._threads:
            self._threads[order.parent] = thread_of(await self._event(order.space, order.parent) or {})
            if len(self._threads) > REMEMBERED:
                self._threads.popitem(last=False)
        return self._threads[order.parent]

    async def _event(self, room: str, event_id: str) -> dict[str, Any] | None:
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


def thread_of(event: Mapping[str, Any]) -> str | None:
    """The root of the thread that an event stands in; its content is whatever its author wrote."""
    content = event.get("content")
    relation = content.get("m.relates_to") if isinstance(content, dict) else None
    if not isinstance(relation, dict) or relation.get("rel_type") != "m.thread":
        return None
    root = relation.get("event_id")
    return root if isinstance(root, str) and root.startswith("$") else None


def _member(user: str, shown: object) -> Member:
    name = shown.get("display_name") if isinstance(shown, dict) else None
    return Member(user, name if isinstance(name, str) else "")


def _replaces(event: dict[str, Any]) -> bool:
    relation = event["content"].get("m.relates_to")
    return isinstance(relation, dict) and relation.get("rel_type") == "m.replace"


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
